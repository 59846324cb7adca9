// The link to Redis, shared by everything that stores there
export { Batcher, type BatcherOptions } from './batcher.ts';
// Leases on Redis
export { RedisLeaseStore, type RedisLeaseStoreOptions, redisLeaseStore } from './lease-store.redis.ts';
// Pools on Redis
export { RedisPermitStore, type RedisPermitStoreOptions } from './permit-store.redis.ts';
export { type RedisArg, RedisLink, type RedisLinkOptions, type Script } from './redis-link.ts';
export { RedisLockManager, type RedisLockManagerOptions } from './redis-lock-manager.ts';
export { checkRedisServer, type ServerWarning, safeClusterOptions, safeRedisOptions } from './redis-settings.ts';
// Time, where it is replayed
export { givenTime, type ScriptTime, SERVER_TIME } from './redis-time.ts';
