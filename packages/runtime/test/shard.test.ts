import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { preferredNode } from '../src/shard.ts';

const shards = Array.from({ length: 64 }, (_, shard) => shard);
const nodes = fc.uniqueArray(fc.stringMatching(/^[a-z0-9-]{1,24}$/), { minLength: 2, maxLength: 8 });

describe('placement', () => {
  it('[SH1] when a node leaves only its own shards move, whatever the order of the list', () => {
    fc.assert(
      fc.property(nodes, fc.nat(), (live, pick) => {
        const leaving = live[pick % live.length];
        const rest = live.filter((node) => node !== leaving).reverse();
        for (const shard of shards) {
          const before = preferredNode(shard, live);
          if (before !== leaving) expect(preferredNode(shard, rest)).toBe(before);
        }
      }),
    );
  });

  it('[SH1] every node of a few gets a fair part of 64 shards', () => {
    const live = ['node-a', 'node-b', 'node-c'];
    for (const node of live) {
      const part = shards.filter((shard) => preferredNode(shard, live) === node).length;
      expect(part).toBeGreaterThan(10);
      expect(part).toBeLessThan(36);
    }
  });
});
