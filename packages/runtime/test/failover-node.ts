// A node of the failover trial: argv = redis url, nats url, namespace, node id. SIGTERM drains it.
import { RedisLink, RedisLockManager } from '@devmentor/locks/redis';
import { createRuntime } from '../src/index.ts';
import { openNatsTransport } from '../src/nats.ts';
import { redisStores } from '../src/redis.ts';
import type { TrialOrder, TrialReport } from './failover.fixture.ts';
import { SHARDS } from './node-processes.fixture.ts';
import { Tally } from './tally.fixture.ts';

const [redis = '', nats = '', namespace = '', id = ''] = process.argv.slice(2);
const link = RedisLink.open({ redis });
const { state } = redisStores({ link, namespace, shards: SHARDS });
const locks = new RedisLockManager({ redis: link, namespace });
const transport = await openNatsTransport({ nats });
const runtime = createRuntime({ actors: [Tally], namespace, locks, state, transport, node: { id } });

const report = (message: TrialReport): void => void process.send?.(message);

async function answer(order: TrialOrder): Promise<unknown> {
  switch (order.do) {
    case 'note': {
      const { writer, n } = order;
      return await runtime.actor(Tally, order.key).tell({ type: 'note', writer, n }, { deadlineMs: order.deadlineMs });
    }
    case 'read':
      return (await runtime.actor(Tally, order.key).read({ fresh: true, deadlineMs: 15_000 })).context;
    case 'shards':
      return { shards: runtime.shards(), incarnation: runtime.incarnation };
    case 'stand still': {
      // As a synchronous loop of the application would: nothing of this process runs meanwhile.
      const until = performance.now() + order.ms;
      while (performance.now() < until);
      return undefined;
    }
  }
}

process.on('message', (order: TrialOrder) => {
  answer(order).then(
    (value) => report({ n: order.id, ok: true, value }),
    (fault: { code?: string; message: string }) =>
      report({ n: order.id, ok: false, code: fault.code ?? fault.message }),
  );
});
process.once('SIGTERM', () => {
  void runtime.drain().then(async () => {
    await transport.close();
    await locks.close();
    await link.close();
    process.exit(0);
  });
});

await state.open();
await locks.open();
await runtime.start();
report({ n: 0, ok: true, value: 'started' });
