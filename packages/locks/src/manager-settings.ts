import { UNPRINTABLE } from './claim-arguments.ts';
import { CoordinationError } from './errors.ts';

/** What a manager is made with, as far as it can be wrong before anything is asked. */
export interface ManagerSettings {
  readonly namespace?: string;
  readonly buckets?: number;
  readonly logEntries?: number;
  readonly commandTimeoutMs?: number;
  readonly fenceFloor?: string;
}

const LONGEST_NAMESPACE_BYTES = 128;
const MOST_BUCKETS = 1_024;
const SHORTEST_TIMEOUT_MS = 10;
const LONGEST_TIMEOUT_MS = 60_000;

/** Throws `LOCK_CONFIG` with the fix. */
export function checkSettings(settings: ManagerSettings): void {
  const { namespace, buckets, logEntries, commandTimeoutMs, fenceFloor } = settings;
  if (namespace !== undefined) checkNamespace(namespace);
  if (buckets !== undefined && !isWhole(buckets, 1, MOST_BUCKETS))
    refuse(`buckets ${buckets} is not a whole number from 1 to ${MOST_BUCKETS}: leave it out, or give what fits`);
  if (logEntries !== undefined && !isWhole(logEntries, 1, Number.MAX_SAFE_INTEGER))
    refuse(`logEntries ${logEntries} is not a whole number from 1: leave it out (4,096), or use log: false for no log`);
  if (commandTimeoutMs !== undefined && !isWhole(commandTimeoutMs, SHORTEST_TIMEOUT_MS, LONGEST_TIMEOUT_MS))
    refuse(
      `commandTimeoutMs ${commandTimeoutMs} is not a whole number from ${SHORTEST_TIMEOUT_MS} to ${LONGEST_TIMEOUT_MS}: leave it out, or give at least three times the slowest round trip and less than the terms of the leases`,
    );
  if (fenceFloor !== undefined && !/^\d{16}$/.test(fenceFloor))
    refuse(`fenceFloor ${fenceFloor} is no fence: pass one as a lease gave it, or make it with fenceOf`);
}

function checkNamespace(namespace: string): void {
  if (namespace === '') refuse('namespace is empty: leave it out, or name your application');
  if (Buffer.byteLength(namespace) > LONGEST_NAMESPACE_BYTES)
    refuse(`namespace is longer than ${LONGEST_NAMESPACE_BYTES} bytes of UTF-8: it heads every key, shorten it`);
  if (UNPRINTABLE.test(namespace) || /[{}]/.test(namespace))
    refuse(
      'namespace contains braces or control characters: braces say to Redis Cluster where a key belongs, use others',
    );
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

function refuse(message: string): never {
  throw new CoordinationError('LOCK_CONFIG', message, { applied: 'no' });
}
