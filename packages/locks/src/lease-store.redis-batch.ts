import type { CoordinationError } from './errors.ts';
import type { LeaseCommand, Reply } from './lease-command.ts';
import { asReplies, fromWire, type WireLetter, type WireReply } from './lease-store.redis-codec.ts';
import type { Place, Places } from './lease-store.redis-places.ts';

/** A command on its way into a batch. */
export interface Submitted {
  readonly place: Place;
  readonly letter: WireLetter;
  readonly fields: string;
  /** None: the sweep's, which has no use for its reply. */
  readonly command: LeaseCommand | undefined;
  /** Server's microseconds of the last reply before this was submitted; none unless it is a first sending. */
  readonly sinceUs: number | undefined;
}

export interface BatchLayout {
  readonly places: Places;
  readonly namespace: string;
  readonly logEntries: number;
}

interface Group {
  readonly bucket: number;
  /** Of each record, the first of its commands. */
  readonly records: Map<string, number>;
}

/** One call of the lease script: its keys and fields, and how its answer is read. */
export class LeaseBatch {
  readonly keys: readonly string[];
  readonly fields: string;
  readonly #items: readonly Submitted[];
  /** Which of the items each reply is for. */
  readonly #order: number[] = [];

  /** By bucket, and within each by record, in order of submission: the script reads every record once. */
  constructor(items: readonly Submitted[], { places, namespace, logEntries }: BatchLayout) {
    this.#items = items;
    if (items.length === 1) {
      const { place, letter, fields, sinceUs } = items[0] as Submitted;
      const { count, rest } = places.keysOf(place.bucket);
      this.#order.push(0);
      this.keys = [count, place.key, ...rest];
      this.fields = `1\0${sinceUs ?? 0}\0${logEntries}\0${namespace}\0${place.bucket}\0${letter}\0${fields}`;
      return;
    }
    const groups: Group[] = [];
    const ofBucket: (Group | undefined)[] = [];
    /** The next command of the same record; 0: none, since the first of all follows nothing. */
    const following = new Uint16Array(items.length);
    let knownUs = Number.POSITIVE_INFINITY;
    for (let index = 0; index < items.length; index += 1) {
      const { place, sinceUs } = items[index] as Submitted;
      if (sinceUs !== undefined && sinceUs < knownUs) knownUs = sinceUs;
      let group = ofBucket[place.bucket];
      if (group === undefined) {
        group = { bucket: place.bucket, records: new Map() };
        ofBucket[place.bucket] = group;
        groups.push(group);
      }
      let before = group.records.get(place.key);
      if (before === undefined) group.records.set(place.key, index);
      else {
        while (following[before] !== 0) before = following[before] as number;
        following[before] = index;
      }
    }
    const keys: string[] = [];
    let numbers = '';
    for (const { bucket } of groups) {
      keys.push(places.keysOf(bucket).count);
      numbers += numbers === '' ? bucket : `,${bucket}`;
    }
    let fields = `${groups.length}\0${knownUs === Number.POSITIVE_INFINITY ? 0 : knownUs}\0${logEntries}\0${namespace}\0${numbers}\0`;
    for (const { records } of groups) {
      let letters = '';
      let commands = '';
      for (const [key, first] of records) {
        keys.push(key);
        for (let index = first; ; ) {
          const { letter, fields: ofCommand } = items[index] as Submitted;
          letters += letter;
          commands += ofCommand;
          this.#order.push(index);
          index = following[index] as number;
          if (index === 0) break;
          letters += '=';
        }
      }
      fields += `${letters}\0${commands}`;
    }
    for (const { bucket } of groups) keys.push(...places.keysOf(bucket).rest);
    this.keys = keys;
    this.fields = fields;
  }

  /** What each command is answered, in the order of submission, and the server's microseconds. */
  read(answer: unknown): { readonly us: number; readonly results: (Reply | CoordinationError)[] } {
    const replies = asReplies(answer, this.#items.length);
    const us = replies[0] as number;
    const serverMs = Math.floor(us / 1_000);
    const results = new Array<Reply | CoordinationError>(this.#items.length);
    for (let nth = 0; nth < this.#order.length; nth += 1) {
      const index = this.#order[nth] as number;
      const { command } = this.#items[index] as Submitted;
      if (command !== undefined) results[index] = fromWire(command, replies[nth + 1] as WireReply, serverMs);
    }
    return { us, results };
  }
}
