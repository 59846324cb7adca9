import { hkdfSync } from 'node:crypto';
import type { Entropy } from '@devmentor/locks';
import type { RecordStore } from '@devmentor/runtime';

/** The keys everything signed comes from. One secret, one derived key for each use. */
export interface AuthKeys {
  readonly accessTokens: Buffer;
  readonly claims: Buffer;
  readonly refreshTokens: Buffer;
  readonly requests: Buffer;
}

const RECORD = 'auth/key';

/** Keys from the operator's secret, or from one that is made once and kept with the data. */
export async function loadAuthKeys(
  secret: string | undefined,
  records: RecordStore,
  entropy: Entropy,
): Promise<AuthKeys> {
  const root = secret ?? (await storedSecret(records, entropy));
  return {
    accessTokens: derive(root, 'access tokens'),
    claims: derive(root, 'claims'),
    refreshTokens: derive(root, 'refresh tokens'),
    requests: derive(root, 'requests'),
  };
}

async function storedSecret(records: RecordStore, entropy: Entropy): Promise<string> {
  const made = entropy.id() + entropy.id();
  const outcome = await records.put(RECORD, made, { expects: 'absent' });
  if (outcome.kind === 'written') return made;
  const kept = await records.get(RECORD);
  // Another server made it a moment ago, or an earlier start did.
  if (typeof kept?.value !== 'string') throw new TypeError(`the record ${RECORD} does not hold a key`);
  return kept.value;
}

function derive(root: string, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', root, 'devmentor', use, 32));
}
