// `@devmentor/agents/redis`
export { RedisBoardStore } from './board-store.redis.ts';
