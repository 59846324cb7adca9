import type { Batcher } from './batcher.ts';
import type { Unsubscribe } from './clock.ts';
import { CoordinationError } from './errors.ts';
import { fenceOf } from './lease.ts';
import type {
  CommandKind,
  CommandOf,
  LeaseCommand,
  Notice,
  OwnView,
  Replies,
  Reply,
  RequestCommand,
} from './lease-command.ts';
import { type BatchLayout, LeaseBatch, type Submitted } from './lease-store.redis-batch.ts';
import { parseNotice, SETTLE_WIRE, toWire } from './lease-store.redis-codec.ts';
import { Places } from './lease-store.redis-places.ts';
import { eventsOf } from './lease-store.redis-record.ts';
import { dueScript, leaseScript, SWEEP_LIMIT } from './lease-store.redis-script.ts';
import type { LeaseStore } from './lease-store.ts';
import type { LogId, LogPage } from './lock-event.ts';
import { noLog } from './outcomes.ts';
import type { RedisLink, Script } from './redis-link.ts';
import { type ScriptTime, SERVER_TIME } from './redis-time.ts';

export interface RedisLeaseStoreOptions {
  readonly link: RedisLink;
  /** Heads every key; default `devmentor`. */
  readonly namespace?: string;
  /**
   * Hash tags that the leases are spread over; fixed with the namespace. By default what the
   * namespace has; of a new one, 4, or 16 on Cluster.
   */
  readonly buckets?: number;
  /** Entries a bucket's log keeps, about; an entry packs the events of one batch. Default 4,096. */
  readonly logEntries?: number;
  /** Without it there are no events: `watch` and the log refuse. Default true. */
  readonly log?: boolean;
  /**
   * Replicas that must have a grant before it is answered. One that they do not have in time is
   * given back, and the claim is unavailable. Default 0.
   */
  readonly minReplicas?: number;
  /** How long a grant waits for them; shorter than the command time-out, of which it is half by default. */
  readonly replicaTimeoutMs?: number;
  /** How its scripts come by the time: for tests that replay it. */
  readonly time?: ScriptTime;
}

const MOST_COMMANDS = 256;
/** Of one bucket in a row, when each finds as much as it may; the rest is for the next process. */
const MOST_SWEEPS = 16;
const LAYOUT_VERSION = '3';

const CLAIM_LAYOUT = `
if redis.call('HSETNX', KEYS[1], 'buckets', ARGV[1]) == 1 then redis.call('HSET', KEYS[1], 'v', ARGV[2]) end
return redis.call('HMGET', KEYS[1], 'buckets', 'v')
`;

const NAMES = `
local out = {}
for _, key in ipairs(KEYS) do
  local names = redis.call('ZRANGEBYLEX', key, ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
  for i = 1, #names do out[#out + 1] = string.sub(names[i], 2) end
end
return out
`;

/** Whoever reads a log wants to be told when it grows, for a while. */
const HINTS_MS = 60_000;

const READ_LOG = `
local count, wanted, now = 0, 0, us / 1000
local bucket = redis.call('GET', KEYS[2])
if bucket then count, wanted = struct.unpack('<dd', bucket) end
if wanted < now + ${HINTS_MS / 2} or wanted > now + ${HINTS_MS} then
  bucket = struct.pack('<dd', count, now + ${HINTS_MS})
  redis.call('SET', KEYS[2], bucket)
end
return { bucket, redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2]) }
`;

/** Leases in Redis: the commands of a tick in one script call or two; on Cluster, per bucket. */
export class RedisLeaseStore implements LeaseStore {
  readonly commandTimeoutMs: number;
  readonly #link: RedisLink;
  readonly #script: Script;
  readonly #scripts: { readonly layout: Script; readonly names: Script; readonly log: Script; readonly due: Script };
  readonly #timeArgs: () => readonly string[];
  readonly #given: number | undefined;
  readonly #wait: { readonly replicas: number; readonly timeoutMs: number };
  #layout: BatchLayout;
  #lanes: readonly Batcher<Submitted, Reply>[];
  /** Server's microseconds of the last reply, per lane. */
  #seenUs: number[];

  constructor(options: RedisLeaseStoreOptions) {
    const { link } = options;
    const { prelude, args } = options.time ?? SERVER_TIME;
    this.#link = link;
    this.#given = options.buckets;
    this.commandTimeoutMs = link.commandTimeoutMs;
    this.#script = link.script(leaseScript(prelude));
    this.#timeArgs = args;
    this.#wait = {
      replicas: options.minReplicas ?? 0,
      timeoutMs: options.replicaTimeoutMs ?? Math.ceil(link.commandTimeoutMs / 2),
    };
    checkWaitForReplicas(this.#wait, link.commandTimeoutMs);
    this.#scripts = {
      layout: link.script(CLAIM_LAYOUT),
      names: link.script(NAMES),
      log: link.script(prelude + READ_LOG),
      due: link.script(dueScript(prelude)),
    };
    const namespace = options.namespace ?? 'devmentor';
    this.#layout = {
      namespace,
      places: new Places(namespace, options.buckets ?? (link.isCluster ? 16 : 4)),
      logEntries: options.log === false ? 0 : (options.logEntries ?? 4_096),
    };
    this.#lanes = this.#openLanes();
    this.#seenUs = this.#lanes.map(() => 0);
  }

  get #places(): Places {
    return this.#layout.places;
  }

  get #namespace(): string {
    return this.#layout.namespace;
  }

  get buckets(): number {
    return this.#places.buckets;
  }

  async open(): Promise<void> {
    const [buckets, version] = (await this.#link.run(
      this.#scripts.layout,
      [`${this.#namespace}:locks`],
      [this.buckets, LAYOUT_VERSION],
    )) as [string, string];
    if (version !== LAYOUT_VERSION)
      throw new CoordinationError(
        'BUCKETS_MISMATCH',
        `Namespace ${this.#namespace} was laid out by another version of this library (${version}, not ${LAYOUT_VERSION}): use another namespace`,
        { applied: 'no' },
      );
    const stored = Number(buckets);
    if (stored === this.buckets) return;
    if (this.#given !== undefined)
      throw new CoordinationError(
        'BUCKETS_MISMATCH',
        `Namespace ${this.#namespace} was laid out with ${stored} lock buckets, not ${this.#given}: pass buckets: ${stored} or none, or use another namespace`,
        { applied: 'no' },
      );
    this.#layout = { ...this.#layout, places: new Places(this.#namespace, stored) };
    this.#lanes = this.#openLanes();
    this.#seenUs = this.#lanes.map(() => 0);
  }

  submit<K extends CommandKind>(command: CommandOf<K>): Promise<Replies[K]> {
    const place = this.#places.of(command.resource);
    const { letter, fields } = toWire(command);
    const lane = place.bucket % this.#lanes.length;
    const isFirst = (command as Partial<RequestCommand>).isFirst === true;
    const submitted = { place, letter, fields, command, sinceUs: isFirst ? this.#seenUs[lane] : undefined };
    return (this.#lanes[lane] as Batcher<Submitted, Reply>).submit(submitted) as Promise<Replies[K]>;
  }

  async sweep(): Promise<void> {
    const all = Array.from({ length: this.buckets }, (_, bucket) => bucket);
    const lanes = this.#link.isCluster ? all.map((bucket) => [bucket]) : [all];
    await Promise.all(lanes.map((buckets) => this.#sweep(buckets)));
  }

  async #sweep(buckets: readonly number[]): Promise<void> {
    const keys = buckets.flatMap((bucket) =>
      ['swept', 'due', 'log', 'ended'].map((name) => `${this.#places.prefix(bucket)}${name}`),
    );
    for (let turn = 0; turn < MOST_SWEEPS; turn += 1) {
      const found = (await this.#link.run(this.#scripts.due, keys, this.#timeArgs())) as (0 | string[])[];
      for (const [index, encoded] of found.entries()) {
        if (encoded === 0 || encoded.length === 0) continue;
        const bucket = buckets[index] as number;
        await this.#flush(
          encoded.sort().map((name) => ({
            place: this.#places.encoded(name, bucket),
            ...SETTLE_WIRE,
            command: undefined,
            sinceUs: undefined,
          })),
        );
      }
      if (!found.some((encoded) => encoded !== 0 && encoded.length === SWEEP_LIMIT)) return;
    }
  }

  bucketOf(resource: string): number {
    return this.#places.of(resource).bucket;
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
    if (this.#layout.logEntries === 0) throw noLog();
    const prefix = this.#places.prefix(bucket);
    const answer = await this.#link.run(
      this.#scripts.log,
      [`${prefix}log`, `${prefix}bucket`],
      [after === 'start' ? '-' : `(${after}-0`, limit, ...this.#timeArgs()],
      'bytes',
    );
    const [count, entries] = answer as [Buffer, [Buffer, Buffer[]][]];
    const latest = count.readDoubleLE();
    const last = latest === 0 ? '' : fenceOf(latest);
    const all = entries.flatMap(([, strings]) => eventsOf(strings));
    if (after === 'start')
      return { events: all.slice(0, limit), next: all[Math.min(limit, all.length) - 1]?.id ?? 'start', gap: false };
    if (all.length === 0) return { events: [], next: last === '' ? 'start' : last, gap: last !== after };
    const events = all.filter((event) => event.id > after).slice(0, limit);
    const isLinked = all[0]?.prev === after || all.some((event) => event.id === after);
    return { events, next: events.at(-1)?.id ?? after, gap: !isLinked };
  }

  async listen(listener: string, onNotice: (notice: Notice) => void): Promise<Unsubscribe> {
    const on = (message: string): void => {
      const notice = parseNotice(message);
      // Replicas may not have the offer yet. With no time left in it, its waiter asks for it, and
      // that is answered when they have it.
      const isSure = this.#wait.replicas === 0 || !('untilMs' in notice);
      onNotice(isSure ? notice : { ...notice, untilMs: notice.grantedAtMs });
    };
    const [leaveOwn, leaveAll] = await Promise.all([
      this.#link.subscribe(`${this.#namespace}:to:${listener}`, on),
      this.#link.subscribe(`${this.#namespace}:look`, on),
    ]);
    return () => {
      leaveOwn();
      leaveAll();
    };
  }

  async hints(bucket: number, onHint: () => void): Promise<Unsubscribe> {
    if (this.#layout.logEntries === 0) throw noLog();
    const name = String(bucket);
    return this.#link.subscribe(`${this.#namespace}:hint`, (grown) => {
      if (grown.split(',').includes(name)) onHint();
    });
  }

  async close(): Promise<void> {}

  #openLanes(): Batcher<Submitted, Reply>[] {
    return Array.from({ length: this.#link.isCluster ? this.buckets : 1 }, () =>
      this.#link.batcher<Submitted, Reply>({
        maxItems: MOST_COMMANDS,
        flush: (items) => this.#flush(items),
      }),
    );
  }

  #flush(items: readonly Submitted[]): Promise<readonly (Reply | CoordinationError)[]> {
    const batch = new LeaseBatch(items, this.#layout);
    const args = [batch.fields, ...this.#timeArgs()];
    const read = (answer: unknown): readonly (Reply | CoordinationError)[] => {
      const { us, results } = batch.read(answer);
      this.#seenUs[(items[0] as Submitted).place.bucket % this.#lanes.length] = us;
      return results;
    };
    if (this.#wait.replicas > 0 && items.some(({ command }) => command !== undefined && grants(command)))
      return this.#link.runReplicated(this.#script, batch.keys, args, this.#wait).then(({ answer, replicas }) => {
        const results = read(answer);
        return replicas < this.#wait.replicas ? this.#giveBack(items, results) : results;
      });
    return this.#link
      .run(this.#script, batch.keys, args, tellsOthers(items) ? 'bytes, told first' : 'bytes')
      .then(read);
  }

  /** Grants that too few replicas have in time: each is given back, and told as not made. */
  async #giveBack(
    items: readonly Submitted[],
    results: readonly (Reply | CoordinationError)[],
  ): Promise<readonly (Reply | CoordinationError)[]> {
    const isLost = (index: number): boolean => {
      const { command } = items[index] as Submitted;
      const result = results[index];
      if (command === undefined || result === undefined || result instanceof Error || !grants(command)) return false;
      return result.kind === 'granted' || result.kind === 'held';
    };
    const granted = items.filter((_, index) => isLost(index) && (results[index] as Reply).kind === 'granted');
    const cancels = granted.map(({ place, command }): Submitted => {
      const { resource, requestId } = command as RequestCommand;
      const cancel = { kind: 'cancel', resource, requestId } as const;
      return { place, ...toWire(cancel), command: cancel, sinceUs: undefined };
    });
    const isReturned =
      cancels.length === 0 ||
      (await this.#flush(cancels).then(
        () => true,
        () => false,
      ));
    return results.map((result, index) =>
      isLost(index)
        ? new CoordinationError(
            'STORE_UNAVAILABLE',
            `Fewer than ${this.#wait.replicas} replicas had the grant within ${this.#wait.timeoutMs} ms: it is given back`,
            { applied: isReturned && (result as Reply).kind === 'granted' ? 'no' : 'unknown' },
          )
        : result,
    );
  }

  /** Names of what is held, and of what was until a moment ago, in byte order. */
  async #names(prefix: string, after: string, limit: number): Promise<string[]> {
    const min = after === '' ? `[h${prefix}` : `(h${after}`;
    const max = prefix === '' ? '(i' : Buffer.concat([Buffer.from(`[h${prefix}`), Buffer.from([0xff])]);
    const keys = Array.from({ length: this.buckets }, (_, bucket) => `${this.#places.prefix(bucket)}names`);
    const ask = (some: readonly string[]): Promise<unknown> =>
      this.#link.run(this.#scripts.names, some, [min, max, limit]);
    const answers = this.#link.isCluster ? await Promise.all(keys.map((key) => ask([key]))) : [await ask(keys)];
    const names = (answers as string[][]).flat();
    return names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).slice(0, limit);
  }
}

/** A release alone, whose waiter is to hear of it as soon as can be. */
function tellsOthers(items: readonly Submitted[]): boolean {
  const command = items.length === 1 ? items[0]?.command : undefined;
  return command?.kind === 'release' && command.isAwaited === true;
}

function grants(command: LeaseCommand): boolean {
  return command.kind === 'request' || command.kind === 'takeover';
}

function checkWaitForReplicas(
  wait: { readonly replicas: number; readonly timeoutMs: number },
  longestMs: number,
): void {
  if (!Number.isInteger(wait.replicas) || wait.replicas < 0)
    throw configFault(`minReplicas ${wait.replicas} is no number of replicas: use 0 to wait for none`);
  if (!Number.isInteger(wait.timeoutMs) || wait.timeoutMs < 1 || wait.timeoutMs >= longestMs)
    throw configFault(
      `replicaTimeoutMs ${wait.timeoutMs} is not between 1 and the command time-out of ${longestMs} ms: a grant would be lost to the time-out before it is given back`,
    );
}

function configFault(message: string): CoordinationError {
  return new CoordinationError('LOCK_CONFIG', message, { applied: 'no' });
}

/** The port on Redis, over a link that others may share. */
export function redisLeaseStore(options: RedisLeaseStoreOptions): LeaseStore {
  return new RedisLeaseStore(options);
}
