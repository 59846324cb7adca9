// Idempotency
//
// A request that creates may be sent twice with the same key and is carried out once.
//
//   ID1  The same key and body again: the stored answer, marked as replayed, for 24 hours.
//   ID2  The same key with another body: IDEMPOTENCY_KEY_REUSED.
//   ID3  While the first is being carried out: IDEMPOTENCY_IN_PROGRESS. One that was abandoned
//        is taken over after a while, under the seed of the first, so that what it may have made
//        already is found and not made again.
//   ID4  Only good answers are stored; a refusal leaves the key free.
import { createHash } from 'node:crypto';
import type { RouteName } from '@devmentor/contracts/routes';
import { type Clock, CoordinationError, type Entropy } from '@devmentor/locks';
import type { Json, RecordStore } from '@devmentor/runtime';
import type { Caller } from '../auth/access-tokens.ts';
import { Problem } from '../problem.ts';
import type { Answer, Call } from './call.ts';

const KEPT_MS = 24 * 3_600_000;
const ABANDONED_MS = 30_000;
/** In characters, of which each is up to three bytes; a record has at most 256 KiB. */
const MAX_KEPT = 65_536;

type Kept = {
  readonly v: 1;
  readonly print: string;
  readonly seed: string;
  readonly atMs: number;
  /** `again`: too big to keep; the work under its seed answers the same. */
  readonly answer?:
    | { readonly status: number; readonly body: Json; readonly headers: Readonly<Record<string, string>> }
    | 'again';
};

export interface KeyedRequest {
  readonly key: string;
  readonly userId: string;
  readonly route: string;
  readonly body: unknown;
}

export class Idempotency {
  readonly #records: RecordStore;
  readonly #clock: Clock;
  readonly #entropy: Entropy;

  constructor(options: { readonly records: RecordStore; readonly clock: Clock; readonly entropy: Entropy }) {
    this.#records = options.records;
    this.#clock = options.clock;
    this.#entropy = options.entropy;
  }

  /** Runs `work` once per key; `work` names what it makes after the seed. */
  async once(request: KeyedRequest | 'no-key', work: (seed: string) => Promise<Answer>): Promise<Answer> {
    if (request === 'no-key') return work(this.#entropy.id());
    const key = `idem/${digest([request.userId, request.route, request.key])}`;
    const print = digest([JSON.stringify(request.body)]);
    const began = await this.#begin(key, print);
    if (began.kind === 'answered') return replayed(began.answer);
    if (began.kind === 'again') return replayed(await work(began.seed));
    try {
      const answer = await work(began.seed);
      const stored: Kept = { v: 1, print, seed: began.seed, atMs: this.#clock.wallMs(), answer: keptForm(answer) };
      await this.#records.put(key, stored, { expects: 'any', ttlMs: KEPT_MS });
      return answer;
    } catch (error) {
      if (wasRefused(error)) await this.#records.delete(key);
      throw error;
    }
  }

  async #begin(
    key: string,
    print: string,
  ): Promise<
    { readonly kind: 'mine' | 'again'; readonly seed: string } | { readonly kind: 'answered'; readonly answer: Answer }
  > {
    const atMs = this.#clock.wallMs();
    const seed = this.#entropy.id();
    const first = await this.#records.put(key, { v: 1, print, seed, atMs } satisfies Kept, {
      expects: 'absent',
      ttlMs: KEPT_MS,
    });
    if (first.kind === 'written') return { kind: 'mine', seed };

    const found = await this.#records.get(key);
    if (found === undefined) throw inProgress();
    const kept = found.value as Kept;
    if (kept.print !== print)
      throw new Problem('IDEMPOTENCY_KEY_REUSED', 'use a fresh Idempotency-Key for another request');
    if (kept.answer === 'again') return { kind: 'again', seed: kept.seed };
    if (kept.answer !== undefined) return { kind: 'answered', answer: kept.answer };
    if (atMs - kept.atMs < ABANDONED_MS) throw inProgress();
    const taken = await this.#records.put(key, { ...kept, atMs }, { expects: found.version, ttlMs: KEPT_MS });
    if (taken.kind === 'conflict') throw inProgress();
    return { kind: 'mine', seed: kept.seed };
  }
}

/** Nothing was carried out. After any other fault something may have been. */
function wasRefused(error: unknown): boolean {
  return error instanceof Problem || (error instanceof CoordinationError && error.applied === 'no');
}

function keptForm({ status, body = null, headers = {} }: Answer): NonNullable<Kept['answer']> {
  return JSON.stringify(body).length > MAX_KEPT ? 'again' : { status, body: body as Json, headers };
}

function replayed(answer: Answer): Answer {
  return { ...answer, headers: { ...answer.headers, 'idempotency-replayed': 'true' } };
}

/** The keyed request of a call; who sent no key gets no memory of it. */
export function keyed(
  route: RouteName,
  call: Pick<Call, 'idempotencyKey'> & {
    readonly caller: Pick<Caller, 'userId'>;
    readonly params: unknown;
    readonly body: unknown;
  },
): KeyedRequest | 'no-key' {
  const { idempotencyKey: key, caller, params, body } = call;
  return key === undefined ? 'no-key' : { key, userId: caller.userId, route, body: [params, body] };
}

/** While the first request with a key is being carried out. */
export function inProgress(): Problem {
  return new Problem('IDEMPOTENCY_IN_PROGRESS', 'the first request with this key has not been answered yet', {
    retryAfterMs: 1_000,
  });
}

/** One-way and unambiguous: the parts are counted, so no two lists run together. */
export function digest(parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}`);
  return hash.digest('base64url');
}
