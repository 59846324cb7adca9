import { afterClose, type Code, closeCodes, codes, isCode, problemOf } from '@devmentor/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

// The published list, by status.
const published: Record<number, string> = {
  400: 'VALIDATION_FAILED',
  401: 'UNAUTHENTICATED, TOKEN_EXPIRED, INVALID_CREDENTIALS',
  403: 'FORBIDDEN, USER_MISMATCH',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  409: 'ALREADY_EXISTS, CLAIM_ATTACHED, STALE_CLAIM, IDEMPOTENCY_IN_PROGRESS',
  410: 'CLAIM_EXPIRED, CURSOR_GONE',
  412: 'VERSION_MISMATCH',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  422: 'IDEMPOTENCY_KEY_REUSED, DIMENSION_MISMATCH',
  423: 'RESOURCE_LOCKED',
  428: 'IF_MATCH_REQUIRED, CLAIM_REQUIRED',
  429: 'RATE_LIMITED',
  503: 'OVERLOADED, BACKEND_UNAVAILABLE, SHUTTING_DOWN',
  504: 'UPSTREAM_TIMEOUT',
};

describe('codes', () => {
  it('[C1] the table holds exactly the published codes under their statuses', () => {
    const byStatus: Record<number, string> = {};
    for (const [code, { status }] of Object.entries(codes)) {
      byStatus[status] = byStatus[status] === undefined ? code : `${byStatus[status]}, ${code}`;
    }
    expect(byStatus).toEqual(published);
  });

  it('[C2] the title of RESOURCE_LOCKED says that the resource is locked', () => {
    expect(codes.RESOURCE_LOCKED.title).toContain('Resource is locked');
  });

  it('[C3] a text is a code only when the table has it, inherited names included', () => {
    expect(Object.keys(codes).every(isCode)).toBe(true);
    expect(['toString', '__proto__', 'constructor', '', 'resource_locked', 423, undefined].some(isCode)).toBe(false);
  });

  it('[C4] type, title and status of a problem follow from its code', () => {
    fc.assert(
      fc.property(fc.constantFrom(...(Object.keys(codes) as Code[])), (code) => {
        const problem = problemOf(code, { detail: 'because', instance: 'r1' });
        expect(problem).toEqual({
          type: `/docs/problems#${code}`,
          code,
          ...codes[code],
          detail: 'because',
          instance: 'r1',
        });
      }),
    );
  });
});

describe('close codes', () => {
  it('[C5] the table holds exactly the published close codes', () => {
    const numbers = Object.values(closeCodes).map(({ code }) => code);
    expect(numbers).toEqual([1009, 1012, 1013, 4400, 4401, 4403, 4408, 4409, 4429, 4499]);
  });

  it('[C6] an unknown close code is a broken line, a clean one is not', () => {
    expect(afterClose(1006)).toBe('reconnect');
    expect(afterClose(4777)).toBe('reconnect');
    expect(afterClose(1000)).toBe('stop');
    expect(afterClose(4401)).toBe('reauthenticate');
    expect(afterClose(4409)).toBe('stop');
  });
});
