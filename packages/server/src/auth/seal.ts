import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Texts that only we can have written: readable by anybody, signed with one key, compared in
 * constant time. `base64url(text) . base64url(HMAC-SHA256)`, the same text always the same seal.
 */
export class Seal {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  seal(text: string): string {
    const body = Buffer.from(text).toString('base64url');
    return `${body}.${this.#sign(body).toString('base64url')}`;
  }

  /** The text, or `undefined` for anything that was not sealed with this key. */
  open(sealed: string): string | undefined {
    const [body, mark, ...rest] = sealed.split('.');
    if (body === undefined || mark === undefined || rest.length > 0) return undefined;
    const expected = this.#sign(body);
    const given = Buffer.from(mark, 'base64url');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    return Buffer.from(body, 'base64url').toString();
  }

  #sign(body: string): Buffer {
    return createHmac('sha256', this.#key).update(body).digest();
  }
}
