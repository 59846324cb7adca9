import type { ClaimInput } from './projects.ts';
import type { IAIGatewayService, IAuthService, ILearningService, IMemoryService, IProjectService } from './services.ts';

/** What every remote call takes. */
export interface CallOptions {
  signal?: AbortSignal;
  /** Makes a repetition the same request; a proxy makes one up where there is none. */
  idempotencyKey?: string;
}

/** What a write to a versioned resource takes. */
export interface WriteOptions extends CallOptions {
  /** The version the write is based on, or `*` for whichever; the last seen by default. */
  ifMatch?: number | '*';
  /** The claim it is made under; the one held by this client by default. */
  claimToken?: string;
}

/** What a claim takes. */
export interface ClaimOptions extends CallOptions, Omit<ClaimInput, 'userId'> {}

type Method = (...args: never) => unknown;

type WithLast<M extends Method, Options> = (...args: [...Parameters<M>, options?: Options]) => ReturnType<M>;

type WithOptions<Service, Own extends Partial<Record<keyof Service, CallOptions>>> = {
  [Name in keyof Service]: Service[Name] extends Method
    ? WithLast<Service[Name], Name extends keyof Own ? NonNullable<Own[Name]> : CallOptions>
    : never;
};

/** The services as a remote caller has them: one optional last parameter each. */
export interface AuthServiceClient extends WithOptions<IAuthService, Record<never, never>> {}
export interface ProjectServiceClient
  extends WithOptions<IProjectService, { update: WriteOptions; delete: WriteOptions; claim: ClaimOptions }> {}
export interface AIGatewayServiceClient extends WithOptions<IAIGatewayService, Record<never, never>> {}
export interface LearningServiceClient extends WithOptions<ILearningService, Record<never, never>> {}
export interface MemoryServiceClient extends WithOptions<IMemoryService, Record<never, never>> {}
