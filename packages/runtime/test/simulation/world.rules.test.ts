// A world proves something about the product only if nothing in it stands in for the product.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const folder = new URL('../../src/simulation/', import.meta.url);
/** What runs; what judges and draws is apart. */
const WORLD = [
  'bus-line.ts',
  'call-line.ts',
  'journal.ts',
  'nemesis.ts',
  'process.ts',
  'service-clock.ts',
  'servers.ts',
  'services.ts',
  'sim-node.ts',
  'store-lines.ts',
  'stream.ts',
  'time.ts',
  'wire.ts',
  'world.ts',
];
const textOf = (file: string): string => readFileSync(new URL(file, folder), 'utf8');
/** Without comments, and imports apart: [names of values, module]. */
const codeOf = (file: string): string => textOf(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
const importsOf = (file: string): { readonly values: readonly string[]; readonly module: string }[] =>
  [...codeOf(file).matchAll(/import\s+(type\s+)?\{([^}]*)\}\s+from\s+'([^']+)'/g)].map(
    ([, isType, names = '', module = '']) => ({
      module,
      values:
        isType === undefined
          ? names
              .split(',')
              .map((name) => name.trim())
              .filter((name) => name !== '' && !name.startsWith('type '))
          : [],
    }),
  );

describe('what a world is made of', () => {
  it('[SM3] of the product it uses ports, public makers of nodes, memory adapters, and what every adapter of a port uses', () => {
    const used = new Set(
      WORLD.flatMap((file) =>
        importsOf(file)
          .filter(({ module }) => !module.startsWith('./'))
          .flatMap(({ values, module }) => values.map((value) => `${module.replace(/^\.\.\//, '')} ${value}`)),
      ),
    );
    expect([...used].sort()).toEqual(
      [
        // Nodes
        'runtime.ts createRuntime',
        '@devmentor/locks Locks',
        // Services
        '@devmentor/locks/memory MemoryLeaseStore',
        'memory-stores.ts memoryStores',
        'transport.memory.ts MemoryBus',
        // What a transport is made of: arguments, and the requests that wait
        'requests.ts Requests',
        'subject.ts checkPattern',
        'subject.ts checkQueue',
        'subject.ts checkSubject',
        'transport.ts TransportError',
        'transport.ts checkBody',
        // What stops a node, shared with the cluster of tests
        'testing-gate.ts Gate',
        // Faults, bugs, and the host's own turn
        '@devmentor/locks CoordinationError',
        '@devmentor/locks InvariantViolation',
        '@devmentor/locks assert',
        '@devmentor/locks systemClock',
        'node:process nextTick',
      ].sort(),
    );
  });

  it('[SM3] nodes come from createRuntime and the lock manager alone, at one place', () => {
    const making = WORLD.filter((file) => /\bcreateRuntime\(|\bnew Locks\(/.test(codeOf(file)));
    expect(making).toEqual(['sim-node.ts']);
    expect(codeOf('sim-node.ts').match(/\bcreateRuntime\(|\bnew Locks\(/g)).toHaveLength(2);
    for (const file of WORLD) expect(codeOf(file)).not.toMatch(/\bnew (Node|Activation|Router|Committer|HeldLease)\b/);
  });

  it('[SM3] it knows of no term, fence, epoch, version or owner: such words only pass through', () => {
    // What is compared, counted or made decides; what is handed on does not.
    const decides =
      /\b(fence|epoch|version|basis|ttlMs|untilMs|incarnation|holder|owner|floor)\b\s*(?:[<>]|[=!]==|\+|-|\?\?)/;
    for (const file of WORLD) expect([file, codeOf(file).match(decides)?.[0]]).toEqual([file, undefined]);
  });

  it('[SM3] nothing of the runtime imports the simulation', () => {
    const product = readdirSync(new URL('../', folder)).filter((file) => file.endsWith('.ts'));
    const importing = product.filter((file) =>
      readFileSync(new URL(`../${file}`, folder), 'utf8').includes('/simulation/'),
    );
    expect(importing).toEqual([]);
  });
});
