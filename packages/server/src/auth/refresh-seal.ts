// Refresh seal
//
// A refresh token names its session and its place in the line of that session's tokens, under our
// signature. So nothing secret is stored, a lost answer can be given again, and what somebody
// made up never reaches the session it names: it cannot revoke anybody.
import { createHmac, timingSafeEqual } from 'node:crypto';

export interface RefreshClaim {
  readonly userId: string;
  readonly sessionId: string;
  /** Counts from 1; the session's record knows which one is next to be used. */
  readonly generation: number;
}

export class RefreshSeal {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  /** The same claim always gives the same token. */
  seal({ userId, sessionId, generation }: RefreshClaim): string {
    const body = Buffer.from(JSON.stringify([userId, sessionId, generation])).toString('base64url');
    return `${body}.${this.#sign(body).toString('base64url')}`;
  }

  /** The claim, or `undefined` for anything that was not sealed with this key. */
  open(token: string): RefreshClaim | undefined {
    const [body, mark, ...rest] = token.split('.');
    if (body === undefined || mark === undefined || rest.length > 0) return undefined;
    const expected = this.#sign(body);
    const given = Buffer.from(mark, 'base64url');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    // The signature is good, so this is text we wrote.
    const [userId, sessionId, generation] = JSON.parse(Buffer.from(body, 'base64url').toString()) as [
      string,
      string,
      number,
    ];
    return { userId, sessionId, generation };
  }

  #sign(body: string): Buffer {
    return createHmac('sha256', this.#key).update(body).digest();
  }
}
