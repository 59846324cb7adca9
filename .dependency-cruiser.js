// The arrows between packages, and inside them the places where a backend may be named.
// Type-only imports count: a type from the wrong side is the first step of the wrong arrow.

const sources = (...names) => `^packages/(${names.join('|')})/src/`;
const installed = (name) => `node_modules/${name}/`;

// The contract suites that a package exports for other people's adapters run in vitest.
const suites = ['vitest', '@vitest', 'fast-check'];

/** A package may reach itself, these packages of the workspace, and these libraries. */
function arrows(name, { packages = [], libraries = [] }) {
  const everyPackage = ['contracts', 'locks', 'runtime', 'agents', 'server', 'react'];
  const forbiddenPackages = everyPackage.filter((other) => other !== name && !packages.includes(other));
  const rules = [
    {
      name: `${name}-libraries`,
      comment: `${name} depends on ${libraries.join(', ') || 'no library'}.`,
      severity: 'error',
      from: { path: sources(name) },
      to: {
        dependencyTypes: ['npm', 'npm-dev', 'npm-peer', 'npm-optional', 'npm-no-pkg', 'npm-unknown', 'npm-bundled'],
        pathNot: ['^packages/', ...libraries.map(installed)],
      },
    },
  ];
  if (forbiddenPackages.length > 0) {
    rules.push({
      name: `${name}-packages`,
      comment: `${name} -> ${packages.join(', ') || 'nothing'}.`,
      severity: 'error',
      from: { path: sources(name) },
      to: { path: `^packages/(${forbiddenPackages.join('|')})/` },
    });
  }
  return rules;
}

export default {
  forbidden: [
    ...arrows('contracts', { libraries: ['zod'] }),
    ...arrows('locks', { libraries: ['ioredis', '@types/node', ...suites] }),
    ...arrows('runtime', {
      packages: ['locks'],
      libraries: ['xstate', 'ioredis', 'pg', '@types/pg', '@nats-io', '@opentelemetry', '@types/node', ...suites],
    }),
    ...arrows('agents', {
      packages: ['locks', 'runtime'],
      libraries: [
        'xstate',
        'ioredis',
        '@nats-io',
        'oxc-parser',
        'oxc-resolver',
        '@oxc-project',
        '@types/node',
        ...suites,
      ],
    }),
    ...arrows('react', { packages: ['contracts'], libraries: ['react', 'zustand', '@types/react'] }),
    {
      name: 'server-is-not-the-client',
      severity: 'error',
      from: { path: sources('server') },
      to: { path: '^packages/react/' },
    },
    {
      name: 'browser-reads-no-schemas',
      comment:
        'The browser gets the zod-free parts of contracts: routes, codes, topics, limits (types of the others are free).',
      severity: 'error',
      from: { path: sources('react') },
      to: {
        path: '^packages/contracts/src/',
        pathNot: '/(routes|codes|topics|limits)\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'zod-free',
      comment: 'These files of contracts load no zod, directly or through others.',
      severity: 'error',
      from: { path: '^packages/contracts/src/(routes|codes|topics|limits)\\.ts$' },
      to: { path: installed('zod'), reachable: true },
    },
    {
      name: 'node-free',
      comment: 'contracts and react run in a browser.',
      severity: 'error',
      from: { path: sources('contracts', 'react') },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'redis-in-redis-files',
      severity: 'error',
      from: { path: sources('locks', 'runtime', 'agents'), pathNot: 'redis[^/]*\\.ts$' },
      to: { path: installed('ioredis') },
    },
    {
      name: 'postgres-in-postgres-files',
      severity: 'error',
      from: { path: sources('locks', 'runtime', 'agents'), pathNot: 'postgres[^/]*\\.ts$' },
      to: { path: installed('pg') },
    },
    {
      name: 'nats-in-nats-files',
      severity: 'error',
      from: { path: sources('runtime', 'agents'), pathNot: 'nats[^/]*\\.ts$' },
      to: { path: installed('@nats-io') },
    },
    {
      name: 'test-libraries-in-contract-suites',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: '(contract|testing|fixtures)[^/]*\\.ts$|/simulation/' },
      to: { path: [installed('vitest'), installed('fast-check')] },
    },
    {
      name: 'memory-users-load-no-backend',
      comment: 'The main and memory entries never reach a client or test library, not even through others.',
      severity: 'error',
      from: { path: '^packages/(locks|runtime|agents)/src/(index|memory)\\.ts$' },
      to: { path: installed('(ioredis|pg|@nats-io|vitest)'), reachable: true },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: { path: '^(packages|examples|test|bench|scripts)/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { path: '^(packages/[^/]+/src|examples/[^/]+/src)/' },
      to: { path: '(^|/)test/|\\.test\\.tsx?$' },
    },
    {
      name: 'exports-only',
      comment: 'Packages meet at their exports; inside a package, files import each other directly.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/', pathNot: '^packages/$1/', dependencyTypes: ['local'] },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(packages|examples)/[^/]+/dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@devmentor/source', 'import', 'types', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.js', '.json', '.d.ts'],
    },
  },
};
