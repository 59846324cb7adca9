// `@devmentor/agents/testing`
export { type BoardStoreHarness, boardStoreContract } from './board-store.contract.ts';
