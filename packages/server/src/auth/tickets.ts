// Tickets
//
// A one-use way in for what can send no header: a plain `EventSource`, a plain `WebSocket`.
//
//   TK1  A ticket lets in once, within 30 seconds, on any node.
//   TK2  Who comes in with one is the caller who asked for it: the same session, token and end.
import { createHash } from 'node:crypto';
import type { Ticket } from '@devmentor/contracts';
import type { Clock, Entropy } from '@devmentor/locks';
import type { RecordStore } from '@devmentor/runtime';
import { timeText } from '../projects/wire.ts';
import type { Caller } from './access-tokens.ts';

const TICKET_TTL_MS = 30_000;

type Kept = { readonly v: 1; readonly caller: Caller; readonly used: boolean };

export interface TicketsOptions {
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly entropy: Entropy;
}

export class Tickets {
  readonly #with: TicketsOptions;

  constructor(options: TicketsOptions) {
    this.#with = options;
  }

  async issue(caller: Caller): Promise<Ticket> {
    const { records, clock, entropy } = this.#with;
    const ticket = entropy.id() + entropy.id();
    const kept: Kept = { v: 1, caller, used: false };
    const expiresAtMs = clock.wallMs() + TICKET_TTL_MS;
    await records.put(keyOf(ticket), kept, { expects: 'absent', ttlMs: TICKET_TTL_MS });
    return { ticket, expiresAt: timeText(expiresAtMs), remainingMs: TICKET_TTL_MS };
  }

  /** Whose ticket it was; `undefined` when it is none, too old or used. */
  async redeem(ticket: string): Promise<Caller | undefined> {
    const { records } = this.#with;
    const found = await records.get(keyOf(ticket));
    if (found === undefined) return undefined;
    const kept = found.value as Kept;
    if (kept.used) return undefined;
    // Two who come at once expect the same version; one of them writes it.
    const taken: Kept = { ...kept, used: true };
    const put = await records.put(keyOf(ticket), taken, { expects: found.version, ttlMs: TICKET_TTL_MS });
    return put.kind === 'written' ? kept.caller : undefined;
  }
}

/** The store never has what would let somebody in. */
function keyOf(ticket: string): string {
  return `ticket/${createHash('sha256').update(ticket).digest('base64url')}`;
}
