import { type Fault, faultPlan, simulate, type TraceEntry } from '@devmentor/runtime/simulation';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columnsOf } from '../../src/simulation/columns.ts';
import { faultLabel } from '../../src/simulation/fault-label.ts';
import { storyOf } from '../../src/simulation/story.ts';
import { timelineMermaid } from '../../src/simulation/timeline.mermaid.ts';
import { timeline } from '../../src/simulation/timeline.ts';
import { longTrace, shortTrace } from './trace.fixture.ts';

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(...';#%:<>&"\'`{}$\\~|-+()xX \n\r\t\u001B[2J\u202E日本é̄😀ab'), maxLength: 60 }),
  fc.constantFrom(
    'end',
    'wrap: x',
    'loop',
    '%%{init: {}}%%',
    '\u001B[2Jgone',
    'a;b',
    '#59;',
    '$$x$$',
    '<br/>',
    'n1 crashes',
  ),
);
const name = fc.oneof(fc.constantFrom('n1', 'n2', 'bus', 'locks', 'world', 'end', 'loop', 'lane0'), hostile);
const id = fc.nat({ max: 5 });
const entry: fc.Arbitrary<TraceEntry> = fc
  .tuple(
    fc.oneof(
      fc.record({ kind: fc.constant('call' as const), id, op: hostile, key: hostile, detail: hostile }),
      fc.record({ kind: fc.constant('return' as const), id, outcome: hostile }),
      fc.record({ kind: fc.constant('send' as const), id, to: name, label: hostile }),
      fc.record({ kind: fc.constant('arrive' as const), id, from: name, label: hostile }),
      fc.record({ kind: fc.constant('lost' as const), id, why: hostile }),
      fc.record({ kind: fc.constant('fault' as const), label: hostile }),
      fc.record({ kind: fc.constant('note' as const), label: hostile }),
    ),
    fc.nat({ max: 100_000 }),
    name,
  )
  .map(([event, atMs, node]) => ({ ...event, atMs, node }));
const anyTrace = fc.array(entry, { maxLength: 40 });

describe('timeline in text', () => {
  it('[TL1] no line is wider than asked, whatever the labels are', () => {
    fc.assert(
      fc.property(anyTrace, fc.integer({ min: 40, max: 160 }), (entries, width) => {
        const lines = timeline(entries, { width }).split('\n').slice(0, -2);
        for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(width);
      }),
    );
  });

  it('[TL1] a long trace is told in as many things as asked, and the rest is counted', () => {
    const entries = longTrace(1_500);
    const text = timeline(entries, { most: 30, width: 100 });
    const told = text.split('\n').filter((line) => /^ *[\d,.]+ {2}/.test(line));
    expect(told).toHaveLength(30);
    expect(text).toContain(`30 of ${entries.length.toLocaleString('en')} entries shown`);
    expect(text).toMatch(/┊ .*\d+ not shown/);
  });

  it('[TL2] calls, answers, faults and losses are told, each in the lane of its node', () => {
    expect(timeline(shortTrace(), { width: 100 })).toBe(
      [
        '       ms  n1                           n2                           n3',
        '        0  ── · n1, n2 and n3 are up',
        '     12.3  ┌ #1 claim doc:1 ttl 2000    │                            │',
        '     12.3  ├→ locks: grant doc:1        │                            │',
        '     13.9  ├← grant doc:1: granted      │                            │',
        '     13.9  └ #1 ok 1                    │                            │',
        '      400  │                            █ stands still               │',
        '           ┊ 1.6 s',
        '    2,000  │                            │                            ┌ #2 claim doc:1',
        '    2,000  │                            │                            ├→ locks: grant doc:1',
        '    2,001  │                            │                            × lost locks→n3 grant',
        '           │                            │                            ┃ doc:1: granted (lost-reply)',
        '    2,400  │                            · goes on                    ┃',
        '    2,500  █ crashes                    │                            ┃',
        '           ┊ 1.5 s',
        '    4,000                               │                            └ #2 unknown',
        '           ┊ 1.5 s',
        '    5,500  · starts again               │                            │',
        '    5,600  │                            ┌ #3 write page fence 1      │',
        '    5,601  │                            └ #3 failed STALE_FENCE      │',
        '3 operations, 1 of unknown outcome; 2 faults; 5 messages, 1 lost, 1 routine; 15 of 21 entries shown',
        '',
      ].join('\n'),
    );
  });

  it('[TL2] where columns would be too narrow, each line says whose it is', () => {
    const text = timeline(shortTrace(), { width: 50 });
    expect(text).toContain('    2,500  n1    █ crashes\n');
    expect(text).toContain('    4,000  n3    └ #2 unknown\n');
  });

  it('[TL2] what is said of a service names it, which has no column', () => {
    const slow: TraceEntry[] = [
      { kind: 'send', atMs: 1, node: 'n1', id: 1, to: 'state', label: 'commit' },
      { kind: 'fault', atMs: 2, node: 'world', label: 'state takes 28 ms longer' },
      { kind: 'fault', atMs: 40, node: 'world', label: 'state is as fast as before' },
    ];
    expect(timeline(slow)).toContain('── █ state takes 28 ms longer\n');
    expect(timeline(slow)).toContain('── · state is as fast as before\n');
  });

  it('[TL2] heartbeats are told when they are lost, and only then', () => {
    const text = timeline(longTrace(60), { most: 1_000 });
    const renewals = text.split('\n').filter((line) => line.includes('renew'));
    expect(renewals.length).toBeGreaterThan(0);
    for (const line of renewals) expect(line).toMatch(/× lost .*renew/);
  });

  it('[TL2] a quiet stretch of any length is one line', () => {
    const quiet: TraceEntry[] = [0, 60_000, 7_200_000].map((atMs) => ({
      kind: 'note',
      atMs,
      node: 'n1',
      label: 'tick',
    }));
    expect(timeline(quiet).split('\n').slice(1, 6)).toEqual([
      '        0  · tick',
      '           ┊ 60 s',
      '   60,000  · tick',
      '           ┊ 7,140 s',
      '7,200,000  · tick',
    ]);
  });

  it('[TL3] a label moves no cursor and turns no line around', () => {
    fc.assert(
      fc.property(anyTrace, (entries) => {
        const text = timeline(entries);
        expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});

// The part of Mermaid's sequence grammar that is written, by its own lexer: a text ends at a line's end
// or a semicolon, `#` begins a comment or an entity, and `%%` a comment or a directive.
const TEXT = '(?:[^#;%\\n\\r<>]|#\\d+;)+';
const ID = '[A-Za-z]\\w*';
const STATEMENTS = [
  'title: TEXT',
  'participant ID as TEXT',
  'Note over ID(?:,ID)?: TEXT',
  'ID(?:->>|--x)ID: TEXT',
  'rect rgba\\(220, 60, 60, 0\\.2\\)',
  'end',
].map((rule) => new RegExp(`^ *${rule.replaceAll('ID', ID).replaceAll('TEXT', TEXT)}$`, 'u'));

describe('timeline for Mermaid', () => {
  it('[TL4] [TL3] every line is a statement of a sequence diagram, whatever the labels are', () => {
    fc.assert(
      fc.property(anyTrace, hostile, (entries, title) => {
        const [first, ...lines] = timelineMermaid(entries, { title }).trimEnd().split('\n');
        expect(first).toBe('sequenceDiagram');
        let depth = 0;
        const names = new Set<string>();
        for (const line of lines) {
          expect(
            STATEMENTS.some((rule) => rule.test(line)),
            line,
          ).toBe(true);
          if (/^ *rect /.test(line)) depth += 1;
          if (/^ *end$/.test(line)) depth -= 1;
          const participant = /^ *participant (\w+) as/.exec(line)?.[1];
          if (participant !== undefined) names.add(participant);
          const used = /^ *(\w+)(?:->>|--x)(\w+):/.exec(line)?.slice(1) ?? [];
          for (const one of used) expect(names).toContain(one);
          for (const one of names) expect(one).not.toMatch(/^(end|loop|alt|opt|par|rect|note)$/i);
        }
        expect(depth).toBe(0);
      }),
    );
  });

  it('[TL4] arrows go from lane to lane, and what was lost ends in a cross', () => {
    const source = timelineMermaid(shortTrace(), { title: 'seed 42' });
    expect(source).toContain('  n1->>locks: grant doc:1\n  locks->>n1: grant doc:1: granted\n');
    expect(source).toContain('  locks--xn3: grant doc:1: granted (lost: lost-reply)\n');
    expect(source).toContain('  rect rgba(220, 60, 60, 0.2)\n    Note over n1: 2500 ms crashes\n  end\n');
  });

  it('[TL4] [TL1] a long trace stays below what Mermaid takes', () => {
    expect(timelineMermaid(longTrace(2_000), { most: 10_000 }).length).toBeLessThan(50_000);
  });
});

describe('what lasts', () => {
  const lasting: readonly Fault[] = [
    { kind: 'crash', node: 0, at: { ms: 100 }, restartAfterMs: 700 },
    { kind: 'stall', node: 1, atMs: 200, forMs: 500 },
    { kind: 'cut', node: 2, line: 'locks', way: 'in', atMs: 300, forMs: 400 },
    { kind: 'slow', line: 'locks', atMs: 50, forMs: 900, byMs: 30 },
  ];

  it('[TL7] each is shaded in its lane from its beginning to its end, in the words of a real world', async () => {
    const { seen } = await simulate({ seed: 7, faults: lasting }, async (world) => {
      const asked = world.node(1).perform({ op: 'claim', key: 'doc', input: {} }, async ({ locks }) => {
        return (await locks.tryAcquire('doc')).kind;
      });
      await world.advance(2_000);
      await world.run(asked);
    });
    const { lanes, spans } = storyOf(seen.trace);
    const told = spans.map(({ lane, fromMs, toMs, kind, label }) => {
      return [
        lanes[lane ?? -1]?.name,
        Math.round(fromMs),
        toMs === undefined ? undefined : Math.round(toMs),
        kind,
        label,
      ];
    });
    expect(told.sort((a, b) => Number(a[1]) - Number(b[1]))).toEqual([
      ['locks', 50, 950, 'fault', 'slow by 30 ms'],
      ['n1', 100, 800, 'down', 'down'],
      ['n2', 200, 700, 'fault', 'stalled'],
      ['n3', 300, 700, 'fault', 'cut: locks in'],
    ]);
  });

  it('[TL7] what never ended is open', () => {
    const { spans } = storyOf([{ kind: 'fault', atMs: 5, node: 'n1', label: 'n1 crashes' }]);
    expect(spans).toMatchObject([{ lane: 0, fromMs: 5, toMs: undefined, kind: 'down' }]);
  });

  it('[TL7] every fault of any plan is told in one line', () => {
    fc.assert(
      fc.property(faultPlan({ withinMs: 1_000, storeLoss: 'some' }), (plan) => {
        for (const fault of plan) expect(faultLabel(fault)).toMatch(/^[^\n]*\b(n\d|state|log|locks|store)\b[^\n]*$/);
      }),
    );
  });
});
