// Processor time of one durable commit on PostgreSQL, beside the Redis store and beside the one
// statement that an application would write itself with `pg`. Time of this process and of the
// server, each per commit: what the machine does besides makes little difference to it.
//
//   pnpm bench runtime/postgres
import { readdirSync, readFileSync } from 'node:fs';
import { systemClock } from '@devmentor/locks';
import { RedisLink } from '@devmentor/locks/redis';
import type { ActorId, Commit, StateStore } from '@devmentor/runtime';
import { postgresStores } from '@devmentor/runtime/postgres';
import { redisStores } from '@devmentor/runtime/redis';
import { Client } from 'pg';
import { startRedis } from '../../test/backends.ts';
import { startPostgres } from '../../test/postgres.ts';
import { progress } from '../measure/progress.ts';
import { versionOf, writeResults } from '../measure/results.ts';

const SLICE_MS = 250;
const SLICES = 12;
const GROUP = 512;
/** Of the kernel's counters; the same on every Linux that Node runs on. */
const usPerTick = 10_000;

const snapshot = {
  machine: { value: 'editing', context: { name: 'Press', notes: 'x'.repeat(400) } },
  runs: {},
  mark: 1,
};
const record = JSON.stringify(snapshot);

await using postgres = await startPostgres();
await using redis = await startRedis();
const link = RedisLink.open({ redis: redis.url });
const inPostgres = await postgresStores({ postgres: postgres.url, clock: systemClock, shards: 1 });
const inRedis = redisStores({ link, shards: 1 });
const plain = new Client(postgres.url);
await plain.connect();
await plain.query(`CREATE TABLE plain (id text PRIMARY KEY, version bigint NOT NULL, record text NOT NULL) WITH (fillfactor = 70);
  INSERT INTO plain SELECT 'a:' || n, 0, '' FROM generate_series(0, ${GROUP - 1}) AS n`);

interface Case {
  readonly name: string;
  readonly pid: number;
  /** One round: so many commits, all to different actors. */
  round(n: number, commits: number): Promise<void>;
}

const cases: readonly Case[] = [
  { name: 'PostgreSQL store', pid: postgres.pid, round: await committer(inPostgres.state) },
  { name: 'Redis store', pid: redis.pid, round: await committer(inRedis.state) },
  {
    name: 'bare pg, UPDATE of the record',
    pid: postgres.pid,
    round: async (n, commits) => {
      const written = await (commits === 1 ? updateOne(n) : updateMany(n, commits));
      if (written !== commits) throw new Error(`${written} of ${commits} rows`);
    },
  },
];

async function updateOne(n: number): Promise<number | null> {
  const text = 'UPDATE plain SET version = version + 1, record = $2 WHERE id = $1 AND version = $3';
  return (await plain.query({ name: 'one', text, values: ['a:0', record, n] })).rowCount;
}

async function updateMany(n: number, commits: number): Promise<number | null> {
  const text = `UPDATE plain SET version = plain.version + 1, record = c.record
    FROM json_to_recordset($1) AS c(id text, version bigint, record text) WHERE plain.id = c.id AND plain.version = c.version`;
  const rows = Array.from({ length: commits }, (_, i) => ({ id: `a:${i}`, version: n, record }));
  return (await plain.query({ name: 'many', text, values: [JSON.stringify(rows)] })).rowCount;
}

async function committer(state: StateStore): Promise<Case['round']> {
  await state.open();
  const [own] = await state.ownership([0]);
  if (own === undefined) throw new Error('a shard has an owner');
  const sealed = await state.seal(0, 'bench', own);
  if (sealed.kind !== 'sealed') throw new Error(sealed.kind);
  return async (n, commits) => {
    const all = Array.from({ length: commits }, (_, i) => commit(`a:${i}`, n, `${sealed.epoch}:${n}`));
    const answer = await state.commit(0, sealed.epoch, all);
    if (answer.kind !== 'outcomes' || answer.outcomes.some(({ kind }) => kind !== 'committed'))
      throw new Error(JSON.stringify(answer).slice(0, 200));
  };
}

function commit(id: ActorId, n: number, commitId: string): Commit {
  const settles = [{ sender: 'node-1', n, floor: n, reply: { ok: true } }];
  const outbox = { add: [], remove: [] };
  return { id, commitId, basis: n, machineVersion: 1, snapshot, timers: [], outbox, settles, events: [] };
}

/** A server serves by processes of its own, or by itself. */
function serverUs(pid: number): number {
  let ticks = 0;
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      if (Number(name) === pid || fields[1] === pid) ticks += (fields[11] ?? 0) + (fields[12] ?? 0);
    } catch {
      // It has just ended.
    }
  }
  return ticks * usPerTick;
}

interface Slice {
  readonly ours: number;
  readonly servers: number;
  readonly commits: number;
}

/** So many commits in each round, one after the other, for as long as a slice lasts. */
async function slice({ name, pid, round }: Case, commits: number): Promise<Slice> {
  const [before, server] = [process.cpuUsage(), serverUs(pid)];
  const from = done.get(name) ?? 0;
  let n = from;
  for (const until = performance.now() + SLICE_MS; performance.now() < until; n++) await round(n, commits);
  done.set(name, n);
  const { user, system } = process.cpuUsage(before);
  return { ours: user + system, servers: serverUs(pid) - server, commits: (n - from) * commits };
}

console.log(
  `CPU in µs per commit of a record of ${record.length} bytes, this process + server: the quieter half of the slices`,
);
const done = new Map<string, number>();
const results: object[] = [];
for (const commits of [GROUP, 1]) {
  progress(`postgres: ${commits === 1 ? 'one by one' : `${commits} at once`}`);
  const slices = new Map(cases.map((each): [Case, Slice[]] => [each, []]));
  // The first of each warms up. Cases take turns, so that load from outside meets all of them.
  for (let turn = 0; turn <= SLICES; turn++)
    for (const [each, taken] of slices) {
      const measured = await slice(each, commits);
      if (turn > 0) taken.push(measured);
    }
  for (const [{ name }, taken] of slices) {
    const quiet = taken.toSorted((a, b) => a.ours / a.commits - b.ours / b.commits).slice(0, SLICES / 2);
    const sum = (of: (one: Slice) => number): number => quiet.reduce((total, one) => total + of(one), 0);
    const each = (us: number): number => us / sum((one) => one.commits);
    const [ours, servers] = [each(sum((one) => one.ours)), each(sum((one) => one.servers))].map((us) =>
      us.toFixed(1),
    ) as [string, string];
    results.push({ commits, name, clientUs: Number(ours), serverUs: Number(servers) });
    const label = `${commits === 1 ? 'one by one' : `${commits} at once`}, ${name}`;
    console.log(`${label.padEnd(46)} ${ours.padStart(7)} + ${servers.padStart(7)}`);
  }
}

writeResults('runtime/postgres', {
  what: `CPU in microseconds per commit of a record of ${record.length} bytes, of this process and of the server`,
  versions: { node: process.version, pg: versionOf('pg') },
  results,
});
await plain.end();
await inPostgres.database.close();
await link.close();
