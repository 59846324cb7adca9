// What both SQL dialects keep of a shard's owner.
import { assert } from '@devmentor/locks';
import { lowestStamp } from './stamp.ts';
import type { Epoch, Incarnation, Ownership, Shard } from './state-store.ts';

export const nobody: Ownership = { incarnation: 'none', epoch: lowestStamp };

/** Whether the shard is served under this epoch. */
export function serves(own: Ownership, epoch: Epoch): boolean {
  return own.epoch === epoch && own.incarnation !== 'none';
}

export function assertIncarnation(by: Incarnation): void {
  assert(by !== 'none' && by !== '' && !by.includes(':'), "an incarnation has no ':' and is not 'none'");
}

export function assertShard(shard: Shard, shards: number): void {
  assert(Number.isInteger(shard) && shard >= 0 && shard < shards, 'a shard is a number below the number of shards');
}
