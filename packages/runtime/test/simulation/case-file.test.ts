import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Fault, faultPlan } from '@devmentor/runtime/simulation';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type CaseFile,
  CaseFileError,
  caseText,
  parseCase,
  readCaseFile,
  writeCaseFile,
} from '../../src/simulation/case-file.ts';
import { shortTrace } from './trace.fixture.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'case-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const sample: CaseFile = {
  format: 1,
  simulation: 'claims',
  module: '../claims.sim.ts',
  seed: 42,
  commit: 'abc123',
  steps: [{ op: 'claim', node: 0 }, 'anything', null],
  faults: [{ kind: 'crash', node: 0, at: { crossing: 31 }, restartAfterMs: 'never' }],
  digest: '0123456789abcdef',
  violations: [{ check: 'rising fences', message: 'doc:1 fell\nfrom 4 to 3' }],
  trace: shortTrace(),
};

/** The problems of a file that is as the sample but for this. */
function problemsOf(change: Readonly<Record<string, unknown>>): readonly string[] {
  try {
    parseCase(JSON.stringify({ ...sample, ...change }), 'some.json');
  } catch (error) {
    if (error instanceof CaseFileError) return error.problems;
    throw error;
  }
  return [];
}

describe('case file', () => {
  it('[TL8] it comes back as it was written, and nothing is left beside it', () => {
    const path = join(folder, 'deep', 'claims-42.json');
    writeCaseFile(path, sample);
    expect(readCaseFile(path)).toEqual(sample);
    expect(readdirSync(join(folder, 'deep'))).toEqual(['claims-42.json']);
  });

  it('[TL8] any plan of faults comes back', () => {
    fc.assert(
      fc.property(
        faultPlan({ withinMs: 5_000, storeLoss: 'some' }),
        fc.array(fc.json()),
        (faults: readonly Fault[], texts) => {
          const steps = texts.map((text): unknown => JSON.parse(text));
          const written = { ...sample, faults, steps };
          expect(parseCase(caseText(written), 'some.json')).toEqual(JSON.parse(JSON.stringify(written)));
        },
      ),
    );
  });

  it('[TL8] a write that cannot be finished leaves the old file, and no draft', () => {
    const path = join(folder, 'claims-42.json');
    writeCaseFile(path, sample);
    const before = readFileSync(path, 'utf8');
    // A folder stands where the draft is renamed to.
    expect(() => writeCaseFile(folder, sample)).toThrow();
    expect(readFileSync(path, 'utf8')).toBe(before);
    expect(readdirSync(folder)).toEqual(['claims-42.json']);
  });

  it('[TL8] each step, fault and entry has a line of its own', () => {
    const lines = caseText(sample).split('\n');
    expect(lines).toContain('    {"kind":"crash","node":0,"at":{"crossing":31},"restartAfterMs":"never"}');
    expect(lines.length).toBeGreaterThan(sample.trace.length);
  });

  it('[TL9] what is missing, of another kind or unknown is named by its place', () => {
    expect(problemsOf({ seed: -1 })).toEqual(['seed is not a whole number from 0 on']);
    expect(problemsOf({ format: 2 })).toEqual(['format is 2, and this version reads 1']);
    expect(problemsOf({ steps: undefined })).toEqual(['steps is missing']);
    expect(problemsOf({ violations: [{ check: 1 }] })).toEqual([
      'violations[0].check is not a text',
      'violations[0].message is missing',
    ]);
    const cut = { kind: 'cut', node: 0, line: 'moon', way: 'both', atMs: 0, forMs: '5' };
    expect(problemsOf({ faults: [sample.faults[0], cut, 7] })).toEqual([
      'faults[1].line is none of bus, state, log, locks, all',
      'faults[1].forMs is not a number',
      'faults[2] is not an object',
    ]);
    expect(problemsOf({ trace: [{ kind: 'sing', atMs: 1, node: 'n1' }] })[0]).toMatch(
      /^trace\[0\]\.kind is none of call, /,
    );
  });

  it('[TL9] of many problems five are told', () => {
    const problems = problemsOf({ faults: Array.from({ length: 40 }, () => null) });
    expect(problems).toHaveLength(6);
    expect(problems.at(-1)).toBe('and 35 more');
  });

  it('[TL9] a file that is not there, or not JSON, is named', () => {
    const path = join(folder, 'torn.json');
    expect(() => readCaseFile(path)).toThrow(/torn\.json is not a case: ENOENT/);
    writeFileSync(path, '{"format": 1, "seed"');
    expect(() => readCaseFile(path)).toThrow(/torn\.json is not a case: .*JSON/);
    writeFileSync(path, '[]');
    expect(() => readCaseFile(path)).toThrow('the file is not an object');
  });
});
