// What a machine is lent by its driver in the place of a running actor.
import type { AnyActorRef, AnyStateMachine } from 'xstate';

export type Scope = Parameters<AnyStateMachine['transition']>[2];

/** More in one step is a machine that turns in circles; XState itself would never stop. */
const mostMicrosteps = 1_000;

/** As XState reports each. */
interface MicrostepSeen {
  readonly type: string;
  readonly _transitions?: readonly { readonly target: unknown; readonly actions: readonly unknown[] }[];
}

/** Counts what XState reports of one step, and tells whether any transition took the event. */
export class Microsteps {
  taken = false;
  #count = 0;

  begin(): void {
    this.taken = false;
    this.#count = 0;
  }

  /** `decides`: whether it is of the machine that was given the event. */
  see(seen: MicrostepSeen, decides: boolean): void {
    if (seen.type !== '@xstate.microstep') return;
    this.#count += 1;
    if (this.#count > mostMicrosteps) {
      throw new Error(
        `more than ${mostMicrosteps} microsteps in one step: a cycle of always transitions, raised events or events sent to itself`,
      );
    }
    if (decides && !this.taken)
      this.taken =
        seen._transitions?.some(({ target, actions }) => target !== undefined || actions.length > 0) ?? false;
  }
}

/** An author's action runs after the commit, when nothing can be sent as part of it any more. */
export function refuseSelf(ref: AnyActorRef): void {
  ref.send = refuse;
  ref.subscribe = refuse;
  ref.on = refuse;
}

function refuse(): never {
  throw new Error('self.send reaches nobody here; use raise(event), or sendTo(target, event) as an action');
}

/** Drops what only a running actor needs; a reference of a tree stays in memory as long as its activation. */
export function slim(ref: AnyActorRef): void {
  Object.assign(ref, running);
}

const running = {
  mailbox: undefined,
  observers: undefined,
  eventListeners: undefined,
  options: undefined,
  _actorScope: undefined,
  _deferred: undefined,
};
