// The check that actors, whatever breaks, are what their machine says.
import { assert } from '@devmentor/locks';
import type { ActorType } from '../define-actor.ts';
import { type CommandInput, type CommandOutput, isCommandFor } from './command-play.ts';
import type { Operation } from './history.ts';
import type { SearchOptions } from './linearizable.ts';
import { type Looked, MachineModel } from './machine-model.ts';
import { linearizableBy } from './order-checks.ts';
import type { Check, Seen } from './seen.ts';

/** What a machine is compared by, and how long an order is looked for. */
export interface AsTheMachineOptions extends SearchOptions {
  /**
   * What of a read state is compared; a pure function. For a machine that keeps what the runtime gave it, such as
   * reply addresses or `lateBy`. @default all of it
   */
  readonly looks?: Looked;
}

/** Of what clocks are off by, drift and rounding. */
const DRIFT = 0.001;
const ROUNDING_MS = 50;

/**
 * Actors of a type are what their machine says: every answer and every state that was read, to the last, is explained
 * by some order of the commands, one by one through the machine itself, stepped purely. So a run with crashes shows
 * nothing that one without could not have shown. What is of unknown outcome may have taken effect, late too, or not.
 *
 * The commands are those of `playCommands`, of durable actors. Timers (`after`) may ring at any moment from their
 * due time on, and what is told to other types goes its way. A machine that invokes work, watches, or tells
 * its own type learns what no client said: it is objected to as undecided. So is an order that was not found within
 * the `budget`. What other actors tell this type is not known here: there the check objects wrongly.
 */
export function asTheMachine(type: ActorType, options: AsTheMachineOptions = {}): Check {
  assert(type.behavior.durable, `'${type.type}' is kept in memory alone, and may lose what it was told`);
  const { looks = (view) => view, budget } = options;
  const name = `as the machine of ${type.type}`;
  const mine = (operation: Operation): operation is Operation<CommandInput, CommandOutput> =>
    isCommandFor(type, operation);
  return {
    name,
    inspect: (seen) => {
      const model = new MachineModel(type, { looks, endMs: seen.endMs, slackMs: slackOf(seen) });
      const search = linearizableBy(model, mine, { name, ...(budget === undefined ? {} : { budget }) });
      const objections = search.inspect(seen);
      if (model.beyond.length === 0) return objections;
      const undecided = { check: name, kind: 'undecided', message: `cannot be told: ${model.beyond.join('; ')}` };
      return [undecided];
    },
  };
}

/** So much earlier than the world's time says a timer may ring: the services' clock may have jumped ahead. */
function slackOf({ faults, endMs }: Seen): number {
  const jumps = faults.map(({ fault }) => (fault.kind === 'clock' && fault.node === 'store' ? fault.wallMs : 0));
  return jumps.reduce((sum, jumpMs) => sum + Math.max(0, jumpMs), 0) + endMs * DRIFT + ROUNDING_MS;
}
