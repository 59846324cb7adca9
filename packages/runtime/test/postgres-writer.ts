// A process that commits to one actor without pause, told by lines: `go` takes the actor's shard and
// begins; the words it prints are `committed <version>` and, once the shard was taken, `fenced`.
import { createInterface } from 'node:readline';
import { systemClock } from '@devmentor/locks';
import { postgresStores } from '../src/postgres.ts';
import { ada, Owner } from '../src/store-contract.fixtures.ts';

const [postgres = '', namespace = ''] = process.argv.slice(2);
const { state } = await postgresStores({ postgres, namespace, clock: systemClock, connections: 1 });

for await (const _ of createInterface({ input: process.stdin })) {
  const owner = await Owner.of(state, ada, 'writer');
  owner.version = (await state.peek(ada))?.version ?? 0;
  for (;;) {
    const commit = { id: ada, commitId: `${owner.epoch}:${owner.version}`, basis: owner.version };
    const rest = { machineVersion: 1, snapshot: owner.version + 1, timers: [], settles: [], events: [] };
    const answer = await state.commit(owner.shard, owner.epoch, [
      { ...commit, ...rest, outbox: { add: [], remove: [] } },
    ]);
    if (answer.kind === 'fenced') break;
    owner.version += 1;
    console.log(`committed ${owner.version}`);
  }
  console.log('fenced');
}
