import { hash, verify } from '@node-rs/argon2';
import type { PasswordHasher } from './password-hasher.ts';

// OWASP's minimum for argon2id (the library's default variant): 19 MiB, two passes, one lane.
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** A hash occupies a core and 19 MiB; more than a few at a time starve everything else. */
const MAX_CONCURRENT = 4;
const MAX_WAITING = 256;

/** Nobody's password made this: what an unknown user's password is checked against, at the usual cost. */
const DECOY = '$argon2id$v=19$m=19456,t=2,p=1$EkPuSo57xjn6BRsY1Pr5YQ$ye0K51CeRHYejSARBGUhY6IzT8iizgcJw0Q7yGhyKgs';

/** Too many people are logging in at the same moment; nothing was checked. */
export class HasherOverloaded extends Error {
  override readonly name = 'HasherOverloaded';
}

/** argon2id with the costs OWASP asks for, a few at a time. */
export class Argon2Hasher implements PasswordHasher {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  hash(password: string): Promise<string> {
    return this.#admitted(() => hash(password, COST));
  }

  async verify(password: string, stored: string | undefined): Promise<boolean> {
    const matches = await this.#admitted(() => verify(stored ?? DECOY, password));
    return matches && stored !== undefined;
  }

  async #admitted<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= MAX_CONCURRENT) {
      if (this.#waiting.length >= MAX_WAITING)
        throw new HasherOverloaded('too many passwords are waiting to be hashed');
      // Whoever finishes hands its place over, so `#running` stays as it is.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
