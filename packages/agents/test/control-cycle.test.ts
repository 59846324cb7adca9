import { fenceOf } from '@devmentor/locks';
import { SimulatedClock } from '@devmentor/locks/testing';
import { describe, expect, it } from 'vitest';
import { Agenda } from '../src/agenda.ts';
import { MemoryBoardStore } from '../src/board-store.memory.ts';
import { nextStep, type Step } from '../src/control-cycle.ts';
import {
  type Board,
  defineKnowledgeSource,
  type Entry,
  fold,
  type IKnowledgeSource,
  type Knowledge,
} from '../src/index.ts';
import { draftOf } from '../src/knowledge.ts';
import { synthesize } from '../src/synthesis.ts';

const perFile = defineKnowledgeSource({
  name: 'per-file',
  version: 1,
  trigger: { on: 'entry', level: 'source', each: 'file' },
  rate: ({ subject }) => (subject.file === 'urgent' ? 900 : 100),
  run: () => [],
});
const whole = defineKnowledgeSource({
  name: 'whole',
  version: 1,
  trigger: { on: 'entry', level: 'source', each: 'board' },
  run: () => [],
});

describe('a step of control', () => {
  it('[CC1] reserves by rating, up to the concurrency of the board', async () => {
    const play = await playing([perFile], { concurrency: 2 });
    await play.say('a', 'urgent', 'c', 'd');
    await play.on();
    const reserved = play
      .log()
      .flatMap((entry) =>
        entry.kind === 'reserved' ? [play.board().activation(entry.key)?.activation.subject.file] : [],
      );
    expect(reserved).toEqual(['urgent', 'a']);
  });

  it('[CC3] an activation whose input was superseded before it ran is obviated', async () => {
    const play = await playing([perFile], { concurrency: 1 });
    await play.say('urgent', 'b');
    await play.on();
    await play.contribute({ ...source('b'), value: 'changed' });
    await play.on();
    const states = [...play.board().activations()].map(({ activation, place }) => [activation.subject.file, place]);
    expect(states).toEqual([
      ['urgent', 'reserved'],
      ['b', 'obviated'],
      ['b', 'scheduled'],
    ]);
  });

  it('[CC3] one on the whole board makes place for the one with more inputs', async () => {
    const play = await playing([perFile, whole], { concurrency: 1 });
    await play.say('urgent');
    await play.on();
    await play.say('b');
    await play.on();
    const states = [...play.board().activations()].filter(({ activation }) => activation.source === 'whole@1');
    expect(states.map(({ activation, place }) => [activation.inputs.length, place])).toEqual([
      [1, 'obviated'],
      [2, 'scheduled'],
    ]);
  });

  it('[QU1] while anything is reserved or runs, waits', async () => {
    const play = await playing([perFile], { concurrency: 2 });
    await play.say('a');
    expect((await play.on()).kind).toBe('wait');
    const [state] = play.board().activations();
    const run = { key: state?.activation.key ?? '', fence: fenceOf(7), worker: 'w' };
    await play.store.start('b', run);
    expect((await play.on()).kind).toBe('wait');
    await play.store.commit('b', run, { reads: [], contributions: [], usage: { timeMs: 1 } });
    expect((await play.on()).kind).toBe('over');
    expect(play.board()).toMatchObject({ status: 'solved', ended: false });
  });
});

describe('synthesis', () => {
  it('[SY2][SY3] a statement has the evidence of its grounds, and goes when one of them is superseded', async () => {
    const play = await playing([], { concurrency: 1 });
    const evidence = [{ file: 'a', sha256: '0'.repeat(64) }];
    await play.contribute({ id: 's', level: 'source', value: 1, evidence });
    await play.contribute({ id: 'f', level: 'fact', value: 1, links: ['s'] });
    await play.contribute({ id: 'x', level: 'finding', value: 'so it is', links: ['f'] });
    await play.contribute({ id: 'y', level: 'finding', value: 'I think' });
    expect(synthesize(play.board(), 'asked').statements).toMatchObject([
      { text: 'I think', contributions: ['y'], basis: 'opinion', evidence: [] },
      { text: 'so it is', contributions: ['x', 'f', 's'], basis: 'evidence', evidence },
    ]);
    await play.contribute({ id: 's', level: 'source', value: 2 });
    expect(synthesize(play.board(), 'asked').statements.map(({ text }) => text)).toEqual(['I think']);
  });
});

function source(file: string): Knowledge {
  return { level: 'source', kind: 'file', subject: { file }, value: file, id: file };
}

/** A board under control, step by step; nothing runs by itself. */
async function playing(sources: readonly IKnowledgeSource[], { concurrency }: { readonly concurrency: number }) {
  const store = new MemoryBoardStore({ clock: new SimulatedClock() });
  const named = new Map(sources.map((one) => [`${one.name}@${one.version}`, one]));
  const settings = {
    sources: [...named.keys()],
    budget: { contributions: 99, activations: 99, timeMs: 99_000_000 },
    concurrency,
  };
  const { head } = await store.create({
    id: 'b',
    problem: { title: 'T', description: '', files: [] },
    settings,
    files: new Map(),
    contributions: [],
  });
  await store.seal('b', fenceOf(1));
  const agenda = new Agenda(sources);
  let entries: readonly Entry[] = [];
  const board = (): Board => fold(head, entries);
  const read = async (): Promise<void> => {
    const { entries: all } = await store.read('b', 0, 1_000);
    const news = all.slice(entries.length);
    entries = all;
    for (const entry of news) agenda.note(entry, board());
  };
  const contribute = async (knowledge: Knowledge): Promise<void> => {
    await store.contribute('b', [draftOf(knowledge, { author: 'ada' })]);
    await read();
  };
  return {
    store,
    board,
    log: () => entries,
    contribute,
    say: async (...names: readonly string[]): Promise<void> => {
      for (const name of names) await contribute(source(name));
    },
    /** Steps until there is nothing to write. */
    on: async (): Promise<Step> => {
      for (;;) {
        await read();
        const step = nextStep(board(), agenda, named, 1_700_000_000_000);
        if (step.kind !== 'record') return step;
        await store.record('b', step.entries, { epoch: fenceOf(1) });
      }
    },
  };
}
