// `@devmentor/agents/sqlite`; needs Node 22.13 or newer
export { SqliteBoardStore } from './board-store.sqlite.ts';
export type { FileTexts } from './board-store.ts';
