// What becomes of letters whose steps throw, and of their actors.
import { describe, expect, it } from 'vitest';
import { assign, fromPromise, setup } from 'xstate';
import { blockedBy } from '../src/blocked.ts';
import { type Directive, defineActor, tell } from '../src/index.ts';
import { judge, noStrikes } from '../src/supervision.ts';
import { TypeBreaker } from '../src/type-breaker.ts';
import { type Solo, solo } from './solo.fixture.ts';

let mood: 'well' | 'ill' = 'ill';
const steps: string[] = [];

const machine = setup({
  types: {} as {
    context: { n: number };
    events: { type: 'add' } | { type: 'fail' } | { type: 'wait' } | { type: 'work' };
  },
  actors: { job: fromPromise<void>(() => new Promise(() => {})) },
  delays: { soon: 1_000 },
}).createMachine({
  context: { n: 0 },
  initial: 'calm',
  on: {
    add: { actions: assign({ n: ({ context }) => context.n + 1 }) },
    fail: {
      actions: assign(({ context }) => {
        steps.push('fail');
        if (mood === 'ill') throw new Error('out of sorts');
        return { n: context.n + 100 };
      }),
    },
  },
  states: {
    calm: { on: { wait: 'waiting', work: 'working' } },
    waiting: { after: { soon: { target: 'calm', actions: assign({ n: ({ context }) => context.n + 10 }) } } },
    working: { invoke: { src: 'job', onDone: 'calm', onError: 'calm' } },
  },
});

const fragile = (directive: Directive, more: { retries?: number; backoffMs?: number } = {}) =>
  defineActor('fragile', { machine, supervise: { retries: 0, ...more, directive } });

const add = { type: 'add' } as const;
const fail = { type: 'fail' } as const;
const failed = (more: object = {}) => expect.objectContaining({ code: 'ACTOR_FAILED', ...more });

async function one(directive: Directive, more?: Parameters<typeof fragile>[1]) {
  mood = 'ill';
  steps.length = 0;
  const Fragile = fragile(directive, more);
  const node = await solo([Fragile]);
  const actor = node.runtime.actor(Fragile, 'a');
  await node.run(actor.tell(add));
  const total = async (): Promise<number> => (await node.run(node.runtime.actor(Fragile, 'a').read())).context.n;
  return { node, actor, total, Fragile };
}

async function lettersOf({ run, runtime, clock }: Solo) {
  await clock.advance(100);
  return await run(runtime.admin.deadLetters());
}

describe('retries', () => {
  it('[SV3] a failing message is stepped again after growing pauses, under its number, and those behind it wait', async () => {
    const { node, actor, total } = await one('suspend', { retries: 3, backoffMs: 100 });
    const failing = actor.tell(fail);
    const behind = actor.tell(add);
    await node.clock.advance(1);
    expect(steps).toHaveLength(1);
    await node.clock.advance(110);
    expect(steps).toHaveLength(2);
    await node.clock.advance(110);
    expect(steps).toHaveLength(2);
    expect(await total()).toBe(1);
    expect(await node.run(node.runtime.admin.examine(actor))).toMatchObject({ phase: 'retrying', waiting: 2 });
    mood = 'well';
    await node.run(Promise.all([failing, behind]));
    expect(await total()).toBe(102);
    expect(await lettersOf(node)).toEqual([]);
  });

  it('[SV3] messages before the failing one are committed at once', async () => {
    const { node, actor, total } = await one('suspend', { retries: 1, backoffMs: 10_000 });
    const [before, failing, behind] = [actor.tell(add), actor.tell(fail, { deadlineMs: 100 }), actor.tell(add)];
    await node.run(before);
    await expect(node.run(failing)).rejects.toMatchObject({ code: 'DEADLINE' });
    expect(await total()).toBe(2);
    await node.run(behind);
    // Nobody waited for the failing one any more.
    expect(await total()).toBe(3);
    expect(await lettersOf(node)).toEqual([]);
  });
});

describe('directives', () => {
  it('[SV5] suspend: readable, deaf, over a restart too, until it is resumed', async () => {
    const { node, actor, total, Fragile } = await one('suspend');
    await expect(node.run(actor.tell(fail))).rejects.toEqual(failed({ applied: 'no' }));
    await expect(node.run(actor.tell(add))).rejects.toEqual(failed({ applied: 'no' }));
    await node.restart();
    await expect(node.run(node.runtime.actor(Fragile, 'a').tell(add))).rejects.toEqual(failed());
    expect(await total()).toBe(1);
    expect(await node.run(node.runtime.actor(Fragile, 'a').peek())).toMatchObject({
      suspended: expect.stringContaining('out of sorts'),
    });
    expect(await node.run(node.runtime.admin.suspended())).toMatchObject([{ id: 'fragile:a' }]);
    await node.run(node.runtime.admin.resume(actor));
    await node.run(node.runtime.actor(Fragile, 'a').tell(add));
    expect(await total()).toBe(2);
    await node.clock.advance(100);
    expect(await node.run(node.runtime.admin.suspended())).toEqual([]);
  });

  it('[SV5] a timer that falls due while its actor is suspended fires when it is resumed, late', async () => {
    const { node, actor, total } = await one('suspend');
    await node.run(actor.tell({ type: 'wait' }));
    await expect(node.run(actor.tell(fail))).rejects.toEqual(failed());
    await node.clock.advance(5_000);
    expect(await total()).toBe(1);
    await node.run(node.runtime.admin.resume(actor));
    await node.clock.advance(10);
    expect(await total()).toBe(11);
  });

  it('[SV5] an invoke of a suspended actor stops, and starts again when it is resumed', async () => {
    const { node, actor } = await one('suspend');
    await node.run(actor.tell({ type: 'work' }));
    expect(await node.run(node.runtime.admin.examine(actor))).toMatchObject({ invokes: [expect.any(String)] });
    await node.run(node.runtime.admin.suspend(actor, 'to look at it'));
    expect(await node.run(node.runtime.admin.examine(actor))).toMatchObject({
      invokes: [],
      halt: { kind: 'suspended', why: 'to look at it' },
    });
    await node.run(node.runtime.admin.resume(actor));
    expect(await node.run(node.runtime.admin.examine(actor))).toMatchObject({ invokes: [expect.any(String)] });
  });

  it('[SV5] resume: the state is kept and the actor goes on', async () => {
    const { node, actor, total } = await one('resume');
    const outcomes = await node.run(Promise.allSettled([actor.tell(add), actor.tell(fail), actor.tell(add)]));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await total()).toBe(3);
  });

  it('[SV5] restart: it begins anew, its timers and invokes are over', async () => {
    const { node, actor, total } = await one('restart');
    await node.run(actor.tell({ type: 'wait' }));
    await expect(node.run(actor.tell(fail))).rejects.toEqual(failed());
    expect(await node.run(actor.read())).toMatchObject({ value: 'calm', context: { n: 0 } });
    await node.clock.advance(5_000);
    expect(await total()).toBe(0);
    expect((await node.run(actor.tell(add))).version).toBeGreaterThan(3);
  });

  it('[SV5][AD2] stop: it takes nothing more, until it is restarted by hand', async () => {
    const { node, actor, total } = await one('stop');
    await expect(node.run(actor.tell(fail))).rejects.toEqual(failed());
    await expect(node.run(actor.tell(add))).rejects.toMatchObject({ code: 'ACTOR_STOPPED' });
    expect(await node.run(actor.read())).toMatchObject({ status: 'stopped' });
    await node.run(node.runtime.admin.restart(actor));
    await node.run(actor.tell(add));
    expect(await total()).toBe(1);
  });

  it('[SV5] durable actors suspend by default, those of memory alone resume', () => {
    expect(defineActor('a', { machine }).behavior.supervision.directive).toBe('suspend');
    expect(defineActor('a', { machine, durable: false }).behavior.supervision.directive).toBe('resume');
  });

  it('[SV6] an actor that fails again and again is suspended, whatever its directive', async () => {
    const { node, actor } = await one('resume');
    for (let i = 0; i < 6; i++) await expect(node.run(actor.tell(fail))).rejects.toEqual(failed());
    await expect(node.run(actor.tell(add))).rejects.toEqual(failed());
    expect(await node.run(node.runtime.admin.examine(actor))).toMatchObject({ halt: { kind: 'suspended' } });
    await node.run(node.runtime.admin.resume(actor));
    await node.run(actor.tell(add));
  });

  it('[SV6] failures that lie further apart are no loop', () => {
    const supervision = { retries: 0, backoffMs: 1, directive: 'restart' } as const;
    let strikes = noStrikes;
    for (let nowMs = 0; nowMs < 10_000_000; nowMs += 100_000) {
      const verdict = judge(supervision, { failures: 1, strikes, nowMs, heldMs: 0, jitter: 0 });
      expect(verdict).toMatchObject({ kind: 'give-up', directive: 'restart' });
      if (verdict.kind === 'give-up') strikes = verdict.strikes;
    }
  });

  it('[SV7] when many actors of a type fail, the rest of them wait and lose nothing', async () => {
    mood = 'ill';
    const Fragile = fragile('suspend');
    const node = await solo([Fragile]);
    const actors = Array.from({ length: 50 }, (_, i) => node.runtime.actor(Fragile, `k${i}`));
    const calls = actors.map((actor) =>
      actor.tell(fail, { deadlineMs: 60_000 }).then(
        () => 'done',
        () => 'failed',
      ),
    );
    await node.clock.advance(1_000);
    expect((await node.run(node.runtime.admin.suspended())).length).toBeLessThan(30);
    expect(node.runtime.metrics.snapshot().types.fragile?.breakerMs).toBeGreaterThan(5_000);
    const seen = node.runtime.admin.residents().find(({ phase }) => phase === 'retrying');
    expect(seen).toMatchObject({ failing: 1, heldMs: expect.any(Number) });
    expect(seen?.blocked.join()).toContain('when the breaker of its type closes');
    mood = 'well';
    const outcomes = await node.run(Promise.all(calls));
    expect(outcomes.filter((outcome) => outcome === 'done').length).toBeGreaterThan(20);
  });

  it('[SV6] one that was restarted by hand begins without strikes', async () => {
    const { node, actor, total } = await one('resume');
    for (let i = 0; i < 6; i++) await expect(node.run(actor.tell(fail))).rejects.toEqual(failed());
    await expect(node.run(actor.tell(add))).rejects.toEqual(failed());
    await node.run(node.runtime.admin.restart(actor));
    await expect(node.run(actor.tell(fail))).rejects.toEqual(failed());
    await node.run(actor.tell(add));
    expect(await total()).toBe(1);
  });

  it('[SV7] the breaker of a type opens after many, once more after one, and closes by itself', () => {
    const breaker = new TypeBreaker();
    for (let i = 0; i < 19; i++) breaker.gaveUp('t', 1_000);
    expect(breaker.heldMs('t', 1_000)).toBe(0);
    breaker.gaveUp('t', 1_000);
    expect([breaker.heldMs('t', 1_000), breaker.heldMs('u', 1_000), breaker.heldMs('t', 11_000)]).toEqual([
      10_000, 0, 0,
    ]);
    breaker.gaveUp('t', 12_000);
    expect(breaker.heldMs('t', 12_000)).toBe(10_000);
    breaker.gaveUp('t', 50_000);
    expect(breaker.heldMs('t', 50_000)).toBe(0);
  });
});

describe('why nothing happens', () => {
  const idle = { id: 'a:1', phase: 'ready', waiting: 0, owes: [], invokes: [] } as const;

  it('[AD5] one that has only nothing to do is not blocked', () => {
    expect(blockedBy(idle)).toEqual([]);
  });

  it('[AD5] every reason is told: what the store does not say, what failed, who stands still, what is not delivered', () => {
    expect(blockedBy({ ...idle, phase: 'frozen' })).toEqual([expect.stringContaining('not known')]);
    expect(blockedBy({ ...idle, phase: 'loading' })).toEqual([expect.stringContaining('being read')]);
    expect(blockedBy({ ...idle, phase: 'quarantined', fault: 'X: y' })).toEqual([expect.stringContaining('X: y')]);
    const halt = { kind: 'stopped', why: 'failed: z', atMs: 1 } as const;
    expect(blockedBy({ ...idle, halt })).toEqual([expect.stringContaining('failed: z')]);
    const owes = [
      { to: 'b:1', messages: 2, refusal: 'MAILBOX_FULL: no room' },
      { to: 'b:2', messages: 1 },
    ] as const;
    expect(blockedBy({ ...idle, phase: 'retrying', failing: 3, owes })).toEqual([
      expect.stringContaining('failed 3 times'),
      '2 of its messages to b:1 are not delivered: MAILBOX_FULL: no room',
    ]);
  });

  it('[AD5] an operator is told so of any actor, by its owner', async () => {
    const { node, actor } = await one('suspend');
    await expect(node.run(actor.tell(fail))).rejects.toEqual(failed());
    const { blocked } = await node.run(node.runtime.admin.examine(actor));
    expect(blocked).toEqual([expect.stringMatching(/suspended until somebody resumes it: .*out of sorts/)]);
  });
});

describe('dead letters', () => {
  it('[DL1] what was given up is kept, over a restart, and names what happened', async () => {
    const { node, actor } = await one('suspend');
    await expect(node.run(actor.tell(fail))).rejects.toEqual(failed());
    await node.clock.advance(100);
    await node.restart();
    expect(await lettersOf(node)).toMatchObject([
      {
        to: 'fragile:a',
        event: { type: 'fail' },
        why: 'its step threw',
        cause: expect.stringContaining('out of sorts'),
      },
    ]);
  });

  it('[AD1] a replay is applied once, and the letter is gone', async () => {
    const { node, actor, total } = await one('suspend');
    await expect(node.run(actor.tell(fail))).rejects.toEqual(failed());
    const [letter] = await lettersOf(node);
    if (letter === undefined) throw new Error('a letter was buried');
    const { admin } = node.runtime;
    await expect(node.run(admin.replay(letter.id))).rejects.toEqual(failed());
    expect(await lettersOf(node)).toHaveLength(1);
    await node.run(admin.resume(actor));
    mood = 'well';
    expect(await node.run(Promise.all([admin.replay(letter.id), admin.replay(letter.id)]))).toContain('replayed');
    expect(await total()).toBe(101);
    expect(await lettersOf(node)).toEqual([]);
    expect(await node.run(admin.replay(letter.id))).toBe('unknown-letter');
  });

  it('[AD1] a letter that fails again is another letter', async () => {
    const { node, actor } = await one('suspend');
    await expect(node.run(actor.tell(fail))).rejects.toEqual(failed());
    const [letter] = await lettersOf(node);
    await node.run(node.runtime.admin.resume(actor));
    await expect(node.run(node.runtime.admin.replay(letter?.id ?? ''))).rejects.toEqual(failed());
    const [again, ...others] = await lettersOf(node);
    expect(others).toEqual([]);
    expect(again?.id).not.toBe(letter?.id);
    expect(await node.run(node.runtime.admin.forget(again?.id ?? ''))).toBe('forgotten');
    expect(await lettersOf(node)).toEqual([]);
  });

  it('[AD1] what one actor tells another that fails on it is one dead letter', async () => {
    mood = 'ill';
    const Fragile = fragile('resume');
    const Teller = defineActor('teller', {
      machine: setup({ types: {} as { events: { type: 'go' } } }).createMachine({
        on: { go: { actions: tell('fragile', 'a', fail) } },
      }),
    });
    const node = await solo([Fragile, Teller]);
    await node.run(node.runtime.actor(Teller, 'a').tell({ type: 'go' }));
    expect(await lettersOf(node)).toMatchObject([{ to: 'fragile:a', from: 'teller:a', why: 'its step threw' }]);
    expect((await node.state.peek(node.runtime.actor(Teller, 'a').id))?.outbox).toEqual([]);
  });

  it('[AD1] a replay that makes a state which cannot be stored leaves the letter where it is', async () => {
    mood = 'ill';
    const machine = setup({
      types: {} as { context: { kept: unknown }; events: { type: 'keep' } },
    }).createMachine({
      context: { kept: null },
      on: {
        keep: {
          actions: assign(() => {
            if (mood === 'ill') throw new Error('out of sorts');
            return { kept: new Map() };
          }),
        },
      },
    });
    const Keeper = defineActor('keeper', { machine, supervise: { retries: 0, directive: 'resume' } });
    const node = await solo([Keeper]);
    await expect(node.run(node.runtime.actor(Keeper, 'a').tell({ type: 'keep' }))).rejects.toEqual(failed());
    const [letter] = await lettersOf(node);
    mood = 'well';
    await expect(node.run(node.runtime.admin.replay(letter?.id ?? ''))).rejects.toMatchObject({ applied: 'no' });
    expect(await lettersOf(node)).toEqual([letter]);
  });

  it('[AD4] a timer that failed is replayed, once, while the state waits for it', async () => {
    mood = 'ill';
    const machine = setup({
      types: {} as { context: { rung: number }; events: { type: 'set' | 'leave' } },
      delays: { soon: 1_000 },
    }).createMachine({
      context: { rung: 0 },
      initial: 'idle',
      states: {
        idle: { on: { set: 'waiting' } },
        waiting: {
          on: { leave: 'idle', set: { target: 'waiting', reenter: true } },
          after: {
            soon: {
              target: 'idle',
              actions: assign(({ context }) => {
                if (mood === 'ill') throw new Error('out of sorts');
                return { rung: context.rung + 1 };
              }),
            },
          },
        },
      },
    });
    const Bell = defineActor('bell', { machine, supervise: { retries: 0, directive: 'resume' } });
    const node = await solo([Bell]);
    const bell = node.runtime.actor(Bell, 'a');
    const { admin } = node.runtime;
    const view = async () => await node.run(bell.read());
    const failedRing = async (): Promise<string> => {
      mood = 'ill';
      await node.run(bell.tell({ type: 'set' }));
      await node.clock.advance(1_100);
      mood = 'well';
      const [letter] = await lettersOf(node);
      return letter?.id ?? '';
    };

    const first = await failedRing();
    expect((await view()).value).toBe('waiting');
    expect(await node.run(Promise.all([admin.replay(first), admin.replay(first)]))).toContain('replayed');
    expect(await view()).toMatchObject({ value: 'idle', context: { rung: 1 } });
    expect(await lettersOf(node)).toEqual([]);

    // Where it is set anew the old one counts no more, nor in a state that does not wait for it.
    const second = await failedRing();
    await node.run(bell.tell({ type: 'set' }));
    await expect(node.run(admin.replay(second))).rejects.toMatchObject({ code: 'UNHANDLED_EVENT' });
    await node.run(bell.tell({ type: 'leave' }));
    expect(await lettersOf(node)).toHaveLength(1);
    expect((await view()).context.rung).toBe(1);
  });

  it('[AD4] the end of an invoke that failed its machine is replayed, unless the invoke runs again', async () => {
    mood = 'ill';
    const machine = setup({
      types: {} as { context: { n: number }; events: { type: 'go' | 'back' } },
      actors: { job: fromPromise(async () => 7) },
    }).createMachine({
      context: { n: 0 },
      initial: 'idle',
      states: {
        idle: { on: { go: 'working' } },
        working: {
          on: { back: 'idle' },
          invoke: {
            src: 'job',
            id: 'job',
            onDone: {
              target: 'idle',
              actions: assign(({ context, event }) => {
                if (mood === 'ill') throw new Error('out of sorts');
                return { n: context.n + event.output };
              }),
            },
            onError: 'idle',
          },
        },
      },
    });
    const Shop = defineActor('shop', { machine, supervise: { retries: 0, directive: 'suspend' } });
    const node = await solo([Shop]);
    const shop = node.runtime.actor(Shop, 'a');
    await node.run(shop.tell({ type: 'go' }));
    const [letter] = await lettersOf(node);
    mood = 'well';
    await node.run(node.runtime.admin.resume(shop));
    expect(await node.run(node.runtime.admin.replay(letter?.id ?? ''))).toBe('replayed');
    expect(await node.run(shop.read())).toMatchObject({ value: 'idle', context: { n: 7 } });
  });

  it('[AD4] an event too large to be kept cannot be replayed, which is said', async () => {
    mood = 'ill';
    const { node, actor } = await one('resume');
    const large: object = { type: 'fail', text: 'x'.repeat(20_000) };
    await expect(node.run(actor.tell(large as never))).rejects.toEqual(failed());
    const [letter] = await lettersOf(node);
    expect(letter?.event).toMatchObject({ type: 'fail', omittedBytes: expect.any(Number) });
    await expect(node.run(node.runtime.admin.replay(letter?.id ?? ''))).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect(await node.run(node.runtime.admin.forget(letter?.id ?? ''))).toBe('forgotten');
  });

  it('[DL1] no more than so many are kept, the last ones', async () => {
    const { node, actor } = await one('resume');
    for (let i = 0; i < 140; i++) {
      await expect(node.run(actor.tell(fail))).rejects.toEqual(failed());
      await node.run(node.runtime.admin.resume(actor));
      if (i % 10 === 9) await node.clock.advance(30_000);
    }
    const letters = await lettersOf(node);
    expect(letters).toHaveLength(128);
  });

  it('[AD3] looking at an actor does not wake it', async () => {
    const { node, Fragile } = await one('suspend');
    expect(await node.run(node.runtime.admin.examine(node.runtime.actor(Fragile, 'b')))).toMatchObject({
      phase: 'absent',
    });
    expect(node.runtime.admin.residents().map(({ id }) => id)).toEqual(['fragile:a']);
  });
});
