/**
 * A consistency boundary that records what happened to it. Events are collected by the commands
 * and taken once, by whoever stores the new state together with them.
 */
export abstract class AggregateRoot<Event> {
  #events: Event[] = [];

  protected addEvent(event: Event): void {
    this.#events.push(event);
  }

  /** The events since the last take, in order; taking empties. */
  takeEvents(): readonly Event[] {
    const taken = this.#events;
    this.#events = [];
    return taken;
  }
}
