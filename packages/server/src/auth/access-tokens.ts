// Access tokens
//
// Short-lived HS256 tokens. Verifying one costs a signature check the first time; after that its
// hash is known until the token ends. Nothing keeps the token itself.
import { createHash } from 'node:crypto';
import type { Clock, Entropy } from '@devmentor/locks';
import { errors, jwtVerify, SignJWT } from 'jose';

/** Who a request comes from. */
export type Caller = {
  readonly userId: string;
  readonly displayName: string;
  readonly kind: 'account' | 'guest';
  readonly sessionId: string;
  /** Of the access token he came with. */
  readonly tokenId: string;
  readonly expiresAtMs: number;
};

export type Verification =
  | { readonly kind: 'valid'; readonly caller: Caller; readonly claims: AccessClaims }
  | { readonly kind: 'expired' | 'malformed' | 'signature' };

export type AccessClaims = {
  readonly sub: string;
  readonly sid: string;
  readonly name: string;
  readonly kind: 'account' | 'guest';
  readonly iat: number;
  readonly exp: number;
  readonly iss: string;
  readonly aud: string;
  readonly jti: string;
};

export const ACCESS_TTL_MS = 10 * 60_000;
const ISSUER = 'devmentor';
const AUDIENCE = 'devmentor';
const MAX_CACHED = 10_000;

export class AccessTokens {
  readonly #key: Uint8Array;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  // In order of arrival: the first to come is the first to go.
  readonly #verified = new Map<string, { readonly caller: Caller; readonly claims: AccessClaims }>();

  constructor(options: { readonly key: Buffer; readonly clock: Clock; readonly entropy: Entropy }) {
    this.#key = options.key;
    this.#clock = options.clock;
    this.#entropy = options.entropy;
  }

  async issue(
    caller: Omit<Caller, 'expiresAtMs' | 'tokenId'>,
    ttlMs = ACCESS_TTL_MS,
  ): Promise<{ readonly token: string; readonly expiresAtMs: number }> {
    const issuedAt = Math.floor(this.#clock.wallMs() / 1000);
    const expiresAt = issuedAt + Math.ceil(ttlMs / 1000);
    const token = await new SignJWT({ sid: caller.sessionId, name: caller.displayName, kind: caller.kind })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setSubject(caller.userId)
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .setJti(this.#entropy.id())
      .sign(this.#key);
    return { token, expiresAtMs: expiresAt * 1000 };
  }

  async verify(token: string): Promise<Verification> {
    const hash = createHash('sha256').update(token).digest('base64url');
    const known = this.#verified.get(hash);
    if (known !== undefined) {
      if (known.caller.expiresAtMs > this.#clock.wallMs()) return { kind: 'valid', ...known };
      this.#verified.delete(hash);
      return { kind: 'expired' };
    }
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: ['HS256'],
        issuer: ISSUER,
        audience: AUDIENCE,
        currentDate: new Date(this.#clock.wallMs()),
        requiredClaims: ['sub', 'sid', 'name', 'kind', 'iat', 'exp', 'jti'],
      });
      // Signed with our key, so these are the claims `issue` wrote.
      const claims = payload as AccessClaims & typeof payload;
      const verified = {
        claims,
        caller: {
          userId: claims.sub,
          displayName: claims.name,
          kind: claims.kind,
          sessionId: claims.sid,
          tokenId: claims.jti,
          expiresAtMs: claims.exp * 1000,
        },
      };
      this.#remember(hash, verified);
      return { kind: 'valid', ...verified };
    } catch (error) {
      if (error instanceof errors.JWTExpired) return { kind: 'expired' };
      if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return { kind: 'malformed' };
      // Another key, another issuer, another algorithm: not signed by us for us.
      if (error instanceof errors.JOSEError) return { kind: 'signature' };
      throw error;
    }
  }

  #remember(hash: string, verified: { readonly caller: Caller; readonly claims: AccessClaims }): void {
    if (this.#verified.size >= MAX_CACHED) {
      const oldest = this.#verified.keys().next();
      if (oldest.done !== true) this.#verified.delete(oldest.value);
    }
    this.#verified.set(hash, verified);
  }
}
