// Hooks

export { APIClientProvider, useAPIClient } from './provider.ts';
export { type UseBlackboard, useBlackboard } from './use-blackboard.ts';
export { useConnectionStatus } from './use-connection.ts';
export { type UseProject, type UseProjectOptions, useProject } from './use-project.ts';
export { useProjectStore } from './use-project-store.ts';
export { type ProjectView, useProjectView, type VisibleHolder } from './use-project-view.ts';

// Stores

export { createProjectStore, type ProjectStore, type ProjectStoreApi } from './project-store.ts';

// The client and its failures; the rest of it is at `@devmentor/react/client`

export { type APIConfig, DevMentorAPIClient, getCurrentUserId, type ProjectUpdate } from './api-client.ts';
export { type Evidence, isOver } from './board-view.ts';
export type { ClaimState, LossReason } from './claim-state.ts';
export type { ConnectionState, ConnectionStatus } from './connection-status.ts';
export { type ClientCode, CoordinationError, isCoordinationError } from './errors.ts';
export type { ClaimWish } from './project-claim.ts';
