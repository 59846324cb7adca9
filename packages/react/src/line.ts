// Line
//
// One WebSocket, from opening to its end. It knows whether the other side still answers and
// which request an answer belongs to; it does not know why it exists or what comes after.
//
//   L1  The end is told exactly once, and nothing is told after it.
//   L2  Every request settles: by its answer, by its deadline or by the end of the line.
import type { ClientFrameInput, FrameOf, ServerFrame } from '@devmentor/contracts';
import { closeCodes } from '@devmentor/contracts/codes';
import type { Cancel, Clock } from './clock.ts';
import { CoordinationError, errorOfProblem } from './errors.ts';

const handshakeMs = 10_000;
const probeMs = 2_000;
const answerMs = 10_000;
const pendingBound = 256;

/** The part of the platform's WebSocket that is used. */
export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocket;

/** A request as its sender writes it; the line numbers it. */
export type LineRequest =
  Exclude<ClientFrameInput, { t: 'ping' }> extends infer Frame
    ? Frame extends unknown
      ? Omit<Frame, 'id'>
      : never
    : never;

export interface LineEnd {
  readonly code: number;
  readonly reason: string;
}

export interface LineOptions {
  readonly url: string;
  readonly protocols: string[];
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
  readonly onWelcome: (welcome: FrameOf<ServerFrame, 'welcome'>) => void;
  readonly onFrame: (frame: ServerFrame) => void;
  readonly onEnd: (end: LineEnd) => void;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly cancelDeadline: Cancel;
}

export class Line {
  readonly #options: LineOptions;
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #lastHeardMs: number;
  #heartbeatMs = 0;
  #cancelTimer: Cancel;
  #cancelProbe: Cancel | undefined;
  #ended = false;

  constructor(options: LineOptions) {
    this.#options = options;
    this.#lastHeardMs = options.clock.nowMs();
    this.#socket = new options.WebSocket(options.url, options.protocols);
    this.#socket.onmessage = ({ data }) => this.#hear(data);
    this.#socket.onclose = ({ code, reason }) => this.#end({ code, reason });
    // An error is always followed by a close, which says more.
    this.#socket.onerror = () => undefined;
    this.#cancelTimer = options.clock.after(handshakeMs, () => this.#silent('no welcome'));
  }

  /** Asks, and gives the answer's `result`. */
  request(frame: LineRequest, timeoutMs = answerMs): Promise<unknown> {
    if (this.#pending.size >= pendingBound) {
      return Promise.reject(new CoordinationError('QUEUE_FULL', { applied: 'no', detail: frame.t }));
    }
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const cancelDeadline = this.#options.clock.after(timeoutMs, () => {
        this.#pending.delete(id);
        reject(new CoordinationError('TIMEOUT', { applied: 'unknown', detail: `${frame.t} over the live connection` }));
      });
      this.#pending.set(id, { resolve, reject, cancelDeadline });
      this.#send({ ...frame, id } as ClientFrameInput);
    });
  }

  /**
   * Asks whether anybody is there, and ends the line if nothing comes back soon. A page that
   * was frozen must not judge by the clock: the silence was its own.
   */
  probe(): void {
    if (this.#ended || this.#cancelProbe !== undefined || this.#heartbeatMs === 0) return;
    this.#cancelProbe = this.#options.clock.after(probeMs, () => this.#silent('no answer to a ping'));
    this.#send({ t: 'ping' });
  }

  close(code = 1000): void {
    this.#socket.close(code);
    this.#end({ code, reason: 'closed by the client' });
  }

  #send(frame: ClientFrameInput): void {
    // A line that is closing drops what it is given; its end settles the requests.
    if (this.#socket.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  #hear(data: unknown): void {
    if (this.#ended) return;
    this.#lastHeardMs = this.#options.clock.nowMs();
    this.#cancelProbe?.();
    this.#cancelProbe = undefined;
    const frame = readFrame(data);
    if (frame === undefined) {
      this.close(closeCodes.BAD_FRAME.code);
      return;
    }
    switch (frame.t) {
      case 'welcome':
        this.#cancelTimer();
        this.#heartbeatMs = Math.max(1_000, frame.heartbeatMs);
        this.#beat();
        this.#options.onWelcome(frame);
        return;
      case 'ok':
        this.#settle(frame.id)?.resolve(frame.result);
        return;
      case 'error':
        this.#settle(frame.id)?.reject(errorOfProblem(frame.problem));
        return;
      case 'pong':
        return;
      default:
        this.#options.onFrame(frame);
    }
  }

  // Browsers hide protocol pings from scripts, so the client asks for itself when it has
  // heard nothing for a while.
  #beat(): void {
    this.#cancelTimer = this.#options.clock.after(this.#heartbeatMs, () => {
      const quietMs = this.#options.clock.nowMs() - this.#lastHeardMs;
      if (quietMs >= this.#heartbeatMs * 0.9) this.probe();
      this.#beat();
    });
  }

  #settle(id: unknown): Pending | undefined {
    if (typeof id !== 'number') return undefined;
    const pending = this.#pending.get(id);
    pending?.cancelDeadline();
    this.#pending.delete(id);
    return pending;
  }

  #silent(reason: string): void {
    this.#socket.close(closeCodes.HEARTBEAT.code);
    this.#end({ code: closeCodes.HEARTBEAT.code, reason });
  }

  #end(end: LineEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelTimer();
    this.#cancelProbe?.();
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    for (const { reject, cancelDeadline } of this.#pending.values()) {
      cancelDeadline();
      reject(new CoordinationError('CONNECTION_LOST', { applied: 'unknown', detail: end.reason }));
    }
    this.#pending.clear();
    this.#options.onEnd(end);
  }
}

function readFrame(data: unknown): ServerFrame | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const frame: unknown = JSON.parse(data);
    return typeof frame === 'object' && frame !== null && 't' in frame ? (frame as ServerFrame) : undefined;
  } catch {
    return undefined;
  }
}
