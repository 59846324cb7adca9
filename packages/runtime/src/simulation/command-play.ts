// How commands are played: each when it is due, by a client of its own; then all is healed, and everybody looks.
import { type ActorId, formatActorId } from '../actor-id.ts';
import type { ActorRef } from '../actor-ref.ts';
import type { ActorType } from '../define-actor.ts';
import { ActorError, type RuntimeCode } from '../errors.ts';
import type { Command } from './commands.ts';
import type { Outcome } from './history.ts';
import type { SimNode } from './sim-node.ts';
import type { World } from './world.ts';

/** What an actor was given: an event, or a look at its state. */
export type CommandInput = { readonly type: string } | 'read';

/** What came of it. */
export type CommandOutput =
  /** The event is committed. */
  | { readonly kind: 'committed' }
  /** And answered. */
  | { readonly kind: 'replied'; readonly reply: unknown }
  /** The machine took no such event, has ended, or stands still: it changed nothing. */
  | { readonly kind: 'refused'; readonly code: RuntimeCode }
  | {
      readonly kind: 'state';
      readonly value: unknown;
      readonly context: unknown;
      readonly status: string;
      readonly output?: unknown;
    };

/** How long clients and faults go on, in milliseconds of the world. */
export interface PlayOptions {
  /** A client waits so long for its answer, and then does not know. @default 8000 */
  readonly deadlineMs?: number;
  /** Faults go on for so long after the last command. @default 3000 */
  readonly lingerMs?: number;
}

const DEADLINE_MS = 8_000;
const LINGER_MS = 3_000;
/** After everything is whole: timers of failovers and retries run out. */
const REST_MS = 5_000;
const LAST_DEADLINE_MS = 30_000;

/**
 * Plays commands to actors of a type. Each is begun when it is due, and tells, or asks where the type declares a reply;
 * then every fault is ended, what is down is started, and each actor that was meant is read once on every node.
 *
 * All of it is in the history under the actor's id, the input being the event or `read` and the output a
 * `CommandOutput`, for `asTheMachine` or checks of one's own. Rejects where an actor cannot be read in the end.
 */
export async function playCommands<Type extends ActorType>(
  world: World,
  type: Type,
  commands: readonly Command<Type>[],
  options: PlayOptions = {},
): Promise<void> {
  const { deadlineMs = DEADLINE_MS, lingerMs = LINGER_MS } = options;
  const asked: Promise<unknown>[] = [];
  for (const { node, key, atMs, event } of [...commands].sort((a, b) => a.atMs - b.atMs)) {
    if (atMs > world.nowMs) await world.advance(atMs - world.nowMs);
    asked.push(command(world.node(node), type, key, event, deadlineMs));
  }
  await world.advance(lingerMs);
  world.heal();
  await Promise.all(asked);
  await world.advance(REST_MS);
  const keys = [...new Set(commands.map(({ key }) => key))].sort();
  for (const node of world.nodes)
    for (const key of keys) {
      const { kind } = await command(node, type, key, 'read', LAST_DEADLINE_MS);
      if (kind !== 'ok') throw new Error(`all is whole, and ${node.name} cannot read ${formatActorId(type.type, key)}`);
    }
}

/** Whether an operation is a command for actors of the type. */
export function isCommandFor(
  type: ActorType,
  { key, input }: { readonly key: string; readonly input: unknown },
): boolean {
  const isEvent = typeof input === 'object' && input !== null && 'type' in input && typeof input.type === 'string';
  return key.startsWith(`${type.type}:`) && (input === 'read' || isEvent);
}

function command(
  node: SimNode,
  type: ActorType,
  key: string,
  input: CommandInput,
  deadlineMs: number,
): Promise<Outcome<CommandOutput>> {
  const id: ActorId = formatActorId(type.type, key);
  const op = input === 'read' ? input : input.type;
  return node.perform({ op, key: id, input }, async ({ runtime }) => {
    const actor: ActorRef = runtime.actor(type, key);
    try {
      if (input === 'read') return await look(actor, deadlineMs);
      if (type.behavior.replies.has(input.type))
        return { kind: 'replied', reply: await actor.ask(input as never, { deadlineMs }) };
      await actor.tell(input, { deadlineMs });
      return { kind: 'committed' };
    } catch (fault) {
      return answerIn(fault);
    }
  });
}

async function look(actor: ActorRef, deadlineMs: number): Promise<CommandOutput> {
  const { value, context, status, output } = await actor.read({ deadlineMs });
  return { kind: 'state', value, context, status, ...(output === undefined ? {} : { output }) };
}

/** Some faults are answers: the machine has seen the event. */
function answerIn(fault: unknown): CommandOutput {
  if (!(fault instanceof ActorError)) throw fault;
  const { code, applied } = fault;
  if (code === 'NO_REPLY') return { kind: 'committed' };
  const isAnswer = code === 'UNHANDLED_EVENT' || code === 'ACTOR_STOPPED' || code === 'ACTOR_FAILED';
  if (isAnswer && applied === 'no') return { kind: 'refused', code };
  throw fault;
}
