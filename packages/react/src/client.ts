// Client without React

export { AIServiceProxy } from './ai-service-proxy.ts';
export { type APIConfig, DevMentorAPIClient, getCurrentUserId, type ProjectUpdate } from './api-client.ts';
export { AuthServiceProxy } from './auth-service-proxy.ts';
export { AuthSession } from './auth-session.ts';
export { LearningServiceProxy } from './learning-service-proxy.ts';
export { MemoryServiceProxy } from './memory-service-proxy.ts';
export { type LeaseOptions, ProjectServiceProxy } from './project-service-proxy.ts';

// Requests and their failures

export {
  type Applied,
  type ClientCode,
  CoordinationError,
  clientCodes,
  isCoordinationError,
} from './errors.ts';
export type { LiveEventListener } from './event-source.ts';
export type { APIResponse, Method, RequestOptions } from './http.ts';
export type { CallSettings, ServiceTransport, StreamEvent, StreamSettings } from './service-transport.ts';

// Live

export type { DisconnectReason } from './after-end.ts';
export { BoardFeed } from './board-feed.ts';
export { type BoardView, type Evidence, isOver } from './board-view.ts';
export { type ClaimState, grantOf, type LossReason } from './claim-state.ts';
export { LiveConnection } from './connection.ts';
export type { ConnectionState, ConnectionStatus } from './connection-status.ts';
export { Instance, type InstanceOrigin } from './instance.ts';
export type { WebSocketConstructor } from './line.ts';
export { type ClaimWish, ProjectClaim } from './project-claim.ts';
export { ProjectFeed } from './project-feed.ts';
export type { LeaseView, ProjectSnapshot } from './project-snapshot.ts';
export { SnapshotStore } from './snapshot-store.ts';
export type { TopicListener } from './topics.ts';

// Ports

export { systemClock, systemEntropy } from './clock.system.ts';
export type { Cancel, Clock, Entropy } from './clock.ts';
export { browserPage, noPage, type PageLifecycle, type PageMoment } from './page-lifecycle.ts';
export { type TabStorage, tabStorage } from './storage.ts';
