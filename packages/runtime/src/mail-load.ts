// Mail load
//
// What waits in all mailboxes of one node together. Beyond its bounds every mailbox refuses what is
// told from outside; what actors cause themselves is not counted.
//
//   ML1  What was taken in is given back once, when its letter is finished or its mailbox emptied.

/** How much may wait in all mailboxes of a node together; what is beyond is refused with MAILBOX_FULL. */
export interface MailLimits {
  /** Messages that wait. */
  readonly messages: number;
  /** Their size, as JSON. */
  readonly bytes: number;
}

export class MailLoad {
  readonly #limits: MailLimits;
  #messages = 0;
  #bytes = 0;

  constructor(limits: MailLimits) {
    this.#limits = limits;
  }

  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** False when there is no room; nothing is taken in then. */
  take(bytes: number): boolean {
    if (this.#messages >= this.#limits.messages || this.#bytes + bytes > this.#limits.bytes) return false;
    this.#messages++;
    this.#bytes += bytes;
    return true;
  }

  give(messages: number, bytes: number): void {
    this.#messages -= messages;
    this.#bytes -= bytes;
  }
}
