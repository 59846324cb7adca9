import type { Batcher } from './batcher.ts';
import type { Unsubscribe } from './clock.ts';
import { CoordinationError } from './errors.ts';
import { encodeId, slotOf } from './id-codec.ts';
import type { CommandKind, CommandOf, LeaseCommand, Offer, OwnView, Replies, Reply } from './lease-command.ts';
import {
  fromWire,
  LEASE_COMMAND_WIDTHS,
  parseEvents,
  parseReplies,
  SWEEP_WIRE,
  toWire,
  type WireLetter,
} from './lease-store.redis-codec.ts';
import { leaseScript, SERVER_TIME } from './lease-store.redis-script.ts';
import type { LeaseStore } from './lease-store.ts';
import type { LogId, LogPage } from './lock-event.ts';
import type { RedisLink, Script } from './redis-link.ts';

export interface RedisLeaseStoreOptions {
  readonly link: RedisLink;
  /** Heads every key; default `devmentor`. */
  readonly namespace?: string;
  /** Hash tags that the leases are spread over; fixed with the namespace. Default 16. */
  readonly buckets?: number;
  /** Entries a bucket's log keeps, about; an entry packs the events of one batch. Default 4,096. */
  readonly logEntries?: number;
  /** Script prelude that says what time it is, and its further arguments: for tests that replay time. */
  readonly time?: { readonly prelude: string; readonly args: () => readonly string[] };
}

const MOST_COMMANDS = 256;
/** Of one bucket in a row, when each finds as much as it may; the rest is for the next process. */
const MOST_SWEEPS = 16;
const NONE = '0000000000000000';

const CLAIM_LAYOUT = `
if redis.call('HSETNX', KEYS[1], 'buckets', ARGV[1]) == 1 then redis.call('HSET', KEYS[1], 'v', '1') end
return redis.call('HGET', KEYS[1], 'buckets')
`;

const NAMES = `
local out = {}
for _, key in ipairs(KEYS) do
  local names = redis.call('ZRANGEBYLEX', key, ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
  for i = 1, #names do out[#out + 1] = names[i] end
end
return out
`;

const READ_LOG = `
local bucket = redis.call('GET', KEYS[2])
return { bucket and string.sub(bucket, 1, 16) or '', redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2]) }
`;

interface Submitted {
  readonly bucket: number;
  readonly key: string;
  readonly letter: WireLetter;
  readonly fields: string;
  readonly command: LeaseCommand | 'sweep';
}

/** Or, of a sweep, whether it left any behind. */
type Answer = Reply | { readonly kind: 'swept'; readonly isMore: boolean };

/** Leases in Redis: every command of a tick in one script call; on Cluster, one per bucket. */
export class RedisLeaseStore implements LeaseStore {
  readonly buckets: number;
  readonly commandTimeoutMs: number;
  readonly #link: RedisLink;
  readonly #namespace: string;
  readonly #logEntries: number;
  readonly #script: Script;
  readonly #scripts: { readonly layout: Script; readonly names: Script; readonly log: Script };
  readonly #timeArgs: () => readonly string[];
  readonly #batchers: readonly Batcher<Submitted, Answer>[];

  constructor(options: RedisLeaseStoreOptions) {
    const { link } = options;
    this.#link = link;
    this.buckets = options.buckets ?? 16;
    this.commandTimeoutMs = link.commandTimeoutMs;
    this.#namespace = options.namespace ?? 'devmentor';
    this.#logEntries = options.logEntries ?? 4_096;
    this.#script = link.script(leaseScript(options.time?.prelude ?? SERVER_TIME));
    this.#timeArgs = options.time?.args ?? (() => []);
    this.#scripts = { layout: link.script(CLAIM_LAYOUT), names: link.script(NAMES), log: link.script(READ_LOG) };
    const lanes = link.isCluster ? this.buckets : 1;
    this.#batchers = Array.from({ length: lanes }, () =>
      link.batcher<Submitted, Answer>({ maxItems: MOST_COMMANDS, flush: (items) => this.#flush(items) }),
    );
  }

  async open(): Promise<void> {
    const stored = Number(await this.#link.run(this.#scripts.layout, [`${this.#namespace}:locks`], [this.buckets]));
    if (stored === this.buckets) return;
    throw new CoordinationError(
      'BUCKETS_MISMATCH',
      `Namespace ${this.#namespace} was laid out with ${stored} lock buckets, not ${this.buckets}: pass buckets: ${stored}, or use another namespace`,
      { applied: 'no' },
    );
  }

  submit<K extends CommandKind>(command: CommandOf<K>): Promise<Replies[K]> {
    const encoded = encodeId(command.resource);
    const bucket = slotOf(encoded, this.buckets);
    const key = `${this.#prefix(bucket)}lock:${encoded}`;
    const { letter, fields } = toWire(command, encoded);
    return this.#lane(bucket).submit({ bucket, key, letter, fields, command }) as Promise<Replies[K]>;
  }

  async sweep(): Promise<void> {
    await Promise.all(Array.from({ length: this.buckets }, (_, bucket) => this.#sweep(bucket)));
  }

  async #sweep(bucket: number): Promise<void> {
    const key = `${this.#prefix(bucket)}bucket`;
    for (let turn = 0; turn < MOST_SWEEPS; turn += 1) {
      const answer = await this.#lane(bucket).submit({ bucket, key, ...SWEEP_WIRE, command: 'sweep' });
      if (answer.kind !== 'swept' || !answer.isMore) return;
    }
  }

  bucketOf(resource: string): number {
    return slotOf(encodeId(resource), this.buckets);
  }

  async list(query: {
    readonly prefix: string;
    readonly after: string;
    readonly limit: number;
  }): Promise<{ views: OwnView[]; next: string | undefined }> {
    const views: OwnView[] = [];
    for (let after = query.after; ; ) {
      const names = await this.#names(query.prefix, after, query.limit);
      const pages = await Promise.all(names.map((resource) => this.submit<'inspect'>({ kind: 'inspect', resource })));
      for (const { view } of pages) {
        if (view.kind !== 'held') continue;
        if (views.length === query.limit) return { views, next: views.at(-1)?.resource };
        views.push(view);
      }
      const last = names.at(-1);
      if (last === undefined || names.length < query.limit) return { views, next: undefined };
      after = last;
    }
  }

  async readLog(bucket: number, after: LogId | 'start', limit: number): Promise<LogPage> {
    const prefix = this.#prefix(bucket);
    const answer = await this.#link.run(
      this.#scripts.log,
      [`${prefix}log`, `${prefix}bucket`],
      [after === 'start' ? '-' : `(${after}-0`, limit],
    );
    const [lastText, entries] = answer as [string, [string, string[]][]];
    const last = lastText === NONE ? '' : lastText;
    const all = entries.flatMap(([, [, packed, , prev]]) =>
      parseEvents(packed ?? '[]', prev === undefined || prev === NONE ? '' : prev),
    );
    if (after === 'start')
      return { events: all.slice(0, limit), next: all[Math.min(limit, all.length) - 1]?.id ?? 'start', gap: false };
    if (all.length === 0) return { events: [], next: last === '' ? 'start' : last, gap: last !== after };
    const events = all.filter((event) => event.id > after).slice(0, limit);
    const isLinked = all[0]?.prev === after || all.some((event) => event.id === after);
    return { events, next: events.at(-1)?.id ?? after, gap: !isLinked };
  }

  listen(listener: string, onOffer: (offer: Offer) => void): Promise<Unsubscribe> {
    const channel = `${this.#namespace}:to:${listener}`;
    return this.#link.subscribe(channel, (payload) => onOffer(JSON.parse(payload) as Offer));
  }

  hints(bucket: number, onHint: () => void): Promise<Unsubscribe> {
    return this.#link.subscribe(`${this.#namespace}:hint:${bucket}`, onHint);
  }

  async close(): Promise<void> {}

  #prefix(bucket: number): string {
    return `${this.#namespace}:{b${bucket}}:`;
  }

  #lane(bucket: number): Batcher<Submitted, Answer> {
    return this.#batchers[bucket % this.#batchers.length] as Batcher<Submitted, Answer>;
  }

  async #flush(items: readonly Submitted[]): Promise<Answer[]> {
    // By bucket, in order of submission within each: the script reads and writes once per bucket.
    const groups = new Map<number, { keys: string; fields: string; readonly places: number[] }>();
    let fieldCount = 0;
    for (const [place, { bucket, key, letter, fields }] of items.entries()) {
      let group = groups.get(bucket);
      if (group === undefined) {
        group = { keys: `${this.#prefix(bucket)}bucket\0`, fields: '', places: [] };
        groups.set(bucket, group);
      }
      group.keys += `${key}\0`;
      group.fields += fields;
      group.places.push(place);
      fieldCount += 1 + LEASE_COMMAND_WIDTHS[letter];
    }
    let keys = '';
    let fields = '';
    for (const [bucket, group] of groups) {
      keys += group.keys;
      fields += `${bucket}\0${group.places.length}\0${group.fields}`;
    }
    const answer = await this.#link.run(
      this.#script,
      [`${this.#prefix((items[0] as Submitted).bucket)}bucket`],
      [
        fieldCount + 3 * groups.size,
        items.length + groups.size,
        keys + fields,
        this.#logEntries,
        this.#namespace,
        ...this.#timeArgs(),
      ],
    );
    const { serverMs, replies } = parseReplies(answer);
    const results = new Array<Answer>(items.length);
    let at = 0;
    for (const { places } of groups.values()) {
      for (const place of places) {
        const { command } = items[place] as Submitted;
        const reply = replies[at++];
        if (reply === undefined)
          throw new CoordinationError('STORE_UNAVAILABLE', 'The lease script answered fewer replies than commands', {
            applied: 'unknown',
          });
        results[place] =
          command === 'sweep' ? { kind: 'swept', isMore: reply[0] === 'more' } : fromWire(command, reply, serverMs);
      }
    }
    return results;
  }

  /** Names of what is held, and of what was until a moment ago, in byte order. */
  async #names(prefix: string, after: string, limit: number): Promise<string[]> {
    const min = after === '' ? `[${prefix}` : `(${after}`;
    const max = prefix === '' ? '+' : Buffer.concat([Buffer.from(`[${prefix}`), Buffer.from([0xff])]);
    const keys = Array.from({ length: this.buckets }, (_, bucket) => `${this.#prefix(bucket)}names`);
    const ask = (some: readonly string[]): Promise<unknown> =>
      this.#link.run(this.#scripts.names, some, [min, max, limit]);
    const answers = this.#link.isCluster ? await Promise.all(keys.map((key) => ask([key]))) : [await ask(keys)];
    const names = (answers as string[][]).flat();
    return names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).slice(0, limit);
  }
}

/** The port on Redis, over a link that others may share. */
export function redisLeaseStore(options: RedisLeaseStoreOptions): LeaseStore {
  return new RedisLeaseStore(options);
}
