import type { APIResponse, RequestOptions } from './http.ts';

/** What a request takes beside its body. */
export type CallSettings = Omit<RequestOptions, 'body'>;

/** What the service proxies need of a client. `DevMentorAPIClient` is one. */
export interface ServiceTransport {
  get<Data>(path: string, options?: CallSettings): Promise<APIResponse<Data>>;
  post<Data>(path: string, body?: unknown, options?: CallSettings): Promise<APIResponse<Data>>;
  put<Data>(path: string, body?: unknown, options?: CallSettings): Promise<APIResponse<Data>>;
  patch<Data>(path: string, body?: unknown, options?: CallSettings): Promise<APIResponse<Data>>;
  delete<Data>(path: string, options?: CallSettings): Promise<APIResponse<Data>>;
  /** A POST under an idempotency key, made up when none is given; so it is repeated when lost. */
  create<Data>(path: string, body?: unknown, options?: CallSettings): Promise<APIResponse<Data>>;
  /** A stream of server-sent events; ends when the server ends it or the signal aborts. */
  events(path: string, options?: StreamSettings): AsyncGenerator<StreamEvent>;
}

export interface StreamSettings {
  readonly signal?: AbortSignal | undefined;
  readonly lastEventId?: string | undefined;
  /** Called once the server has answered well. */
  readonly onOpen?: () => void;
}

/** One server-sent event. */
export interface StreamEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
  readonly retryMs: number | undefined;
}
