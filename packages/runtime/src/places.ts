// Places
//
// Where ids belong: their encoded form and their shard. Every message asks for both several times,
// so they are remembered, bounded.
import { encodeId, slotOf } from '@devmentor/locks';
import type { Shard } from './state-store.ts';

export interface Place {
  readonly encoded: string;
  readonly shard: Shard;
}

const MOST = 10_000;

export class Places {
  readonly #shards: number;
  readonly #known = new Map<string, Place>();

  constructor(shards: number) {
    this.#shards = shards;
  }

  of(id: string): Place {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const encoded = encodeId(id);
    const place = { encoded, shard: slotOf(encoded, this.#shards) };
    // Starting over now and then costs less than keeping an order.
    if (this.#known.size >= MOST) this.#known.clear();
    this.#known.set(id, place);
    return place;
  }
}
