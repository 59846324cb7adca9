// Commands
//
// What clients do with actors of a type, drawn from its machine: which events there are it says itself, and what
// is in them the compiler knows.
import { assert } from '@devmentor/locks';
import fc from 'fast-check';
import type { ActorType, EventOf } from '../define-actor.ts';
import { isReservedEventType } from '../machine-driver.ts';
import { several } from './fault-plan.ts';

/** One thing that a client does. It is JSON, so a case of commands can be written down. */
export interface Command<Type extends ActorType = ActorType> {
  /** Number of the node on which the client is, from 0. */
  readonly node: number;
  /** Key of the actor. */
  readonly key: string;
  /** Milliseconds of the world after the scenario began; so a command that is left out moves no other. */
  readonly atMs: number;
  /** What is told or asked; `read` looks at the state. */
  readonly event: EventOf<Type> | 'read';
}

type Nothing = Record<never, never>;
type Name<Type extends ActorType> = EventOf<Type>['type'];
type Named<Event extends { readonly type: string }, Type extends string> = Event extends unknown
  ? Type extends Event['type']
    ? Event
    : never
  : never;
type Payload<Event> = Event extends unknown ? Omit<Event, 'type'> : never;
/** Events of which nothing is known but their name. */
type Bare<Type extends ActorType, N extends Name<Type>> = N extends unknown
  ? Nothing extends Payload<Named<EventOf<Type>, N>>
    ? N
    : never
  : never;
/** What is in an event beside its type; or that clients never send it. */
type Drawn<Type extends ActorType, N extends Name<Type>> = fc.Arbitrary<Payload<Named<EventOf<Type>, N>>> | 'never';

/** Where the events of a type come from: those that carry something have to be given. */
export type EventSources<Type extends ActorType> = {
  readonly [N in Exclude<Name<Type>, Bare<Type, Name<Type>>>]: Drawn<Type, N>;
} & {
  readonly [N in Bare<Type, Name<Type>>]?: Drawn<Type, N>;
};

/** Who does what, how often, and until when. */
export interface CommandPlan {
  /** @default 3 */
  readonly nodes?: number;
  /** Keys of the actors; few, so that clients meet. @default ['a', 'b'] */
  readonly keys?: readonly string[];
  /** Commands come within so many milliseconds of the world. @default 3000 */
  readonly withinMs?: number;
  /** Commands of a case as it is drawn; a shrunk one has fewer. @default 20 */
  readonly least?: number;
  /** @default 30, or `least` if that is more */
  readonly most?: number;
  /** Whether clients read too, about as often as they do anything else once. @default true */
  readonly reads?: boolean;
}

/** How many commands are drawn, for whom, and what the events carry. */
export type CommandOptions<Type extends ActorType> = CommandPlan &
  (Nothing extends EventSources<Type>
    ? { readonly events?: EventSources<Type> }
    : { readonly events: EventSources<Type> });

/** `options` may be left out where no event carries anything. */
export type MaybeOptions<Options> = Nothing extends Options ? [options?: Options] : [options: Options];

/**
 * Lists of commands for fast-check to draw and to shrink: towards fewer and earlier ones, of the first nodes and keys.
 *
 * Events are those that some state of the machine names, in nested and parallel states too; none of XState's own, and
 * no wildcards. What an event carries beside its `type` is given in `events`, typed by the machine; `'never'` leaves
 * it out, as for what only other actors send. An event that only a wildcard takes may be given there too.
 *
 * @example
 * commands(Door, { events: { knock: fc.record({ times: fc.integer({ min: 1, max: 3 }) }), slam: 'never' } });
 */
export function commands<Type extends ActorType>(
  type: Type,
  ...[options]: MaybeOptions<CommandOptions<Type>>
): fc.Arbitrary<readonly Command<Type>[]> {
  const { nodes = 3, keys = ['a', 'b'], withinMs = 3_000, least = 20, reads = true } = options ?? {};
  const { most = Math.max(30, least) } = options ?? {};
  assert(keys.length > 0, 'commands are for one key at least');
  const command: fc.Arbitrary<Command> = fc.record(
    {
      node: fc.nat({ max: nodes - 1 }),
      key: fc.constantFrom(...keys),
      atMs: fc.nat({ max: withinMs }),
      event: fc.oneof(...eventsOf(type, options?.events ?? {}), ...(reads ? [fc.constant('read' as const)] : [])),
    },
    { noNullPrototype: true },
  );
  // The compiler has seen that the sources fit the events.
  return several(command, { atLeast: least, atMost: most }) as fc.Arbitrary<readonly Command<Type>[]>;
}

/** The events that some state of the machine names, in the order of the machine. */
export function eventTypes(type: ActorType): readonly string[] {
  return type.behavior.machine.events.filter(
    (name) => !isReservedEventType(name) && name !== '' && !name.split('.').includes('*'),
  );
}

function eventsOf(
  type: ActorType,
  sources: { readonly [name: string]: fc.Arbitrary<object> | 'never' | undefined },
): fc.Arbitrary<{ readonly type: string }>[] {
  const names = new Set([...eventTypes(type), ...Object.keys(sources)]);
  const drawn = [...names].flatMap((name) => {
    const payload = sources[name] ?? fc.constant({});
    // As it will be on the wire, and in a case file.
    return payload === 'never' ? [] : [payload.map((carried) => asJson({ type: name, ...carried }))];
  });
  assert(drawn.length > 0, `clients may send some event to '${type.type}', or there is nothing to draw`);
  return drawn;
}

function asJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
