import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClaimSeal } from '../src/projects/claim-seal.ts';

const seal = new ClaimSeal(Buffer.alloc(32, 1));
const claim = { projectId: 'p1', leaseId: 'l1', fence: '0000000000000001', userId: 'ada', instanceId: 'default' };

describe('ClaimSeal', () => {
  it('[C3] what was sealed opens to the same claim', () => {
    expect(seal.open(seal.seal(claim))).toEqual(claim);
  });

  it('[C3] anybody can read a token: base64url of JSON, and a mark', () => {
    const [body = ''] = seal.seal(claim).split('.');
    expect(JSON.parse(Buffer.from(body, 'base64url').toString())).toEqual(claim);
  });

  it('[C3] a token of another key does not open', () => {
    expect(new ClaimSeal(Buffer.alloc(32, 2)).open(seal.seal(claim))).toBeUndefined();
  });

  it('[C3] no other text opens to another claim', () => {
    const good = seal.seal(claim);
    const altered = fc
      .tuple(fc.nat(good.length - 1), fc.constantFrom('A', 'b', '.', '-'))
      .map(([at, by]) => good.slice(0, at) + by + good.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(fc.string(), altered), (text) => {
        // A base64url text may end in unused bits: another spelling of the same mark.
        expect([undefined, JSON.stringify(claim)]).toContain(JSON.stringify(seal.open(text)));
      }),
    );
  });
});
