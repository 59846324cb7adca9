// The suite every Transport passes. A harness opens a network of its own for each test, and can
// cut and mend all of its links at once.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  MAX_BODY_BYTES,
  type Message,
  type RequestOutcome,
  type Transport,
  TransportError,
  type TransportStatus,
} from './transport.ts';

export interface TransportNetwork {
  /** A node's own transport, connected. */
  connect(): Promise<Transport>;
  /** Cuts every link; resolves when every transport says `disconnected`. */
  cut(): Promise<void>;
  /** Mends every link; resolves when every transport says `connected`. */
  mend(): Promise<void>;
  /** Lets time pass: cranked where time is simulated. */
  elapse(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** How the suite opens a network of its own. */
export interface TransportHarness {
  readonly name: string;
  readonly open: () => Promise<TransportNetwork>;
}

const text = (words: string): Buffer => Buffer.from(words);

/** Tests, for vitest, that any `Transport` passes. */
export function transportContract({ name, open }: TransportHarness): void {
  describe(`Transport contract: ${name}`, () => {
    let network: TransportNetwork;
    let near: Transport;
    let far: Transport;

    beforeEach(async () => {
      network = await open();
      near = await network.connect();
      far = await network.connect();
    });
    afterEach(async () => {
      await network.close();
    });

    /** Runs the network until a condition holds. */
    const until = async (holds: () => boolean): Promise<void> => {
      for (let turn = 0; turn < 2_000 && !holds(); turn++) await network.elapse(2);
      if (!holds()) throw new Error('it never came about');
    };
    const ending = async (asked: Promise<RequestOutcome>): Promise<RequestOutcome> => {
      let outcome: RequestOutcome | undefined;
      let fault: unknown;
      asked.then(
        (settled) => {
          outcome = settled;
        },
        (thrown: unknown) => {
          fault = thrown;
        },
      );
      await until(() => outcome !== undefined || fault !== undefined);
      if (outcome === undefined) throw fault;
      return outcome;
    };
    const collect =
      (into: string[]) =>
      (message: Message): void =>
        void into.push(message.body.toString());
    const echo = (message: Message): void => message.respond?.(Buffer.concat([text('re:'), message.body]));
    const refusal = (work: () => unknown): TransportError => {
      try {
        work();
      } catch (error) {
        if (error instanceof TransportError) return error;
        throw error;
      }
      throw new Error('it was not refused');
    };

    it('[TR2] what is published after subscribe resolved arrives, at the publisher itself too', async () => {
      const [here, there]: [string[], string[]] = [[], []];
      await near.subscribe('news', collect(here));
      await far.subscribe('news', collect(there));
      near.publish('news', text('one'));
      await until(() => here.length + there.length === 2);
      expect([here, there]).toEqual([['one'], ['one']]);
    });

    it('[TR3] messages to one subject arrive in order, whole and once', async () => {
      const got: string[] = [];
      await far.subscribe('line.*', collect(got));
      const sent = Array.from({ length: 500 }, (_, i) => `m${i}`);
      for (const [i, word] of sent.entries()) {
        near.publish('line.a', text(word));
        if (i % 97 === 0) await network.elapse(0);
      }
      await until(() => got.length >= sent.length);
      expect(got).toEqual(sent);
    });

    it('[TR3] publishes and requests to one subject keep their common order', async () => {
      const got: string[] = [];
      await far.subscribe('mixed', (message) => {
        got.push(message.body.toString());
        message.respond?.(text('ok'));
      });
      const asked: Promise<RequestOutcome>[] = [];
      for (let i = 0; i < 60; i++) {
        if (i % 3 === 0) near.publish('mixed', text(`${i}`));
        else asked.push(near.request('mixed', text(`${i}`), { timeoutMs: 2_000 }));
      }
      for (const one of asked) expect(await ending(one)).toMatchObject({ kind: 'reply' });
      expect(got).toEqual(Array.from({ length: 60 }, (_, i) => `${i}`));
    });

    it('[TR4] a request ends in the reply to it, whatever order the replies come in', async () => {
      const held: Message[] = [];
      await far.subscribe('slow', (message) => void held.push(message));
      const asked = Array.from({ length: 50 }, (_, i) => near.request('slow', text(`${i}`), { timeoutMs: 3_000 }));
      await until(() => held.length === 50);
      for (const message of held.reverse()) echo(message);
      for (const [i, one] of asked.entries())
        expect(await ending(one)).toEqual({ kind: 'reply', body: text(`re:${i}`) });
    });

    it('[TR4] a request that nobody listens to says so, long before its deadline', async () => {
      const asked = Array.from({ length: 5 }, () => near.request('void.of.all', text('?'), { timeoutMs: 600_000 }));
      for (const one of asked) expect(await ending(one)).toEqual({ kind: 'no-responders' });
    });

    it('[TR4] a request that is heard and not answered is lost at its deadline, and a late reply is dropped', async () => {
      let late: Message | undefined;
      await far.subscribe('mute', (message) => {
        late = message;
      });
      expect(await ending(near.request('mute', text('?'), { timeoutMs: 60 }))).toEqual({
        kind: 'lost',
        why: 'deadline',
      });
      await until(() => late !== undefined);
      late?.respond?.(text('too late'));
      await network.elapse(20);
    });

    it('[TR4] a reply counts once', async () => {
      await far.subscribe('twice', (message) => {
        message.respond?.(text('first'));
        message.respond?.(text('second'));
      });
      expect(await ending(near.request('twice', text('?'), { timeoutMs: 2_000 }))).toEqual({
        kind: 'reply',
        body: text('first'),
      });
    });

    it('[TR4] an aborted request rejects with the reason of its signal', async () => {
      await far.subscribe('mute', () => {});
      const stop = new AbortController();
      const asked = near.request('mute', text('?'), { timeoutMs: 60_000, signal: stop.signal });
      const reason = new Error('no longer wanted');
      stop.abort(reason);
      await expect(asked).rejects.toBe(reason);
      await expect(near.request('mute', text('?'), { timeoutMs: 60_000, signal: stop.signal })).rejects.toBe(reason);
    });

    it('[TR4] requests that wait are lost as soon as the link is cut', async () => {
      let heard = 0;
      await far.subscribe('mute', () => {
        heard += 1;
      });
      const asked = Array.from({ length: 3 }, () => near.request('mute', text('?'), { timeoutMs: 600_000 }));
      await until(() => heard === 3);
      await network.cut();
      for (const one of asked) expect(await ending(one)).toEqual({ kind: 'lost', why: 'disconnected' });
    });

    it('[TR1] while disconnected a publish throws, a request was asked of nobody, and neither arrives later', async () => {
      const got: string[] = [];
      await far.subscribe('news', collect(got));
      await network.cut();
      const fault = refusal(() => near.publish('news', text('lost')));
      expect([fault.code, fault.applied, near.status]).toEqual(['TRANSPORT_UNAVAILABLE', 'no', 'disconnected']);
      expect(await ending(near.request('news', text('lost too'), { timeoutMs: 5_000 }))).toEqual({
        kind: 'no-responders',
      });
      await expect(near.subscribe('news', collect(got))).rejects.toMatchObject({ code: 'TRANSPORT_UNAVAILABLE' });
      await network.mend();
      near.publish('news', text('found'));
      await until(() => got.length > 0);
      expect(got).toEqual(['found']);
    });

    it('[TR2] a subscription that is under way when the link is cut settles: it is in force after all, or unavailable', async () => {
      const got: string[] = [];
      let settled: string | undefined;
      near.subscribe('news', collect(got)).then(
        () => {
          settled = 'in force';
        },
        (fault: unknown) => {
          settled = fault instanceof TransportError ? fault.code : String(fault);
        },
      );
      await network.cut();
      await until(() => settled !== undefined);
      expect(['in force', 'TRANSPORT_UNAVAILABLE']).toContain(settled);
      await network.mend();
      far.publish('news', text('one'));
      near.publish('news', text('two'));
      await until(() => settled !== 'in force' || got.includes('two'));
      if (settled !== 'in force') expect(got).toEqual([]);
    });

    it('[TR2] subscriptions are in force again after a reconnect, and status tells of both', async () => {
      const seen: TransportStatus[] = [];
      const forget = near.onStatus((status) => void seen.push(status));
      await far.subscribe('echo', echo, { queue: 'q' });
      await network.cut();
      await network.mend();
      let outcome: RequestOutcome = { kind: 'no-responders' };
      // The far side may be a moment later back than this one.
      for (let i = 0; i < 100 && outcome.kind !== 'reply'; i++)
        outcome = await ending(near.request('echo', text('again'), { timeoutMs: 2_000 }));
      expect(outcome).toEqual({ kind: 'reply', body: text('re:again') });
      expect(seen).toEqual(['disconnected', 'connected']);
      forget();
      await network.cut();
      expect(seen).toHaveLength(2);
    });

    it('[TR7] of a queue group each message reaches one, and every plain subscription gets it as well', async () => {
      const [a, b, all]: [string[], string[], string[]] = [[], [], []];
      await near.subscribe('work', collect(a), { queue: 'workers' });
      await far.subscribe('work', collect(b), { queue: 'workers' });
      await far.subscribe('work', collect(all));
      for (let i = 0; i < 40; i++) {
        near.publish('work', text(`${i}`));
        await network.elapse(1);
      }
      await until(() => all.length === 40 && a.length + b.length >= 40);
      expect([...a, ...b].sort()).toEqual([...all].sort());
      expect(Math.min(a.length, b.length)).toBeGreaterThan(0);
    });

    it('[TR5] messages are handled in order while earlier requests still wait for their answer', async () => {
      const held: Message[] = [];
      const got: string[] = [];
      await far.subscribe('desk', (message) => {
        got.push(message.body.toString());
        if (message.respond !== undefined) held.push(message);
      });
      const asked = near.request('desk', text('long'), { timeoutMs: 5_000 });
      near.publish('desk', text('short'));
      await until(() => got.length === 2);
      expect(got).toEqual(['long', 'short']);
      for (const message of held) echo(message);
      expect(await ending(asked)).toEqual({ kind: 'reply', body: text('re:long') });
    });

    it('[TR9] a body stays what it was, at the sender and at every receiver, whatever comes after it', async () => {
      const held: Buffer[] = [];
      await far.subscribe('news', ({ body }) => void held.push(body));
      await near.subscribe('news', ({ body }) => void held.push(body));
      const sent = Array.from({ length: 200 }, (_, i) => text(`message ${i} ${'x'.repeat(i)}`));
      const copies = sent.map((body) => body.toString());
      for (const [i, body] of sent.entries()) {
        near.publish('news', body);
        if (i % 31 === 0) await network.elapse(0);
      }
      await until(() => held.length === 400);
      expect(sent.map((body) => body.toString())).toEqual(copies);
      expect(held.map((body) => body.toString()).toSorted()).toEqual([...copies, ...copies].toSorted());
    });

    it('[TR6] no handler is called after unsubscribe resolved', async () => {
      const got: string[] = [];
      const subscription = await far.subscribe('news', collect(got));
      await subscription.unsubscribe();
      await subscription.unsubscribe();
      near.publish('news', text('unheard'));
      expect(await ending(near.request('news', text('?'), { timeoutMs: 5_000 }))).toEqual({ kind: 'no-responders' });
      expect(got).toEqual([]);
    });

    it('[TR6] close loses what waits, silences the handlers, and is final', async () => {
      const got: string[] = [];
      await near.subscribe('news', collect(got));
      await far.subscribe('mute', () => {});
      const asked = near.request('mute', text('?'), { timeoutMs: 600_000 });
      const closing = near.close();
      expect(await ending(asked)).toEqual({ kind: 'lost', why: 'closed' });
      await closing;
      await near.close();
      far.publish('news', text('unheard'));
      await network.elapse(20);
      expect([got, near.status]).toEqual([[], 'closed']);
      expect(refusal(() => near.publish('news', text('x'))).code).toBe('TRANSPORT_UNAVAILABLE');
      expect(await near.request('news', text('x'), { timeoutMs: 50 })).toEqual({ kind: 'no-responders' });
      await expect(near.subscribe('news', () => {})).rejects.toBeInstanceOf(TransportError);
    });

    it.each(['', 'a b', 'a..b', '.a', 'a.', 'a\r\nPUB x 0', 'a.*', 'a.>', '*', '>', 'ä', 'x'.repeat(513)])(
      '[TR8] the subject %j is refused for sending',
      async (subject) => {
        expect(refusal(() => near.publish(subject, text('x'))).code).toBe('SUBJECT_INVALID');
        await expect(near.request(subject, text('x'), { timeoutMs: 50 })).rejects.toMatchObject({
          code: 'SUBJECT_INVALID',
          applied: 'no',
        });
      },
    );

    it.each([
      ['', undefined],
      ['a..b', undefined],
      ['>.a', undefined],
      ['a b', undefined],
      ['a', ''],
      ['a', 'q 7\r\nPUB evil 3\r\nABC\r\nSUB zz zz'],
      ['a', 'q.*'],
    ])('[TR8] subscribing to %j in queue %j is refused', async (subject, queue) => {
      const subscribing = near.subscribe(subject, () => {}, queue === undefined ? {} : { queue });
      await expect(subscribing).rejects.toMatchObject({ code: 'SUBJECT_INVALID' });
    });

    it('[TR8] the largest body travels both ways, one byte more is refused before sending', async () => {
      const largest = Buffer.alloc(MAX_BODY_BYTES, 7);
      await far.subscribe('big', (message) => message.respond?.(message.body));
      const outcome = await ending(near.request('big', largest, { timeoutMs: 10_000 }));
      expect(outcome.kind === 'reply' && outcome.body.equals(largest)).toBe(true);
      const over = Buffer.alloc(MAX_BODY_BYTES + 1);
      expect(refusal(() => near.publish('big', over)).code).toBe('TOO_LARGE');
      await expect(near.request('big', over, { timeoutMs: 50 })).rejects.toMatchObject({
        code: 'TOO_LARGE',
        applied: 'no',
      });
    });

    it('[TR8] a reply that is too large is refused to the one who answers, who may answer again', async () => {
      await far.subscribe('big', (message) => {
        const fault = refusal(() => message.respond?.(Buffer.alloc(MAX_BODY_BYTES + 1)));
        message.respond?.(text(fault.code));
      });
      expect(await ending(near.request('big', text('?'), { timeoutMs: 5_000 }))).toEqual({
        kind: 'reply',
        body: text('TOO_LARGE'),
      });
    });
  });
}
