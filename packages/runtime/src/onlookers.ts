// Onlookers
//
// Those who want to see an actor's state: reads, and watchers that wait for a version above the
// one they know. They are shown a committed state, and only while this node is the owner for
// certain; else the store is asked first.
//
//   ON1  At most 4,096 watchers wait, and as many reads; one that gave up is forgotten.
import type { Clock } from '@devmentor/locks';
import type { ActivationHost } from './activation-host.ts';
import { type ActorState, viewOf } from './actor-state.ts';
import type { Answer, Read, Watch } from './envelope.ts';
import type { Stepper } from './group-step.ts';

interface Onlooker<R extends Read | Watch = Read | Watch> {
  readonly request: R;
  readonly expiresAtMs: number;
  readonly answer: (answer: Answer) => void;
}

const MOST = 4_096;

export class Onlookers {
  readonly #host: ActivationHost;
  readonly #stepper: Stepper;
  readonly #reads: Queue<Read>;
  readonly #watches: Queue<Watch>;

  constructor(host: ActivationHost, stepper: Stepper) {
    this.#host = host;
    this.#stepper = stepper;
    this.#reads = new Queue(host.clock);
    this.#watches = new Queue(host.clock);
  }

  /** Whether nobody waits any more; those who gave up count until they are looked for. */
  get isEmpty(): boolean {
    return this.#reads.size + this.#watches.size === 0;
  }

  forgetExpired(): void {
    this.#reads.forgetExpired();
    this.#watches.forgetExpired();
  }

  /** `state` is what can be shown now; undefined while there is none. */
  add(request: Read | Watch, state: ActorState | undefined, answer: (answer: Answer) => void): void {
    const onlooker = { answer, expiresAtMs: this.#host.clock.nowMs() + request.remainingMs };
    if (state !== undefined && isFor(request, state)) this.#show({ ...onlooker, request }, state);
    else if (request.op === 'read') {
      if (!this.#reads.add({ ...onlooker, request }))
        answer(fault('MAILBOX_FULL', `${this.#stepper.id} has too many reads that wait for a commit`));
    } else if (!this.#watches.add({ ...onlooker, request }))
      answer(fault('MAILBOX_FULL', `${this.#stepper.id} has too many watchers`));
  }

  /** A state to be shown to whom it is news. */
  see(state: ActorState): void {
    if (this.isEmpty) return;
    for (const onlooker of this.#reads.take(() => true)) this.#show(onlooker, state);
    for (const onlooker of this.#watches.take(({ request }) => isFor(request, state))) this.#show(onlooker, state);
  }

  dismiss(answer: Answer): void {
    for (const onlooker of [...this.#reads.take(() => true), ...this.#watches.take(() => true)])
      onlooker.answer(answer);
  }

  #show({ request, answer }: Onlooker, state: ActorState): void {
    const fresh = request.op === 'read' && request.fresh;
    whenOwner(this.#host, fresh ? 'ask' : 'trust lease', {
      yes: () => answer(this.#view(state)),
      no: () => answer({ kind: 'elsewhere' }),
    });
  }

  #view(state: ActorState): Answer {
    try {
      return { kind: 'view', view: viewOf(this.#stepper.driver, state, state.version) };
    } catch (cause) {
      return fault('ACTOR_FAILED', `${this.#stepper.id} has a state that is not JSON: ${String(cause)}`);
    }
  }
}

/** Looked through for those who gave up whenever it has doubled. */
class Queue<R extends Read | Watch> {
  readonly #clock: Pick<Clock, 'nowMs'>;
  #waiting: Onlooker<R>[] = [];
  #lookAt = 16;

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** False when it is full. */
  add(onlooker: Onlooker<R>): boolean {
    if (this.#waiting.length >= this.#lookAt) this.forgetExpired();
    if (this.#waiting.length >= MOST) return false;
    this.#waiting.push(onlooker);
    return true;
  }

  /** Those who are to be answered; the others stay. */
  take(isIt: (onlooker: Onlooker<R>) => boolean): readonly Onlooker<R>[] {
    const all = this.#waiting;
    this.#waiting = all.filter((onlooker) => !isIt(onlooker));
    return all.filter(isIt);
  }

  forgetExpired(): void {
    const nowMs = this.#clock.nowMs();
    this.#waiting = this.#waiting.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    this.#lookAt = Math.min(MOST, Math.max(16, 2 * this.#waiting.length));
  }
}

/** Runs `yes` if this node is the owner: at once while its lease surely holds, else after asking the store. */
export function whenOwner(
  host: ActivationHost,
  how: 'trust lease' | 'ask',
  then: { readonly yes: () => void; readonly no: () => void },
): void {
  if (how === 'trust lease' && host.certain()) {
    then.yes();
    return;
  }
  host.confirm().then(
    (owner) => {
      if (owner) {
        then.yes();
      } else {
        then.no();
        host.fenced();
      }
    },
    (fault: unknown) => {
      host.onFault(fault);
      then.no();
    },
  );
}

function isFor(request: Read | Watch, { version }: ActorState): boolean {
  return request.op === 'read' || version > request.after;
}

function fault(code: 'MAILBOX_FULL' | 'ACTOR_FAILED', message: string): Answer {
  return { kind: 'fault', fault: { code, message, applied: 'no' } };
}
