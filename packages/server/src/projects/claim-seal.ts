// Claim seal
//
// The claim token a client holds: who was granted what, readable by anybody, made by us only.
// It is a capability (whoever shows it may release), so it is signed, not merely encoded, and
// compared in constant time.
import { createHmac, timingSafeEqual } from 'node:crypto';

export interface SealedClaim {
  readonly projectId: string;
  readonly leaseId: string;
  readonly fence: string;
  readonly userId: string;
  readonly instanceId: string;
}

const MEMBERS = ['projectId', 'leaseId', 'fence', 'userId', 'instanceId'] as const;

export class ClaimSeal {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  /** `base64url(JSON) . base64url(HMAC-SHA256)` */
  seal(claim: SealedClaim): string {
    const ordered = Object.fromEntries(MEMBERS.map((member) => [member, claim[member]]));
    const body = Buffer.from(JSON.stringify(ordered)).toString('base64url');
    return `${body}.${this.#sign(body).toString('base64url')}`;
  }

  /** The claim, or `undefined` for anything that was not sealed with this key. */
  open(token: string): SealedClaim | undefined {
    const [body, mark, ...rest] = token.split('.');
    if (body === undefined || mark === undefined || rest.length > 0) return undefined;
    const expected = this.#sign(body);
    const given = Buffer.from(mark, 'base64url');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    // The signature is good, so this is text we wrote.
    return JSON.parse(Buffer.from(body, 'base64url').toString()) as SealedClaim;
  }

  #sign(body: string): Buffer {
    return createHmac('sha256', this.#key).update(body).digest();
  }
}
