import { RedisLink } from '@devmentor/locks/redis';
import { afterAll, beforeAll } from 'vitest';
import { type Backend, type RedisOptions, startRedis } from '../../../test/backends.ts';
import { redisStores } from '../src/redis.ts';
import type { StoreLimits } from '../src/store-limits.ts';

/** A Redis of this file's own; every call of `stores` opens an empty namespace on it. */
export function redisOfThisFile(options: RedisOptions = {}) {
  let redis: Backend;
  let link: RedisLink;
  let opened = 0;
  beforeAll(async () => {
    redis = await startRedis(options);
    link = RedisLink.open({ redis: redis.url });
  });
  afterAll(async () => {
    await link.close();
    await redis.stop();
  });
  return {
    backend: () => redis,
    link: () => link,
    stores: async (
      settings: { readonly shards?: number; readonly limits?: Partial<StoreLimits>; readonly namespace?: string } = {},
    ) => {
      opened += 1;
      const stores = redisStores({ link, namespace: `test-${opened}`, ...settings });
      await stores.state.open();
      return stores;
    },
  };
}

/** Real time passes on a real backend. */
export async function elapse(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
