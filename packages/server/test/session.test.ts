import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Caller } from '../src/auth/access-tokens.ts';
import {
  authenticated,
  beat,
  heard,
  opened,
  passed,
  pinged,
  RATE,
  received,
  type Session,
  type Step,
} from '../src/live/session.ts';

const caller: Caller = {
  userId: 'ada',
  displayName: 'Ada',
  kind: 'account',
  sessionId: 's',
  tokenId: 't',
  expiresAtMs: 600_000,
};
const welcome = { t: 'pong', serverTime: '2026-01-01T00:00:00.000Z' } as const;

function live(): Session {
  return authenticated(opened(0, 'token').session, caller, undefined, welcome).session;
}

function say(session: Session, frame: unknown, nowMs = 0): Step {
  return received(session, { text: JSON.stringify(frame) }, nowMs);
}

function closedWith(step: Step): number | undefined {
  for (const act of step.acts) if (act.kind === 'close') return act.code;
  return undefined;
}

describe('Session', () => {
  it('[WS1] the first frame says who it is, or the connection ends with 4401', () => {
    const silent = opened(0, undefined).session;
    expect(closedWith(say(silent, { t: 'ping' }))).toBe(4401);
    expect(say(silent, { t: 'auth', token: 'x' }).acts).toMatchObject([{ kind: 'authenticate', token: 'x' }]);
  });

  it('[WS1] frames sent behind the token wait for it and are then carried out in order', () => {
    let session = opened(0, 'token').session;
    for (const id of [1, 2, 3]) session = say(session, { t: 'ping', id }).session;
    const { acts } = authenticated(session, caller, undefined, welcome);
    const expected = [1, 2, 3].map((id) => ({ kind: 'carry-out', frame: { t: 'ping', id } }));
    expect(acts.slice(1)).toMatchObject(expected);
  });

  it('[WS1] who never says who he is, is sent away', () => {
    expect(closedWith(passed(opened(0, undefined).session, 10_000, 0))).toBe(4401);
  });

  it('[WS3] pings count like other messages', () => {
    let session = live();
    for (let n = 0; n < RATE.burst; n += 1) session = pinged(session, 0).session;
    expect(closedWith(pinged(session, 0))).toBe(4429);
    expect(closedWith(say(session, { t: 'ping' }))).toBe(4429);
    expect(closedWith(pinged(session, 1_000))).toBeUndefined();
  });

  it('[WS2] an unknown type is answered with an error frame and nothing else happens', () => {
    const step = say(live(), { t: 'dance', id: 7 });
    const error = { t: 'error', id: 7, problem: { code: 'VALIDATION_FAILED' } };
    expect(step.acts).toMatchObject([{ kind: 'send', frame: error }]);
    expect(step.session.kind).toBe('live');
  });

  it.each(['', 'hello', '[]', '{"t":1}', 'null'])('[WS2] %j is no frame: 4400', (text) => {
    expect(closedWith(received(live(), { text }, 0))).toBe(4400);
  });

  it('[WS2] any JSON leads to an answer or a close, never to a throw', () => {
    const types = fc.constantFrom('auth', 'subscribe', 'attach', 'claim', 'release', 'ping', 'presence', 'x');
    const any = fc.jsonValue();
    const frames = fc.record({ t: types, id: any, topics: any, claimToken: any }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.oneof(frames, any), (value) => {
        expect(say(live(), value).acts.length).toBeGreaterThan(0);
      }),
    );
  });

  it('[WS3] a burst is let through, and the one above it ends the connection with 4429', () => {
    let session = live();
    for (let n = 0; n < RATE.burst; n += 1) {
      const step = say(session, { t: 'ping' });
      expect(closedWith(step)).toBeUndefined();
      session = step.session;
    }
    expect(closedWith(say(session, { t: 'ping' }))).toBe(4429);
    expect(closedWith(say(session, { t: 'ping' }, 1_000))).toBeUndefined();
  });

  it('[WS4] two heartbeats without a sign of life end it with 4408; any sign begins anew', () => {
    const twice = beat(beat(live()).session).session;
    expect(closedWith(beat(twice))).toBe(4408);
    expect(closedWith(beat(heard(twice)))).toBeUndefined();
  });

  it("[WS5] a token's end is announced once, tolerated for half a minute, and then final", () => {
    const warned = passed(live(), 0, 541_000);
    expect(warned.acts).toMatchObject([{ frame: { t: 'auth.expiring', inMs: 59_000 } }]);
    expect(passed(warned.session, 0, 545_000).acts).toEqual([]);
    expect(closedWith(passed(warned.session, 0, 629_000))).toBeUndefined();
    expect(closedWith(passed(warned.session, 0, 630_000))).toBe(4401);
  });

  it('[WS5] a fresh token of the same user goes on; one of another user ends it with 4403', () => {
    const renewed = authenticated(live(), { ...caller, expiresAtMs: 1_200_000 }, 1, welcome);
    expect(passed(renewed.session, 0, 630_000).acts).toEqual([]);
    expect(closedWith(authenticated(live(), { ...caller, userId: 'eve' }, 1, welcome))).toBe(4403);
  });

  it('[WS6] once closing it does nothing more', () => {
    const closing: Session = { kind: 'closing' };
    const steps = [say(closing, { t: 'ping' }), beat(closing), passed(closing, 1e9, 1e9)];
    expect(steps.map(({ acts }) => acts)).toEqual([[], [], []]);
  });
});
