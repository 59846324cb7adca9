import { CoordinationError } from './errors.ts';
import type { HandOff, Holder, Json, JsonObject, TakeoverAnswer } from './lease.ts';
import type { Connection, ForceOptions, TakeoverOptions, TakerOptions, Upkeep } from './lock-manager.ts';

export const DEFAULT_TTL_MS = 30_000;
const SHORTEST_TTL_MS = 50;
const SHORTEST_AUTO_TTL_MS = 250;
const LONGEST_TTL_MS = 86_400_000;
const LONGEST_RESOURCE_BYTES = 512;
const LONGEST_META_BYTES = 4_096;
const LONGEST_POINTER_BYTES = 1_024;
const LONGEST_REASON_BYTES = 1_024;
const LONGEST_NAME_BYTES = 512;

function refuse(message: string): never {
  throw new CoordinationError('LOCK_CONFIG', message, { applied: 'no' });
}

/** Control characters would end up in keys and logs; half a surrogate pair has no UTF-8. */
export const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

/** For callers whose types were not checked. */
export function checkText(what: string, text: unknown): void {
  if (typeof text !== 'string') refuse(`${what} is ${text === null ? 'null' : typeof text}: give it as text`);
}

export function checkResource(resource: string): void {
  checkText('resource', resource);
  if (resource === '') refuse('resource is empty: name what is to be locked');
  if (resource.length > LONGEST_RESOURCE_BYTES || Buffer.byteLength(resource) > LONGEST_RESOURCE_BYTES)
    refuse(`resource is longer than ${LONGEST_RESOURCE_BYTES} bytes of UTF-8: use a shorter name or a hash of it`);
  if (UNPRINTABLE.test(resource))
    refuse('resource contains control characters or half a surrogate pair: use printable text');
}

/** A lease by its id. What no lease was ever called is no fault: nobody has it. */
export function checkRef({ resource, leaseId }: { readonly resource: string; readonly leaseId: string }): void {
  checkResource(resource);
  checkText('leaseId', leaseId);
}

export function checkConnection({ node, conn, instance }: Connection): void {
  checkName('node', node);
  checkName('conn', conn);
  checkName('instance', instance);
}

/** In a queue. */
export function checkPosition(position: number): void {
  if (!Number.isSafeInteger(position) || position < 1)
    refuse(`position ${position} is not a whole number from 1: pass it as a refusal or a view told it`);
}

/** Which connection somebody speaks for. */
export function checkGen(gen: number | undefined): void {
  if (gen !== undefined && (!Number.isSafeInteger(gen) || gen < 0))
    refuse(`gen ${gen} is not a whole number from 0: pass it as a view of the lease told it, or leave it out`);
}

export function checkName(what: string, name: string): void {
  checkText(what, name);
  if (name === '') refuse(`${what} is empty`);
  if (Buffer.byteLength(name) > LONGEST_NAME_BYTES)
    refuse(`${what} is longer than ${LONGEST_NAME_BYTES} bytes of UTF-8`);
  if (UNPRINTABLE.test(name))
    refuse(`${what} contains control characters or half a surrogate pair: use printable text`);
}

/** Shown to others and kept in records: like an id, but it may be empty. */
export function checkHolder(what: string, holder: Holder): void {
  if (typeof holder !== 'object' || holder === null) refuse(`${what} is not an object: give { id: … }`);
  const { id, name } = holder;
  checkName(`${what}.id`, id);
  if (name !== undefined && name !== '') checkName(`${what}.name`, name);
}

export function checkTtl(ttlMs: number, renew: 'auto' | 'manual'): void {
  if (!Number.isInteger(ttlMs)) refuse(`ttlMs ${ttlMs} is not a whole number of milliseconds: round it`);
  const shortest = renew === 'auto' ? SHORTEST_AUTO_TTL_MS : SHORTEST_TTL_MS;
  if (ttlMs < shortest) {
    refuse(
      `ttlMs ${ttlMs} is too short: with renew '${renew}' the term is at least ${shortest} ms. Leave ttlMs out (30,000), or give at least three times the slowest round trip to the store`,
    );
  }
  if (ttlMs > LONGEST_TTL_MS)
    refuse(
      `ttlMs ${ttlMs} is too long: at most ${LONGEST_TTL_MS} (a day). A shorter term with automatic renewal holds as long as the process lives`,
    );
}

export function checkWait(waitMs: number): void {
  if (typeof waitMs !== 'number' || !(waitMs >= 0)) refuse(`waitMs ${waitMs} is not a duration: use 0 to not wait`);
}

export function checkGrace(graceMs: number): void {
  if (!Number.isInteger(graceMs) || graceMs < 0 || graceMs > LONGEST_TTL_MS)
    refuse(`graceMs ${graceMs} is not a whole number of milliseconds up to a day`);
}

/** Of a page, where one is asked for. */
export function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1) refuse(`limit ${limit} is not a whole number from 1: leave it out`);
}

function bytesAsJson(what: string, value: Json): number {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // Told below, like what JSON leaves out.
  }
  if (text === undefined) refuse(`${what} has no JSON: leave out circles, functions and bigints`);
  return Buffer.byteLength(text);
}

export function checkMeta(meta: JsonObject | undefined): void {
  if (meta === undefined) return;
  const bytes = bytesAsJson('meta', meta);
  if (bytes > LONGEST_META_BYTES)
    refuse(`meta is ${bytes} bytes of JSON: at most ${LONGEST_META_BYTES}. Keep the data in a record and name it here`);
}

/** How a claim is kept alive. */
export function checkUpkeep(upkeep: Upkeep): void {
  const { renew = 'auto', ttlMs = DEFAULT_TTL_MS, maxHoldMs } = upkeep;
  checkTtl(ttlMs, renew);
  checkRenewal(upkeep);
  if (maxHoldMs !== undefined && maxHoldMs < ttlMs)
    refuse(`maxHoldMs ${maxHoldMs} is less than a term of ${ttlMs} ms: give a shorter ttlMs, or a longer maxHoldMs`);
}

/** The same of a lease whose term is known to the store alone. */
export function checkRenewal({ renew = 'auto', maxHoldMs, isAlive }: Omit<Upkeep, 'ttlMs'>): void {
  if (renew !== 'auto' && renew !== 'manual') refuse(`renew ${String(renew)} is neither 'auto' nor 'manual'`);
  if (maxHoldMs !== undefined) {
    if (renew === 'manual')
      refuse("maxHoldMs caps automatic renewal: leave it out, or use renew 'auto'. By hand, stop renewing");
    if (!Number.isFinite(maxHoldMs) || maxHoldMs <= 0)
      refuse(`maxHoldMs ${maxHoldMs} is not a duration: leave it out for no cap, or give milliseconds`);
  }
  if (isAlive !== undefined && typeof isAlive !== 'function')
    refuse('isAlive is no function: give one that answers whether the work goes on');
  if (isAlive !== undefined && renew === 'manual')
    refuse("isAlive is asked before each automatic renewal: leave it out, or use renew 'auto'");
}

export function checkTakeover(options: TakeoverOptions): void {
  checkTaker(options);
  if (options.reason !== undefined) checkReason(options.reason);
  const { graceMs } = options;
  if (!Number.isInteger(graceMs) || graceMs < 1 || graceMs > LONGEST_TTL_MS)
    refuse(
      `graceMs ${graceMs} is not a whole number of milliseconds from 1 to a day: it is the time to answer. To take the lease without asking, use force`,
    );
}

export function checkForce(options: ForceOptions): void {
  checkTaker(options);
  checkReason(options.reason);
}

function checkTaker(options: TakerOptions): void {
  checkUpkeep(options);
  checkHolder('by', options.by);
  if (options.instance !== undefined) checkName('instance', options.instance);
  if (options.requestId !== undefined) checkName('requestId', options.requestId);
  checkMeta(options.meta);
}

export function checkAnswer(answer: TakeoverAnswer): void {
  if (answer.answer === 'deny') {
    if (answer.reason !== undefined) checkReason(answer.reason);
    checkDuration('retryAfterMs', answer.retryAfterMs ?? 0);
    return;
  }
  checkDuration('drainMs', answer.drainMs ?? 0);
  checkPointer(answer.pointer);
}

export function checkHandOff({ to, instance, pointer, offerMs }: HandOff): void {
  checkHolder('to', to);
  if (instance !== undefined) checkName('instance', instance);
  checkPointer(pointer);
  if (offerMs === 0) refuse('offerMs 0 offers nothing: leave it out (10,000), or give them time to claim it');
  checkDuration('offerMs', offerMs ?? 1);
}

function checkDuration(what: string, ms: number): void {
  if (!Number.isInteger(ms) || ms < 0 || ms > LONGEST_TTL_MS)
    refuse(`${what} ${ms} is not a whole number of milliseconds up to a day`);
}

export function checkReason(reason: string): void {
  checkText('reason', reason);
  if (!reason.isWellFormed())
    refuse('reason contains half a surrogate pair: cut text between characters, or pass it through toWellFormed()');
  if (reason === '') refuse('reason is empty: it is shown to the holder and kept in the log');
  if (Buffer.byteLength(reason) > LONGEST_REASON_BYTES)
    refuse(`reason is longer than ${LONGEST_REASON_BYTES} bytes of UTF-8: shorten it`);
}

function checkPointer(pointer: Json | undefined): void {
  if (pointer === undefined) return;
  const bytes = bytesAsJson('pointer', pointer);
  if (bytes > LONGEST_POINTER_BYTES)
    refuse(`pointer is ${bytes} bytes of JSON: at most ${LONGEST_POINTER_BYTES}. Save the state and point at it`);
}
