import type { Batcher } from './batcher.ts';
import type { Unsubscribe } from './clock.ts';
import { CoordinationError } from './errors.ts';
import { encodeId, slotOf } from './id-codec.ts';
import type { LogId, LogPage } from './lock-event.ts';
import { noLog } from './outcomes.ts';
import type {
  PermitCommand,
  PermitCommandKind,
  PermitCommandOf,
  PermitNotice,
  PermitReplies,
  PermitReply,
} from './permit-command.ts';
import { type PoolEventWire, pageOfLog, poolEventOf, READ_POOL_LOG } from './permit-log.ts';
import { pageOfPools } from './permit-record.ts';
import { fromPermitWire, type PermitWireReply, toPermitWire } from './permit-store.redis-codec.ts';
import { duePoolsScript, POOL_NAMES, permitScript } from './permit-store.redis-script.ts';
import type { PermitStore, PoolPage, PoolQuery } from './permit-store.ts';
import type { RedisLink, Script } from './redis-link.ts';
import { type ScriptTime, SERVER_TIME } from './redis-time.ts';

export interface RedisPermitStoreOptions {
  readonly link: RedisLink;
  /** Heads every key; default `devmentor`. */
  readonly namespace?: string;
  /** Hash tags that pools are spread over, once the namespace is open: those of its leases. */
  readonly buckets: () => number;
  /** How many replicas must have a grant before it is answered, and how long it waits for them; by default none. */
  readonly wait?: ReplicaWait;
  /** Off, there are no events of pools. @default true */
  readonly log?: boolean;
  /** How its scripts come by the time: for tests that replay it. */
  readonly time?: ScriptTime;
}

export interface ReplicaWait {
  readonly replicas: number;
  readonly timeoutMs: number;
}

const MOST_COMMANDS = 64;
/** Pools of one bucket that one turn of a sweep settles, and most turns. */
const SWEEP_LIMIT = 64;
const MOST_TURNS = 16;

interface Submitted {
  readonly encoded: string;
  readonly command: PermitCommand;
}

/** Pools in Redis: the commands of a tick on one bucket are one script call. */
export class RedisPermitStore implements PermitStore {
  readonly #link: RedisLink;
  readonly #namespace: string;
  readonly #buckets: () => number;
  readonly #scripts: { readonly pool: Script; readonly due: Script; readonly names: Script; readonly log: Script };
  readonly #timeArgs: () => readonly string[];
  readonly #wait: ReplicaWait;
  readonly #isLogged: boolean;
  readonly #batchers = new Map<number, Batcher<Submitted, PermitReply>>();

  constructor(options: RedisPermitStoreOptions) {
    const { prelude, args } = options.time ?? SERVER_TIME;
    this.#link = options.link;
    this.#isLogged = options.log ?? true;
    this.#namespace = options.namespace ?? 'devmentor';
    this.#buckets = options.buckets;
    this.#scripts = {
      pool: options.link.script(permitScript(prelude, this.#isLogged)),
      due: options.link.script(duePoolsScript(prelude)),
      names: options.link.script(POOL_NAMES),
      log: options.link.script(READ_POOL_LOG),
    };
    this.#timeArgs = args;
    this.#wait = options.wait ?? { replicas: 0, timeoutMs: 0 };
  }

  submit<K extends PermitCommandKind>(command: PermitCommandOf<K>): Promise<PermitReplies[K]> {
    const encoded = encodeId(command.resource);
    return this.#send(slotOf(encoded, this.#buckets()), { encoded, command }) as Promise<PermitReplies[K]>;
  }

  async sweep(): Promise<void> {
    await Promise.all(this.#lanes().map((lane) => this.#sweep(lane)));
  }

  get logs(): number {
    return this.#buckets();
  }

  async readLog(log: number, after: LogId | 'start', limit: number): Promise<LogPage> {
    if (!this.#isLogged) throw noLog();
    const keys = [`${this.#prefix(log)}pool-log`];
    const wires = await this.#link.run(this.#scripts.log, keys, [after === 'start' ? 0 : Number(after), limit]);
    return pageOfLog((asText(wires) as PoolEventWire[]).map(poolEventOf), after, limit);
  }

  async list(query: PoolQuery): Promise<PoolPage> {
    const pages = await Promise.all(
      this.#lanes().map(async (lane) => {
        const named = (await this.#link.run(this.#scripts.names, this.#dueKeys(lane), [])) as string[][];
        const inspected = named.flatMap((names, at) =>
          names.map((encoded) =>
            this.#send(lane[at] as number, { encoded, command: { kind: 'inspect', resource: encoded } }),
          ),
        );
        return (await Promise.all(inspected)) as PermitReplies['inspect'][];
      }),
    );
    return pageOfPools(
      pages.flat().map(({ view }) => view),
      query,
    );
  }

  async listen(listener: string, onNotice: (notice: PermitNotice) => void): Promise<Unsubscribe> {
    const on = (payload: string): void => {
      const notice = JSON.parse(payload) as PermitNotice;
      // Replicas may not have the offer yet. With no time left in it, its waiter asks for it, and that is
      // answered when they have it.
      const isSure = this.#wait.replicas === 0 || notice.kind === 'ended';
      onNotice(isSure ? notice : { ...notice, untilMs: notice.grantedAtMs });
    };
    const [leaveOwn, leaveAll] = await Promise.all([
      this.#link.subscribe(`${this.#namespace}:permit:${listener}`, on),
      this.#link.subscribe(`${this.#namespace}:permit-ended`, on),
    ]);
    return () => {
      leaveOwn();
      leaveAll();
    };
  }

  /** Buckets that one call may reach together. */
  #lanes(): readonly (readonly number[])[] {
    const buckets = Array.from({ length: this.#buckets() }, (_, bucket) => bucket);
    return this.#link.isCluster ? buckets.map((bucket) => [bucket]) : [buckets];
  }

  #dueKeys(buckets: readonly number[]): string[] {
    return buckets.map((bucket) => `${this.#prefix(bucket)}pool-due`);
  }

  async #sweep(buckets: readonly number[]): Promise<void> {
    const keys = this.#dueKeys(buckets);
    for (let turn = 0; turn < MOST_TURNS; turn += 1) {
      const due = (await this.#link.run(this.#scripts.due, keys, [SWEEP_LIMIT, ...this.#timeArgs()])) as string[][];
      const sent = due.flatMap((names, at) =>
        // Only the encoded name is known here, and all that settling needs.
        names.map((encoded) =>
          this.#send(buckets[at] as number, { encoded, command: { kind: 'settle', resource: encoded } }),
        ),
      );
      await Promise.all(sent);
      if (due.every((names) => names.length < SWEEP_LIMIT)) return;
    }
  }

  #prefix(bucket: number): string {
    return `${this.#namespace}:{b${bucket}}:`;
  }

  #send(bucket: number, submitted: Submitted): Promise<PermitReply> {
    const known = this.#batchers.get(bucket);
    if (known !== undefined) return known.submit(submitted);
    const batcher = this.#link.batcher<Submitted, PermitReply>({
      maxItems: MOST_COMMANDS,
      flush: (items) => this.#flush(bucket, items),
    });
    this.#batchers.set(bucket, batcher);
    return batcher.submit(submitted);
  }

  async #flush(bucket: number, items: readonly Submitted[]): Promise<readonly (PermitReply | CoordinationError)[]> {
    const prefix = this.#prefix(bucket);
    const keys = [`${prefix}pool-due`, `${prefix}pool-log`];
    const args = [this.#namespace];
    for (const { encoded, command } of items) {
      keys.push(`${prefix}pool:${encoded}`, `${prefix}pool-ends:${encoded}`, `${prefix}pool-line:${encoded}`);
      const { letter, fields } = toPermitWire(command);
      args.push(letter, encoded, ...fields);
    }
    args.push(...this.#timeArgs());
    const isGranting = this.#wait.replicas > 0 && items.some(({ command }) => grants(command));
    const { answer, replicas } = isGranting
      ? await this.#link.runReplicated(this.#scripts.pool, keys, args, this.#wait)
      : { answer: await this.#link.run(this.#scripts.pool, keys, args), replicas: 0 };
    const results = this.#read(items, answer);
    return isGranting && replicas < this.#wait.replicas ? this.#giveBack(bucket, items, results) : results;
  }

  #read(items: readonly Submitted[], answer: unknown): readonly PermitReply[] {
    const [serverMs, replies] = asText(answer) as [number, PermitWireReply[]];
    return items.map(({ command }, at) => {
      const reply = replies[at];
      if (reply === undefined)
        throw new CoordinationError('STORE_UNAVAILABLE', 'The permit script answered fewer replies than commands', {
          applied: 'unknown',
        });
      return fromPermitWire(command, reply, serverMs);
    });
  }

  /** Grants that too few replicas have in time: each is given back, and told as not made. */
  async #giveBack(
    bucket: number,
    items: readonly Submitted[],
    results: readonly PermitReply[],
  ): Promise<readonly (PermitReply | CoordinationError)[]> {
    const isLost = (at: number): boolean => {
      const kind = results[at]?.kind;
      return grants((items[at] as Submitted).command) && (kind === 'granted' || kind === 'held');
    };
    const cancels = items.flatMap(({ encoded, command }, at): Submitted[] => {
      if (!isLost(at) || results[at]?.kind !== 'granted' || !grants(command)) return [];
      const { requestId } = command.kind === 'request' ? command : command.next;
      return [{ encoded, command: { kind: 'cancel', resource: command.resource, requestId } }];
    });
    const isReturned =
      cancels.length === 0 ||
      (await this.#flush(bucket, cancels).then(
        () => true,
        () => false,
      ));
    return results.map((result, at) =>
      isLost(at)
        ? new CoordinationError(
            'STORE_UNAVAILABLE',
            `Fewer than ${this.#wait.replicas} replicas had the grant within ${this.#wait.timeoutMs} ms: it is given back`,
            { applied: isReturned && result.kind === 'granted' ? 'no' : 'unknown' },
          )
        : result,
    );
  }
}

type Granting = Extract<PermitCommand, { readonly kind: 'request' | 'reweigh' }>;

function grants(command: PermitCommand): command is Granting {
  return command.kind === 'request' || command.kind === 'reweigh';
}

/** A replicated call answers bytes. */
function asText(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(asText);
  return Buffer.isBuffer(answer) ? answer.toString() : answer;
}
