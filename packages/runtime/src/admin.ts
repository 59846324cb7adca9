// Admin
//
// What an operator asks of the actors, from any node: what was given up, who stands still and why,
// and the orders to set it right.
//
//   AD1  A replay is one message however often it is asked for; the letter leaves its office only
//        once the receiver has taken it, or has made a new dead letter of it.
//   AD2  An order is carried out by the owner, in its turn, once however often it has to be sent, and
//        committed.
//   AD3  Looking wakes nobody.
import { encodePart } from '@devmentor/locks';
import type { ActorId } from './actor-id.ts';
import type { ActorRef } from './actor-ref.ts';
import { type BuriedLetter, OFFICES } from './dead-letter.ts';
import type { DeadLetterOffice, SuspendedActor } from './dead-letter-office.ts';
import type { EventData } from './effect.ts';
import type { Order } from './envelope.ts';
import { ActorError, faultFrom } from './errors.ts';
import type { Inspection } from './inspection.ts';
import type { ActorsPage, ActorsQuery } from './inspection-stream.ts';
import type { Router } from './router.ts';

/** An actor, by its id or a reference to it. */
export type Named = ActorId | { readonly id: ActorId };

type Office = ActorRef<NonNullable<(typeof DeadLetterOffice)['types']>>;

export interface AdminPorts {
  readonly router: Router;
  office(key: string): Office;
  /** Those in memory on this node, the last used first. */
  residents(most: number): readonly Inspection[];
  actors(query: ActorsQuery): ActorsPage;
  assertRunning(): void;
  newId(): string;
}

const DEADLINE_MS = 10_000;

/**
 * What went wrong, and setting it right, from any node: `runtime.admin`.
 *
 * Every call asks the owners, within 10 s, and rejects with an `ActorError` when that fails. An order (`suspend`,
 * `resume`, `restart`) has been committed when it resolves, and may be given again.
 */
export class Admin {
  readonly #ports: AdminPorts;

  constructor(ports: AdminPorts) {
    this.#ports = ports;
  }

  /** What was given up anywhere, the newest first: the last of them, see `dead-letter-office.ts`. */
  async deadLetters(): Promise<readonly BuriedLetter[]> {
    const books = await this.#books();
    return books.flatMap(({ letters }) => letters).sort((a, b) => b.atMs - a.atMs);
  }

  /** Actors that stand suspended, anywhere. */
  async suspended(): Promise<readonly SuspendedActor[]> {
    const books = await this.#books();
    return books.flatMap(({ suspended }) => suspended).sort((a, b) => b.atMs - a.atMs);
  }

  /** Actors in memory on this node, the last used first. */
  residents(most = 100): readonly Inspection[] {
    return this.#ports.residents(most);
  }

  /** Actors in memory on this node by their ids, page by page. */
  actors(query: ActorsQuery = {}): ActorsPage {
    return this.#ports.actors(query);
  }

  /**
   * Tells a dead letter to its receiver once more. Rejects with what the receiver says; an actor that is suspended has
   * to be resumed first. A timer or the end of an invoke counts if the state still waits for it, and no later one is
   * set or runs; else it is UNHANDLED_EVENT and may be forgotten. One whose event was too large to be kept is refused.
   */
  async replay(letterId: string): Promise<'replayed' | 'unknown-letter'> {
    const found = await this.#find(letterId);
    if (found === undefined) return 'unknown-letter';
    const { letter, office } = found;
    if ('omittedBytes' in (letter.event as object)) {
      const message = `The event of ${letter.id} was too large to be kept, so it can only be forgotten`;
      throw new ActorError('TOO_LARGE', message, { applied: 'no', actor: letter.to });
    }
    const answer = await this.#ports.router.call(
      {
        op: 'deliver',
        id: letter.to,
        event: letter.event as object as EventData,
        again: true,
        // A timer or the end of an invoke: only the actor itself could have told it.
        ...(letter.from === letter.to ? { own: true } : {}),
        numbered: () => ({ sender: `key~${encodePart(`replay ${letter.id}`)}`, n: 1, floor: 1 }),
      },
      { deadlineMs: DEADLINE_MS },
    );
    const failedAnew = answer.kind === 'fault' && answer.fault.buried === true;
    if (answer.kind === 'committed' || failedAnew) await office.tell({ type: 'forget', id: letter.id });
    if (answer.kind === 'fault') throw faultFrom(answer.fault, letter.to);
    return 'replayed';
  }

  /** Gives a dead letter up for good. */
  async forget(letterId: string): Promise<'forgotten' | 'unknown-letter'> {
    const found = await this.#find(letterId);
    if (found === undefined) return 'unknown-letter';
    await found.office.tell({ type: 'forget', id: letterId });
    return 'forgotten';
  }

  /** Makes an actor stand still: it takes nothing and stays readable. */
  async suspend(actor: Named, why: string): Promise<void> {
    await this.#order(actor, 'suspend', why);
  }

  /** Lets a suspended actor go on, from the state it has. */
  async resume(actor: Named): Promise<void> {
    await this.#order(actor, 'resume', '');
  }

  /** Puts an actor back to its machine's initial state, also one that was stopped; what it owes others stays owed. */
  async restart(actor: Named): Promise<void> {
    await this.#order(actor, 'restart', '');
  }

  /** Why nothing happens: what the owner of the actor knows of it. */
  async examine(actor: Named): Promise<Inspection> {
    this.#ports.assertRunning();
    const id = idOf(actor);
    const answer = await this.#ports.router.call({ op: 'inspect', id }, { deadlineMs: DEADLINE_MS });
    if (answer.kind === 'fault') throw faultFrom(answer.fault, id);
    if (answer.kind !== 'inspected') throw foreign(id);
    return answer.actor;
  }

  async #order(actor: Named, order: Order['order'], why: string): Promise<void> {
    this.#ports.assertRunning();
    const id = idOf(actor);
    const answer = await this.#ports.router.call(
      { op: 'order', id, order, why, from: { sender: `order~${this.#ports.newId()}`, n: 1, floor: 1 } },
      { deadlineMs: DEADLINE_MS },
    );
    if (answer.kind === 'fault') throw faultFrom(answer.fault, id);
    if (answer.kind !== 'committed') throw foreign(id);
  }

  async #books() {
    this.#ports.assertRunning();
    const offices = Array.from({ length: OFFICES }, (_, key) => this.#ports.office(String(key)));
    const views = await Promise.all(offices.map((office) => office.read()));
    return views.map(({ context }) => context);
  }

  async #find(letterId: string): Promise<{ readonly letter: BuriedLetter; readonly office: Office } | undefined> {
    for (const [key, { letters }] of (await this.#books()).entries()) {
      const letter = letters.find(({ id }) => id === letterId);
      if (letter !== undefined) return { letter, office: this.#ports.office(String(key)) };
    }
    return undefined;
  }
}

function idOf(actor: Named): ActorId {
  return typeof actor === 'string' ? actor : actor.id;
}

function foreign(actor: ActorId): ActorError {
  return new ActorError('DEADLINE', `${actor} was answered with something else than was asked`, {
    applied: 'unknown',
    actor,
  });
}
