// Takeovers
//
// How leases pass from one holder to another, for one process. Whoever asks for a lease repeats it
// every second or so: that keeps the asking alive, and finds an answer whose notice was lost.
import {
  checkAnswer,
  checkForce,
  checkHandOff,
  checkRef,
  checkResource,
  checkTakeover,
  checkText,
  DEFAULT_TTL_MS,
} from './claim-arguments.ts';
import type { Clock } from './clock.ts';
import type { Entropy } from './entropy.ts';
import { CoordinationError } from './errors.ts';
import type { HeldLease } from './held-lease.ts';
import type { AnswerOutcome, HandOff, HandOffOutcome } from './lease.ts';
import type { OwnView, Replies, TakeoverCommand } from './lease-command.ts';
import type { LeaseStore } from './lease-store.ts';
import type {
  AnswerRequest,
  ForceOptions,
  ForceOutcome,
  LeaseRef,
  TakeoverName,
  TakeoverOptions,
  TakeoverOutcome,
  TakerOptions,
  Upkeep,
  WithdrawOutcome,
} from './lock-manager.ts';
import { ended, tooLate } from './outcomes.ts';
import { answerCommand, handOffCommand } from './passing-on.ts';
import { isTermOver } from './renewal.ts';
import { ALIVE_MS, REPEAT_MS } from './waiting.ts';

interface Manager {
  readonly store: LeaseStore;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Opens, asks, and answers a fault as an outcome. */
  asking<T>(ask: () => Promise<T>): Promise<T | { readonly kind: 'unavailable'; readonly cause: Error }>;
  adopt(view: OwnView, sentMs: number, upkeep: Upkeep): HeldLease;
  leaseOf(leaseId: string): HeldLease | undefined;
  /** Its end, while that is on the way to the store. */
  leaving(view: OwnView): Promise<unknown> | undefined;
  /** Gives up a request, or gives back what it was granted. */
  leave(request: { readonly resource: string; readonly requestId: string }): Promise<unknown>;
}

type Wake = 'repeat' | 'aborted' | 'closed';

interface Call {
  wake: (wake: Wake) => void;
  /** A notice came while nobody waited for one. */
  isNoticed: boolean;
}

/** How long beyond its time to answer a store that cannot be reached is asked again. */
const PATIENCE_MS = 10_000;

export class Takeovers {
  readonly #manager: Manager;
  readonly #listener: string;
  /** By request id. */
  readonly #calls = new Map<string, Call>();
  readonly #outcomes = new Set<Promise<TakeoverOutcome>>();
  #closed: CoordinationError | undefined;

  constructor(manager: Manager, listener: string) {
    this.#manager = manager;
    this.#listener = listener;
  }

  async request(resource: string, options: TakeoverOptions): Promise<TakeoverOutcome> {
    checkResource(resource);
    checkTakeover(options);
    const { graceMs, reason, onSilence = 'grant', signal } = options;
    signal?.throwIfAborted();
    const command = { ...this.#commandOf(resource, options), reason, graceMs, onSilence, force: false };
    try {
      return await this.#manager.asking(() => this.#stand(command, options));
    } catch (fault) {
      throw signal?.aborted === true ? signal.reason : fault;
    }
  }

  async force(resource: string, options: ForceOptions): Promise<ForceOutcome> {
    checkResource(resource);
    checkForce(options);
    const { clock } = this.#manager;
    const asking = { reason: options.reason, graceMs: 0, onSilence: 'grant', force: true } as const;
    const command = { ...this.#commandOf(resource, options), ...asking };
    return this.#manager.asking(async () => {
      const ask = async (): Promise<TakeoverOutcome | 'late' | undefined> => {
        const sentMs = clock.nowMs();
        return this.#outcomeOf(await this.#submit(command), sentMs, command, options);
      };
      // Asked again under the same names, it is done once.
      const again = async (): Promise<TakeoverOutcome | undefined> => {
        try {
          const last = await ask();
          if (last === 'late') throw tooLate(resource);
          return last;
        } catch (second) {
          this.#takeBack(command, options);
          throw second;
        }
      };
      const first = await ask().catch((fault: unknown) => {
        if (!(fault instanceof CoordinationError) || fault.applied === 'no') throw fault;
        return 'lost' as const;
      });
      const outcome = first === 'lost' || first === 'late' ? await again() : first;
      if (outcome?.kind === 'granted' || outcome?.kind === 'gone') return outcome;
      if (outcome?.kind === 'withdrawn') return { kind: 'gone', how: 'cancelled' };
      throw new CoordinationError(
        'STORE_UNAVAILABLE',
        `The store answered a takeover by force with ${outcome?.kind ?? 'asked'}`,
        { applied: 'unknown' },
      );
    });
  }

  async answer(request: AnswerRequest): Promise<AnswerOutcome> {
    const { resource, leaseId, takeoverId } = request;
    checkRef(request);
    checkText('takeoverId', takeoverId);
    checkAnswer(request);
    const manager = this.#manager;
    return manager.asking(async () => {
      // A lease held here is not valid while it may be the other's.
      const lease = manager.leaseOf(leaseId);
      if (lease !== undefined) return lease.answerTakeover(request, takeoverId);
      const reply = await manager.store.submit<'answer'>(answerCommand({ resource, leaseId }, takeoverId, request));
      return reply.kind === 'ended' ? ended(reply.how) : reply;
    });
  }

  async withdraw({ resource, takeoverId }: TakeoverName): Promise<WithdrawOutcome> {
    checkResource(resource);
    checkText('takeoverId', takeoverId);
    return this.#manager.asking(() =>
      this.#manager.store.submit<'withdraw'>({ kind: 'withdraw', resource, takeoverId }),
    );
  }

  async handOff(request: LeaseRef & HandOff): Promise<HandOffOutcome> {
    const { resource, leaseId } = request;
    checkRef(request);
    checkHandOff(request);
    const manager = this.#manager;
    return manager.asking(async () => {
      const lease = manager.leaseOf(leaseId);
      if (lease !== undefined) return lease.handOff(request);
      const names = { nextLeaseId: manager.entropy.id(), nextRequestId: manager.entropy.id() };
      const reply = await manager.store.submit<'hand-off'>(handOffCommand({ resource, leaseId }, request, names));
      return reply.kind === 'ended' ? ended(reply.how) : reply;
    });
  }

  #commandOf(
    resource: string,
    { by, instance = 'default', ttlMs = DEFAULT_TTL_MS, requestId, meta }: TakerOptions,
  ): Omit<TakeoverCommand, 'reason' | 'graceMs' | 'onSilence' | 'force'> {
    const { entropy } = this.#manager;
    const names = { leaseId: entropy.id(), requestId: requestId ?? entropy.id(), listener: this.#listener };
    return { kind: 'takeover', resource, ...names, holder: by, instance, ttlMs, meta, waitMs: ALIVE_MS };
  }

  async #stand(command: TakeoverCommand, options: TakeoverOptions): Promise<TakeoverOutcome> {
    const { requestId } = command;
    if (this.#calls.has(requestId))
      throw new CoordinationError('LOCK_CONFIG', `Request ${requestId} already asks here: share its promise`, {
        applied: 'no',
      });
    const call: Call = { wake: () => undefined, isNoticed: false };
    this.#calls.set(requestId, call);
    const outcome = this.#ask(command, call, options);
    this.#outcomes.add(outcome);
    try {
      return await outcome;
    } finally {
      this.#outcomes.delete(outcome);
      this.#calls.delete(requestId);
    }
  }

  /** Something was decided about what this request asks for, or offered to it. */
  noticed(requestId: string): void {
    const call = this.#calls.get(requestId);
    if (call === undefined) return;
    call.isNoticed = true;
    call.wake('repeat');
  }

  /** Every call ends; resolves when the askings are withdrawn. */
  async close(fault: CoordinationError): Promise<void> {
    this.#closed = fault;
    for (const call of this.#calls.values()) call.wake('closed');
    await Promise.allSettled(this.#outcomes);
  }

  async #ask(command: TakeoverCommand, call: Call, options: TakeoverOptions): Promise<TakeoverOutcome> {
    const { clock } = this.#manager;
    const giveUpMs = clock.nowMs() + options.graceMs + PATIENCE_MS;
    let isAsked = false;
    for (;;) {
      const sentMs = clock.nowMs();
      let isLost = false;
      call.isNoticed = false;
      try {
        const reply = await this.#submit(command);
        if (options.signal?.aborted === true) return await this.#withdraw(command, options.signal.reason);
        const outcome = this.#outcomeOf(reply, sentMs, command, options);
        if (outcome === 'late') {
          if (clock.nowMs() < giveUpMs) continue;
          throw tooLate(command.resource);
        }
        if (outcome !== undefined) return outcome;
        if (!isAsked && reply.kind === 'asked' && reply.view.breaking !== undefined) {
          isAsked = true;
          options.onAsked?.(reply.view.breaking);
        }
      } catch (fault) {
        if (!(fault instanceof CoordinationError) || fault.code === 'LOCK_CONFIG') throw fault;
        if (clock.nowMs() >= giveUpMs) {
          this.#takeBack(command, options);
          return { kind: 'unavailable', cause: fault };
        }
        isLost = true;
      }
      const wake = await this.#next(call, isLost, options.signal);
      if (wake === 'aborted') return await this.#withdraw(command, options.signal?.reason);
      if (wake === 'closed') return await this.#withdraw(command, this.#closed);
    }
  }

  /** Answered with a lease that is being given back here: asked again once that is over. */
  async #submit(command: TakeoverCommand): Promise<Replies['takeover']> {
    const reply = await this.#manager.store.submit<'takeover'>(command);
    const leaving = reply.kind === 'held' ? this.#manager.leaving(reply.view) : undefined;
    if (leaving === undefined) return reply;
    await leaving;
    return this.#submit(command);
  }

  #outcomeOf(
    reply: Replies['takeover'],
    sentMs: number,
    command: TakeoverCommand,
    upkeep: Upkeep,
  ): TakeoverOutcome | 'late' | undefined {
    switch (reply.kind) {
      case 'granted':
      case 'held':
        // Asked again, the store says what is left of it.
        if (isTermOver({ sentMs, remainingMs: reply.view.remainingMs }, this.#manager.clock.nowMs())) return 'late';
        return {
          kind: 'granted',
          lease: this.#manager.adopt(reply.view, sentMs, upkeep),
          fresh: reply.view.leaseId === command.leaseId,
        };
      case 'asked':
        return undefined;
      case 'busy':
        return {
          kind: 'busy',
          by: reply.view.breaking?.by ?? reply.view.holder,
          retryAfterMs: reply.retryAfterMs,
        };
      case 'denied': {
        const { by, reason, retryAfterMs } = reply;
        return { kind: 'denied', by, ...(reason === undefined ? {} : { reason }), retryAfterMs };
      }
      case 'gone':
        if (reply.how === 'denied') return { kind: 'denied', retryAfterMs: 0 };
        return reply.how === 'cancelled' ? { kind: 'withdrawn' } : reply;
    }
  }

  #next(call: Call, afterFault: boolean, signal: AbortSignal | undefined): Promise<Wake> {
    if (this.#closed !== undefined) return Promise.resolve('closed');
    if (signal?.aborted === true) return Promise.resolve('aborted');
    if (call.isNoticed) return Promise.resolve('repeat');
    const { clock, entropy } = this.#manager;
    return new Promise((resolve) => {
      const settle = (wake: Wake): void => {
        cancel();
        signal?.removeEventListener('abort', onAbort);
        call.wake = () => undefined;
        resolve(wake);
      };
      const onAbort = (): void => settle('aborted');
      const pauseMs = (afterFault ? REPEAT_MS / 10 : REPEAT_MS) * (1 - entropy.random() / 4);
      const cancel = clock.after(pauseMs, () => settle('repeat'));
      signal?.addEventListener('abort', onAbort, { once: true });
      call.wake = settle;
    });
  }

  /** A grant may have been made that nobody knows of. Whoever chose the id may ask again; else nobody can. */
  #takeBack(command: TakeoverCommand, { requestId }: TakerOptions): void {
    if (requestId === undefined) void this.#manager.leave(command).catch(() => undefined);
  }

  /** Asks no longer, gives back what was just granted, and throws what the caller is to hear. */
  async #withdraw(command: TakeoverCommand, reason: unknown): Promise<never> {
    await this.#manager.leave(command).catch(() => undefined);
    throw reason;
  }
}
