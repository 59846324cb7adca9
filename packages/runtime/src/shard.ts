// Placement: which node should serve a shard. Pure; every node computes the same from the same
// list of live nodes, so nobody coordinates.
//
//   SH1  Rendezvous hashing: when a node joins or leaves, only shards it takes or had move.
import { crc32 } from 'node:zlib';
import type { Incarnation, Shard } from './state-store.ts';

/** The node that should serve the shard; undefined when there is none. */
export function preferredNode(shard: Shard, live: Iterable<Incarnation>): Incarnation | undefined {
  let best: Incarnation | undefined;
  let bestWeight = -1;
  for (const node of live) {
    const weight = weightOf(shard, node);
    if (weight > bestWeight || (weight === bestWeight && best !== undefined && node < best)) {
      best = node;
      bestWeight = weight;
    }
  }
  return best;
}

/** crc32 alone is linear: names that differ in one place would keep their order on every shard. */
function weightOf(shard: Shard, node: Incarnation): number {
  let h = (crc32(node) ^ Math.imul(shard + 1, 0x9e3779b1)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
