// Claim seal
//
// The claim token a client holds: who was granted what, readable by anybody, made by us only.
// It is a capability (whoever shows it may release), so it is signed, not merely encoded.
import { Seal } from '../auth/seal.ts';

export interface SealedClaim {
  readonly projectId: string;
  readonly leaseId: string;
  readonly fence: string;
  readonly userId: string;
  readonly instanceId: string;
}

const MEMBERS = ['projectId', 'leaseId', 'fence', 'userId', 'instanceId'] as const;

export class ClaimSeal {
  readonly #seal: Seal;

  constructor(key: Buffer) {
    this.#seal = new Seal(key);
  }

  seal(claim: SealedClaim): string {
    return this.#seal.seal(JSON.stringify(Object.fromEntries(MEMBERS.map((member) => [member, claim[member]]))));
  }

  /** The claim, or `undefined` for anything that was not sealed with this key. */
  open(token: string): SealedClaim | undefined {
    const text = this.#seal.open(token);
    return text === undefined ? undefined : (JSON.parse(text) as SealedClaim);
  }
}
