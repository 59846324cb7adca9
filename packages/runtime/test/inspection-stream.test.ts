// What an inspector's page is shown.
import { describe, expect, it } from 'vitest';
import type { InspectionEvent } from '../src/index.ts';
import { Counter } from './counter.fixture.ts';
import { Door, Keeper } from './inspection.fixture.ts';
import { solo } from './solo.fixture.ts';

async function next(stream: AsyncIterator<InspectionEvent>): Promise<InspectionEvent> {
  const { value, done } = await stream.next();
  if (done === true) throw new Error('the stream has ended');
  return value;
}

describe('inspection stream', () => {
  it('[VI1] the actors come first, then steps as they are committed, without what is in them', async () => {
    const node = await solo([Counter, Keeper]);
    await node.run(node.runtime.actor(Counter, 'a').tell({ type: 'add', by: 1 }));
    await node.run(node.runtime.actor(Keeper, 'k').tell({ type: 'keep' }));
    const stream = node.runtime.inspect({ types: ['counter'] })[Symbol.asyncIterator]();
    expect(await next(stream)).toMatchObject({ kind: 'actors', actors: [{ id: 'counter:a', version: 1 }] });
    await node.run(node.runtime.actor(Keeper, 'k').tell({ type: 'keep' }));
    await node.run(node.runtime.actor(Counter, 'b').tell({ type: 'arm', delayMs: 5_000 }));
    const sender = expect.any(String) as unknown;
    expect(await next(stream)).toEqual({
      kind: 'step',
      id: 'counter:b',
      event: 'arm',
      sender,
      from: 'open',
      to: 'armed',
      guards: [],
      effects: [{ kind: 'schedule', name: expect.stringMatching(/^.+@1$/) as unknown }],
      version: 1,
      epoch: expect.stringMatching(/^\d{16}$/) as unknown,
    });
    const later = next(stream);
    await node.clock.advance(6_000);
    expect(await later).toMatchObject({ id: 'counter:b', from: 'armed', to: 'open', version: 2 });
    await node.run(node.runtime.stop());
    expect(await stream.next()).toMatchObject({ done: true });
  });

  it('[VI1] a step says why: which guards it asked, and what they said; and what came of it', async () => {
    const node = await solo([Door, Counter]);
    const stream = node.runtime.inspect({ types: ['door'] })[Symbol.asyncIterator]();
    await next(stream);
    const door = node.runtime.actor(Door, 'front');
    await expect(node.run(door.tell({ type: 'knock', name: '' }))).rejects.toThrow(
      `takes no 'knock' in "closed", since 'isFriend' and 'isKnown' said no`,
    );
    await expect(node.run(door.ask({ type: 'knock', name: 'bob' }))).rejects.toMatchObject({ code: 'NO_REPLY' });
    await node.run(door.tell({ type: 'knock', name: 'ada' }));
    await node.run(door.tell({ type: 'shut' }));
    expect(await node.run(door.ask({ type: 'knock', name: 'ada' }))).toBe('in');
    const guards = (passed: boolean) => [{ guard: 'isFriend', passed }];
    const opened = [
      { kind: 'schedule', name: 'xstate.after.60000.door.open' },
      { kind: 'invoke', name: '0.door.open' },
    ];
    const seen: InspectionEvent[] = [];
    for (let i = 0; i < 4; i++) seen.push(await next(stream));
    const effects = seen.map((step) => (step.kind === 'step' ? step.effects : []));
    expect(seen).toMatchObject([
      { from: 'closed', to: 'ajar', guards: [...guards(false), { guard: 'isKnown', passed: true }], effects: [] },
      { from: 'ajar', to: 'open', guards: guards(true) },
      { from: 'open', to: 'closed', guards: [] },
      { from: 'closed', to: 'open', guards: guards(true) },
    ]);
    const unnumbered = effects.map((all) =>
      all.map(({ kind, name }) => ({ kind, name: name.replace(/[@#]\d+$/, '') })),
    );
    expect(unnumbered[1]).toEqual(expect.arrayContaining(opened));
    expect(unnumbered[2]).toEqual([
      { kind: 'cancel', name: 'xstate.after.60000.door.open' },
      { kind: 'stop', name: '0.door.open' },
    ]);
    expect(unnumbered[3]).toEqual([
      { kind: 'tell', name: 'counter:guests' },
      { kind: 'publish', name: 'entered' },
      { kind: 'reply', name: '' },
      ...(unnumbered[1] ?? []),
    ]);
    const numbers = effects.flat().flatMap(({ name }) => /@(\d+)$/.exec(name)?.[1] ?? []);
    expect(numbers.map(Number)).toEqual([1, 2, 3, 4]);
    await stream.return?.();
    await node.run(node.runtime.stop());
  });

  it('[VI1] by key, and every second step', async () => {
    const node = await solo([Counter]);
    const stream = node.runtime.inspect({ keys: ['a'], sample: 0.5 })[Symbol.asyncIterator]();
    expect(await next(stream)).toEqual({ kind: 'actors', actors: [] });
    for (const key of ['a', 'b', 'a', 'a', 'b', 'a'])
      await node.run(node.runtime.actor(Counter, key).tell({ type: 'add', by: 1 }));
    expect([await next(stream), await next(stream)]).toMatchObject([
      { id: 'counter:a', version: 2 },
      { id: 'counter:a', version: 4 },
    ]);
    await stream.return?.();
    await node.runtime.stop();
  });

  it('[VI2] a slow reader misses steps and is told how many, where they are missing', async () => {
    const node = await solo([Counter]);
    const controller = new AbortController();
    const stream = node.runtime.inspect({ signal: controller.signal })[Symbol.asyncIterator]();
    await next(stream);
    const counter = node.runtime.actor(Counter, 'a');
    for (let i = 0; i < 1_010; i++) await node.run(counter.tell({ type: 'mute' }));
    expect(await next(stream)).toMatchObject({ version: 1 });
    await node.run(counter.tell({ type: 'mute' }));
    const seen: InspectionEvent[] = [];
    for (let i = 2; i <= 1_000; i++) seen.push(await next(stream));
    expect(seen.at(-1)).toMatchObject({ kind: 'step', version: 1_000 });
    expect(await next(stream)).toEqual({ kind: 'dropped', steps: 10 });
    expect(await next(stream)).toMatchObject({ kind: 'step', version: 1_011 });
    const waiting = stream.next();
    controller.abort();
    expect(await waiting).toMatchObject({ done: true });
    await node.runtime.stop();
  });

  it('[VI3] while nobody looks, steps are not kept', async () => {
    const node = await solo([Counter]);
    await node.run(node.runtime.actor(Counter, 'a').tell({ type: 'add', by: 1 }));
    const stream = node.runtime.inspect()[Symbol.asyncIterator]();
    await next(stream);
    await node.run(node.runtime.actor(Counter, 'a').tell({ type: 'add', by: 1 }));
    expect(await next(stream)).toMatchObject({ kind: 'step', version: 2 });
    await stream.return?.();
    await node.runtime.stop();
  });

  it('[VI4] the actors are listed by id, page by page', async () => {
    const node = await solo([Counter]);
    const keys = Array.from({ length: 25 }, (_, i) => `k${(i * 7) % 25}`);
    for (const key of keys) await node.run(node.runtime.actor(Counter, key).tell({ type: 'add', by: 1 }));
    const found: string[] = [];
    let page = node.runtime.admin.actors({ limit: 10 });
    for (;;) {
      found.push(...page.actors.map(({ id }) => id));
      if (page.next === undefined) break;
      page = node.runtime.admin.actors({ limit: 10, after: page.next });
    }
    expect(found).toEqual(keys.map((key) => `counter:${key}`).sort());
    expect(node.runtime.admin.actors({ types: ['other'] })).toEqual({ actors: [] });
    await node.runtime.stop();
  });
});
