// Services on Redis
//
// A world whose servers are namespaces of a real redis-server: the very scripts that ship decide, each given the
// world's time for the server's. One command at a time: time stands still until it has been answered and
// everything that it published has come. What is told then, is told as the memory adapters tell it: by
// `clock.soon`, in the order it was published.
import type { LeaseStore, PermitStore } from '@devmentor/locks';
import { givenTime, RedisLeaseStore, RedisLink, RedisPermitStore } from '@devmentor/locks/redis';
import { redisStores } from '../../src/redis.ts';
import type { LockServer, Servers, Site, StateServer } from '../../src/simulation/servers.ts';

/** A real server under a load that tests make answers late, and the world waits for it. */
const PATIENCE_MS = 60_000;
const BUCKETS = 1;

export class RedisServices implements Servers {
  readonly #link: RedisLink;
  readonly #name: string;
  #servers = 0;
  #marks = 0;
  #heard: (mark: string) => void = () => {};

  /** @param name no two processes have the same on one server */
  static async open(url: string, name = 'sim'): Promise<RedisServices> {
    const services = new RedisServices(RedisLink.open({ redis: url, commandTimeoutMs: PATIENCE_MS }), name);
    await services.#link.subscribe(services.#channel, (mark) => services.#heard(mark));
    return services;
  }

  private constructor(link: RedisLink, name: string) {
    this.#link = link;
    this.#name = name;
  }

  get #channel(): string {
    return `${this.#name}:mark`;
  }

  async close(): Promise<void> {
    await this.#link.close();
  }

  /** Asks the server itself. */
  command(name: string, ...args: readonly string[]): Promise<unknown> {
    return this.#link.command(name, ...args);
  }

  state(site: Site): StateServer {
    const time = givenTime(() => Math.floor(site.clock.wallMs() * 1_000));
    const stores = redisStores({ link: this.#link, namespace: this.#fresh(), shards: site.shards, time });
    const hold = <T>(answer: Promise<T>): Promise<T> => site.outside(answer);
    return { state: held(stores.state, hold), log: held(stores.log, hold), records: held(stores.records, hold) };
  }

  locks(site: Site): LockServer {
    const { clock } = site;
    // Of this server's clock, as the memory adapters have it: its monotonic one, set by its wall clock once.
    const originMs = clock.wallMs() - clock.nowMs();
    const time = givenTime(() => Math.floor((originMs + clock.nowMs()) * 1_000));
    const options = { link: this.#link, namespace: this.#fresh(), time };
    const leases = new RedisLeaseStore({ ...options, buckets: BUCKETS });
    const permits = new RedisPermitStore({ ...options, buckets: () => BUCKETS });
    const told: (() => void)[] = [];
    const later =
      <T>(tell: (notice: T) => void) =>
      (notice: T): void =>
        void told.push(() => tell(notice));
    const heard = async <T>(answer: Promise<T>): Promise<T> => {
      try {
        return await answer;
      } finally {
        await this.#published();
        for (const tell of told.splice(0)) clock.soon(tell);
      }
    };
    const hold = <T>(answer: Promise<T>): Promise<T> => site.outside(heard(answer));
    return { leases: heldLeases(leases, hold, later), permits: heldPermits(permits, hold, later) };
  }

  #fresh(): string {
    this.#servers += 1;
    return `${this.#name}:${this.#servers}`;
  }

  /** What was published until now has come: what is published last comes last. */
  async #published(): Promise<void> {
    const mark = `${++this.#marks}`;
    const heard = new Promise<void>((resolve) => {
      this.#heard = (came) => {
        if (came === mark) resolve();
      };
    });
    await this.#link.command('publish', this.#channel, mark);
    await heard;
  }
}

type Hold = <T>(answer: Promise<T>) => Promise<T>;
type Later = <T>(tell: (notice: T) => void) => (notice: T) => void;

/** The store, of which every answer is held for. */
function held<Store extends object>(store: Store, hold: Hold): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: readonly unknown[]): unknown => {
        const answer: unknown = Reflect.apply(value, target, args);
        return answer instanceof Promise ? hold(answer) : answer;
      };
    },
  });
}

function heldLeases(store: RedisLeaseStore, hold: Hold, later: Later): LeaseStore {
  return held<LeaseStore>(
    {
      buckets: store.buckets,
      commandTimeoutMs: store.commandTimeoutMs,
      open: () => store.open(),
      submit: (command) => store.submit(anySending(command)),
      sweep: () => store.sweep(),
      bucketOf: (resource) => store.bucketOf(resource),
      list: (query) => store.list(query),
      readLog: (bucket, after, limit) => store.readLog(bucket, after, limit),
      listen: (listener, onNotice) => store.listen(listener, later(onNotice)),
      hints: (bucket, onHint) => store.hints(bucket, () => later(onHint)(undefined)),
      close: () => store.close(),
    },
    hold,
  );
}

function heldPermits(store: RedisPermitStore, hold: Hold, later: Later): PermitStore {
  return held<PermitStore>(
    {
      submit: (command) => store.submit(command),
      sweep: () => store.sweep(),
      list: (query) => store.list(query),
      logs: store.logs,
      readLog: (log, after, limit) => store.readLog(log, after, limit),
      listen: (listener, onNotice) => store.listen(listener, later(onNotice)),
    },
    hold,
  );
}

/**
 * A store that says of a request that this is its first sending counts from what its own process has heard of the
 * server. This one stands at the server, behind the lines of all nodes, and has heard more than any of them.
 */
function anySending<Command extends object>(command: Command): Command {
  return 'isFirst' in command ? { ...command, isFirst: false } : command;
}
