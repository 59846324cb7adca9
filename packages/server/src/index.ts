// The server

export { Argon2Hasher } from './auth/password-hasher.argon2.ts';
// Passwords
export type { PasswordHasher } from './auth/password-hasher.ts';
export {
  type Backends,
  BackendUnreachable,
  type ClusterAddress,
  clusterBackends,
  memoryBackends,
  type Platform,
} from './backends.ts';
export type { Backend } from './config.ts';
// Problems
export { Problem, type ProblemFacts } from './problem.ts';

// Projects
export { AggregateRoot } from './projects/aggregate-root.ts';
export { ClaimToken } from './projects/claim-token.ts';
export { DomainError, type DomainErrorCode } from './projects/domain-error.ts';
export { ProjectId, UserId } from './projects/ids.ts';
export {
  type Moment,
  type NewProject,
  Project,
  type ProjectEvent,
  type ProjectPatch,
  type ProjectState,
  type ProjectStatus,
} from './projects/project.ts';
// Its domain, for code that runs in the same process
export { ProjectService, type ProjectServiceOptions } from './projects/project-service.ts';
export { createServer, type Server, type ServerOptions } from './server.ts';
export { openServices, type Services, type ServicesOptions } from './services.ts';
