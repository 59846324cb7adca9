// The command itself, in processes of its own, as people use it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCaseFile } from '../../src/simulation/case-file.ts';
import { columnsOf } from '../../src/simulation/columns.ts';

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const program = path('../../src/simulation/cli.ts');
const planted = path('planted.fixture.ts');
const trouble = path('trouble.fixture.ts');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sim-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function begin(...args: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, ['--conditions=@devmentor/source', program, ...args], { cwd: folder });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  return { child, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, out, err })) };
}

const sim = (...args: readonly string[]): Promise<Ended> => begin(...args).ended;
const figuresIn = (file: string): Record<string, unknown> & { readonly findings: readonly Record<string, unknown>[] } =>
  JSON.parse(readFileSync(join(folder, file), 'utf8'));

describe('devmentor-sim', { timeout: 120_000 }, () => {
  it('[TL10] [TL11] a planted bug is found, shrunk, kept, played again and shown; by one worker or three', async () => {
    const one = await sim(
      planted,
      '--from',
      '30',
      '--seeds',
      '12',
      '--workers',
      '1',
      '--out',
      'one',
      '--json',
      'one.json',
    );
    expect(one.out).toMatch(/^FOUND planted, seed \d+: \d+ steps and [1-3] faults? after [1-9]\d* shrinks/m);
    expect(one.out).not.toContain('does not repeat');
    expect(one.code).toBe(1);
    const three = await sim(planted, '--from', '30', '--seeds', '12', '--workers', '3', '--out', 'three');
    expect(three.code).toBe(1);

    const kept = readdirSync(join(folder, 'one')).sort();
    expect(readdirSync(join(folder, 'three')).sort()).toEqual(kept);
    for (const file of kept)
      expect(readFileSync(join(folder, 'three', file), 'utf8')).toBe(readFileSync(join(folder, 'one', file), 'utf8'));

    const finding = figuresIn('one.json').findings.find(({ violations }) =>
      JSON.stringify(violations).includes('exclusive by fence'),
    );
    const file = String(finding?.file);
    expect(kept).toEqual(
      expect.arrayContaining(['json', 'html', 'txt'].map((ending) => `planted-${finding?.seed}.${ending}`)),
    );
    const found = readCaseFile(join(folder, file));
    expect(found.steps.length).toBeLessThanOrEqual(6);

    const again = await sim('replay', file);
    expect(again.out).toContain('The same as when it was kept, to the byte.\nVIOLATED\n');
    expect(again.code).toBe(1);

    const text = await sim('show', file, '--width', '90');
    expect(text.out).toContain('exclusive by fence: page at');
    expect(
      Math.max(
        ...text.out
          .split('\n')
          .filter((line) => /^ *[\d,.]+ {2}/.test(line))
          .map(columnsOf),
      ),
    ).toBeLessThanOrEqual(90);
    expect((await sim('show', file, '--mermaid')).out).toMatch(/^sequenceDiagram\n {2}title: planted, seed \d+\n/);
    expect((await sim('show', file, '--html')).out).toBe(
      readFileSync(join(folder, file.replace('.json', '.html')), 'utf8'),
    );
  });

  it('[TL10] a seed of a module is played again, and a case whose simulation has moved is', async () => {
    const passed = await sim('replay', trouble, '--only', 'coy', '--seed', '5');
    expect(passed).toMatchObject({ code: 0, err: '' });
    expect(passed.out).toContain('┌ #0 look page');
    expect(passed.out).toContain('Nothing is violated.\n');
    const digest = /^digest (\w+)$/m.exec(passed.out)?.[1];
    const file = { format: 1, simulation: 'coy', seed: 5, steps: [], faults: [], digest, violations: [], trace: [] };
    writeFileSync(join(folder, 'coy-5.json'), JSON.stringify(file));
    expect((await sim('replay', 'coy-5.json')).err).toContain('does not say where coy is; --module FILE does');
    expect((await sim('replay', 'coy-5.json', '--module', trouble)).out).toContain('The same as when it was kept');
  });

  it('[TL12] a worker that dies names its seed with its last words, and the next seeds are played', async () => {
    const { code, out } = await sim(trouble, '--only', 'dies', '--seeds', '6', '--workers', '2', '--json', 'dies.json');
    expect(out).toMatch(/^FOUND dies, seed 3: its worker died: exit code 7: the last words$/m);
    expect(out).toContain('dies: seeds 1 to 6, 5 clean histories');
    expect(code).toBe(3);
    expect(figuresIn('dies.json').findings).toMatchObject([{ kind: 'died', simulation: 'dies', seed: 3 }]);
  });

  it('[TL12] a worker that hangs is killed, names its seed, and the next seeds are played', async () => {
    const { code, out } = await sim(trouble, '--only', 'hangs', '--seeds', '5', '--workers', '1', '--seed-time', '3s');
    expect(out).toMatch(/^FOUND hangs, seed 3: hangs: no end within 3 s$/m);
    expect(out).toContain('hangs: seeds 1 to 5, 4 clean histories');
    expect(code).toBe(3);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    '[TL13] %s ends a run at once, with a summary and without its workers',
    async (signal) => {
      const { child, ended } = begin(
        trouble,
        '--only',
        'lingers',
        '--seeds',
        '100',
        '--workers',
        '2',
        '--json',
        `${signal}.json`,
      );
      const workers = await childrenOf(child);
      child.kill(signal);
      const { code, out } = await ended;
      expect(code).toBe(signal === 'SIGINT' ? 130 : 143);
      expect(out).toContain(`ended by ${signal}; seeds under way are not counted.`);
      expect(figuresIn(`${signal}.json`)).toMatchObject({ interrupted: signal, findings: [] });
      expect(workers).toHaveLength(2);
      for (const pid of workers) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    },
  );

  it('[TL14] --time ends a run, and its seeds have no gaps', async () => {
    const { code } = await sim(
      planted,
      '--from',
      '1000',
      '--time',
      '2s',
      '--findings',
      '1000',
      '--out',
      'timed',
      '--json',
      'time.json',
    );
    const figures = figuresIn('time.json') as unknown as {
      readonly seconds: number;
      readonly versions: Record<string, string>;
      readonly simulations: readonly [
        {
          readonly seeds: { readonly from: number; readonly to: number; readonly played: number };
          readonly histories: number;
          readonly operations: Record<string, number>;
          readonly faults: { readonly planned: number; readonly struck: number };
        },
      ];
    };
    const [{ seeds, histories, operations, faults }] = figures.simulations;
    expect(seeds.from).toBe(1_000);
    expect(seeds.played).toBeGreaterThan(0);
    expect(seeds.to - seeds.from + 1).toBe(seeds.played);
    expect(histories).toBeLessThanOrEqual(seeds.played);
    expect(operations.ok).toBeGreaterThan(0);
    expect(faults.planned).toBeGreaterThanOrEqual(faults.struck);
    expect(figures.seconds).toBeGreaterThanOrEqual(2);
    expect(Object.keys(figures.versions)).toEqual(['runtime', 'node', 'fastCheck', 'platform']);
    expect([0, 1]).toContain(code);
  });

  it.each([
    [['a.ts', '--seeds', 'many'], '--seeds many is not a whole number from 1 on\nTry --help.\n'],
    [['show', 'nowhere.json'], 'nowhere.json is not a case: ENOENT'],
    [['nowhere.ts'], 'there is no nowhere.ts'],
    [[path('trace.fixture.ts')], 'exports no simulation; export what defineSimulation() returns'],
    [[path('cli.test.ts')], 'cannot be loaded: '],
    [[trouble, '--only', 'nobody'], 'has no simulation named nobody; it has coy, dies, hangs, lingers, remembers'],
    [['replay', trouble, '--seed', '1'], '--only says which of'],
  ])('[TL15] %j is refused: %s', async (args, message) => {
    const { code, out, err } = await sim(...args);
    expect(err).toContain(message);
    expect(out).toBe('');
    expect(code).toBe(2);
  });

  it('[TL15] --help says all there is, and --version what it is', async () => {
    const help = await sim('--help');
    for (const flag of readFileSync(path('../../src/simulation/cli/options.ts'), 'utf8').matchAll(
      /^ {2}'?([\w-]+)'?: \{ type:/gm,
    ))
      if (!['help', 'version'].includes(flag[1] ?? '')) expect(help.out).toContain(`--${flag[1]}`);
    expect(help.code).toBe(0);
    expect((await sim('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('[TL16] what comes of something that outlives a seed is said not to repeat', async () => {
    const { out, code } = await sim(
      trouble,
      '--only',
      'remembers',
      '--seeds',
      '3',
      '--workers',
      '1',
      '--out',
      'remembers',
    );
    expect(out).toMatch(/scenario: played \d+ times/);
    expect(out).toContain('It does not repeat in a process of its own');
    expect(code).toBe(1);
  });

  it('[TL17] what never happened is told, and with --strict fails the run', async () => {
    const lenient = await sim(trouble, '--only', 'coy', '--seeds', '4', '--json', 'coy.json');
    expect(lenient.out).toContain('  sometimes began: in 4\n  sometimes two holders at once: never\n');
    expect(lenient.code).toBe(0);
    expect(figuresIn('coy.json').neverReached).toEqual([{ simulation: 'coy', label: 'two holders at once' }]);
    expect((await sim(trouble, '--only', 'coy', '--seeds', '4', '--strict')).code).toBe(4);
  });
});

/** Processes below a process, once there are two. */
async function childrenOf(child: ChildProcess): Promise<readonly number[]> {
  const read = (): number[] =>
    readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  await expect.poll(read, { timeout: 30_000, interval: 50 }).toHaveLength(2);
  return read();
}
