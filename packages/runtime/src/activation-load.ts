// How an activation comes by its state: the record is read until the store answers. An actor that
// has none begins with its first state; one without a record does so at once.
import type { ActivationHost } from './activation-host.ts';
import { type ActorState, createdState, loadedState, VersionUnsupported } from './actor-state.ts';
import type { Stepper } from './group-step.ts';
import { longer } from './known-outcome.ts';
import type { OutboxRow } from './state-store.ts';

/** The activation that is to have the state. */
export interface LoadWatch {
  /** It has ended meanwhile, or has its state. */
  isOver(): boolean;
  begin(state: ActorState, outbox: readonly OutboxRow[]): void;
  /** The record is of a newer machine, and the shard moves to a node that has it: who waits asks there. */
  leave(): void;
  quarantine(fault: unknown): void;
}

const FIRST_RETRY_MS = 20;

/** Asks again, with growing pauses, while the store is out of reach; what asking cannot mend is a quarantine. */
export async function load(host: ActivationHost, stepper: Stepper, watch: LoadWatch): Promise<void> {
  const { id, behavior, driver } = stepper;
  for (let pauseMs = FIRST_RETRY_MS; !watch.isOver(); pauseMs = longer(pauseMs)) {
    try {
      const loaded = behavior.durable ? await host.load(id) : ({ kind: 'absent' } as const);
      if (watch.isOver()) return;
      if (loaded.kind === 'fenced') host.fenced();
      else if (loaded.kind === 'absent') watch.begin(firstState(host, stepper), []);
      else watch.begin(loadedState(driver, behavior, loaded.record, host.windows), loaded.record.outbox);
      return;
    } catch (fault) {
      if (!host.isTransient(fault)) {
        if (isServedElsewhere(host, stepper, fault)) watch.leave();
        else watch.quarantine(fault);
        return;
      }
      host.onFault(fault);
      await host.pause(pauseMs);
    }
  }
}

function isServedElsewhere(host: ActivationHost, { behavior }: Stepper, fault: unknown): boolean {
  if (!(fault instanceof VersionUnsupported) || fault.stored <= behavior.version) return false;
  return host.lacks(behavior.name, fault.stored);
}

function firstState(host: ActivationHost, { id, behavior, driver }: Stepper): ActorState {
  const state = createdState(driver, behavior.input(id.slice(behavior.name.length + 1)));
  // A memory-only actor has no stored version; its versions rise over activations all the same.
  return behavior.durable ? state : { ...state, version: Math.floor(host.storeNowMs() * 1_000) };
}
