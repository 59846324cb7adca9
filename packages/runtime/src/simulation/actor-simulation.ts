// Actors of one type, put into a world: the whole of a simulation from the type alone.
import type { ActorType } from '../define-actor.ts';
import { type AsTheMachineOptions, asTheMachine } from './as-the-machine.ts';
import { type PlayOptions, playCommands } from './command-play.ts';
import { type Command, type CommandOptions, type CommandPlan, commands, type MaybeOptions } from './commands.ts';
import { faultPlan } from './fault-plan.ts';
import { defineSimulation, type Simulation, type SimulationOptions } from './simulation.ts';

interface Around {
  /** Other types that actors of this one tell or ask. */
  readonly others?: readonly ActorType[];
}

type Parts<Type extends ActorType> = Around &
  CommandPlan &
  PlayOptions &
  Pick<AsTheMachineOptions, 'looks'> &
  Partial<Omit<SimulationOptions<Command<Type>>, 'actors' | 'steps' | 'play'>>;

/** What is sent, and how the world is that it is sent in. Each part has a default, but what events carry. */
export type ActorSimulationOptions<Type extends ActorType> = CommandOptions<Type> & Parts<Type>;

/**
 * A simulation of the actors of one type: clients on each node send them what their machine takes, while a plan of
 * faults without lost writes strikes, and in the end every answer has to be as the machine's (`asTheMachine`).
 * `checks` come on top of that.
 *
 * @example
 * export default actorSimulation(Counter, { events: { add: fc.record({ by: fc.nat() }) } });
 */
export function actorSimulation<Type extends ActorType>(
  type: Type,
  ...[options]: MaybeOptions<ActorSimulationOptions<Type>>
): Simulation<Command<Type>> {
  const given: Parts<Type> = options ?? {};
  const { nodes = 3, withinMs = 3_000, others = [], checks = [], looks } = given;
  const machine = asTheMachine(type, looks === undefined ? {} : { looks });
  return defineSimulation<Command<Type>>({
    name: type.type,
    faults: faultPlan({ nodes, withinMs }),
    ...given,
    nodes,
    actors: [type, ...others],
    steps: commands<Type>(type, ...([options] as MaybeOptions<CommandOptions<Type>>)),
    play: (world, steps) => playCommands(world, type, steps, given),
    checks: [machine, ...checks],
  });
}
