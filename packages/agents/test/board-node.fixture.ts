// A process that works on boards over Redis and NATS; its role comes with its arguments.
//   node board-node.fixture.ts <redis> <nats> <namespace> <leads: yes|no> <hangs: yes|no>
import { RedisLink, RedisLockManager } from '@devmentor/locks/redis';
import { openNatsTransport } from '@devmentor/runtime/nats';
import { RedisNamespace } from '@devmentor/runtime/redis';
import { ArchitectureAgent, BlackboardSystem } from '../src/index.ts';
import { RedisBoardStore } from '../src/redis.ts';
import { hangingSource } from './hanging.fixture.ts';

const [redis = '', nats = '', namespace = '', leads, hangs] = process.argv.slice(2);
const link = RedisLink.open({ redis });
const boards = new BlackboardSystem({
  store: new RedisBoardStore(new RedisNamespace({ link, namespace })),
  locks: new RedisLockManager({ redis: link, namespace }),
  transport: await openNatsTransport({ nats }),
  namespace,
  sources: [new ArchitectureAgent(), hangingSource(hangs === 'yes')],
  workers: { concurrency: 2 },
  controllers: leads === 'yes',
});
await boards.start();
process.stdout.write('ready\n');
