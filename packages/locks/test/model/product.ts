// What the model knows of the product: its ports and its manager.
import type { LeaseStore } from '../../src/lease-store.ts';

export type { Lease } from '../../src/lease.ts';
export type { CommandKind, CommandOf, LeaseCommand, Replies, Reply } from '../../src/lease-command.ts';
export type { LoggedLockEvent } from '../../src/lock-event.ts';
export type { LeaseStore };

/** What a store tells a process. */
export type OnNotice = Parameters<LeaseStore['listen']>[1];
