import { RedisLogStore } from './log-store.redis.ts';
import { RedisRecordStore } from './record-store.redis.ts';
import type { RedisNamespaceOptions } from './redis-namespace.ts';
import { RedisNamespace } from './redis-namespace.ts';
import { RedisStateStore } from './state-store.redis.ts';
import type { StoreLimits } from './store-limits.ts';

// Everything durable, in Redis
export { RedisLogStore } from './log-store.redis.ts';
export { RedisRecordStore } from './record-store.redis.ts';
export { RedisNamespace, type RedisNamespaceOptions } from './redis-namespace.ts';
export { RedisStateStore } from './state-store.redis.ts';
export type { StoreLimits } from './store-limits.ts';

/** The three stores of one namespace. The link stays its opener's to close, after the stores. */
export function redisStores(options: RedisNamespaceOptions & { readonly limits?: Partial<StoreLimits> }): {
  readonly state: RedisStateStore;
  readonly log: RedisLogStore;
  readonly records: RedisRecordStore;
} {
  const namespace = new RedisNamespace(options);
  return {
    state: new RedisStateStore(namespace, options.limits),
    log: new RedisLogStore(namespace),
    records: new RedisRecordStore(namespace),
  };
}
