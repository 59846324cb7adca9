import { describe, expect, it } from 'vitest';
import { RedisNamespace } from '../src/redis-namespace.ts';
import { stateStoreContract } from '../src/state-store.contract.ts';
import { ada, Owner, settled } from '../src/store-contract.fixtures.ts';
import { elapse, redisOfThisFile } from './redis-stores.fixture.ts';

const redis = redisOfThisFile();

stateStoreContract({ open: async (options) => redis.stores(options), elapse });

describe('records in Redis of before lanes were counted', () => {
  const bob = 'user:bob';
  const cy = 'user:cy';

  /** As an earlier version left it: with what two actors and a node told, and nothing about lanes. */
  async function earlier(namespace: string): Promise<Owner> {
    const { state } = await redis.stores({ namespace, limits: { actorLanes: 3 } });
    const owner = await Owner.of(state);
    await owner.committed({ settles: [settled(1, 1, 'b', bob), settled(2, 2, 'c', cy), settled(1, 1, 'n')] });
    const link = redis.link();
    await link.command('hdel', new RedisNamespace({ link, namespace }).key('actor', ada), 'lanes', 'floor');
    return owner;
  }

  it('[ST13] what was settled stays settled, and who told it tells on', async () => {
    const owner = await earlier('earlier-settled');
    expect(await owner.commit({ settles: [settled(1, 1, 'x', bob)] })).toEqual({
      kind: 'duplicate',
      settled: [{ sender: bob, n: 1, reply: 'b' }],
    });
    expect(await owner.committed({ settles: [settled(3, 3, undefined, bob)] })).not.toHaveProperty('crowded');
    expect(await owner.commit({ settles: [settled(1, 1, 'x', bob)] })).toMatchObject({ kind: 'duplicate' });
  });

  it('[ST13] its lanes are counted with those opened since', async () => {
    const owner = await earlier('earlier-counted');
    expect(await owner.committed({ settles: [settled(3, 3, undefined, 'user:dee')] })).not.toHaveProperty('crowded');
    expect(await owner.committed({ settles: [settled(4, 4, undefined, 'user:eve')] })).toMatchObject({
      crowded: ['user:eve'],
    });
  });

  it('[ST13] one of its lanes is closed like any other', async () => {
    const owner = await earlier('earlier-closed');
    await owner.committed({ closes: [{ sender: bob, n: 1 }] });
    expect(await owner.commit({ settles: [settled(1, 1, 'x', bob)] })).toMatchObject({ kind: 'closed', floor: 2 });
    for (const [n, sender] of [
      [3, 'user:dee'],
      [4, 'user:eve'],
    ] as const)
      expect(await owner.committed({ settles: [settled(n, n, undefined, sender)] })).not.toHaveProperty('crowded');
    expect(await owner.committed({ settles: [settled(5, 5, undefined, bob)] })).toMatchObject({ crowded: [bob] });
  });
});
