import { encodeId, slotOf } from './id-codec.ts';

/** Where the record of a resource is. */
export interface Place {
  readonly bucket: number;
  readonly key: string;
}

const MOST_PLACES = 4_096;

/** The places of one namespace. Those asked for lately are remembered: encoding and hashing a name costs more than finding it. */
export class Places {
  readonly buckets: number;
  readonly #prefixes: readonly string[];
  #young = new Map<string, Place>();
  #old = new Map<string, Place>();

  constructor(namespace: string, buckets: number) {
    this.buckets = buckets;
    this.#prefixes = Array.from({ length: buckets }, (_, bucket) => `${namespace}:{b${bucket}}:`);
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

  #make(resource: string): Place {
    const encoded = encodeId(resource);
    return this.encoded(encoded, slotOf(encoded, this.buckets));
  }
}
