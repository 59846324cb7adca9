// The WebSocket shell: ws on one side, the pure session on the other, and the clock that moves it.
import { limits, type ServerFrame } from '@devmentor/contracts';
import { closeCodes } from '@devmentor/contracts/codes';
import type { Cancel, Clock, Entropy } from '@devmentor/locks';
import type { WebSocket } from 'ws';
import type { Caller } from '../auth/access-tokens.ts';
import type { Accounts } from '../auth/accounts.ts';
import { concerns, type RevocationNews, type Revocations } from '../auth/revocations.ts';
import { isUnforeseen, Problem, toProblem } from '../problem.ts';
import { timeText } from '../projects/wire.ts';
import type { Attachable, Attachments } from './attachments.ts';
import { FrameWork, type FrameWorkOptions, MAX_SUBSCRIPTIONS } from './frame-work.ts';
import { Outbox } from './outbox.ts';
import {
  authenticated,
  beat,
  errorFrame,
  HEARTBEAT_MS,
  heard,
  opened,
  passed,
  pinged,
  RATE,
  received,
  revoked,
  type Session,
  type Step,
  unauthenticated,
} from './session.ts';

/** How often a session is looked at between heartbeats. */
const LOOK_MS = 5_000;

export interface SocketOptions
  extends Pick<FrameWorkOptions, 'claims' | 'attachments' | 'feed' | 'access' | 'expectVisible'> {
  readonly accounts: Accounts;
  readonly revocations: Revocations;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly onFault: (fault: unknown) => void;
}

/** What a connection was opened with; without either it has to authenticate by a frame. */
export interface Credential {
  readonly bearer?: string;
  readonly ticket?: string;
}

export class Socket implements Attachable {
  readonly id: string;
  readonly #with: SocketOptions;
  readonly #attachments: Attachments;
  readonly #outbox: Outbox;
  readonly #work: FrameWork;
  readonly #gone = new AbortController();
  /** Resolves when the connection is closed and its claims are away. */
  readonly over: Promise<void>;
  #session: Session;
  /** Not redeemed yet. */
  #ticket: string | undefined;
  #timers: Cancel[] = [];

  constructor(socket: WebSocket, { bearer, ticket }: Credential, options: SocketOptions) {
    const { clock, entropy, claims, attachments, feed, access, expectVisible } = options;
    this.id = entropy.id();
    this.#with = options;
    this.#attachments = attachments;
    this.#outbox = new Outbox(socket, { clock, onSlow: () => this.#close(closeCodes.SLOW.code, 'reading too slowly') });
    this.#work = new FrameWork({
      claims,
      attachments,
      feed,
      access,
      expectVisible,
      connection: this,
      gone: this.#gone.signal,
      serverTime: () => timeText(clock.wallMs()),
      send: (frame) => this.#outbox.send(frame),
    });
    attachments.opened(this);
    socket.on('message', (data: Buffer, isBinary: boolean) =>
      this.#take(received(this.#session, isBinary ? 'binary' : { text: data.toString('utf8') }, clock.nowMs())),
    );
    socket.on('ping', () => this.#take(pinged(this.#session, clock.nowMs())));
    socket.on('pong', () => {
      this.#session = heard(this.#session);
    });
    // By then ws has begun to close with the code that fits (1009 for a big frame), and goes on reading
    // until the peer has seen it; for as long as any closing may take.
    socket.on('error', () => this.#close(closeCodes.BAD_FRAME.code, 'not a frame'));
    this.over = new Promise((resolve) => {
      socket.once('close', () => void this.#closed().finally(resolve));
    });
    this.#ticket = bearer === undefined ? ticket : undefined;
    const first = opened(clock.nowMs(), bearer ?? ticket);
    this.#session = first.session;
    this.#take(first);
    this.#every(HEARTBEAT_MS, () => beat(this.#session));
    this.#every(LOOK_MS, () => passed(this.#session, clock.nowMs(), clock.wallMs()));
  }

  displaced(): void {
    this.#close(closeCodes.ATTACHED_ELSEWHERE.code, 'the same instance is attached elsewhere');
  }

  /** Something was revoked; it may be what this connection came with. */
  heardOf(news: RevocationNews): void {
    if (this.#session.kind !== 'live') return;
    const { caller } = this.#session;
    const isOver = concerns(news, caller);
    if (isOver === 'unknown') void this.#checkAnew(caller);
    else if (isOver) this.#take(revoked(this.#session));
  }

  /** The server leaves: says when to come back, and closes. */
  goAway(reconnectAfterMs: number): void {
    this.#outbox.send({ t: 'going-away', reconnectAfterMs });
    this.#close(closeCodes.RESTART.code, 'the server is restarting');
  }

  #take({ session, acts }: Step): void {
    this.#session = session;
    for (const act of acts) {
      switch (act.kind) {
        case 'send':
          this.#outbox.send(act.frame);
          break;
        case 'close':
          this.#outbox.close(act.code, act.reason);
          break;
        case 'ping':
          this.#outbox.ping();
          break;
        case 'authenticate':
          void this.#authenticate(act.token, act.id);
          break;
        case 'carry-out':
          if (act.frame.t !== 'auth') void this.#carryOut(act.frame, act.caller);
          break;
      }
    }
  }

  async #authenticate(token: string, id: string | number | undefined): Promise<void> {
    try {
      const caller = await this.#whoIs(token);
      this.#take(authenticated(this.#session, caller, id, this.#welcome()));
    } catch (error) {
      this.#take(unauthenticated(this.#session, this.#problemOf(error), id));
    }
  }

  async #whoIs(token: string): Promise<Caller> {
    const { accounts, revocations } = this.#with;
    const isTicket = token === this.#ticket;
    this.#ticket = undefined;
    const caller = await (isTicket ? accounts.redeem(token) : accounts.authenticate(token));
    // The news may have come while this was on its way.
    if (revocations.isRevoked(caller)) throw new Problem('UNAUTHENTICATED', 'the access token was revoked');
    return caller;
  }

  async #checkAnew(caller: Caller): Promise<void> {
    const isGood = await this.#with.accounts.isGood(caller).catch((error: unknown) => this.#problemOf(error));
    if (isGood === false && this.#session.kind === 'live' && this.#session.caller === caller)
      this.#take(revoked(this.#session));
  }

  async #carryOut(frame: Parameters<FrameWork['carryOut']>[0], caller: Caller): Promise<void> {
    try {
      await this.#work.carryOut(frame, caller);
    } catch (error) {
      if (!this.#gone.signal.aborted) this.#outbox.send(errorFrame(this.#problemOf(error), frame.id));
    }
  }

  #problemOf(error: unknown): Problem {
    if (isUnforeseen(error)) this.#with.onFault(error);
    return toProblem(error);
  }

  #welcome(): ServerFrame {
    return {
      t: 'welcome',
      connectionId: this.id,
      heartbeatMs: HEARTBEAT_MS,
      limits: {
        frameBytes: limits.frameBytes,
        topicsPerFrame: limits.topicsPerFrame,
        subscriptions: MAX_SUBSCRIPTIONS,
        framesPerSecond: RATE.perSecond,
      },
      serverTime: timeText(this.#with.clock.wallMs()),
    };
  }

  #close(code: number, reason: string): void {
    this.#session = { kind: 'closing' };
    this.#outbox.close(code, reason);
  }

  async #closed(): Promise<void> {
    this.#session = { kind: 'closing' };
    for (const cancel of this.#timers) cancel();
    this.#timers = [];
    this.#gone.abort(new Problem('UPSTREAM_TIMEOUT', 'the connection was closed'));
    this.#work.close();
    await this.#attachments.closed(this).catch((fault: unknown) => this.#with.onFault(fault));
  }

  #every(intervalMs: number, step: () => Step): void {
    const slot = this.#timers.length;
    const again = (): void => {
      this.#timers[slot] = this.#with.clock.background(intervalMs, () => {
        this.#take(step());
        if (this.#session.kind !== 'closing') again();
      });
    };
    again();
  }
}
