import { codes } from '@devmentor/contracts/codes';
import { CoordinationError, LOCK_CODES } from '@devmentor/locks';
import { RUNTIME_CODES, TRANSPORT_CODES } from '@devmentor/runtime';
import { describe, expect, it } from 'vitest';
import { DomainError, Problem } from '../src/index.ts';
import { FAULTS, isUnforeseen, toProblem } from '../src/problem.ts';

/** Outcomes that the services map themselves, and mistakes of ours that no client can cause. */
const NOT_FAULTS = new Set([
  ...['RESOURCE_LOCKED', 'LOCK_TIMEOUT', 'LOCK_GONE', 'LEASE_LOST', 'STALE_FENCE'],
  ...[
    'BUCKETS_MISMATCH',
    'LOCK_CONFIG',
    'UNHANDLED_EVENT',
    'NO_REPLY',
    'UNKNOWN_TYPE',
    'RUNTIME_CONFIG',
    'SUBJECT_INVALID',
  ],
]);

describe('problems', () => {
  it('[H12] every code of the layers below has a place in the table', () => {
    for (const code of [...LOCK_CODES, ...RUNTIME_CODES, ...TRANSPORT_CODES]) {
      expect(Object.hasOwn(FAULTS, code) !== NOT_FAULTS.has(code), code).toBe(true);
    }
  });

  it('[H12] whatever is thrown leaves with a code of the contract, and no stack', () => {
    for (const thrown of [
      new Error('secret'),
      'text',
      undefined,
      new CoordinationError('NEW', 'secret', { applied: 'no' }),
      new DomainError('FORBIDDEN', 'no'),
    ]) {
      const document = toProblem(thrown).toDocument('r1');
      expect(codes[document.code].status).toBe(document.status);
      expect(JSON.stringify(document)).not.toContain('secret');
    }
    expect([isUnforeseen(new Error('bug')), isUnforeseen(new Problem('NOT_FOUND', 'x'))]).toEqual([true, false]);
  });
});
