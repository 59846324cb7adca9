// pnpm prove [claim…]: runs the tests behind one claim of the README, and says each by name.
// pnpm prove real --seconds=600 --seed=1: goes on for as long as it is told.
import { ensurePrograms } from './backends.ts';
import { buildPage } from './builds.ts';
import { explain } from './explain.ts';
import { run, type Step } from './workspace.ts';

interface Claim {
  readonly says: string;
  readonly step: Step;
}

/** These test files, and of them the tests that carry one of these rules in their names. */
function tests(files: readonly string[], rules: readonly string[] = []): Step {
  const named = rules.length === 0 ? [] : ['--testNamePattern', `\\[(${rules.join('|')})\\]`];
  return { command: 'vitest', args: ['run', '--reporter=tree', '--hideSkippedTests', ...files, ...named] };
}

/** What `real` is told. */
const flags = process.argv.slice(2).filter((word) => word.startsWith('--'));

const server = (name: string): string => `packages/server/test/${name}.test.ts`;
/** Of the packages' tests, those whose files begin so. */
const locks = (name: string): string => `packages/locks/test/${name}`;
const runtime = (name: string): string => `packages/runtime/test/${name}.test.ts`;

const claims: Readonly<Record<string, Claim>> = {
  contention: {
    says: '20 users claim at once, 100 rounds: one grant, nineteen refusals that name the holder, rising fences',
    step: tests([server('claim'), server('cluster.claim'), 'packages/locks/test/locks.redis.test.ts'], ['C4', 'RF6']),
  },
  kill: {
    says: 'kill -9 of the server that granted keeps lease and writes; after SIGTERM the claim lives on',
    step: tests([server('cluster.claim')], ['K1', 'K2']),
  },
  stale: {
    says: 'whoever writes under an older claim is refused, even before the new holder has written',
    step: tests(
      [server('claim'), server('cluster.stopped-writer'), 'packages/locks/test/locks.redis.test.ts'],
      ['C1', 'C2', 'K5', 'RF1'],
    ),
  },
  stall: {
    says: 'an owner stopped past its lease lets no commit, no reply and no stale read out',
    step: tests([server('cluster.claim'), runtime('cluster'), runtime('processes')], ['K3', 'ST2', 'RD3', 'CS1']),
  },
  counter: {
    says: 'a counter in a file, counted by processes that SIGSTOP overtakes: updates lost without the fence, none with it',
    step: { command: 'node', args: ['--conditions=@devmentor/source', 'examples/counter-file/test/both.ts'] },
  },
  pitfalls: {
    says: 'what goes wrong with locks elsewhere does not here: in memory, on Redis, Sentinel and Cluster, behind a bad network',
    step: tests([locks('manager.'), locks('faults.'), locks('fences.'), locks('promotion.')], ['PF\\d+']),
  },
  fences: {
    says: 'fences rise though the server forgets: expiry, eviction, FLUSHALL, a restart, a promotion that lost writes',
    step: tests([locks('lease-store.'), locks('fence'), locks('promotion.')], ['LS3']),
  },
  'locks-model': {
    says: 'no random history of claims, takeovers, faults, stops and clocks breaks a lock; broken locks are found',
    step: tests(['packages/locks/test/model.test.ts', 'packages/locks/test/model.mutants.test.ts']),
  },
  guards: {
    says: 'Redis, PostgreSQL, SQLite and HTTP turn away every write under an older fence, however many come at once',
    step: tests(['packages/locks/test/guards']),
  },
  browser: {
    says: 'two people in real browsers edit one after the other, embedded and on Redis + NATS',
    step: { command: './node_modules/.bin/playwright', args: ['test'], cwd: 'examples/collab' },
  },
  'bad-input': {
    says: 'anything at any route and in any frame is answered with a code, and nothing is lost',
    step: tests([server('fuzz'), server('http'), server('live')], ['H6', 'H7', 'H10', 'H11', 'WS2', 'WS8']),
  },
  board: {
    says: 'specialists find the cycles that dependency-cruiser finds; killed workers change neither Solution nor commits',
    step: tests(['packages/agents/test'], ['AR\\d', 'XP\\d']),
  },
  data: {
    says: 'killed under write load, a data folder keeps all that was acknowledged; a second process is refused',
    step: tests([server('data')]),
  },
  stream: {
    says: 'an event stream misses nothing and doubles nothing over broken lines and the death of its server',
    step: tests([server('event-streams'), server('cluster.live'), server('data')], ['ES\\d']),
  },
  tokens: {
    says: 'a refresh token used twice ends its session; a revoked token stops on every node and socket within a second',
    step: tests([server('sessions'), server('cluster.live'), server('data')], ['SE\\d', 'RV\\d']),
  },
  real: {
    says: 'processes killed, stopped and cut off, servers killed: every answer has its place in one order, judged from outside',
    step: {
      command: 'node',
      args: ['--conditions=@devmentor/source', 'packages/runtime/test/simulation/real/run.ts', ...flags],
    },
  },
  mutants: {
    says: 'the product without any one of its safeguards is found out within 2,000 seeds, in a story of a few steps',
    step: {
      command: 'node',
      args: ['--conditions=@devmentor/source', 'packages/runtime/test/simulation/mutants/run.ts'],
    },
  },
  readme: {
    says: 'the examples of the READMEs run and print what they say',
    step: tests(['readme.test.ts']),
  },
};

await explain(async () => {
  const names = process.argv.slice(2).filter((word) => !flags.includes(word));
  if (flags.length > 0 && !names.includes('real')) throw new Error(`only real takes ${flags.join(', ')}`);
  const unknown = names.filter((name) => claims[name] === undefined);
  if (unknown.length > 0)
    throw new Error(`nothing named ${unknown.join(', ')}; there are: ${Object.keys(claims).join(', ')}`);
  await ensurePrograms();
  await buildPage();
  const failed: string[] = [];
  for (const [name, { says, step }] of Object.entries(claims)) {
    if (names.length > 0 && !names.includes(name)) continue;
    process.stdout.write(`\n${name}: ${says}\n`);
    if ((await run(step)).exitCode !== 0) failed.push(name);
  }
  process.stdout.write(failed.length === 0 ? '\nproved\n' : `\nnot proved: ${failed.join(', ')}\n`);
  if (failed.length > 0) process.exitCode = 1;
});
