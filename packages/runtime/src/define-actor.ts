// An actor type: a plain xstate v5 machine and what the runtime must know to keep actors of it.
// The machine's own type is taken apart here and does not travel further: references carry
// only events, context, replies, so declaration files stay small.

import { assert } from '@devmentor/locks';
import type {
  AnyStateMachine,
  ContextFrom,
  EmittedFrom,
  EventFromLogic,
  InputFrom,
  OutputFrom,
  StateValueFrom,
} from 'xstate';
import { StateMachine } from 'xstate';
import type { Behavior, Migration } from './behavior.ts';
import type { DelayPolicy } from './delay-policy.ts';
import { explained, type LintWarning } from './finding.ts';
import { lint } from './lint.ts';
import { MachineRefused } from './machine-driver.ts';
import type { Directive } from './supervision.ts';

/** A type carried without a value: what an event is answered with. */
export interface Returns<Reply> {
  readonly reply?: Reply;
}

/** Declares the reply of an event: `replies: { rename: returns<Renamed>() }`. */
export function returns<Reply>(): Returns<Reply> {
  return {};
}

type ReplyTable = Readonly<Record<string, Returns<unknown>>>;
type ReplyOf<Entry> = Entry extends Returns<infer Reply> ? Reply : never;

/** The types that a reference to an actor shows. */
export interface ActorTypes {
  readonly event: { readonly type: string };
  readonly context: unknown;
  readonly value: unknown;
  readonly output: unknown;
  readonly emitted: { readonly type: string };
  readonly replies: object;
}

/** What `runtime.actor(Type, key)` and `tell(Type, key, event)` take: the name of a kind of actors. */
export interface ActorType<Name extends string = string, Types extends ActorTypes = ActorTypes> {
  /** The first part of its actors' ids. */
  readonly type: Name;
  readonly behavior: Behavior;
  /** Never there at run time. */
  readonly types?: Types;
}

/** The events that actors of a type take. */
export type EventOf<Type extends ActorType> = NonNullable<Type['types']>['event'];
/** The context of actors of a type. */
export type ContextOf<Type extends ActorType> = NonNullable<Type['types']>['context'];

/** Machines whose input has required parts need `input`. */
type InputOption<Machine extends AnyStateMachine> =
  undefined extends InputFrom<Machine>
    ? { readonly input?: (key: string) => InputFrom<Machine> }
    : { readonly input: (key: string) => InputFrom<Machine> };

/** What `defineActor` takes: the machine, and how its actors are kept. A part that has a default may be left out. */
export type ActorOptions<Machine extends AnyStateMachine, Replies extends ReplyTable> = {
  readonly machine: Machine;
  /** Version of the machine, stamped on each record. @default 1 */
  readonly version?: number;
  /** `migrate: { 1: (snapshot) => … }` brings a snapshot of version 1 to version 2. */
  readonly migrate?: Readonly<Record<number, Migration>>;
  /** False keeps the state in memory only, with no commit: it is lost with the node. @default true */
  readonly durable?: boolean;
  /** Which events are answered, and with what. */
  readonly replies?: Replies & {
    readonly [Key in keyof Replies]: Key extends EventFromLogic<Machine>['type'] ? Returns<unknown> : never;
  };
  /** Waiting messages beyond these are refused with MAILBOX_FULL. @default 1000 messages, 1 MiB */
  readonly mailbox?: { readonly max?: number; readonly maxBytes?: number };
  /** An actor that did nothing for `idleMs` leaves memory. @default 120000 */
  readonly passivate?: { readonly idleMs: number };
  /**
   * A message whose step throws is stepped `retries` times more, after pauses that start at
   * `backoffMs` and double; then it is a dead letter, and the actor does what `directive` says. An actor
   * that fails again and again is suspended in any case. What a machine below throws is its parent's
   * `onError` first, as in XState; where no parent takes it the step throws. An actor of memory alone resumes by default.
   * @default 1, 50, 'suspend'
   */
  readonly supervise?: { readonly retries?: number; readonly backoffMs?: number; readonly directive?: Directive };
  /**
   * What becomes of an `after` while nobody serves the actor, by the name (or number) of its delay:
   * `deadline` lets it end in that time, late; `remaining` does not count that time; `restart` begins
   * it anew when it was more than a failover. Machines below the actor's are meant too: a name stands
   * for the delays of that name in all of them. @default 'deadline' for each
   */
  readonly delays?: Readonly<Record<string, DelayPolicy>>;
  /** Keys whose actors are kept active wherever their shard is served. */
  readonly resident?: readonly string[];
  /** Warnings of the durability lint that are meant to be. */
  readonly lint?: { readonly silence: readonly LintWarning[] };
} & InputOption<Machine>;

/**
 * Declares a kind of actors. Throws `MachineRefused` for a machine that could not be kept, with every problem and
 * its fix; what may surprise is a warning, reported when a runtime is made of the type.
 *
 * @example
 * const Project = defineActor('project', { machine: projectMachine, replies: { rename: returns<Renamed>() } });
 */
export function defineActor<
  const Name extends string,
  Machine extends AnyStateMachine,
  Replies extends ReplyTable = Record<never, Returns<unknown>>,
>(
  name: Name,
  options: ActorOptions<Machine, Replies>,
): ActorType<
  Name,
  {
    event: EventFromLogic<Machine>;
    context: ContextFrom<Machine>;
    value: StateValueFrom<Machine>;
    output: OutputFrom<Machine>;
    emitted: EmittedFrom<Machine>;
    replies: { [Key in keyof Replies]: ReplyOf<Replies[Key]> };
  }
> {
  assert(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name), 'an actor type is named with 1 to 64 letters, digits, _ and -');
  const version = options.version ?? 1;
  assert(Number.isSafeInteger(version) && version >= 1, 'a machine version is a whole number from 1');
  const { input } = options;
  const findings = lint({
    machine: options.machine,
    version,
    migrations: Object.keys(options.migrate ?? {}).map(Number),
    replies: Object.keys(options.replies ?? {}),
    input: () => input?.(options.resident?.[0] ?? 'lint'),
    silence: options.lint?.silence ?? [],
  });
  const errors = findings.filter(({ level }) => level === 'error');
  if (errors.length > 0) throw new MachineRefused(options.machine.id, errors.map(explained));
  return {
    type: name,
    behavior: {
      name,
      machine: options.machine,
      version,
      migrate: options.migrate ?? {},
      durable: options.durable ?? true,
      replies: new Set(Object.keys(options.replies ?? {})),
      mailbox: { messages: options.mailbox?.max ?? 1_000, bytes: options.mailbox?.maxBytes ?? 1024 * 1024 },
      idleMs: options.passivate?.idleMs ?? 120_000,
      delays: delaysOf(options.machine, options.delays ?? {}),
      supervision: {
        retries: options.supervise?.retries ?? 1,
        backoffMs: options.supervise?.backoffMs ?? 50,
        directive: options.supervise?.directive ?? (options.durable === false ? 'resume' : 'suspend'),
      },
      input: (key) => input?.(key),
      resident: options.resident ?? [],
      warnings: findings,
    },
  };
}

/** A policy for a delay that the machine has not, nor any below it, is a mistake in its name. */
function delaysOf(machine: AnyStateMachine, delays: Readonly<Record<string, DelayPolicy>>): Behavior['delays'] {
  const named = namesOfDelays(machine);
  for (const name of Object.keys(delays))
    assert(
      named.has(name) || /^\d+$/.test(name),
      `'${name}' is no delay of this machine: name it in setup({ delays })`,
    );
  return Object.fromEntries(Object.entries(delays).filter(([, policy]) => policy !== 'deadline'));
}

function namesOfDelays(machine: AnyStateMachine): ReadonlySet<string> {
  const machines = new Set([machine]);
  // A set also hands out what is added while it is walked.
  for (const { implementations } of machines)
    for (const logic of Object.values(implementations.actors)) if (logic instanceof StateMachine) machines.add(logic);
  return new Set([...machines].flatMap(({ implementations }) => Object.keys(implementations.delays)));
}
