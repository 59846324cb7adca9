// The receiving side of a fence

export {
  checkFence,
  FENCE_HEADER,
  FENCE_PROBLEMS,
  type FenceCheck,
  type FenceProblem,
  type FenceRefusal,
  type FenceStore,
  fenceHeaders,
  LEASE_HEADER,
  type RequestHeaders,
  refuseStale,
} from './guard.http.ts';
export {
  FENCE_LUA,
  type GuardedRun,
  type GuardedScript,
  guardKeyOf,
  RedisGuard,
  type RedisGuardOptions,
  type RedisScripts,
} from './guard.redis.ts';
export {
  type SqlDialect,
  SqlGuard,
  type SqlGuardOptions,
  type SqlRow,
  type SqlRun,
  type SqlUpdate,
  type SqlUpdated,
  type SqlValue,
} from './guard.sql.ts';
export {
  type Admission,
  type Guarded,
  MemoryGuard,
  type StaleCounts,
  type StaleFence,
  StaleFenceError,
  throwIfStale,
} from './guard.ts';
export { type FencingToken, parseFence } from './lease.ts';
