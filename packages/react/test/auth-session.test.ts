import type { AuthToken } from '@devmentor/contracts';
import { problemOf } from '@devmentor/contracts';
import { describe, expect, it } from 'vitest';
import { AuthSession } from '../src/auth-session.ts';
import { systemEntropy as entropy } from '../src/clock.system.ts';
import { CoordinationError, errorOfProblem } from '../src/errors.ts';
import { CrankedClock } from './cranked-clock.ts';
import { MemoryStorage } from './stand.ts';

const at = '2026-01-31T09:30:00.000Z';

function tokenOf(name: string): AuthToken {
  return {
    accessToken: `access ${name}`,
    refreshToken: `refresh ${name}`,
    tokenType: 'Bearer',
    expiresIn: 600,
    session: { id: 's', userId: 'ada', createdAt: at, expiresAt: at, current: true },
    user: { id: 'ada', username: 'ada', displayName: 'Ada', roles: [], guest: false },
  };
}

function signedIn(refresh: (token: string) => Promise<AuthToken>, storage = new MemoryStorage()) {
  const clock = new CrankedClock();
  const session = new AuthSession({ clock, entropy, storage, refresh });
  session.signIn(tokenOf('one'));
  return { clock, session, storage };
}

describe('AuthSession', () => {
  it('[A1] however many ask, one refresh is in flight', async () => {
    let refreshes = 0;
    const { clock, session } = signedIn(async () => {
      refreshes += 1;
      return tokenOf('two');
    });
    clock.advance(590_000);
    const tokens = await Promise.all([session.accessToken(), session.accessToken(), session.renew('access one')]);
    expect(tokens).toEqual(['access two', 'access two', 'access two']);
    expect(refreshes).toBe(1);
  });

  it('[A1] a token that was renewed since it was refused is not renewed again', async () => {
    const { session } = signedIn(() => Promise.reject(new Error('nobody asks')));
    expect(await session.renew('access zero')).toBe('access one');
  });

  it('[A2] a refresh that is turned away signs out', async () => {
    const refusal = errorOfProblem(problemOf('INVALID_CREDENTIALS', { detail: 'revoked', instance: '' }));
    const { session, storage } = signedIn(() => Promise.reject(refusal));
    expect(await session.renew('access one')).toBeUndefined();
    expect(session.user).toBeUndefined();
    expect(storage.getItem('devmentor:session')).toBeNull();
  });

  it('[A2] a refresh without an answer keeps the sign-in', async () => {
    const { session } = signedIn(() => Promise.reject(new CoordinationError('UNREACHABLE', { applied: 'unknown' })));
    await expect(session.renew('access one')).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(session.user?.displayName).toBe('Ada');
  });

  it('[A3] a refresh token is used under one key, over reloads too; the next one has another', async () => {
    const { clock, session, storage } = signedIn(async () => tokenOf('two'));
    const first = session.refreshKey;
    const reloaded = new AuthSession({ clock, entropy, storage, refresh: async () => tokenOf('two') });
    expect(reloaded.refreshKey).toBe(first);
    await reloaded.renew('access one');
    expect(reloaded.refreshKey).not.toBe(first);
    expect(first).toMatch(/^[\w-]{20,}$/);
  });

  it('a reload is the same user, whose token has aged meanwhile', async () => {
    const { clock, storage } = signedIn(async () => tokenOf('two'));
    clock.sleep(595_000);
    const reloaded = new AuthSession({ clock, entropy, storage, refresh: async () => tokenOf('two') });
    expect(reloaded.user?.id).toBe('ada');
    expect(await reloaded.accessToken()).toBe('access two');
  });
});
