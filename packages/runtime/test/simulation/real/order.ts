// What the outside asks of a worker process, and what it hears.
import type { LeaseOutput, LogOutput } from '../../../src/simulation/index.ts';
import type { FencedOutput } from './fenced-register.ts';

export type Order =
  /** A lease under a name of the asker's own; the worker keeps it for the orders that follow. */
  | {
      readonly do: 'claim';
      readonly resource: string;
      readonly request: string;
      readonly ttlMs: number;
      readonly waitMs: number;
    }
  | { readonly do: 'renew' | 'release'; readonly request: string }
  | { readonly do: 'inspect'; readonly resource: string }
  /** Writes a register under the fence of that lease, valid or not: the register is to refuse. */
  | { readonly do: 'write'; readonly register: string; readonly request: string; readonly value: string }
  | { readonly do: 'read'; readonly register: string }
  /** Under a lease: reads the set, thinks, writes it back with one element more. */
  | {
      readonly do: 'add';
      readonly set: string;
      readonly element: string;
      readonly waitMs: number;
      readonly thinkMs: number;
    }
  | { readonly do: 'elements'; readonly set: string }
  | { readonly do: 'tell' | 'ask'; readonly actor: string; readonly note: string; readonly deadlineMs: number }
  | { readonly do: 'view'; readonly actor: string; readonly deadlineMs: number };

/** What the models of the objects judge. */
export type Told = LeaseOutput | FencedOutput | LogOutput;

/** The code of a renewal that came to nothing because its holder had given the lease up. */
export const GIVEN_UP = 'GIVEN_UP';

export type Answer =
  | { readonly kind: 'ok'; readonly value: Told }
  | { readonly kind: 'failed' | 'unknown'; readonly code: string }
  /** What the product must never throw. */
  | { readonly kind: 'bug'; readonly message: string };

export interface NumberedOrder {
  readonly n: number;
  readonly order: Order;
}

export type Report =
  | { readonly kind: 'started' }
  | { readonly kind: 'answer'; readonly n: number; readonly answer: Answer }
  /** What the node lived with. */
  | { readonly kind: 'fault'; readonly message: string };

/** Where a worker finds things; its one argument, as JSON. */
export interface WorkerSettings {
  readonly redis: string;
  readonly nats: string;
  readonly namespace: string;
  readonly id: string;
  /** Off, resources take every write: what the checks are tried on. */
  readonly isGuarded: boolean;
}
