import { assert } from '@devmentor/locks';
import type { Script } from '@devmentor/locks/redis';
import type { Json } from './json.ts';
import { jsonText, jsonValue } from './json-text.ts';
import { deleteScript, keysScript, putScript } from './record-store.redis-scripts.ts';
import type { PutOutcome, RecordStore, StoredRecord } from './record-store.ts';
import type { RedisNamespace } from './redis-namespace.ts';
import { list, text } from './redis-reply.ts';
import { idCollision, recordVersionUnsupported } from './store-faults.ts';
import { checkKey, checkPage } from './store-key.ts';
import { defaultStoreLimits } from './store-limits.ts';

/** Plain records in Redis. The link is its opener's to close. */
export class RedisRecordStore implements RecordStore {
  readonly #namespace: RedisNamespace;
  readonly #put: Script;
  readonly #delete: Script;
  readonly #keys: Script;

  constructor(namespace: RedisNamespace) {
    this.#namespace = namespace;
    this.#put = namespace.timed(putScript);
    this.#delete = namespace.link.script(deleteScript);
    this.#keys = namespace.link.script(keysScript);
  }

  async get(key: string): Promise<StoredRecord | undefined> {
    checkKey(key);
    await this.#namespace.open();
    const stored = list(
      await this.#namespace.link.command('hmget', this.#namespace.key('rec', key), 'v', 'key', 'version', 'value'),
    );
    const [v, storedKey, version, value] = stored;
    if (v === null) return undefined;
    if (v !== '1') throw recordVersionUnsupported(key, text(v));
    if (storedKey !== key) throw idCollision(key);
    return { value: jsonValue(text(value)), version: Number(version) };
  }

  async put(
    key: string,
    value: Json,
    options: { readonly expects: number | 'absent' | 'any'; readonly ttlMs?: number },
  ): Promise<PutOutcome> {
    checkKey(key);
    assert(options.ttlMs === undefined || options.ttlMs > 0, 'a term is positive');
    const body = jsonText(value, 'value', defaultStoreLimits.messageBytes);
    await this.#namespace.open();
    const expects = typeof options.expects === 'number' ? String(options.expects).padStart(16, '0') : options.expects;
    const ttlMs = options.ttlMs === undefined ? '' : Math.ceil(options.ttlMs);
    const [kind, fact] = list(
      await this.#namespace.runTimed(
        this.#put,
        [...this.#keysOf(key), this.#shardKey(key, 'recstamp')],
        [key, body, expects, ttlMs],
      ),
    );
    if (kind === 'collision') throw idCollision(key);
    if (kind === 'unknown-version') throw recordVersionUnsupported(key, text(fact));
    return kind === 'written' ? { kind, version: Number(fact) } : { kind: 'conflict' };
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    await this.#namespace.open();
    const [kind] = list(await this.#namespace.link.run(this.#delete, this.#keysOf(key), [key]));
    if (kind === 'collision') throw idCollision(key);
  }

  async list(
    prefix: string,
    options: { readonly after?: string; readonly limit: number },
  ): ReturnType<RecordStore['list']> {
    checkPage(options.limit);
    await this.#namespace.open();
    const page: ({ readonly key: string } & StoredRecord)[] = [];
    // Keys of lapsed records are still indexed for a while: go on until the page is full.
    for (let after = options.after; page.length < options.limit; ) {
      const keys = await this.#listKeys(prefix, after, options.limit);
      const records = await Promise.all(keys.map(async (key) => ({ key, stored: await this.get(key) })));
      page.push(...records.flatMap(({ key, stored }) => (stored === undefined ? [] : [{ key, ...stored }])));
      after = keys.at(-1);
      if (keys.length < options.limit) break;
    }
    return page.slice(0, options.limit);
  }

  async close(): Promise<void> {}

  /** The next keys of all shards, in the order of their bytes. */
  async #listKeys(prefix: string, after: string | undefined, limit: number): Promise<readonly string[]> {
    const { link, shards } = this.#namespace;
    const first = Buffer.from(prefix);
    const follows = after !== undefined && Buffer.compare(Buffer.from(after), first) >= 0;
    const from = follows ? `(${after}` : `[${prefix}`;
    // No UTF-8 text has the byte 0xff: everything under the prefix is before it.
    const to = Buffer.concat([Buffer.from('('), first, Buffer.of(0xff)]);
    const indexes = Array.from({ length: shards }, (_, shard) => this.#namespace.shardKey(shard, 'recs'));
    const groups = link.isCluster ? indexes.map((index) => [index]) : [indexes];
    const answers = await Promise.all(groups.map((keys) => link.run(this.#keys, keys, [from, to, limit])));
    const found = answers.flatMap((answer) => list(answer).map(text));
    const inBytes = found
      .map((key) => ({ key, bytes: Buffer.from(key) }))
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes));
    return inBytes.slice(0, limit).map(({ key }) => key);
  }

  #keysOf(key: string): string[] {
    return [this.#namespace.key('rec', key), this.#shardKey(key, 'recs'), this.#shardKey(key, 'recends')];
  }

  #shardKey(key: string, what: 'recs' | 'recends' | 'recstamp'): string {
    return this.#namespace.shardKey(this.#namespace.shardOf(key), what);
  }
}
