// The link to Redis, shared by everything that stores there
export { Batcher, type BatcherOptions } from './batcher.ts';
export { type RedisArg, RedisLink, type RedisLinkOptions, type Script } from './redis-link.ts';
export { checkRedisServer, safeClusterOptions, safeRedisOptions, type ServerWarning } from './redis-settings.ts';

// Leases on Redis
export { RedisLeaseStore, type RedisLeaseStoreOptions, redisLeaseStore } from './lease-store.redis.ts';
export { RedisLockManager, type RedisLockManagerOptions } from './redis-lock-manager.ts';
