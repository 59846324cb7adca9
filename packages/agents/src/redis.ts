// `@devmentor/agents/redis`
export { RedisBoardStore } from './board-store.redis.ts';
export type { FileTexts } from './board-store.ts';
