// Problem shelf
//
// Problems that were stored under an id of their user's, to open a board on by that id. A problem
// may be larger than a record: it is kept in parts, and the record that names them comes last, so
// that a reader finds the old problem or the new one.
import type { BoardProblem } from '@devmentor/contracts';
import type { RecordStore } from '@devmentor/runtime';
import { digest } from '../http/idempotency.ts';

type Shelved = { readonly v: 1; readonly print: string; readonly parts: number };

/** Of base64, in which a character is a byte. */
const PART = 180_000;

export class ProblemShelf {
  readonly #records: RecordStore;

  constructor(records: RecordStore) {
    this.#records = records;
  }

  async put(userId: string, id: string, problem: BoardProblem): Promise<void> {
    const text = JSON.stringify(problem);
    const packed = Buffer.from(text).toString('base64');
    const print = digest([text]);
    const parts = Math.ceil(packed.length / PART);
    const before = await this.#find(userId, id);
    for (let n = 0; n < parts; n += 1)
      await this.#records.put(partKey(userId, id, print, n), packed.slice(n * PART, (n + 1) * PART), {
        expects: 'any',
      });
    await this.#records.put(keyOf(userId, id), { v: 1, print, parts } satisfies Shelved, { expects: 'any' });
    if (before === undefined || before.print === print) return;
    for (let n = 0; n < before.parts; n += 1) await this.#records.delete(partKey(userId, id, before.print, n));
  }

  async get(userId: string, id: string): Promise<BoardProblem | undefined> {
    const shelved = await this.#find(userId, id);
    if (shelved === undefined) return undefined;
    const numbers = Array.from({ length: shelved.parts }, (_, n) => n);
    const parts = await Promise.all(numbers.map((n) => this.#records.get(partKey(userId, id, shelved.print, n))));
    // Replaced while it was being read: the record names the other parts by now.
    if (parts.includes(undefined)) return this.get(userId, id);
    const packed = parts.map((part) => part?.value).join('');
    return JSON.parse(Buffer.from(packed, 'base64').toString('utf8')) as BoardProblem;
  }

  async #find(userId: string, id: string): Promise<Shelved | undefined> {
    return (await this.#records.get(keyOf(userId, id)))?.value as Shelved | undefined;
  }
}

function keyOf(userId: string, id: string): string {
  return `problem/${userId}/${id}`;
}

function partKey(userId: string, id: string, print: string, n: number): string {
  return `problem-part/${userId}/${id}/${print}/${n}`;
}
