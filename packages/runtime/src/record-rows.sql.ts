// What both SQL dialects keep of a plain record.
import { assert } from '@devmentor/locks';
import type { Json } from './json.ts';
import { jsonText, jsonValue } from './json-text.ts';
import type { StoredRecord } from './record-store.ts';
import { checkKey } from './store-key.ts';
import { defaultStoreLimits } from './store-limits.ts';
import { parsedText } from './stored-text.sql.ts';

export type RecordRow = { readonly version: number; readonly value: string };

/** The text of a value that can be stored under the key for that term. */
export function recordText(key: string, value: Json, ttlMs: number | undefined): string {
  checkKey(key);
  assert(ttlMs === undefined || ttlMs > 0, 'a term is positive');
  return jsonText(value, 'value', defaultStoreLimits.messageBytes);
}

export function storedRecord(key: string, { value, version }: RecordRow): StoredRecord {
  return { value: parsedText(key, () => jsonValue(value)), version };
}
