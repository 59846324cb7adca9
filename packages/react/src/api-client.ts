import type { Project } from '@devmentor/contracts';
import { pathTo } from '@devmentor/contracts/routes';
import { AIServiceProxy } from './ai-service-proxy.ts';
import { AuthServiceProxy } from './auth-service-proxy.ts';
import { AuthSession } from './auth-session.ts';
import { BoardFeed } from './board-feed.ts';
import { systemClock, systemEntropy } from './clock.system.ts';
import type { Clock, Entropy } from './clock.ts';
import { LiveConnection } from './connection.ts';
import { CoordinationError, errorOfProblem, readProblem } from './errors.ts';
import { followEvents, type LiveEventListener } from './event-source.ts';
import { readEventStream } from './event-stream.ts';
import { type APIResponse, Http } from './http.ts';
import { Instance } from './instance.ts';
import { LearningServiceProxy } from './learning-service-proxy.ts';
import type { WebSocketConstructor } from './line.ts';
import { MemoryServiceProxy } from './memory-service-proxy.ts';
import { browserPage, type PageLifecycle } from './page-lifecycle.ts';
import { ProjectClaim } from './project-claim.ts';
import { ProjectFeed } from './project-feed.ts';
import { ProjectServiceProxy } from './project-service-proxy.ts';
import type { ProjectSnapshot } from './project-snapshot.ts';
import type { CallSettings, ServiceTransport, StreamEvent, StreamSettings } from './service-transport.ts';
import { Shared } from './shared.ts';
import { type TabStorage, tabStorage } from './storage.ts';

/** Between the last user's leaving and the end of what he used. */
const lingerMs = 250;

export interface APIConfig {
  /** Where the server is; `http://localhost:8080` by default. */
  readonly apiGatewayURL?: string;
  readonly fetch?: typeof globalThis.fetch;
  /** Node 20 has none of its own: give it the one of `ws`. */
  readonly WebSocket?: WebSocketConstructor;
  /** Survives a reload of this tab; a browser's `sessionStorage` by default. */
  readonly storage?: TabStorage;
  readonly page?: PageLifecycle;
  /** Keeps two tabs from being one instance; a browser's `navigator.locks` by default. */
  readonly locks?: LockManager;
  readonly clock?: Clock;
  readonly entropy?: Entropy;
}

/** A project as it is now, with who holds it. */
export interface ProjectUpdate extends Project {
  readonly isLocked: boolean;
  readonly isLockedByMe: boolean;
  readonly lockedBy: string | undefined;
}

/**
 * The server, from a browser or a program: the five services, one live connection and
 * whatever is shared about each project. Making one does no I/O.
 */
export class DevMentorAPIClient implements ServiceTransport {
  readonly auth: AuthServiceProxy;
  readonly projects: ProjectServiceProxy;
  readonly ai: AIServiceProxy;
  readonly learning: LearningServiceProxy;
  readonly memory: MemoryServiceProxy;
  readonly session: AuthSession;
  readonly instance: Instance;
  readonly connection: LiveConnection;
  /** Projects that somebody looks at, by id. */
  readonly feeds: Shared<ProjectFeed>;
  /** Blackboards that somebody looks at, by id. */
  readonly boards: Shared<BoardFeed>;
  /** This tab's claims, by project id. */
  readonly claims: Shared<ProjectClaim>;
  readonly #baseURL: string;
  readonly #http: Http;
  readonly #fetch: typeof globalThis.fetch;
  readonly #entropy: Entropy;
  readonly #clock: Clock;
  readonly #ended = new AbortController();

  constructor(config: APIConfig = {}) {
    const clock = config.clock ?? systemClock;
    const entropy = config.entropy ?? systemEntropy;
    const storage = config.storage ?? tabStorage();
    const page = config.page ?? browserPage();
    this.#baseURL = (config.apiGatewayURL ?? 'http://localhost:8080').replace(/\/+$/, '');
    // A browser's fetch refuses to be called as somebody's method.
    this.#fetch = config.fetch ?? ((...args) => globalThis.fetch(...args));
    this.#entropy = entropy;
    this.#clock = clock;
    this.session = new AuthSession({ clock, entropy, storage, refresh: (token) => this.auth.refreshToken(token) });
    this.instance = new Instance({ clock, entropy, storage, page, locks: config.locks ?? webLocks() });
    const bearer = this.session;
    this.#http = new Http({ baseURL: this.#baseURL, fetch: this.#fetch, clock, entropy, bearer });
    this.connection = new LiveConnection({
      url: `${this.#baseURL.replace(/^http/, 'ws')}${pathTo('events.socket')}`,
      WebSocket: config.WebSocket ?? globalThis.WebSocket,
      clock,
      entropy,
      bearer,
      page,
    });
    this.auth = new AuthServiceProxy(this, this.session);
    this.projects = new ProjectServiceProxy(this);
    this.ai = new AIServiceProxy(this);
    this.learning = new LearningServiceProxy(this);
    this.memory = new MemoryServiceProxy(this);

    const { projects, ai, connection, instance } = this;
    this.feeds = new Shared<ProjectFeed>({
      clock,
      lingerMs,
      make: (projectId) => {
        this.connection.open();
        return new ProjectFeed({ projectId, projects, connection, clock, reader: () => this.#reader() });
      },
      end: (feed) => feed.stop(),
    });
    this.boards = new Shared<BoardFeed>({
      clock,
      lingerMs,
      make: (boardId) => {
        this.connection.open();
        return new BoardFeed({ boardId, ai, connection, clock });
      },
      end: (feed) => feed.stop(),
    });
    const watching = new Map<string, () => void>();
    this.claims = new Shared<ProjectClaim>({
      clock,
      lingerMs,
      make: (projectId) => {
        const { thing: feed, leave } = this.feeds.use(projectId);
        watching.set(projectId, leave);
        const farewell = (path: string, text: string): void => this.#farewell(path, text);
        return new ProjectClaim({
          projectId,
          projects,
          connection,
          feed,
          instance,
          page,
          storage,
          clock,
          entropy,
          farewell,
        });
      },
      end: (claim, projectId) => {
        claim.end();
        watching.get(projectId)?.();
        watching.delete(projectId);
      },
    });
    // Another user, or none: the line is the former one's.
    let userId = this.session.user?.id;
    this.session.onChange(() => {
      if (this.session.user?.id === userId) return;
      const had = this.connection.status.state !== 'initial';
      userId = this.session.user?.id;
      this.connection.close();
      if (userId === undefined) return;
      if (had) this.connection.open();
      for (const feed of [...this.feeds.all(), ...this.boards.all()]) feed.refresh();
    });
  }

  /**
   * Makes sure that this tab shares neither instance nor sign-in with another. A copy of a
   * tab is signed out: the refresh token it was copied with belongs to the original.
   */
  async ready(): Promise<this> {
    if ((await this.instance.ready()) === 'duplicated') this.session.signOut();
    return this;
  }

  get<Data>(path: string, options?: CallSettings): Promise<APIResponse<Data>> {
    return this.#http.request<Data>('GET', path, options);
  }

  post<Data>(path: string, body?: unknown, options?: CallSettings): Promise<APIResponse<Data>> {
    return this.#http.request<Data>('POST', path, { ...options, body });
  }

  put<Data>(path: string, body?: unknown, options?: CallSettings): Promise<APIResponse<Data>> {
    return this.#http.request<Data>('PUT', path, { ...options, body });
  }

  patch<Data>(path: string, body?: unknown, options?: CallSettings): Promise<APIResponse<Data>> {
    return this.#http.request<Data>('PATCH', path, { ...options, body });
  }

  delete<Data>(path: string, options?: CallSettings): Promise<APIResponse<Data>> {
    return this.#http.request<Data>('DELETE', path, options);
  }

  create<Data>(path: string, body?: unknown, options: CallSettings = {}): Promise<APIResponse<Data>> {
    return this.post(path, body, { ...options, idempotencyKey: options.idempotencyKey ?? this.#entropy.id() });
  }

  async *events(path: string, settings: StreamSettings = {}): AsyncGenerator<StreamEvent> {
    const token = await this.session.accessToken();
    const headers = {
      Accept: 'text/event-stream',
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(settings.lastEventId === undefined ? {} : { 'Last-Event-ID': settings.lastEventId }),
    };
    const response = await this.#fetch(this.#baseURL + path, { headers, signal: settings.signal ?? null });
    if (!response.ok || response.body === null) {
      const problem = readProblem(await response.json().catch(() => undefined));
      if (problem !== undefined) throw errorOfProblem(problem);
      throw new CoordinationError('MALFORMED_ANSWER', { applied: 'no', detail: `status ${response.status}` });
    }
    settings.onOpen?.();
    yield* readEventStream(response.body);
  }

  /** Opens the live connection; resolves with the server's welcome. */
  async connectWebSocket(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.connection.open();
    await this.connection.opened(options.signal);
  }

  /**
   * Follows topics over server-sent events, for programs that cannot have a WebSocket; the
   * own user's topic and all readable projects by default. @returns stops following
   */
  subscribeToEvents(listener: LiveEventListener, topics?: readonly string[]): () => void {
    const stop = new AbortController();
    this.#ended.signal.addEventListener('abort', () => stop.abort(), { once: true, signal: stop.signal });
    const path = pathTo('events.stream', {}, { topics });
    void followEvents({
      path,
      transport: this,
      clock: this.#clock,
      entropy: this.#entropy,
      listener,
      signal: stop.signal,
    });
    return () => stop.abort();
  }

  /** Calls back with the project now and after every change. @returns stops */
  subscribeToProject(projectId: string, listener: (update: ProjectUpdate) => void): () => void {
    const { thing: feed, leave } = this.feeds.use(projectId);
    const tell = (): void => {
      const update = this.#updateOf(feed.store.get());
      if (update !== undefined) listener(update);
    };
    const stop = feed.store.subscribe(tell);
    tell();
    return () => {
      stop();
      leave();
    };
  }

  /** Gives every claim back and closes every line. The client can be used again. */
  close(): void {
    this.claims.endAll();
    this.feeds.endAll();
    this.boards.endAll();
    this.connection.close();
    this.#ended.abort();
  }

  #reader(): { userId: string | undefined; instanceId: string } {
    return { userId: this.session.user?.id, instanceId: this.instance.id };
  }

  #updateOf({ kind, project, lease }: ProjectSnapshot): ProjectUpdate | undefined {
    if (kind !== 'ready' || project === undefined) return undefined;
    const held = lease.kind === 'held' ? lease : undefined;
    const { userId, instanceId } = this.#reader();
    const isLockedByMe = held?.userId === userId && held?.instanceId === instanceId && held !== undefined;
    return { ...project, isLocked: held !== undefined, isLockedByMe, lockedBy: held?.displayName };
  }

  // `text/plain` needs no preflight, for which a leaving page has no time; the claim token in
  // the text is all the proof the server wants.
  #farewell(path: string, text: string): void {
    const url = this.#baseURL + path;
    const headers = { 'Content-Type': 'text/plain' };
    this.#fetch(url, { method: 'POST', body: text, headers, keepalive: true }).catch(() => {
      globalThis.navigator?.sendBeacon?.(url, text);
    });
  }
}

/** The signed-in user's id. @throws CoordinationError UNAUTHENTICATED without one */
export function getCurrentUserId(client: DevMentorAPIClient): string {
  return client.session.userId;
}

function webLocks(): LockManager | undefined {
  return typeof window === 'undefined' ? undefined : globalThis.navigator?.locks;
}
