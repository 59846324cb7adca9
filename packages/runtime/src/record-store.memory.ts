import type { Clock } from '@devmentor/locks';
import type { Json } from './json.ts';
import { jsonText, jsonValue } from './json-text.ts';
import type { PutOutcome, RecordStore, StoredRecord } from './record-store.ts';
import { checkKey, checkPage } from './store-key.ts';
import { defaultStoreLimits } from './store-limits.ts';

interface Stored {
  readonly text: string;
  readonly version: number;
  /** Wall time of its end; `Infinity` for a record that stays. */
  readonly untilMs: number;
}

/** Plain records in this process's memory. Shared by the nodes of one process. */
export class MemoryRecordStore implements RecordStore {
  readonly #clock: Clock;
  readonly #records = new Map<string, Stored>();
  /** The highest version given to any key: a key made anew never meets an old one (RS1). */
  #lastVersion = 0;

  constructor(options: { readonly clock: Clock }) {
    this.#clock = options.clock;
  }

  async get(key: string): Promise<StoredRecord | undefined> {
    const stored = this.#living(checkKey(key));
    return stored && { value: jsonValue(stored.text), version: stored.version };
  }

  async put(
    key: string,
    value: Json,
    options: { readonly expects: number | 'absent' | 'any'; readonly ttlMs?: number },
  ): Promise<PutOutcome> {
    checkKey(key);
    const text = jsonText(value, 'value', defaultStoreLimits.messageBytes);
    const stored = this.#living(key);
    const fits =
      options.expects === 'any' ||
      (options.expects === 'absent' ? stored === undefined : stored?.version === options.expects);
    if (!fits) return { kind: 'conflict' };
    const untilMs = options.ttlMs === undefined ? Number.POSITIVE_INFINITY : this.#clock.wallMs() + options.ttlMs;
    const version = Math.max(this.#lastVersion + 1, Math.floor(this.#clock.wallMs() * 1000));
    this.#lastVersion = version;
    this.#records.set(key, { text, version, untilMs });
    return { kind: 'written', version };
  }

  async delete(key: string): Promise<void> {
    this.#records.delete(checkKey(key));
  }

  async list(
    prefix: string,
    options: { readonly after?: string; readonly limit: number },
  ): ReturnType<RecordStore['list']> {
    checkPage(options.limit);
    const after = Buffer.from(options.after ?? '');
    return [...this.#records.keys()]
      .filter((key) => key.startsWith(prefix) && this.#living(key) !== undefined)
      .map((key) => ({ key, bytes: Buffer.from(key) }))
      .filter(({ bytes }) => options.after === undefined || Buffer.compare(bytes, after) > 0)
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
      .slice(0, options.limit)
      .flatMap(({ key }) => {
        const stored = this.#records.get(key);
        return stored === undefined ? [] : [{ key, value: jsonValue(stored.text), version: stored.version }];
      });
  }

  /** The records stay: the nodes that share this store come and go. */
  async close(): Promise<void> {}

  #living(key: string): Stored | undefined {
    const stored = this.#records.get(key);
    if (stored === undefined || this.#clock.wallMs() < stored.untilMs) return stored;
    this.#records.delete(key);
    return undefined;
  }
}
