import type { FaultFacts } from '@devmentor/locks';
import { CoordinationError } from '@devmentor/locks';

/** Codes of the store ports, in a `StoreFault`. `STORE_UNAVAILABLE` and `REPLY_LOST` come from `@devmentor/locks`. */
export const STORE_CODES = [
  'NOT_JSON',
  'TOO_LARGE',
  'ID_REJECTED',
  'ID_COLLISION',
  'RECORD_VERSION_UNSUPPORTED',
  'RECORD_UNREADABLE',
  'SHARDS_MISMATCH',
  'STORE_CONFIG',
] as const;
/** One of `STORE_CODES`. */
export type StoreCode = (typeof STORE_CODES)[number];

/** The store cannot take or give this. */
export class StoreFault extends CoordinationError<StoreCode> {
  override readonly name = 'StoreFault';

  constructor(code: StoreCode, message: string, facts: FaultFacts = { applied: 'no' }) {
    super(code, message, facts);
  }
}

export function isFault(error: unknown): error is StoreFault {
  return error instanceof StoreFault;
}

/** `path` names the part that JSON cannot hold, `why` continues the sentence. */
export function notJson(path: string, why: string): StoreFault {
  return new StoreFault('NOT_JSON', `${path} ${why}`);
}

export function tooLarge(path: string, bytes: number, limit: number): StoreFault {
  return new StoreFault('TOO_LARGE', `${path} is ${bytes} bytes of JSON; at most ${limit} are stored`);
}

export function idRejected(why: string): StoreFault {
  return new StoreFault('ID_REJECTED', `The id ${why}`);
}

/** Two ids with one hash: the record under the key belongs to the other. */
export function idCollision(id: string): StoreFault {
  return new StoreFault('ID_COLLISION', `The record under the key of ${id} belongs to another id`);
}

export function recordVersionUnsupported(id: string, v: string): StoreFault {
  return new StoreFault(
    'RECORD_VERSION_UNSUPPORTED',
    `The record of ${id} has schema version ${v}, which this release does not know; upgrade this node`,
  );
}

/** Somebody else wrote under our keys; how far a write got is not known. */
export function recordUnreadable(id: string, why: string): StoreFault {
  return new StoreFault('RECORD_UNREADABLE', `The record of ${id} cannot be read or written as it is stored: ${why}`, {
    applied: 'unknown',
  });
}

export function badNamespace(namespace: string): StoreFault {
  return new StoreFault(
    'STORE_CONFIG',
    `The namespace ${JSON.stringify(namespace)} is not 1 to 64 characters of A-Z a-z 0-9 _ . : -`,
  );
}

export function layoutUnsupported(namespace: string, v: string): StoreFault {
  return new StoreFault(
    'RECORD_VERSION_UNSUPPORTED',
    `Namespace ${namespace} has the key layout ${v}, which this release does not know; upgrade this node`,
  );
}

export function shardsMismatch(namespace: string, stored: number, asked: number): StoreFault {
  return new StoreFault(
    'SHARDS_MISMATCH',
    `Namespace ${namespace} holds ${stored} shards, and ${asked} were asked for. Open it with shards: ${stored}, or use another namespace: the number is fixed with the first start.`,
  );
}
