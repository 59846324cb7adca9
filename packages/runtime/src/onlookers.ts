// Onlookers
//
// Those who want to see an actor's state: reads, and watchers that wait for a version above the
// one they know. They are shown a committed state, and only while this node is the owner for
// certain; else the store is asked first.
//
//   ON1  At most 4,096 wait; a watcher that gave up is forgotten.
import type { ActivationHost } from './activation-host.ts';
import { type ActorState, viewOf } from './actor-state.ts';
import type { Answer, Read, Watch } from './envelope.ts';
import type { Stepper } from './group-step.ts';

interface Onlooker {
  readonly request: Read | Watch;
  readonly expiresAtMs: number;
  readonly answer: (answer: Answer) => void;
}

const MOST = 4_096;
/** So few are not worth looking through. */
const FEW = 16;

export class Onlookers {
  readonly #host: ActivationHost;
  readonly #stepper: Stepper;
  #waiting: Onlooker[] = [];

  constructor(host: ActivationHost, stepper: Stepper) {
    this.#host = host;
    this.#stepper = stepper;
  }

  /** Whether nobody waits any more. */
  get isEmpty(): boolean {
    if (this.#waiting.length > 0) this.#expire();
    return this.#waiting.length === 0;
  }

  /** `state` is what can be shown now; undefined while there is none. */
  add(request: Read | Watch, state: ActorState | undefined, answer: (answer: Answer) => void): void {
    const onlooker = { request, answer, expiresAtMs: this.#host.clock.nowMs() + request.remainingMs };
    if (state !== undefined && isFor(onlooker, state)) {
      this.#show(onlooker, state);
      return;
    }
    if (this.#waiting.length >= FEW) this.#expire();
    if (this.#waiting.length < MOST) this.#waiting.push(onlooker);
    else answer(fault('MAILBOX_FULL', `${this.#stepper.id} has too many watchers`));
  }

  /** A state to be shown to whom it is news. */
  see(state: ActorState): void {
    if (this.#waiting.length === 0) return;
    const ready = this.#waiting.filter((onlooker) => isFor(onlooker, state));
    this.#waiting = this.#waiting.filter((onlooker) => !isFor(onlooker, state));
    for (const onlooker of ready) this.#show(onlooker, state);
  }

  dismiss(answer: Answer): void {
    for (const onlooker of this.#waiting.splice(0)) onlooker.answer(answer);
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

  #expire(): void {
    const nowMs = this.#host.clock.nowMs();
    this.#waiting = this.#waiting.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
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

function isFor({ request }: Onlooker, { version }: ActorState): boolean {
  return request.op === 'read' || version > request.after;
}

function fault(code: 'MAILBOX_FULL' | 'ACTOR_FAILED', message: string): Answer {
  return { kind: 'fault', fault: { code, message, applied: 'no' } };
}
