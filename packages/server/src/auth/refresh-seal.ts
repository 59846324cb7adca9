// Refresh seal
//
// A refresh token names its session and its place in the line of that session's tokens, under our
// signature. So nothing secret is stored, a lost answer can be given again, and what somebody
// made up never reaches the session it names: it cannot revoke anybody.
import { Seal } from './seal.ts';

export interface RefreshClaim {
  readonly userId: string;
  readonly sessionId: string;
  /** Counts from 1; the session's record knows which one is next to be used. */
  readonly generation: number;
}

export class RefreshSeal {
  readonly #seal: Seal;

  constructor(key: Buffer) {
    this.#seal = new Seal(key);
  }

  /** The same claim always gives the same token. */
  seal({ userId, sessionId, generation }: RefreshClaim): string {
    return this.#seal.seal(JSON.stringify([userId, sessionId, generation]));
  }

  /** The claim, or `undefined` for anything that was not sealed with this key. */
  open(token: string): RefreshClaim | undefined {
    const text = this.#seal.open(token);
    if (text === undefined) return undefined;
    const [userId, sessionId, generation] = JSON.parse(text) as [string, string, number];
    return { userId, sessionId, generation };
  }
}
