// What is hinted may be lost or doubled; what is read is not.
import { afterEach, expect, it } from 'vitest';
import type { TopicEvent, Transport } from '../src/index.ts';
import { Cluster } from '../src/testing-cluster.ts';
import { Counter } from './counter.fixture.ts';

let cluster: Cluster;
afterEach(async () => await cluster.stop());

/** Every third hint is lost, every third is doubled. */
function shaky(transport: Transport): Transport {
  let count = 0;
  return {
    get status() {
      return transport.status;
    },
    onStatus: (listener) => transport.onStatus(listener),
    subscribe: (subject, handler, options) => transport.subscribe(subject, handler, options),
    request: (subject, body, options) => transport.request(subject, body, options),
    close: () => transport.close(),
    publish: (subject, body) => {
      const turn = subject.startsWith('ev.') ? ++count % 3 : 1;
      if (turn !== 0) transport.publish(subject, body);
      if (turn === 2) transport.publish(subject, body);
    },
  };
}

it('[LO4] hints are lost and doubled; the log has each event once, linked, and each hint is one of them', async () => {
  cluster = await Cluster.start({ actors: [Counter], nodes: 2, transport: shaky });
  const [a] = cluster.nodes;
  if (a === undefined) throw new Error('a node was started');
  const ref = a.runtime.actor(Counter, 'k');
  const hinted: string[] = [];
  ref.on('added', (hint) => void hinted.push((hint as object as TopicEvent).id));
  await cluster.advance(10);
  for (let i = 0; i < 12; i++) await cluster.run(ref.tell({ type: 'add', by: 1 }));
  const page = await cluster.log.read(ref.id, '', 100);
  if (page.kind !== 'events') throw new Error('nothing is gone');
  const ids = page.events.map(({ id }) => id);
  expect(page.events.map(({ data }) => data)).toEqual(Array.from({ length: 12 }, (_, i) => ({ total: i + 1 })));
  expect(page.events.map(({ prev }) => prev)).toEqual(['', ...ids.slice(0, -1)]);
  expect(hinted.length).toBeGreaterThan(0);
  expect(new Set(hinted).size).toBeLessThan(12);
  for (const id of hinted) expect(ids).toContain(id);
});
