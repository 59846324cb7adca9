import { encodeId, slotOf } from './id-codec.ts';

/** Where the record of a resource is. */
export interface Place {
  readonly bucket: number;
  readonly key: string;
}

/** The keys of a bucket that the lease script is passed, beside its records. */
export interface BucketKeys {
  readonly count: string;
  readonly rest: readonly string[];
}

const MOST_PLACES = 4_096;

/** The places of one namespace. Those asked for lately are remembered: encoding and hashing a name costs more than finding it. */
export class Places {
  readonly buckets: number;
  readonly #prefixes: readonly string[];
  readonly #keys: readonly BucketKeys[];
  #young = new Map<string, Place>();
  #old = new Map<string, Place>();

  constructor(namespace: string, buckets: number) {
    this.buckets = buckets;
    this.#prefixes = Array.from({ length: buckets }, (_, bucket) => `${namespace}:{b${bucket}}:`);
    this.#keys = this.#prefixes.map((prefix) => ({
      count: `${prefix}bucket`,
      rest: ['log', 'due', 'names', 'waiters', 'ended'].map((name) => prefix + name),
    }));
  }

  of(resource: string): Place {
    const known = this.#young.get(resource);
    if (known !== undefined) return known;
    const place = this.#old.get(resource) ?? this.#make(resource);
    if (this.#young.size >= MOST_PLACES) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(resource, place);
    return place;
  }

  /** Of a resource of which only the encoded name is known. */
  encoded(encoded: string, bucket: number): Place {
    return { bucket, key: `${this.prefix(bucket)}lock:${encoded}` };
  }

  prefix(bucket: number): string {
    return this.#prefixes[bucket] as string;
  }

  keysOf(bucket: number): BucketKeys {
    return this.#keys[bucket] as BucketKeys;
  }

  #make(resource: string): Place {
    const encoded = encodeId(resource);
    return this.encoded(encoded, slotOf(encoded, this.buckets));
  }
}
