// LiveConnection
//
// Keeps a line to the server for as long as anybody wants one, and hides its breaks: topics
// go on where they stood and claims stay attached.
//
//   C1  After a reconnect every topic resumes from its cursor; a listener sees every event
//       once and in order, or is told to fetch the thing anew.
//   C2  A claim that is held here is attached again after every reconnect.
//   C3  What the server said when it closed decides what comes next (`afterClose`).
//   C4  Attempts are spread by full jitter; the count starts anew only after 5 s of uptime.
import type { ServerFrame } from '@devmentor/contracts';
import { closeCodes } from '@devmentor/contracts/codes';
import { bearerProtocol, socketProtocol } from '@devmentor/contracts/routes';
import { afterEnd, type DisconnectReason, isRefusal } from './after-end.ts';
import { backoffMs, type Pace } from './backoff.ts';
import type { Cancel, Clock, Entropy } from './clock.ts';
import { type ConnectionState, type ConnectionStatus, ToldStatus } from './connection-status.ts';
import { CoordinationError, isCoordinationError } from './errors.ts';
import { type HeldClaim, HeldClaims } from './held-claims.ts';
import type { BearerSource } from './http.ts';
import { Line, type LineEnd, type LineRequest, type WebSocketConstructor } from './line.ts';
import type { PageLifecycle } from './page-lifecycle.ts';
import { type TopicListener, Topics } from './topics.ts';

const settledAfterMs = 5_000;

export interface ConnectionOptions {
  /** The server's WebSocket address. */
  readonly url: string;
  readonly WebSocket: WebSocketConstructor | undefined;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly bearer: BearerSource;
  readonly page: PageLifecycle;
}

type State =
  | { readonly kind: 'initial' }
  | { readonly kind: 'opening'; readonly line: Line | undefined }
  | { readonly kind: 'open'; readonly line: Line; readonly cancelSettled: Cancel }
  | { readonly kind: 'waiting'; readonly cancel: Cancel }
  | { readonly kind: 'stopped'; readonly reason: DisconnectReason };

export class LiveConnection {
  readonly #options: ConnectionOptions;
  readonly #topics: Topics;
  readonly #claims: HeldClaims;
  readonly #told: ToldStatus;
  #state: State = { kind: 'initial' };
  #wasConnected = false;
  #attempt = 0;
  #pace: Pace = 'normal';
  #refused = 0;
  #hintMs: number | undefined;
  #stopPage: (() => void) | undefined;
  #lastToken: string | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#told = new ToldStatus(options.clock);
    this.#topics = new Topics((topics, cursors) => this.#subscribe(topics, cursors));
    this.#claims = new HeldClaims((frame) => this.request(frame));
  }

  get status(): ConnectionStatus {
    return this.#told.now;
  }

  /** @returns stops listening */
  onStatus(listener: (status: ConnectionStatus) => void): () => void {
    return this.#told.on(listener);
  }

  /** Wants a line from now on. Does nothing while there is one, or one is being tried. */
  open(): void {
    if (this.#options.WebSocket === undefined) return;
    this.#stopPage ??= this.#options.page.on((moment) => {
      if (moment === 'leave') this.#stop('page-left');
      else if (moment === 'return') this.#resume('page-left');
      else this.#wake();
    });
    if (this.#state.kind !== 'initial' && this.#state.kind !== 'stopped') return;
    this.#attempt = 0;
    this.#refused = 0;
    void this.#try();
  }

  /** Wants none any more. Topics and claims stay on the list for the next {@link open}. */
  close(): void {
    this.#stopPage?.();
    this.#stopPage = undefined;
    this.#stop('closed');
  }

  /** Resolves with the first welcome; rejects once the connection has given up. */
  opened(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): boolean => {
        const { state, reason } = this.status;
        if (state === 'connected') resolve();
        else if (state === 'disconnected') reject(notConnected(reason ?? 'closed'));
        else return false;
        return true;
      };
      if (settle()) return;
      const stop = this.onStatus(() => settle() && stop());
      signal?.addEventListener(
        'abort',
        () => {
          stop();
          reject(signal.reason);
        },
        { once: true },
      );
    });
  }

  /** @returns stops listening; the last listener of a topic ends its subscription */
  subscribe(topic: string, listener: TopicListener): () => void {
    return this.#topics.add(topic, listener, (last) => {
      if (this.#state.kind === 'open') void this.#ask({ t: 'unsubscribe', topics: [last] });
    });
  }

  /** Keeps a claim attached for as long as there is a line. @returns lets go of it */
  hold(claim: HeldClaim): () => void {
    const letGo = this.#claims.add(claim);
    if (this.#state.kind === 'open') this.#claims.attach(claim);
    return letGo;
  }

  request(frame: LineRequest): Promise<unknown> {
    if (this.#state.kind === 'open') return this.#state.line.request(frame);
    return Promise.reject(notConnected(this.status.state));
  }

  async #try(): Promise<void> {
    const { WebSocket, bearer } = this.#options;
    if (WebSocket === undefined) return;
    const mine: State = { kind: 'opening', line: undefined };
    this.#become(mine);
    let token: string | undefined;
    try {
      token = await bearer.accessToken();
    } catch (error) {
      if (this.#state === mine) this.#retryLater(isCoordinationError(error) ? error.retryAfterMs : undefined);
      return;
    }
    // Closed, or woken into another attempt, while the token was on its way.
    if (this.#state !== mine) return;
    if (token === undefined) return this.#stop('unauthenticated');
    this.#lastToken = token;
    const line = this.#line(WebSocket, token);
    this.#state = { kind: 'opening', line };
  }

  #line(WebSocket: WebSocketConstructor, token: string): Line {
    const { clock, url } = this.#options;
    const line: Line = new Line({
      url,
      protocols: [socketProtocol, bearerProtocol(token)],
      WebSocket,
      clock,
      onWelcome: () => this.#welcomed(line),
      onFrame: (frame) => this.#hear(frame),
      onEnd: (end) => this.#ended(line, end),
    });
    return line;
  }

  #welcomed(line: Line): void {
    const cancelSettled = this.#options.clock.after(settledAfterMs, () => {
      this.#attempt = 0;
      this.#pace = 'normal';
    });
    this.#wasConnected = true;
    this.#refused = 0;
    this.#become({ kind: 'open', line, cancelSettled });
    this.#claims.attachAll();
    this.#topics.resumeAll();
  }

  #hear(frame: ServerFrame): void {
    switch (frame.t) {
      case 'event':
        this.#topics.event(frame);
        return;
      case 'subscribed':
        this.#topics.subscribed(frame.topic, frame.cursor, frame.outcome);
        return;
      case 'unsubscribed':
        this.#topics.ended(frame.topic, frame.reason);
        return;
      case 'going-away':
        this.#hintMs = frame.reconnectAfterMs;
        return;
      case 'auth.expiring':
        void this.#refreshLine();
        return;
      default:
        // A newer server may say more; what is not understood is not needed.
        return;
    }
  }

  async #refreshLine(): Promise<void> {
    try {
      const token = await this.#options.bearer.renew(this.#lastToken ?? '');
      if (token === undefined) return;
      this.#lastToken = token;
      await this.request({ t: 'auth', token });
    } catch {
      // The server closes the line with 4401 in time, and that is handled there.
    }
  }

  #ended(line: Line, { code }: LineEnd): void {
    const state = this.#state;
    if ((state.kind !== 'open' && state.kind !== 'opening') || state.line !== line) return;
    if (state.kind === 'open') {
      state.cancelSettled();
      this.#claims.detached(code === closeCodes.ATTACHED_ELSEWHERE.code ? 'moved' : 'broken');
    }
    if (isRefusal(code, state.kind === 'open')) this.#refused += 1;
    const next = afterEnd(code, { pace: this.#pace, attempt: this.#attempt, refused: this.#refused });
    if (next.kind === 'stop') {
      this.#stop(next.reason);
      return;
    }
    this.#pace = next.pace;
    this.#retryLater();
    if (next.renewToken) void this.#renewToken();
  }

  async #renewToken(): Promise<void> {
    try {
      const token = await this.#options.bearer.renew(this.#lastToken ?? '');
      if (token === undefined) this.#stop('unauthenticated');
    } catch {
      // No answer: the next attempt asks for a token anyway.
    }
  }

  #retryLater(hintMs = this.#hintMs): void {
    const { clock, entropy, page } = this.#options;
    this.#hintMs = undefined;
    const delayMs = hintMs ?? backoffMs(this.#attempt, entropy.random(), this.#pace);
    this.#attempt += 1;
    const cancel = clock.after(delayMs, () => {
      // Nobody looks and nothing is held: the first glance will reconnect.
      if (page.hidden() && this.#claims.size === 0) return;
      void this.#try();
    });
    this.#become({ kind: 'waiting', cancel });
  }

  #wake(): void {
    if (this.#state.kind === 'open') {
      // A line that still answers has kept its claims attached, and told what changed.
      this.#state.line.probe();
    } else if (this.#state.kind === 'waiting') {
      this.#state.cancel();
      void this.#try();
    }
  }

  #resume(reason: DisconnectReason): void {
    if (this.#state.kind !== 'stopped' || this.#state.reason !== reason) return;
    this.#attempt = 0;
    void this.#try();
  }

  #stop(reason: DisconnectReason): void {
    const before = this.#state;
    this.#become({ kind: 'stopped', reason });
    if (before.kind === 'waiting') before.cancel();
    if (before.kind === 'open') {
      before.cancelSettled();
      this.#claims.detached('broken');
    }
    if (before.kind === 'open' || before.kind === 'opening') before.line?.close();
  }

  #subscribe(topics: string[], cursors: Record<string, string>): void {
    if (this.#state.kind === 'open') void this.#ask({ t: 'subscribe', topics, cursors });
  }

  /** For frames whose failure is told another way: by a frame of its own or by the line's end. */
  async #ask(frame: LineRequest): Promise<void> {
    try {
      await this.request(frame);
    } catch (error) {
      if (!isCoordinationError(error) || error.problem === undefined || frame.t !== 'subscribe') return;
      for (const topic of frame.topics) this.#topics.refused(topic, error);
    }
  }

  #become(state: State): void {
    this.#state = state;
    this.#told.become(this.#nameOf(state), state.kind === 'stopped' ? state.reason : undefined);
  }

  #nameOf(state: State): ConnectionState {
    switch (state.kind) {
      case 'initial':
        return 'initial';
      case 'open':
        return 'connected';
      case 'stopped':
        return 'disconnected';
      default:
        return this.#wasConnected || this.#attempt > 0 ? 'reconnecting' : 'connecting';
    }
  }
}

function notConnected(why: string): CoordinationError {
  return new CoordinationError('NOT_CONNECTED', { applied: 'no', detail: why });
}
