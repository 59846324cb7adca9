// A process that writes to a data folder as fast as it can and prints what was acknowledged,
// a line of JSON each: argv = folder.
import { MemoryLockManager, systemClock } from '@devmentor/locks';
import type { ActorId } from '../src/actor-id.ts';
import { sqliteStores } from '../src/sqlite.ts';
import { Owner, settled } from '../src/store-contract.fixtures.ts';
import type { Acknowledged } from './sqlite-writer.fixture.ts';

const [dir = ''] = process.argv.slice(2);
const { database, state, log, records } = sqliteStores({ dir, clock: systemClock });
await state.open();
const locks = new MemoryLockManager({ fenceFloor: database.highestFence() });

// A pipe is written at once: what was printed was acknowledged before the end, whatever ends it.
const acknowledge = (what: Acknowledged): void => void process.stdout.write(`${JSON.stringify(what)}\n`);

async function countInActor(id: `counter:${number}`): Promise<never> {
  const owner = await Owner.of(state, id, `node-${process.pid}`);
  owner.version = (await state.peek(id))?.version ?? 0;
  for (;;) {
    const n = owner.version + 1;
    const { version, events } = await owner.committed({
      snapshot: { n },
      settles: [settled(n, n, n, 'user:ada')],
      events: [{ type: 'counted', data: n }],
    });
    acknowledge({ kind: 'actor', id, version, cursor: events[0]?.id ?? '' });
  }
}

async function countInTopic(topic: string): Promise<never> {
  const page = await log.read(topic, '', 5_000);
  const last = page.kind === 'events' ? page.events.at(-1)?.data : undefined;
  for (let n = Number(last ?? 0) + 1; ; n++) {
    const [event] = await log.append(topic, [{ type: 'counted', data: n }]);
    acknowledge({ kind: 'topic', topic, n, id: event?.id ?? '' });
  }
}

async function countInRecord(key: string): Promise<never> {
  for (;;) {
    const before = await records.get(key);
    const n = Number(before?.value ?? 0) + 1;
    const put = await records.put(key, n, { expects: before?.version ?? 'absent' });
    if (put.kind !== 'written') throw new Error('nobody else writes');
    acknowledge({ kind: 'record', key, n, version: put.version });
  }
}

async function claim(resource: ActorId): Promise<never> {
  for (;;) {
    const lease = await locks.acquire(resource);
    const admitted = await state.admit(resource, lease.fence);
    if (admitted.kind !== 'admitted') throw new Error('nobody else claims');
    acknowledge({ kind: 'claim', fence: lease.fence });
    await lease.release();
  }
}

const four = [1, 2, 3, 4];
await Promise.all([
  ...four.map((n) => countInActor(`counter:${n}`)),
  ...four.map((n) => countInTopic(`topic:${n}`)),
  ...four.map((n) => countInRecord(`record:${n}`)),
  ...four.map((n) => claim(`project:${n}`)),
]);
