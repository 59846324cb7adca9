import { assert } from '@devmentor/locks';
import { idRejected } from './store-faults.ts';

const maxKeyBytes = 1_024;

/** The id or key itself, when it can be stored: 1 to 1,024 bytes of well-formed Unicode. Else `ID_REJECTED`. */
export function checkKey(key: string): string {
  if (key === '') throw idRejected('is empty');
  if (/\p{Surrogate}/u.test(key)) throw idRejected('has a lone surrogate, which UTF-8 cannot hold');
  const bytes = Buffer.byteLength(key);
  if (bytes > maxKeyBytes) throw idRejected(`is ${bytes} bytes long; at most ${maxKeyBytes} are stored`);
  return key;
}

export function checkPage(limit: number): void {
  assert(Number.isInteger(limit) && limit >= 1 && limit <= 1_000, 'a page holds 1 to 1,000 records');
}
