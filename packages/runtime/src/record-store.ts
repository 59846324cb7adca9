// RecordStore
//
// Plain records that no actor owns: sessions, keys, cached entries.
//
//   RS1  Versions of a key strictly increase, over deletes and lapses too, so an old version
//        never fits a record that was made anew. They are compared for equality only.
//   RS2  A put whose `expects` does not fit answers `conflict` and has no effect; of several
//        puts that expect the same version one is written.
//   RS3  A record put with `ttlMs` is gone once that much time of the store's clock has passed;
//        a later put without `ttlMs` keeps it for good.
//   RS4  `list` answers every record that stays from the first page to the last exactly once,
//        in the order of the keys' UTF-8 bytes.
//   RS5  A key or value that cannot be stored as it is, is a fault that names it (`NOT_JSON`,
//        `TOO_LARGE`, `ID_REJECTED`), and nothing is written.
import type { Json } from './json.ts';

export interface StoredRecord {
  readonly value: Json;
  readonly version: number;
}

export type PutOutcome = { readonly kind: 'written'; readonly version: number } | { readonly kind: 'conflict' };

/** The port of plain records: one JSON value per key, replaced by compare-and-set, with an end if wanted. */
export interface RecordStore {
  get(key: string): Promise<StoredRecord | undefined>;
  /**
   * Writes if the stored version is `expects` (`absent`: only if there is none; `any`: always).
   * `ttlMs` counts from this write; without it the record stays. Atomic; after a fault that is
   * `applied: 'unknown'` a `get` tells.
   */
  put(
    key: string,
    value: Json,
    options: { readonly expects: number | 'absent' | 'any'; readonly ttlMs?: number },
  ): Promise<PutOutcome>;
  /** Idempotent. */
  delete(key: string): Promise<void>;
  /** Keys under a prefix, in the order of their UTF-8 bytes, `limit` of them (1 to 1,000) after `after`. */
  list(
    prefix: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly ({ readonly key: string } & StoredRecord)[]>;
  close(): Promise<void>;
}
