import { type AuthToken, authTokenSchema, sessionSchema, sessionsSchema, ticketSchema } from '@devmentor/contracts';
import { CoordinationError, seededEntropy } from '@devmentor/locks';
import { SimulatedClock } from '@devmentor/locks/testing';
import { MemoryBus, MemoryLogStore, MemoryRecordStore } from '@devmentor/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACCESS_TTL_MS, AccessTokens } from '../src/auth/access-tokens.ts';
import { RefreshSeal } from '../src/auth/refresh-seal.ts';
import { Revocations } from '../src/auth/revocations.ts';
import { Sessions } from '../src/auth/sessions.ts';
import { Tickets } from '../src/auth/tickets.ts';
import { createServer, type Server } from '../src/index.ts';
import { Client, eventually, good, guest, Line, problem } from './client.ts';

let server: Server;
let anybody: Client;

beforeAll(async () => {
  server = await createServer({ demo: true });
  anybody = new Client(server.url);
});
afterAll(() => server.close());

const arrive = async (): Promise<AuthToken> => good(await anybody.post<AuthToken>('auth/guest', {}));
const refresh = (refreshToken: string, key?: string) =>
  anybody.post<AuthToken>('auth/refresh', { refreshToken }, key === undefined ? {} : { 'idempotency-key': key });
const as = (token: AuthToken) => new Client(server.url, token.accessToken);
const isIn = async (token: AuthToken): Promise<boolean> => (await as(token).ask('projects')).status === 200;

describe('refresh', () => {
  it('[SE1] a refresh token gives new tokens of the same session, each once', async () => {
    let token = await arrive();
    const { session, user } = token;
    for (let n = 0; n < 3; n += 1) {
      const next = authTokenSchema.parse(good(await refresh(token.refreshToken)));
      expect(next).toMatchObject({ session: { id: session.id }, user, tokenType: 'Bearer' });
      expect(next.refreshToken).not.toBe(token.refreshToken);
      expect(await isIn(next)).toBe(true);
      token = next;
    }
  });

  it('[SE2] a token used twice ends its session: every refresh and access token of it', async () => {
    const first = await arrive();
    const second = good(await refresh(first.refreshToken));
    const other = await arrive();
    expect(problem(await refresh(first.refreshToken)).code).toBe('INVALID_CREDENTIALS');
    expect(problem(await refresh(second.refreshToken)).code).toBe('INVALID_CREDENTIALS');
    for (const token of [first, second]) expect(problem(await as(token).ask('projects')).code).toBe('UNAUTHENTICATED');
    expect(good(await as(other).post('auth/validate', { token: second.accessToken }))).toEqual({
      valid: false,
      reason: 'revoked',
    });
    expect(await isIn(other)).toBe(true);
  });

  it('[SE1] of twenty uses at one instant at most one is answered, and the session has ended', async () => {
    const token = await arrive();
    const replies = await Promise.all(Array.from({ length: 20 }, () => refresh(token.refreshToken)));
    const granted = replies.filter(({ status }) => status === 200);
    expect(granted.length).toBeLessThanOrEqual(1);
    for (const { body } of granted) expect(await isIn(body)).toBe(false);
  });

  it('[SE3] the same request again gets the same successor, until that was used', async () => {
    const first = await arrive();
    const second = good(await refresh(first.refreshToken, 'try-1'));
    const again = good(await refresh(first.refreshToken, 'try-1'));
    expect(again.refreshToken).toBe(second.refreshToken);
    expect(await isIn(again)).toBe(true);
    const third = good(await refresh(second.refreshToken, 'try-2'));
    expect(problem(await refresh(first.refreshToken, 'try-1')).code).toBe('INVALID_CREDENTIALS');
    expect(await isIn(third)).toBe(false);
  });

  it('[SE3] another key is another request, and ends the session', async () => {
    const first = await arrive();
    await refresh(first.refreshToken, 'mine');
    expect(problem(await refresh(first.refreshToken, 'theirs')).code).toBe('INVALID_CREDENTIALS');
    expect(await isIn(first)).toBe(false);
  });

  it('[SE2] what is no refresh token of ours ends nothing', async () => {
    const token = await arrive();
    const [body] = token.refreshToken.split('.');
    for (const made of ['x', token.accessToken, `${body}.AAAA`, `${body}`, `${token.refreshToken}x`])
      expect(problem(await refresh(made)).code).toBe('INVALID_CREDENTIALS');
    expect(await isIn(token)).toBe(true);
  });
});

describe('sessions', () => {
  it('[SE5] a caller opens, lists, reads and ends his own', async () => {
    const token = await arrive();
    const me = as(token);
    const made = sessionSchema.parse(good(await me.post('auth/sessions', {})));
    expect(made).toMatchObject({ userId: token.user.id, current: false });
    const { items } = sessionsSchema.parse(good(await me.ask('auth/sessions')));
    expect(items.map(({ id, current }) => [id, current]).sort()).toEqual(
      [
        [token.session.id, true],
        [made.id, false],
      ].sort(),
    );
    expect(good(await me.ask(`auth/sessions/${made.id}`))).toEqual(made);
    expect((await me.ask(`auth/sessions/${made.id}`, { method: 'DELETE' })).status).toBe(204);
    expect(problem(await me.ask(`auth/sessions/${made.id}`)).code).toBe('NOT_FOUND');
    expect(await isIn(token)).toBe(true);
  });

  it('[SE5] another user’s session is not there, and cannot be opened', async () => {
    const [ada, bob] = [await arrive(), await arrive()];
    for (const method of ['GET', 'DELETE'])
      expect(problem(await as(bob).ask(`auth/sessions/${ada.session.id}`, { method })).code).toBe('NOT_FOUND');
    expect(problem(await as(bob).post('auth/sessions', { userId: ada.user.id })).code).toBe('USER_MISMATCH');
    expect(await isIn(ada)).toBe(true);
  });

  it('[ID1] a keyed request opens one session', async () => {
    const me = as(await arrive());
    const key = { 'idempotency-key': 'one' };
    const [first, second] = [await me.post('auth/sessions', {}, key), await me.post('auth/sessions', {}, key)];
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect(sessionsSchema.parse(good(await me.ask('auth/sessions'))).items).toHaveLength(2);
  });

  it('[SE4] ending the session ends its tokens and its connections', async () => {
    const token = await arrive();
    const line = await Line.open(server.url, token.accessToken);
    await line.next('welcome');
    expect((await as(token).ask(`auth/sessions/${token.session.id}`, { method: 'DELETE' })).status).toBe(204);
    expect(await line.closed).toBe(4401);
    expect(await isIn(token)).toBe(false);
    expect(problem(await refresh(token.refreshToken)).code).toBe('INVALID_CREDENTIALS');
  });
});

describe('revoke', () => {
  it('[RV1] an access token ends alone: the session goes on with a new one', async () => {
    const first = await arrive();
    const second = good(await refresh(first.refreshToken));
    const [one, two] = await Promise.all([first, second].map(({ accessToken }) => Line.open(server.url, accessToken)));
    await Promise.all([one?.next('welcome'), two?.next('welcome')]);
    expect((await as(second).post('auth/revoke', { token: first.accessToken })).status).toBe(204);
    expect(await one?.closed).toBe(4401);
    expect([await isIn(first), await isIn(second)]).toEqual([false, true]);
    expect((await two?.ask({ t: 'ping' }))?.t).toBe('pong');
    two?.close();
  });

  it('[RV1] a connection that was given a newer token outlives the older one', async () => {
    const first = await arrive();
    const line = await Line.open(server.url, first.accessToken);
    await line.next('welcome');
    const second = good(await refresh(first.refreshToken));
    expect((await line.ask({ t: 'auth', token: second.accessToken })).t).toBe('ok');
    await as(second).post('auth/revoke', { token: first.accessToken });
    expect((await line.ask({ t: 'ping' })).t).toBe('pong');
    await as(second).post('auth/revoke', { token: second.accessToken });
    expect(await line.closed).toBe(4401);
  });

  it('[RV1] a refresh token ends its session; anything else ends nothing', async () => {
    const [token, other] = [await arrive(), await arrive()];
    for (const nothing of ['x', 'a.b.c'])
      expect((await as(other).post('auth/revoke', { token: nothing })).status).toBe(204);
    expect((await as(other).post('auth/revoke', { token: token.refreshToken })).status).toBe(204);
    expect([await isIn(token), await isIn(other)]).toEqual([false, true]);
  });
});

describe('tickets', () => {
  it('[TK1] a ticket opens one connection, as the caller who asked for it', async () => {
    const token = await arrive();
    const { ticket } = ticketSchema.parse(good(await as(token).post('auth/tickets')));
    const open = () => new WebSocket(`${server.url.replace('http', 'ws')}/ws?ticket=${ticket}`, 'devmentor.v1');
    const first = open();
    const heard = new Promise<string>((resolve) =>
      first.addEventListener('message', ({ data }) => resolve(String(data)), { once: true }),
    );
    expect(JSON.parse(await heard)).toMatchObject({ t: 'welcome' });
    const second = open();
    const code = new Promise<number>((resolve) =>
      second.addEventListener('close', ({ code: closed }) => resolve(closed)),
    );
    expect(await code).toBe(4401);
    const gone = new Promise<number>((resolve) =>
      first.addEventListener('close', ({ code: closed }) => resolve(closed)),
    );
    await as(token).post('auth/revoke', { token: token.accessToken });
    expect(await gone).toBe(4401);
  });
});

describe('the parts', () => {
  const profile = { id: 'ada', username: 'ada', displayName: 'Ada', kind: 'account', createdAtMs: 0 } as const;

  function parts(records = new MemoryRecordStore({ clock: new SimulatedClock() }), clock = new SimulatedClock()) {
    const entropy = seededEntropy(1);
    const log = new MemoryLogStore({ clock });
    const transport = new MemoryBus(clock).connect();
    const tokens = new AccessTokens({ key: Buffer.alloc(32, 1), clock, entropy });
    const node = () => new Revocations({ records, log, transport, namespace: 'test', clock });
    const revocations = node();
    const seal = new RefreshSeal(Buffer.alloc(32, 2));
    return {
      clock,
      records,
      log,
      tokens,
      revocations,
      node,
      sessions: new Sessions({ records, tokens, seal, revocations, clock, entropy }),
    };
  }

  async function callerOf(tokens: AccessTokens, token: AuthToken) {
    const verified = await tokens.verify(token.accessToken);
    if (verified.kind !== 'valid') throw new Error(verified.kind);
    return verified.caller;
  }

  it('[SE1] a reply that was lost after the write is found to be one’s own', async () => {
    const clock = new SimulatedClock();
    let lose = false;
    class Losing extends MemoryRecordStore {
      override async put(...args: Parameters<MemoryRecordStore['put']>) {
        const outcome = await super.put(...args);
        if (!lose) return outcome;
        lose = false;
        throw new CoordinationError('REPLY_LOST', 'lost', { applied: 'unknown' });
      }
    }
    const { sessions } = parts(new Losing({ clock }), clock);
    const first = await sessions.signIn(profile);
    lose = true;
    const second = await sessions.refresh(first.refreshToken, undefined);
    expect((await sessions.refresh(second.refreshToken, undefined)).session.id).toBe(first.session.id);
  });

  it('[SE6] a user has at most a hundred sessions; the oldest ends', async () => {
    const { sessions, clock, tokens } = parts();
    const first = await sessions.signIn(profile);
    for (let n = 0; n < 100; n += 1) {
      await clock.advance(1);
      await sessions.signIn(profile);
    }
    const caller = await callerOf(tokens, first);
    const all = await sessions.list(caller);
    expect(all).toHaveLength(100);
    expect(all.map(({ id }) => id)).not.toContain(first.session.id);
  });

  it('[RV2] a node that starts after the revocation refuses the token', async () => {
    const { sessions, revocations, node, tokens } = parts();
    const token = await sessions.signIn(profile);
    const caller = await callerOf(tokens, token);
    await revocations.revoke({ kind: 'token', id: caller.tokenId, expiresAtMs: caller.expiresAtMs });
    const late = node();
    await late.open();
    expect(await late.standing(caller)).toBe('revoked');
    late.close();
  });

  it('[RV4] a revocation that was cut short can be asked for again, and holds meanwhile for a node that starts', async () => {
    const { sessions, node, records, tokens } = parts();
    const token = await sessions.signIn(profile);
    const caller = await callerOf(tokens, token);
    const lost = new CoordinationError('STORE_UNAVAILABLE', 'gone', { applied: 'no' });
    const kept = records.delete.bind(records);
    records.delete = () => Promise.reject(lost);
    await expect(sessions.terminate(caller, caller.sessionId)).rejects.toBe(lost);
    records.delete = kept;
    const late = node();
    await late.open();
    expect(await late.standing(caller)).toBe('revoked');
    late.close();
    await sessions.terminate(caller, caller.sessionId);
    await expect(sessions.refresh(token.refreshToken, undefined)).rejects.toMatchObject({
      code: 'INVALID_CREDENTIALS',
    });
  });

  it('[RV1] a node that trusted the token hears of its revocation by its poll at the latest', async () => {
    const { sessions, revocations, node, tokens, clock } = parts();
    const other = node();
    await other.open();
    const caller = await callerOf(tokens, await sessions.signIn(profile));
    expect(await other.standing(caller)).toBe('good');
    await revocations.revoke({ kind: 'session', userId: caller.userId, id: caller.sessionId });
    await clock.advance(500);
    await eventually(() => other.isRevoked(caller)).toBe(true);
    other.close();
  });

  it('[RV3] a node whose tail is stale asks the store, and lets nobody in on a guess', async () => {
    const { sessions, revocations, node, tokens, clock, records } = parts();
    const other = node();
    await other.open();
    const caller = await callerOf(tokens, await sessions.signIn(profile));
    expect(await other.standing(caller)).toBe('good');
    other.close();
    await clock.advance(2_001);
    await revocations.revoke({ kind: 'session', userId: caller.userId, id: caller.sessionId });
    expect(await other.standing(caller)).toBe('revoked');
    const unreachable = new CoordinationError('STORE_UNAVAILABLE', 'gone', { applied: 'no' });
    records.get = () => Promise.reject(unreachable);
    await expect(other.standing({ ...caller, tokenId: 'another', sessionId: 'another' })).rejects.toBe(unreachable);
  });

  it('[RV2] when the log was trimmed past this node, everybody is asked about anew', async () => {
    const { sessions, revocations, node, tokens, clock, log } = parts();
    const other = node();
    const caller = await callerOf(tokens, await sessions.signIn(profile));
    await revocations.revoke({ kind: 'token', id: 'first', expiresAtMs: clock.wallMs() + ACCESS_TTL_MS });
    await other.open();
    expect(await other.standing(caller)).toBe('good');
    const news: string[] = [];
    other.onNews(({ kind }) => news.push(kind));
    await revocations.revoke({ kind: 'session', userId: caller.userId, id: caller.sessionId });
    await log.append(
      'revocations',
      Array.from({ length: 1_300 }, (_, n) => ({
        type: 'token',
        data: { kind: 'token', id: `t${n}`, expiresAtMs: 0 },
      })),
    );
    await clock.advance(500);
    await eventually(() => news).toContain('unknown');
    expect(await other.standing(caller)).toBe('revoked');
    other.close();
  });

  it('[TK1] of all who show a ticket one gets in, within 30 seconds', async () => {
    const clock = new SimulatedClock();
    const tickets = new Tickets({ records: new MemoryRecordStore({ clock }), clock, entropy: seededEntropy(3) });
    const caller = {
      userId: 'ada',
      displayName: 'Ada',
      kind: 'account',
      sessionId: 's',
      tokenId: 't',
      expiresAtMs: 1,
    } as const;
    const { ticket } = await tickets.issue(caller);
    const tries = await Promise.all(Array.from({ length: 5 }, () => tickets.redeem(ticket)));
    expect(tries.filter((got) => got !== undefined)).toEqual([caller]);
    const late = await tickets.issue(caller);
    await clock.advance(30_001);
    expect(await tickets.redeem(late.ticket)).toBeUndefined();
  });
});

describe('guests', () => {
  it('[RV1] one guest’s revocation leaves the others in', async () => {
    const [one, two] = [await guest(server.url), await guest(server.url)];
    await one.client.post('auth/revoke', { token: one.client.token });
    expect((await two.client.ask('projects')).status).toBe(200);
    expect((await one.client.ask('projects')).status).toBe(401);
  });
});
