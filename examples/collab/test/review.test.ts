import type { Contribution } from '@devmentor/contracts';
import { describe, expect, it } from 'vitest';
import { exampleFiles } from '../src/review/example-files.ts';
import { excerptOf } from '../src/review/excerpt.ts';
import { cycleIn, placesOf, sayingOf } from '../src/review/findings.ts';
import { bounds, type Candidate, candidatesIn, pick } from '../src/review/picked-files.ts';
import { Provenance } from '../src/review/provenance.ts';

const file = (path: string, size = 10): Candidate => ({ path, size, text: async () => `// ${path}` });

const place = (path: string, sha256 = 'first') => ({ file: path, sha256 });

function said(kind: string, value: Contribution['knowledge']['value'], more: Partial<Contribution> = {}): Contribution {
  return {
    id: 'c1',
    revision: 1,
    cursor: '1',
    source: 's',
    kind,
    knowledge: { level: 'fact', value },
    at: '',
    ...more,
  };
}

describe('picking files', () => {
  it('takes modules, below the folder that they share, and says what it left out', async () => {
    const picking = await pick([
      file('shop/src/b.ts'),
      file('shop/src/deep/a.tsx'),
      file('shop/src/node_modules/x/index.js'),
      file('shop/src/.git/hook.js'),
      file('shop/src/README.md'),
      file('shop/src/huge.ts', bounds.fileBytes + 1),
    ]);
    expect(picking).toEqual({
      kind: 'picked',
      files: [
        { path: 'b.ts', content: '// shop/src/b.ts' },
        { path: 'deep/a.tsx', content: '// shop/src/deep/a.tsx' },
      ],
      leftOut: ['3 that are no source or not your own', 'shop/src/huge.ts (200 kB)'],
    });
  });

  it('does not take folders for shared whose names only begin alike', async () => {
    const picking = await pick([file('shop/cart.ts'), file('shopping/cart.ts')]);
    expect(picking).toMatchObject({ files: [{ path: 'shop/cart.ts' }, { path: 'shopping/cart.ts' }] });
  });

  it.each([
    ['nothing to read', [file('a.md')], /no TypeScript/],
    ['too many', Array.from({ length: bounds.files + 1 }, (_, n) => file(`${n}.ts`)), /501 files/],
    ['too much', Array.from({ length: 20 }, (_, n) => file(`${n}.ts`, bounds.fileBytes)), /4 MB.* 2 MB/],
    ['too large, each', [file('a.ts', 10_000_000)], /No file is smaller than 200 kB/],
  ])('refuses %s', async (_, candidates, why) => {
    expect(await pick(candidates)).toEqual({ kind: 'refused', why: expect.stringMatching(why) });
  });

  it('reads several files out of one text', async () => {
    const text = '// file: ./src/a.ts\nconst a = 1;\n  // file: src/b.ts\r\nconst b = 2;\n';
    expect(await pick(candidatesIn(text))).toMatchObject({
      files: [
        { path: 'a.ts', content: 'const a = 1;\n' },
        { path: 'b.ts', content: 'const b = 2;\n' },
      ],
    });
    expect(candidatesIn('let alone: 1').map(({ path }) => path)).toEqual(['pasted.ts']);
  });

  it('has an example that fits the bounds', async () => {
    const candidates = exampleFiles.map(({ path, content }) => ({
      ...file(path, content.length),
      text: async () => content,
    }));
    expect(await pick(candidates)).toMatchObject({ kind: 'picked', leftOut: [] });
  });
});

describe('reading contributions', () => {
  it('shows what it does not understand as it is', () => {
    expect(cycleIn(said('import-cycle', { members: 'none' }))).toBeUndefined();
    expect(cycleIn(said('note', { members: [], cut: [], example: [] }))).toBeUndefined();
    expect(sayingOf(said('note', 'in words'))).toBe('in words');
    expect(sayingOf(said('note', { message: 'told' }))).toBe('told');
    expect(sayingOf(said('note', [1, 2]))).toBe('[1,2]');
  });

  it('points at the imports of a file rather than at the whole of it', () => {
    const span = { startLine: 2, endLine: 3 };
    const imports = said('imports', { imports: [{ specifier: './b.ts', span }] }, { evidence: [place('a.ts')] });
    expect(placesOf(imports)).toEqual([{ ...place('a.ts'), span }]);
    expect(placesOf({ ...imports, kind: 'file' })).toEqual([place('a.ts')]);
  });
});

describe('an excerpt', () => {
  const text = Array.from({ length: 40 }, (_, n) => `line ${n + 1}`).join('\n');

  it('has the marked lines with two around, and says where lines are missing', () => {
    const lines = excerptOf(text, [
      { startLine: 2, endLine: 2 },
      { startLine: 20, endLine: 21 },
    ]);
    expect(lines.map(({ number }) => number)).toEqual([1, 2, 3, 4, 18, 19, 20, 21, 22, 23]);
    expect(lines.filter(({ isMarked }) => isMarked).map(({ number }) => number)).toEqual([2, 20, 21]);
    expect(lines.filter(({ afterGap }) => afterGap).map(({ number }) => number)).toEqual([18]);
  });

  it('is the beginning when nothing is pointed at', () => {
    expect(excerptOf(text, [])).toHaveLength(12);
    expect(excerptOf('', [])).toMatchObject([{ number: 1, text: '' }]);
  });
});

describe('provenance', () => {
  const sent = [{ path: 'a.ts', content: 'as it was sent' }];

  it('shows a file only in the state that this tab has sent', () => {
    const changed = said('file', {}, { revision: 5, version: 2, evidence: [place('a.ts', 'second')] });
    const provenance = new Provenance([said('file', {}, { evidence: [place('a.ts')] }), changed], sent);
    expect(provenance.textOf(place('a.ts'))).toBe('as it was sent');
    expect(provenance.textOf(place('a.ts', 'second'))).toBeUndefined();
    expect(provenance.behind(['c1', 'gone'])).toEqual([changed]);
  });
});
