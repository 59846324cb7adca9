// Router
//
// Brings a request to the owner of its actor, wherever that is by now: to a shard served here by
// a call, to any other by its subject. Not finding the owner is no answer; it is tried again until
// the deadline.
//
//   RT1  A call settles at its deadline at the latest: with NOT_DELIVERED when nobody can have
//        taken it, else with DEADLINE.
//   RT2  Every attempt of one message carries the same number, and says when an earlier one may
//        have arrived.
//   RT5  A node that answered for a shard is asked directly from then on, by one subject for all of
//        its shards; whatever it does not answer with an outcome sends the next attempt to the
//        shard's own subject again.
//   RT3  The caller's signal ends the call with the signal's reason.
import type { Clock, Entropy } from '@devmentor/locks';
import type { ActorId } from './actor-id.ts';
import {
  type Answer,
  type Deliver,
  decodeAnswer,
  deliverOf,
  encodeRequest,
  encodeTold,
  type Inspect,
  type Moment,
  type Numbered,
  type Order,
  type Read,
  type Request,
  type Told,
  type Watch,
} from './envelope.ts';
import { ActorError } from './errors.ts';
import { Places } from './places.ts';
import type { ServedShard } from './served-shard.ts';
import type { Shard } from './state-store.ts';
import type { RequestOutcome, Transport } from './transport.ts';

export interface CallLimits {
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** A request but for what each attempt adds; a message may come as text, which is parsed only for an actor here. */
export type Outgoing =
  | (Omit<Deliver, 'remainingMs' | 'from' | 'again'> & { readonly again?: boolean; readonly numbered?: () => Numbered })
  | Told
  | Omit<Read, 'remainingMs'>
  | Omit<Order, 'remainingMs'>
  | Omit<Inspect, 'remainingMs'>
  | Omit<Watch, 'remainingMs'>;

export interface RouterOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly namespace: string;
  readonly shards: number;
  readonly transport: Transport;
  served(shard: Shard): ServedShard | undefined;
}

type Attempt = Answer | { readonly kind: 'nobody' };

const nobody: RequestOutcome = { kind: 'no-responders' };

/** After it, an owner that was asked and is silent is presumed dead, and whoever serves now is asked. */
const SILENCE_MS = 1_000;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 100;

export function shardSubject(namespace: string, shard: Shard): string {
  return `rt.${namespace}.s.${shard}`;
}

/** The one subject on which a node hears requests about any shard. */
export function doorSubject(namespace: string, door: string): string {
  return `rt.${namespace}.n.${door}`;
}

export class Router {
  readonly #options: RouterOptions;
  readonly #places: Places;
  /** Subjects of the nodes that answered last, by shard. A hint. */
  readonly #doors = new Map<Shard, string>();

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#places = new Places(options.shards);
  }

  async call(outgoing: Outgoing, limits: CallLimits): Promise<Exclude<Answer, { kind: 'elsewhere' | 'lost' }>> {
    const { clock, namespace } = this.#options;
    const { signal } = limits;
    const endsAtMs = clock.nowMs() + limits.deadlineMs;
    const { shard } = this.#places.of(outgoing.id);
    let mayHaveArrived = false;
    let remainingMs = limits.deadlineMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      signal?.throwIfAborted();
      if (remainingMs <= 0) throw overdue(outgoing.id, mayHaveArrived);
      const served = this.#options.served(shard);
      const local = served?.isOpen === true ? served : undefined;
      const moment = { remainingMs, again: mayHaveArrived };
      const door = this.#doors.get(shard);
      const answer =
        local === undefined
          ? this.#heard(
              shard,
              door,
              await this.#there(outgoing, moment, door ?? shardSubject(namespace, shard), signal),
            )
          : await this.#here(local, requestOf(outgoing, moment), signal);
      signal?.throwIfAborted();
      switch (answer.kind) {
        case 'committed':
        case 'view':
        case 'inspected':
        case 'fault':
        case 'closed':
          return answer;
        case 'lost':
          mayHaveArrived = true;
          break;
        case 'elsewhere':
          // Two nodes may hear a shard's subject for a moment: the one that said no was perhaps not the only one asked.
          mayHaveArrived ||= local === undefined && door === undefined;
          break;
        case 'nobody':
          break;
      }
      await this.#pause(Math.min(pauseMs * (0.5 + this.#options.entropy.random()), endsAtMs - clock.nowMs()), signal);
      remainingMs = endsAtMs - clock.nowMs();
    }
  }

  /** At most once: one attempt, no answer. */
  post(message: Omit<Deliver, 'remainingMs'> | Told, remainingMs: number): void {
    const { shard } = this.#places.of(message.id);
    const moment = { remainingMs, again: false };
    const local = this.#options.served(shard);
    if (local?.isOpen === true) local.receive(requestOf(message, moment), () => {});
    else this.#options.transport.publish(shardSubject(this.#options.namespace, shard), encoded(message, moment));
  }

  /** Remembers, since every message asks. */
  shardOf(id: ActorId): Shard {
    return this.#places.of(id).shard;
  }

  /** Waits for `what` within the limits of a call; past them `late` makes the error. */
  within<T>(limits: CallLimits, what: Promise<T>, late: () => Error): Promise<T> {
    const { signal } = limits;
    return new Promise((resolve, reject) => {
      const abandon = (): void => {
        end();
        const error = late();
        reject(signal?.aborted === true ? signal.reason : error);
      };
      const cancel = this.#options.clock.after(limits.deadlineMs, abandon);
      const end = (): void => {
        cancel();
        signal?.removeEventListener('abort', abandon);
      };
      signal?.addEventListener('abort', abandon, { once: true });
      void what.then((value) => {
        end();
        resolve(value);
      });
    });
  }

  #here(local: ServedShard, request: Request, signal: AbortSignal | undefined): Promise<Attempt> {
    return new Promise((resolve) => {
      const end = (answer: Attempt): void => {
        cancel();
        signal?.removeEventListener('abort', abandon);
        resolve(answer);
      };
      const abandon = (): void => end({ kind: 'lost' });
      const cancel = this.#options.clock.after(request.remainingMs, abandon);
      signal?.addEventListener('abort', abandon, { once: true });
      local.receive(request, (answer) => end(copied(answer)));
    });
  }

  #there(
    outgoing: Outgoing,
    moment: Moment,
    subject: string,
    signal: AbortSignal | undefined,
  ): RequestOutcome | Promise<RequestOutcome> {
    const { transport } = this.#options;
    if (transport.status !== 'connected') return nobody;
    const timeoutMs = outgoing.op === 'watch' ? moment.remainingMs : Math.min(moment.remainingMs, SILENCE_MS);
    const limits = signal === undefined ? { timeoutMs } : { timeoutMs, signal };
    return transport.request(subject, encoded(outgoing, moment), limits);
  }

  /** What an attempt came to, and whom to ask the next time. */
  #heard(shard: Shard, door: string | undefined, outcome: RequestOutcome): Attempt {
    const answer: Attempt & { readonly at?: string } =
      outcome.kind === 'reply'
        ? (decodeAnswer(outcome.body) ?? { kind: 'lost' })
        : { kind: outcome.kind === 'lost' ? 'lost' : 'nobody' };
    const isOutcome = answer.kind !== 'lost' && answer.kind !== 'nobody' && answer.kind !== 'elsewhere';
    if (!isOutcome) {
      if (this.#doors.get(shard) === door) this.#doors.delete(shard);
    } else if (answer.at !== undefined) this.#doors.set(shard, doorSubject(this.#options.namespace, answer.at));
    return answer;
  }

  #pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.#options.clock.after(ms, end);
      signal?.addEventListener('abort', end, { once: true });
    });
  }
}

function encoded(outgoing: Outgoing, moment: Moment): Buffer {
  return 'text' in outgoing ? encodeTold(outgoing, moment) : encodeRequest(requestOf(outgoing, moment));
}

function requestOf(outgoing: Outgoing, moment: Moment): Request {
  const { remainingMs } = moment;
  if (outgoing.op !== 'deliver') return { ...outgoing, remainingMs };
  if ('text' in outgoing) return deliverOf(outgoing, moment);
  const { numbered, again, ...message } = outgoing;
  const attempt = { ...message, remainingMs, again: moment.again || again === true };
  return numbered === undefined ? attempt : { ...attempt, from: numbered() };
}

/** What is answered here is handed out as a copy, as it would be by the wire. */
function copied(answer: Answer): Answer {
  if (answer.kind === 'view' || (answer.kind === 'committed' && typeof answer.reply === 'object'))
    return structuredClone(answer);
  return answer;
}

function overdue(id: ActorId, mayHaveArrived: boolean): ActorError {
  return mayHaveArrived
    ? new ActorError('DEADLINE', `No answer from ${id} in time; it may have taken the message`, {
        applied: 'unknown',
        actor: id,
      })
    : new ActorError('NOT_DELIVERED', `No node took the message to ${id} in time`, { applied: 'no', actor: id });
}
