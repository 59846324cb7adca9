import {
  type ClientFrame,
  clientFrameSchema,
  type EventFrame,
  eventData,
  eventSchema,
  type FrameOf,
  parse,
  type ServerFrame,
  serverFrameSchema,
  type WireEvent,
} from '@devmentor/contracts';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { inputsOf } from './arbitrary.ts';

const seen = (schema: Parameters<typeof inputsOf>[0], key: string): Set<unknown> =>
  new Set(fc.sample(inputsOf(schema), { numRuns: 600, seed: 1 }).map((value) => Object(value)[key]));

describe('events', () => {
  it('[E1] the types are the published ones', () => {
    const published = {
      project: 'created updated claimed released deleted',
      lease: 'claimed away back released expired taken-over takeover-requested takeover-denied',
      queue: 'changed',
      blackboard: 'contribution scheduled progress solved failed',
      conversation: 'token done',
      presence: 'changed',
    };
    const names = Object.entries(published).flatMap(([of, types]) => types.split(' ').map((type) => `${of}.${type}`));
    expect(Object.keys(eventData)).toEqual(names);
    expect(seen(eventSchema, 'type')).toEqual(new Set(names));
  });

  it('[E2] a type decides what the event carries', () => {
    const event: WireEvent<'project.deleted'> = {
      topic: 'project:1',
      seq: 'b',
      prev: 'a',
      type: 'project.deleted',
      at: '2026-01-31T09:30:00.000Z',
      data: { projectId: '1', userId: 'ada', timestamp: 1, version: 7 },
    };
    expect(parse(eventSchema, event)).toEqual({ kind: 'ok', value: event });
    expect(parse(eventSchema, { ...event, type: 'project.claimed' }).kind).toBe('invalid');
    expect(parse(eventSchema, { ...event, type: 'project.burnt' })).toMatchObject({ errors: [{ pointer: '/type' }] });
    expectTypeOf<Extract<WireEvent, { type: 'project.deleted' }>>().toEqualTypeOf<WireEvent<'project.deleted'>>();
  });

  it('[E3] the first event of a topic has no event before it', () => {
    const first = fc.sample(inputsOf(eventSchema), { numRuns: 200, seed: 2 }).map((value) => Object(value).prev);
    expect(first).toContain(null);
    expect(first.some((prev) => typeof prev === 'string')).toBe(true);
  });
});

describe('frames', () => {
  it('[F1] a client sends the published frames', () => {
    const published = ['auth', 'subscribe', 'unsubscribe', 'attach', 'detach', 'claim', 'release', 'presence', 'ping'];
    expect(seen(clientFrameSchema, 't')).toEqual(new Set(published));
    expectTypeOf<FrameOf<ClientFrame, 'attach'>['instanceId']>().toEqualTypeOf<string>();
  });

  it('[F2] a server sends the published frames, and tells when it ends a subscription', () => {
    const published = ['welcome', 'ok', 'error', 'event', 'subscribed', 'auth.expiring', 'going-away', 'pong'];
    expect(seen(serverFrameSchema, 't')).toEqual(new Set([...published, 'unsubscribed']));
  });

  it('[F3] an event frame is the event itself with t beside it', () => {
    fc.assert(
      fc.property(inputsOf(eventSchema), (event) => {
        expect(parse(serverFrameSchema, { t: 'event', ...Object(event) }).kind).toBe('ok');
      }),
    );
    expectTypeOf<FrameOf<ServerFrame, 'event'>>().toEqualTypeOf<EventFrame>();
  });

  it('[F4] an id is a short text or a whole number', () => {
    for (const id of ['1', 'x'.repeat(64), 7]) expect(parse(clientFrameSchema, { t: 'ping', id }).kind).toBe('ok');
    for (const id of ['', 'x'.repeat(65), 1.5, null, {}]) {
      expect(parse(clientFrameSchema, { t: 'ping', id }).kind).toBe('invalid');
    }
  });

  it('[F5] a claim frame has the defaults of a claim by REST', () => {
    expect(parse(clientFrameSchema, { t: 'claim', projectId: '1' })).toEqual({
      kind: 'ok',
      value: { t: 'claim', projectId: '1', ttlMs: 30_000, waitMs: 0, instanceId: 'default' },
    });
  });
});
