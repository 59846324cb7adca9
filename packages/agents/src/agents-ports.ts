// What the parts of one system share. Made by `blackboard-system.ts`; nothing here is a global.
import type { Clock, Entropy, LockManager } from '@devmentor/locks';
import type { BoardStore } from './board-store.ts';
import type { BoardHints } from './hints.ts';
import type { IKnowledgeSource } from './knowledge-source.ts';
import type { Transport } from './transport.ts';

export interface AgentsPorts {
  readonly store: BoardStore;
  readonly locks: LockManager;
  readonly transport: Transport | undefined;
  readonly namespace: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly hints: BoardHints;
  /** By `name@version`. */
  readonly sources: ReadonlyMap<string, IKnowledgeSource>;
  /** Names this process in leases and entries. */
  readonly node: string;
  readonly onFault: (fault: unknown) => void;
}

/** What a worker is asked to do. */
export interface Order {
  readonly board: string;
  readonly key: string;
  readonly source: string;
}

/** Term of the leases on boards and activations; a dead process is replaced after it. */
export const LEASE_MS = 5_000;

export function activationResource(board: string, key: string): string {
  return `activation/${board}/${key}`;
}
