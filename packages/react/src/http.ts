// HTTP
//
// The one way of the client to REST: JSON in and out, problem documents become errors, and
// what may be repeated is repeated.
//
//   H1  A request is repeated only if it is safe, carries an idempotency key, or says of
//       itself that a repetition changes nothing; always with the same key.
//   H2  An expired access token is refreshed once, by one flight for all who wait.
//   H3  An abort of the caller ends everything at once and is rethrown untouched.
import { headers as wire } from '@devmentor/contracts/routes';
import { backoffMs } from './backoff.ts';
import { type Clock, type Entropy, pause } from './clock.ts';
import { CoordinationError, errorOfProblem, isCoordinationError, readProblem } from './errors.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a single request may say about itself. */
export interface RequestOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** For each attempt; 10 s by default. */
  readonly timeoutMs?: number;
  readonly idempotencyKey?: string | undefined;
  /** Doing it twice is doing it once, though it is a POST without a key. */
  readonly repeatable?: boolean;
  /** Sent without a bearer. */
  readonly anonymous?: boolean;
}

export interface APIResponse<Data> {
  readonly data: Data;
  readonly status: number;
  readonly headers: Headers;
}

/** Where the bearer comes from. */
export interface BearerSource {
  /** The token to send, renewed first when it has run out. */
  accessToken(): Promise<string | undefined>;
  /** After the server refused that token as expired: another one, or nothing. */
  renew(refused: string): Promise<string | undefined>;
}

export interface HttpOptions {
  readonly baseURL: string;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly bearer: BearerSource;
}

const attempts = 3;
const defaultTimeoutMs = 10_000;
const longestRestMs = 30_000;
const passing: ReadonlySet<string> = new Set([
  'UNREACHABLE',
  'TIMEOUT',
  'RATE_LIMITED',
  'OVERLOADED',
  'BACKEND_UNAVAILABLE',
  'SHUTTING_DOWN',
  'UPSTREAM_TIMEOUT',
  'IDEMPOTENCY_IN_PROGRESS',
]);

export class Http {
  readonly #options: HttpOptions;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  /** @throws CoordinationError, or the reason of the caller's signal. */
  async request<Data>(method: Method, path: string, options: RequestOptions = {}): Promise<APIResponse<Data>> {
    const { clock, entropy } = this.#options;
    const repeatable = method === 'GET' || options.idempotencyKey !== undefined || options.repeatable === true;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#authorized<Data>(method, path, options);
      } catch (error) {
        const isLast = attempt + 1 >= attempts;
        if (isLast || !repeatable || !isCoordinationError(error) || !passing.has(error.code)) throw error;
        const restMs = error.retryAfterMs ?? backoffMs(attempt, entropy.random());
        if (restMs > longestRestMs) throw error;
        await pause(clock, restMs, options.signal);
      }
    }
  }

  async #authorized<Data>(method: Method, path: string, options: RequestOptions): Promise<APIResponse<Data>> {
    const { bearer } = this.#options;
    const token = options.anonymous === true ? undefined : await bearer.accessToken();
    try {
      return await this.#once<Data>(method, path, options, token);
    } catch (error) {
      const expired = isCoordinationError(error) && error.problem?.status === 401;
      if (!expired || token === undefined) throw error;
      const renewed = await bearer.renew(token);
      if (renewed === undefined) throw error;
      return this.#once<Data>(method, path, options, renewed);
    }
  }

  async #once<Data>(
    method: Method,
    path: string,
    options: RequestOptions,
    token: string | undefined,
  ): Promise<APIResponse<Data>> {
    const { clock, fetch, baseURL } = this.#options;
    options.signal?.throwIfAborted();
    const attempt = new AbortController();
    const pass = (): void => attempt.abort(options.signal?.reason);
    options.signal?.addEventListener('abort', pass, { once: true });
    const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    const cancelTimeout = clock.after(timeoutMs, () => attempt.abort(timedOut));
    try {
      const response = await fetch(baseURL + path, {
        method,
        headers: requestHeaders(options, token),
        signal: attempt.signal,
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      });
      const text = await response.text();
      return readAnswer<Data>(response, text);
    } catch (error) {
      if (isCoordinationError(error)) throw error;
      if (options.signal?.aborted === true) throw options.signal.reason;
      const applied = method === 'GET' ? 'no' : 'unknown';
      if (attempt.signal.reason === timedOut) {
        throw new CoordinationError('TIMEOUT', { applied, detail: `${method} ${path} took over ${timeoutMs} ms` });
      }
      throw new CoordinationError('UNREACHABLE', { applied, detail: `${method} ${path}`, cause: error });
    } finally {
      cancelTimeout();
      options.signal?.removeEventListener('abort', pass);
    }
  }
}

const timedOut = Symbol('timed out');

function requestHeaders(options: RequestOptions, token: string | undefined): Record<string, string> {
  return {
    Accept: 'application/json',
    ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    ...(options.idempotencyKey === undefined ? {} : { [wire.idempotencyKey]: options.idempotencyKey }),
    ...options.headers,
  };
}

function readAnswer<Data>(response: Response, text: string): APIResponse<Data> {
  const body = text === '' ? undefined : parseJson(text);
  const { status, headers } = response;
  // The contract of each route is the server's promise; contract tests hold it to that.
  if (response.ok && body !== malformed) return { data: body as Data, status, headers };
  const problem = readProblem(body);
  if (problem !== undefined) throw errorOfProblem(problem, retryAfterMs(headers));
  // A proxy's own page, or a server that is not ours.
  const code = status === 502 || status === 503 ? 'UNREACHABLE' : status === 504 ? 'TIMEOUT' : 'MALFORMED_ANSWER';
  throw new CoordinationError(code, { applied: 'unknown', detail: `status ${status}` });
}

const malformed = Symbol('malformed');

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return malformed;
  }
}

function retryAfterMs(headers: Headers): number | undefined {
  const seconds = Number(headers.get(wire.retryAfter) ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined;
}
