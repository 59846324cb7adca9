// Shard needs
//
// Which versions of machines the records of a shard ask for, as far as this node has heard: a node
// without them cannot serve those actors, and another that has them should hold the shard. Kept for
// the life of the process; at most one version per type and shard.
import type { Shard } from './state-store.ts';

/** Machine versions by type of actor. */
export type Versions = Readonly<Record<string, number>>;

const MOST_TYPES = 1_000;

export class ShardNeeds {
  readonly #needs = new Map<Shard, Map<string, number>>();

  /** True when that was news. */
  raise(shard: Shard, type: string, version: number): boolean {
    const needs = this.#needs.get(shard) ?? new Map<string, number>();
    if ((needs.get(type) ?? 0) >= version || (needs.size >= MOST_TYPES && !needs.has(type))) return false;
    this.#needs.set(shard, needs.set(type, version));
    return true;
  }

  of(shard: Shard): Versions {
    return Object.fromEntries(this.#needs.get(shard) ?? []);
  }

  /** Whether a node with these versions can serve every actor of the shard; one that names none is taken at its word. */
  metBy(shard: Shard, versions: Versions | undefined): boolean {
    const needs = this.#needs.get(shard);
    if (needs === undefined || versions === undefined) return true;
    for (const [type, version] of needs) if ((versions[type] ?? 0) < version) return false;
    return true;
  }

  /** The shards that a node with these versions cannot serve. */
  unmetBy(versions: Versions): readonly Shard[] {
    return [...this.#needs.keys()].filter((shard) => !this.metBy(shard, versions));
  }
}
