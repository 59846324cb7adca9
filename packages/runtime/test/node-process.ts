// A runtime in a process of its own, driven over IPC: argv = redis url, nats url, namespace, node id.
import { systemClock } from '@devmentor/locks';
import { RedisLink, RedisLockManager } from '@devmentor/locks/redis';
import { createRuntime, formatActorId, shardOf } from '../src/index.ts';
import { openNatsTransport } from '../src/nats.ts';
import { redisStores } from '../src/redis.ts';
import { Ledger } from './ledger.fixture.ts';
import { type Order, type Report, SHARDS } from './node-processes.fixture.ts';

const [redis = '', nats = '', namespace = '', id = ''] = process.argv.slice(2);
const link = RedisLink.open({ redis });
const { state } = redisStores({ link, namespace, shards: SHARDS });
const locks = new RedisLockManager({ redis: link, namespace });
const transport = await openNatsTransport({ nats });
const runtime = createRuntime({ actors: [Ledger], namespace, locks, state, transport, node: { id } });

const report = (message: Report): void => void process.send?.(message);

async function answer(order: Order): Promise<unknown> {
  switch (order.do) {
    case 'note':
      return await runtime
        .actor(Ledger, order.key)
        .tell({ type: 'note', id: order.id }, { deadlineMs: order.deadlineMs });
    case 'pass':
      return await runtime
        .actor(Ledger, order.key)
        .tell({ type: 'pass', id: order.id, to: order.to }, { deadlineMs: order.deadlineMs });
    case 'read':
      return (await runtime.actor(Ledger, order.key).read({ fresh: order.fresh, deadlineMs: 15_000 })).context.notes;
    case 'owns':
      return runtime.shards().includes(shardOf(formatActorId('ledger', order.key), state.shards));
    case 'shards':
      return { shards: runtime.shards(), incarnation: runtime.incarnation };
    case 'drain': {
      const startMs = systemClock.nowMs();
      await runtime.drain();
      return systemClock.nowMs() - startMs;
    }
  }
}

process.on('message', (order: Order) => {
  answer(order).then(
    (value) => report({ n: order.n, ok: true, value }),
    (fault: { code?: string; message: string }) => report({ n: order.n, ok: false, code: fault.code ?? fault.message }),
  );
});

await state.open();
await locks.open();
await runtime.start();
report({ n: 0, ok: true, value: 'started' });
