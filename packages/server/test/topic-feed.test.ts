import { SimulatedClock } from '@devmentor/locks/testing';
import { MemoryLogStore, type TopicEvent } from '@devmentor/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TopicFeed } from '../src/live/topic-feed.ts';
import type { TopicListener } from '../src/live/topic-tail.ts';

const topic = 'project:p1';

/** A log whose hints the test passes on, loses, doubles and reorders as it likes. */
function world() {
  const clock = new SimulatedClock();
  const log = new MemoryLogStore({ clock });
  const listeners = new Set<(event: TopicEvent) => void>();
  const feed = new TopicFeed({
    log,
    clock,
    hints: {
      listen: async (_, heard) => {
        listeners.add(heard);
        return () => listeners.delete(heard);
      },
    },
  });
  let written = 0;
  const append = async (): Promise<TopicEvent> => {
    written += 1;
    const [event] = await log.append(topic, [{ type: 'project.updated', data: { n: written } }]);
    if (event === undefined) throw new Error('nothing was appended');
    return event;
  };
  const hint = (event: TopicEvent): void => {
    for (const heard of listeners) heard(event);
  };
  return { clock, feed, append, hint, listeners };
}

class Reader implements TopicListener {
  readonly heard: number[] = [];
  outcome = '';
  cursor = '';
  joined({ outcome, cursor, replay }: Parameters<TopicListener['joined']>[0]): void {
    this.outcome = outcome;
    this.cursor = cursor;
    for (const event of replay) this.event(event);
  }
  event({ id, data }: TopicEvent): void {
    this.heard.push((data as { n: number }).n);
    this.cursor = id;
  }
  missed(cursor: string): void {
    this.outcome = 'missed';
    this.cursor = cursor;
  }
}

const upTo = (n: number, from = 1): number[] => Array.from({ length: n - from + 1 }, (_, at) => from + at);

describe('TopicFeed', () => {
  it('[TT1] whatever happens to the hints, every listener hears everything after its cursor, once and in order', async () => {
    const fate = fc.constantFrom('passed', 'lost', 'doubled', 'late', 'joins', 'comes back', 'silence');
    await fc.assert(
      fc.asyncProperty(fc.array(fate, { maxLength: 30 }), async (fates) => {
        const { clock, feed, append, hint } = world();
        const readers: { reader: Reader; from: number }[] = [];
        const late: TopicEvent[] = [];
        // A topic begins with its first event: before it there is no cursor to come back with.
        await append();
        let count = 1;
        for (const what of fates) {
          if (what === 'silence') await clock.advance(2_000);
          else if (what === 'joins' || what === 'comes back') {
            const reader = new Reader();
            const [earlier] = what === 'comes back' ? readers : [];
            const from = earlier === undefined ? count + 1 : (earlier.reader.heard.at(-1) ?? earlier.from - 1) + 1;
            await feed.subscribe(topic, earlier?.reader.cursor, reader);
            readers.push({ reader, from });
          } else {
            const event = await append();
            count += 1;
            if (what === 'late') late.push(event);
            if (what === 'passed' || what === 'doubled') hint(event);
            if (what === 'doubled') hint(event);
          }
        }
        for (const event of late.reverse()) hint(event);
        for (let n = 0; n < 3; n += 1) await clock.advance(1_100);
        for (const { reader, from } of readers) expect(reader.heard).toEqual(upTo(count, from));
        feed.close();
      }),
    );
  });

  it('[TT2] a hint that fits is passed on at once; one after a gap makes the log be read', async () => {
    const { feed, append, hint } = world();
    const reader = new Reader();
    await feed.subscribe(topic, undefined, reader);
    hint(await append());
    expect(reader.heard).toEqual([1]);
    await append();
    hint(await append());
    await expect.poll(() => reader.heard).toEqual([1, 2, 3]);
    feed.close();
  });

  it('[TT1] who missed more than is replayed is told to fetch anew', async () => {
    const { feed, append } = world();
    const first = await append();
    for (let n = 0; n < 1_100; n += 1) await append();
    const reader = new Reader();
    await feed.subscribe(topic, first.id, reader);
    expect([reader.outcome, reader.heard]).toEqual(['resync', []]);
    feed.close();
  });

  it('[TT6] a topic is followed while anybody listens or is about to', async () => {
    const { feed, append, hint, listeners } = world();
    const [one, two] = [new Reader(), new Reader()];
    const leaveOne = await feed.subscribe(topic, undefined, one);
    const joining = feed.subscribe(topic, undefined, two);
    leaveOne();
    const leaveTwo = await joining;
    hint(await append());
    expect([one.heard, two.heard]).toEqual([[], [1]]);
    leaveTwo();
    await expect.poll(() => listeners.size).toBe(0);
    feed.close();
  });
});
