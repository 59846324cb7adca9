// HeldClaims
//
// The claims that live as long as the connection does. The server renews an attached claim
// by itself; when the line breaks the claim is away, and whoever is back within the grace
// time has the same claim still.
import type { ClaimToken } from '@devmentor/contracts';
import { type CoordinationError, isCoordinationError } from './errors.ts';
import type { LineRequest } from './line.ts';

/** The line broke, or the server gave the claim to another connection of the same instance. */
export type DetachReason = 'broken' | 'moved';

export interface HeldClaim {
  readonly claimToken: string;
  readonly instanceId: string;
  /** The server confirms that it is held and keeps it alive. */
  attached(grant: ClaimToken): void;
  /** The server says that it is not held any more. */
  refused(error: CoordinationError): void;
  detached(reason: DetachReason): void;
}

export class HeldClaims {
  readonly #claims = new Set<HeldClaim>();
  readonly #request: (frame: LineRequest) => Promise<unknown>;

  constructor(request: (frame: LineRequest) => Promise<unknown>) {
    this.#request = request;
  }

  get size(): number {
    return this.#claims.size;
  }

  add(claim: HeldClaim): () => void {
    this.#claims.add(claim);
    return () => this.#claims.delete(claim);
  }

  attachAll(): void {
    for (const claim of this.#claims) this.attach(claim);
  }

  attach(claim: HeldClaim): void {
    const { claimToken, instanceId } = claim;
    this.#request({ t: 'attach', claimToken, instanceId }).then(
      (result) => this.#claims.has(claim) && claim.attached(result as ClaimToken),
      (error: unknown) => {
        // No answer: the line is gone or going, and the next one asks again.
        if (!isCoordinationError(error) || error.problem === undefined) return;
        if (this.#claims.has(claim)) claim.refused(error);
      },
    );
  }

  detached(reason: DetachReason): void {
    for (const claim of [...this.#claims]) claim.detached(reason);
  }
}
