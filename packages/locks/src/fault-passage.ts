import type { Socket } from 'node:net';
import type { Cancel, Clock } from './clock.ts';
import type { Entropy } from './entropy.ts';
import type { Ending, PassingRequest, RequestFault, Weather } from './fault.ts';
import { FaultLane, type Gate } from './fault-lane.ts';
import { commandOf, isPushed, RespFrames } from './resp-frames.ts';

/** A fault whose request has come. */
export interface Struck {
  readonly fault: RequestFault;
  readonly reached: () => void;
  /** Calls back when what it holds is let go. */
  onRelease(open: () => void): void;
}

/** What a passage needs of the proxy it belongs to. */
export interface PassageHome {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly weather: { readonly requests: Weather; readonly replies: Weather };
  readonly isRedis: boolean;
  /** A request passes; answers the fault that it meets. */
  passing(request: PassingRequest): Struck | undefined;
  gone(passage: FaultPassage): void;
}

/** What becomes of the reply that is due next. */
type Due =
  | { readonly kind: 'pass' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'struck'; readonly struck: Struck }
  | { readonly kind: 'answer'; readonly bytes: Buffer };

/** One connection through the proxy: a client's, and the one made for it to the server. */
export class FaultPassage {
  readonly #home: PassageHome;
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #requests: FaultLane;
  readonly #replies: FaultLane;
  readonly #requestFrames = new RespFrames();
  readonly #replyFrames = new RespFrames();
  readonly #due: Due[] = [];
  readonly #timers = new Set<Cancel>();
  #isSilent = false;

  constructor(home: PassageHome, near: Socket, far: Socket) {
    this.#home = home;
    this.#near = near;
    this.#far = far;
    this.#requests = new FaultLane(near, far, home.weather.requests, home);
    this.#replies = new FaultLane(far, near, home.weather.replies, home);
    // A server that is not there is told as plainly as a proxy can.
    let isThere = false;
    far.once('connect', () => {
      isThere = true;
    });
    near.on('data', (chunk) => this.#asked(chunk));
    far.on('data', (chunk) => this.#answered(chunk));
    near.on('end', () => this.#requests.finish());
    far.on('end', () => this.#replies.finish());
    // Whoever is left hears the end of the stream, after what was said before it.
    near.on('error', () => this.#requests.finish());
    far.on('error', () => (isThere ? this.#replies.finish() : reset(near)));
    near.on('close', () => this.#left());
    far.on('close', () => this.#left());
  }

  /** The weather changed. */
  pump(): void {
    this.#requests.pump();
    this.#replies.pump();
  }

  end(ending: Ending): void {
    if (ending === 'silence') {
      this.#isSilent = true;
      this.#requests.silence();
      this.#replies.silence();
    } else if (ending === 'reset') {
      reset(this.#near);
      reset(this.#far);
    } else {
      this.#near.end();
      this.#far.end();
    }
  }

  /** One side is gone and the other is not told. */
  halfOpen(gone: 'server' | 'client'): void {
    this.end('silence');
    (gone === 'server' ? this.#far : this.#near).destroy();
  }

  destroy(): void {
    for (const cancel of this.#timers) cancel();
    this.#requests.stop();
    this.#replies.stop();
    this.#near.destroy();
    this.#far.destroy();
  }

  #left(): void {
    this.#requests.finish();
    this.#replies.finish();
    if (this.#near.destroyed && this.#far.destroyed) this.#home.gone(this);
  }

  #asked(chunk: Buffer): void {
    if (!this.#home.isRedis) this.#ask(chunk, '');
    else for (const frame of this.#requestFrames.push(chunk)) this.#ask(frame, commandOf(frame));
  }

  #ask(frame: Buffer, command: string): void {
    if (this.#isSilent) return;
    const struck = this.#home.passing({
      command,
      get text() {
        return frame.toString('utf8');
      },
    });
    // What subscribes is answered beside the replies.
    const isAnswered = !/^[ps]?(un)?subscribe$/.test(command);
    const pass = (due: Due, gate?: Gate): void => {
      if (isAnswered) this.#due.push(due);
      this.#requests.send(frame, gate);
    };
    if (struck === undefined) {
      pass({ kind: 'pass' });
      return;
    }
    const { fault } = struck;
    switch (fault.kind) {
      case 'lose-request':
        this.end(fault.ending ?? 'reset');
        struck.reached();
        return;
      case 'answer':
        this.#due.push({ kind: 'answer', bytes: Buffer.from(`${fault.reply}\r\n`) });
        this.#answerInPlace();
        struck.reached();
        return;
      case 'duplicate':
        pass({ kind: 'pass' });
        pass({ kind: 'drop' });
        struck.reached();
        return;
      case 'hold':
        if (fault.what === 'reply') pass({ kind: 'struck', struck });
        else {
          pass({ kind: 'pass' }, this.#gate(struck, fault.forMs, this.#requests));
          struck.reached();
        }
        return;
      default:
        pass({ kind: 'struck', struck });
    }
  }

  #answered(chunk: Buffer): void {
    if (!this.#home.isRedis) this.#answer(chunk);
    else for (const frame of this.#replyFrames.push(chunk)) this.#answer(frame);
  }

  #answer(frame: Buffer): void {
    if (this.#isSilent) return;
    if (this.#home.isRedis && isPushed(frame)) {
      this.#replies.send(frame);
      return;
    }
    const due = this.#due.shift();
    if (due?.kind === 'struck') this.#strike(due.struck, frame);
    else if (due?.kind !== 'drop') this.#replies.send(frame);
    this.#answerInPlace();
  }

  #strike(struck: Struck, reply: Buffer): void {
    const { fault } = struck;
    if (fault.kind === 'hold') this.#replies.send(reply, this.#gate(struck, fault.forMs, this.#replies));
    else if (fault.kind === 'cut-reply') {
      this.#replies.send(reply.subarray(0, fault.afterBytes));
      this.#replies.finish();
      this.#isSilent = true;
      this.#far.destroy();
    } else if (fault.kind === 'lose-reply') this.end(fault.ending ?? 'reset');
    struck.reached();
  }

  /** The proxy's own answers go out when those before them have. */
  #answerInPlace(): void {
    for (let due = this.#due[0]; due?.kind === 'answer'; due = this.#due[0]) {
      this.#due.shift();
      this.#replies.send(due.bytes);
    }
  }

  #gate(struck: Struck, forMs: number | undefined, lane: FaultLane): Gate {
    const gate: Gate = { isOpen: false };
    const open = (): void => {
      gate.isOpen = true;
      lane.pump();
    };
    struck.onRelease(open);
    if (forMs !== undefined) this.#timers.add(this.#home.clock.background(forMs, open));
    return gate;
  }
}

/**
 * Of a socket that is being shut down the other side hears the end anyway; and Node, which cannot reset it then,
 * forgets to close it.
 */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
