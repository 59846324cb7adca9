// Redis namespace
//
// Which key holds what. Everything of one shard carries its hash tag, so that a commit is one
// script in one slot of a Redis Cluster:
//
//   <ns>:meta                         hash: shards, and v of this layout (`state`)
//   <ns>:{s<n>}:own                   `<epoch> <incarnation>`
//   <ns>:{s<n>}:timers, :outbox       actors with timers (by the earliest), with an outbox
//   <ns>:{s<n>}:actor:<id>            the record: v, id, version, machine, commit, snapshot,
//                                     timers, due, cursor, from:<sender>, lanes, floor
//   <ns>:{s<n>}:nodes:<id>            its node senders by the time they were last listed
//   <ns>:{s<n>}:out:<id>, :sent:<id>  the outbox (`<n> <to>`), and the next number per receiver
//   <ns>:{s<n>}:guard:<id>            `<fence> <id>`
//   <ns>:{s<n>}:log:<topic>           stream of the topic's events
//   <ns>:{s<n>}:rec:<key>, :recs, :recends, :recstamp   plain records and their index
//
// Ids are encoded (`encodeId`); n is the crc32 of the encoded id modulo the number of shards,
// which is fixed with the first start.
import { type RedisArg, type RedisLink, type Script, type ScriptTime, SERVER_TIME } from '@devmentor/locks/redis';
import { Places } from './places.ts';
import type { Shard } from './state-store.ts';
import { badNamespace, layoutUnsupported, shardsMismatch } from './store-faults.ts';

const layout = '1';

/** Where in a Redis the stores are. */
export interface RedisNamespaceOptions {
  readonly link: RedisLink;
  /** Default `devmentor`. 1 to 64 characters of `A-Z a-z 0-9 _ . : -`. */
  readonly namespace?: string;
  /** Default 64; fixed with the first start. */
  readonly shards?: number;
  /** How its scripts come by the time: for tests that replay it. */
  readonly time?: ScriptTime;
}

/** The keys of one namespace, and its number of shards, which `open` compares with the stored one (SHARDS_MISMATCH). */
export class RedisNamespace {
  readonly link: RedisLink;
  readonly name: string;
  readonly shards: number;
  readonly #places: Places;
  readonly #time: ScriptTime;
  #opened: Promise<void> | undefined;

  constructor(options: RedisNamespaceOptions) {
    this.link = options.link;
    this.name = options.namespace ?? 'devmentor';
    this.shards = options.shards ?? 64;
    this.#places = new Places(this.shards);
    this.#time = options.time ?? SERVER_TIME;
    if (!/^[A-Za-z0-9_.:-]{1,64}$/.test(this.name)) throw badNamespace(this.name);
  }

  /** Claims the namespace for this number of shards, or throws `SHARDS_MISMATCH`. Asks the server once. */
  open(): Promise<void> {
    this.#opened ??= this.#claim().catch((fault: unknown) => {
      this.#opened = undefined;
      throw fault;
    });
    return this.#opened;
  }

  shardOf(id: string): Shard {
    return this.#places.of(id).shard;
  }

  /** A key of a whole shard. */
  shardKey(shard: Shard, what: 'own' | 'timers' | 'outbox' | 'recs' | 'recends' | 'recstamp'): string {
    return `${this.name}:{s${shard}}:${what}`;
  }

  /** A key of one id. */
  key(what: 'actor' | 'nodes' | 'out' | 'guard' | 'log' | 'rec', id: string): string {
    const { encoded, shard } = this.#places.of(id);
    return `${this.name}:{s${shard}}:${what}:${encoded}`;
  }

  /** A script that needs the time, and finds it in `us`, in microseconds. */
  timed(source: string): Script {
    return this.link.script(this.#time.prelude + source);
  }

  runTimed(script: Script, keys: readonly string[], args: readonly RedisArg[]): Promise<unknown> {
    const time = this.#time.args();
    return this.link.run(script, keys, time.length === 0 ? args : [...args, ...time]);
  }

  async #claim(): Promise<void> {
    const meta = `${this.name}:meta`;
    await this.link.command('hsetnx', meta, 'shards', this.shards);
    await this.link.command('hsetnx', meta, 'state', layout);
    const stored = Number(await this.link.command('hget', meta, 'shards'));
    if (stored !== this.shards) throw shardsMismatch(this.name, stored, this.shards);
    const found = String(await this.link.command('hget', meta, 'state'));
    if (found !== layout) throw layoutUnsupported(this.name, found);
  }
}
