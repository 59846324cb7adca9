// What must hold of the boards of a run, however it went.
import type { Clock } from '@devmentor/locks';
import { SimulatedClock } from '@devmentor/locks/testing';
import {
  type Check,
  exclusiveByFence,
  noAcknowledgedLoss,
  type Operation,
  type Seen,
} from '@devmentor/runtime/simulation';
import {
  type Activation,
  BlackboardSystem,
  Board,
  type BoardHead,
  type Entry,
  fold,
  type Solution,
  type VersionRef,
} from '../src/index.ts';
import { type Answered, type Asked, PERSON, problemOf, remarkOf } from './boards.people.ts';
import { siteOf } from './boards.site.ts';
import { pathOf, sourcesOf } from './boards.sources.ts';

/** A check of each board by itself: it says what is wrong. */
function ofEachBoard(
  name: string,
  wrongs: (log: readonly Entry[], head: BoardHead, seen: Seen) => Iterable<string>,
): Check {
  return {
    name,
    inspect: async (seen) => {
      const site = siteOf(seen);
      const found = (await site.heads()).map(async (head) =>
        [...wrongs(await site.log(head.id), head, seen)].map((what) => ({
          check: name,
          message: `${head.id}: ${what}`,
        })),
      );
      return (await Promise.all(found)).flat();
    },
  };
}

/** A board before each entry of its log, and the entry. */
function* told(log: readonly Entry[], head: BoardHead): Iterable<{ readonly before: Board; readonly entry: Entry }> {
  const before = new Board(head);
  for (const entry of log) {
    yield { before, entry };
    before.apply(entry);
  }
}

const textOf = ({ id, version }: VersionRef): string => `${id}@${version}`;
const workOf = ({ source, subject, inputs }: Activation): string =>
  `${source} ${subject.file ?? ''} ${inputs.map(textOf).sort().join(' ')}`;

const gapless = ofEachBoard('gapless revisions', function* (log, head) {
  for (const [place, { rev }] of log.entries()) if (rev !== place + 1) yield `revision ${rev} stands at ${place + 1}`;
  if (head.rev !== log.length) yield `it is at revision ${head.rev}, and its log has ${log.length} entries`;
});

/** Whoever is woken by the same is woken once, and commits once, upon what was current then. */
const onceEach = ofEachBoard('one commit for each change', function* (log, head) {
  const scheduled = new Set<string>();
  const committed = new Set<string>();
  let leads = 0;
  for (const { before, entry } of told(log, head)) {
    leads += entry.kind === 'status' && entry.status === 'quiescent' ? 1 : 0;
    if (entry.kind === 'scheduled') {
      const { activation } = entry;
      const work = activation.inputs.length === 0 ? `${activation.source} at rest ${leads}` : workOf(activation);
      if (scheduled.has(work)) yield `${work} is scheduled twice`;
      scheduled.add(work);
    }
    if (entry.kind !== 'committed') continue;
    const state = before.activation(entry.key);
    if (committed.has(entry.key)) yield `${entry.key} is committed twice`;
    committed.add(entry.key);
    if (state?.place !== 'running' || state.fence !== entry.fence)
      yield `at ${entry.rev} something is committed that does not run under its fence`;
    // What it says itself stands just before its commit.
    for (const input of state?.activation.inputs ?? [])
      if (!before.isCurrent(input))
        yield `at ${entry.rev} something is committed upon ${textOf(input)}, which is superseded`;
  }
});

/** A board that has come to rest has nothing more to do: what is said there was heard by everybody. */
const nothingLeft = ofEachBoard('nothing left to do', function* (log, head) {
  for (const { before, entry } of told(log, head))
    if (entry.kind === 'status' && entry.status === 'solved' && before.activeCount > 0)
      yield `it came to rest at ${entry.rev} with ${before.activeCount} activations left`;
  if (head.status !== 'solved') return;
  const board = fold(head, log);
  const done = [...board.activations()]
    .filter(({ place }) => place === 'committed')
    .map((one) => workOf(one.activation));
  const standing = [...board.standing()].map(({ contribution }) => contribution);
  for (const file of standing.filter(({ kind }) => kind === 'file')) {
    const times = done.filter((work) => work === `read@1 ${file.subject.file} ${textOf(file)}`).length;
    if (times !== 1) yield `${textOf(file)} was read ${times} times`;
  }
  const facts = standing.filter(({ kind }) => kind === 'read');
  const sums = done.filter((work) => work === `sum@1  ${facts.map(textOf).sort().join(' ')}`).length;
  if (sums !== 1) yield `what was read last was added up ${sums} times`;
});

const founded = ofEachBoard('statements stand on what was said', function* (log, head) {
  for (const { before, entry } of told(log, head)) {
    if (entry.kind === 'contribution')
      for (const support of entry.contribution.supports)
        if (!stoodBefore(log, entry.rev, support)) yield `${textOf(support)} does not stand before ${entry.rev}`;
    if (entry.kind !== 'solution') continue;
    for (const { text, contributions } of entry.solution.statements) {
      if (contributions.length === 0) yield `"${text}" is nobody's`;
      for (const id of contributions)
        if (before.current(id) === undefined) yield `"${text}" rests on ${id}, which nobody said before ${entry.rev}`;
    }
  }
});

function stoodBefore(log: readonly Entry[], rev: number, { id, version }: VersionRef): boolean {
  return log
    .slice(0, rev - 1)
    .some(
      (entry) =>
        entry.kind === 'contribution' && entry.contribution.id === id && entry.contribution.version === version,
    );
}

/** Whoever watches a board sees its log from the beginning, without a gap. */
const watched = ofEachBoard('watchers see the log', function* (log, head, seen) {
  for (const watcher of siteOf(seen).watchers) {
    if (watcher.board !== head.id) continue;
    const [place] = watcher.seen.flatMap((entry, n) =>
      JSON.stringify(entry) === JSON.stringify(log[n]) ? [] : [n + 1],
    );
    if (place !== undefined) yield `${watcher.node} saw something else than revision ${place} in its place`;
    if (watcher.seen.length < log.length)
      yield `${watcher.node} saw ${watcher.seen.length} of ${log.length} entries, long after everything is whole`;
  }
});

const atRest = ofEachBoard('every board comes to rest', function* (_, { status }) {
  if (status !== 'solved' && status !== 'cancelled') yield `it is ${status}, long after everything is whole`;
});

type OfBoards = Operation<Asked, Answered>;
const isOfBoards = (operation: Operation): operation is OfBoards => operation.key.startsWith('b');

const kept = noAcknowledgedLoss<Seen>({
  item: (operation) => (isOfBoards(operation) && operation.input.kind === 'say' ? operation.input.item : undefined),
  kept: async (seen) => {
    const site = siteOf(seen);
    const said = (await site.heads()).map(async ({ id }) => [id, itemsIn(await site.log(id))] as const);
    return new Map(await Promise.all(said));
  },
});

/** A text of a file may be said again when another came between; a remark is kept once. */
function itemsIn(log: readonly Entry[]): readonly string[] {
  const said = log.flatMap((entry) => (entry.kind === 'contribution' ? [entry.contribution] : []));
  const by = said.filter(({ author }) => author === PERSON);
  const texts = by.filter(({ kind }) => kind === 'file').map(({ evidence }) => evidence[0]?.sha256 ?? '');
  return [...new Set(texts), ...by.filter(({ kind }) => kind === 'remark').map(({ id }) => id)];
}

/** Who looks sees all that anybody had seen, or was told to be there, before. */
const forward: Check = {
  name: 'looks go forward',
  inspect: ({ history }) => {
    const answers = history
      .operations()
      .filter(isOfBoards)
      .flatMap(({ key, order, outcome }) => (outcome.kind === 'ok' ? [{ key, order, ...outcome.value }] : []));
    return answers
      .filter(({ kind }) => kind === 'view')
      .flatMap((later) =>
        answers
          .filter(
            ({ key, order, rev }) =>
              key === later.key && (order.returned ?? Infinity) < later.order.invoked && rev > later.rev,
          )
          .map(({ rev }) => ({
            check: 'looks go forward',
            message: `${later.key} was at ${rev}, and later at ${later.rev}`,
          })),
      );
  },
};

/** What a board says in the end is what it would say if nothing had happened to it. */
const refined: Check = {
  name: 'as in a run without faults',
  inspect: async (seen) => {
    const site = siteOf(seen);
    const found = (await site.heads()).map(async (head) => {
      if (head.status !== 'solved') return [];
      const board = fold(head, await site.log(head.id));
      const standing = [...board.standing()].map(({ contribution }) => contribution);
      const texts = await site.texts(head.id, standing);
      const remarks = standing.filter(({ kind }) => kind === 'remark').map(({ id }) => id);
      const is = said(board.solution);
      const would = await undisturbed(texts, remarks);
      return is === would
        ? []
        : [{ check: 'as in a run without faults', message: `${head.id} says ${is}\nand not ${would}` }];
    });
    return (await Promise.all(found)).flat();
  },
};

function said(solution: Solution | undefined): string {
  const { reason, completeness, summary, statements, unmet } = solution ?? {};
  return JSON.stringify({ reason, completeness, summary, statements, unmet });
}

const solutions = new Map<string, Promise<string>>();

/** The Solution of a board on which this was said, and nothing went wrong. */
function undisturbed(texts: ReadonlyMap<string, string>, remarks: readonly string[]): Promise<string> {
  const name = JSON.stringify([[...texts].sort(), [...remarks].sort()]);
  const known = solutions.get(name) ?? solve(texts, remarks);
  solutions.set(name, known);
  return known;
}

async function solve(texts: ReadonlyMap<string, string>, remarks: readonly string[]): Promise<string> {
  const clock = new SimulatedClock();
  const boards = new BlackboardSystem({ clock, sources: sourcesOf((ms) => pauseOf(clock, ms)) });
  const solving = (async () => {
    const id = await boards.initializeProblem(problemOf((file) => texts.get(pathOf(file)) ?? ''));
    for (const remark of remarks) await boards.contribute(id, PERSON, remarkOf(remark));
    await boards.settled(id);
    const solution = await boards.solution(id);
    await boards.stop();
    return said(solution);
  })();
  let isOver = false;
  void solving.finally(() => {
    isOver = true;
  });
  while (!isOver) await clock.advance(100);
  return await solving;
}

function pauseOf(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}

/** What boards promise, whatever becomes of their nodes. */
export const promises: readonly Check[] = [
  exclusiveByFence(),
  gapless,
  onceEach,
  nothingLeft,
  founded,
  kept,
  forward,
  atRest,
  watched,
  refined,
];
