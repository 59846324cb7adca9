import { seededEntropy } from '@devmentor/locks';
import { SimulatedClock } from '@devmentor/locks/testing';
import { MemoryRecordStore } from '@devmentor/runtime';
import { describe, expect, it } from 'vitest';
import { ACCESS_TTL_MS, AccessTokens } from '../src/auth/access-tokens.ts';
import { loadAuthKeys } from '../src/auth/auth-key.ts';
import { Argon2Hasher } from '../src/auth/password-hasher.argon2.ts';
import { FailureThrottle } from '../src/auth/throttle.ts';
import { createServer } from '../src/index.ts';
import { Client } from './client.ts';

const caller = { userId: 'ada', displayName: 'Ada', kind: 'account', sessionId: 's1' } as const;

function tokens(clock: SimulatedClock, key = 1): AccessTokens {
  return new AccessTokens({ key: Buffer.alloc(32, key), clock, entropy: seededEntropy(key) });
}

describe('access tokens', () => {
  it('[A5] a token says who, and ends after its time, known or not', async () => {
    const clock = new SimulatedClock();
    const issuer = tokens(clock);
    const { token } = await issuer.issue(caller);
    expect(await issuer.verify(token)).toMatchObject({ kind: 'valid', caller });
    await clock.advance(ACCESS_TTL_MS + 1_000);
    expect(await issuer.verify(token)).toEqual({ kind: 'expired' });
    expect(await tokens(clock).verify(token)).toEqual({ kind: 'expired' });
  });

  it('[A5] a token of another key, or without a signature, is none', async () => {
    const clock = new SimulatedClock();
    const { token } = await tokens(clock, 2).issue(caller);
    const [, claims] = token.split('.');
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`;
    expect((await tokens(clock).verify(token)).kind).toBe('signature');
    expect((await tokens(clock).verify(none)).kind).not.toBe('valid');
    expect((await tokens(clock).verify('')).kind).toBe('malformed');
  });
});

describe('the key', () => {
  it('[A6] without a secret it is made once and kept with the data', async () => {
    const records = new MemoryRecordStore({ clock: new SimulatedClock() });
    const [one, two] = await Promise.all([
      loadAuthKeys(undefined, records, seededEntropy(1)),
      loadAuthKeys(undefined, records, seededEntropy(2)),
    ]);
    expect(two).toEqual(one);
    expect(one.claims).not.toEqual(one.accessTokens);
  });

  it('[A6] a secret makes the same keys on every server, and another secret others', async () => {
    const load = (secret: string) =>
      loadAuthKeys(secret, new MemoryRecordStore({ clock: new SimulatedClock() }), seededEntropy(1));
    expect(await load('a')).toEqual(await load('a'));
    expect(await load('a')).not.toEqual(await load('b'));
  });
});

describe('passwords', () => {
  it('[A7] a hash is salted, says its cost, and fits its password alone', async () => {
    const hasher = new Argon2Hasher();
    const [one, two] = await Promise.all([hasher.hash('secret'), hasher.hash('secret')]);
    expect(one).not.toBe(two);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(
      await Promise.all([
        hasher.verify('secret', one),
        hasher.verify('Secret', one),
        hasher.verify('secret', undefined),
      ]),
    ).toEqual([true, false, false]);
  });

  it('[A7] many at once are all answered', async () => {
    const hasher = new Argon2Hasher();
    const hash = await hasher.hash('secret');
    const checks = await Promise.all(
      Array.from({ length: 20 }, (_, n) => hasher.verify(n % 2 === 0 ? 'secret' : 'wrong', hash)),
    );
    expect(checks.filter(Boolean)).toHaveLength(10);
  });
});

describe('throttle', () => {
  it('[A8] guesses made at once learn no more than guesses made one after the other', async () => {
    await using server = await createServer({ authSecret: 'a secret of more than thirty-two characters' });
    const anybody = new Client(server.url);
    await anybody.post('auth/register', { username: 'ada', password: 'the right one' });
    const guesses = [...Array.from({ length: 30 }, (_, n) => `a wrong one ${n}`), 'the right one'];
    const answers = await Promise.all(
      guesses.map((password) => anybody.post('auth/login', { username: 'ada', password })),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
  });

  it('[A8] failures beyond the allowed wait for the oldest to leave the window; success clears', async () => {
    const clock = new SimulatedClock();
    const throttle = new FailureThrottle({ clock, allowed: 2, windowMs: 1_000 });
    throttle.failed('ada');
    await clock.advance(400);
    throttle.failed('ada');
    expect([throttle.waitMs('ada'), throttle.waitMs('bob')]).toEqual([600, 0]);
    await clock.advance(600);
    expect(throttle.waitMs('ada')).toBe(0);
    throttle.failed('ada');
    throttle.succeeded('ada');
    expect(throttle.waitMs('ada')).toBe(0);
  });
});
