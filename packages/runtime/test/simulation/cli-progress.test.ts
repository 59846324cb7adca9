import { SimulatedClock } from '@devmentor/locks/testing';
import { describe, expect, it } from 'vitest';
import { Progress, type Standing, spanText, standingText } from '../../src/simulation/cli/progress.ts';
import { columnsOf } from '../../src/simulation/columns.ts';

const standing: Standing = {
  played: 1_200,
  all: 10_000,
  leftMs: undefined,
  operations: 37_021,
  faults: 3_702,
  findings: 0,
  workers: 2,
};

class Paper {
  readonly isTTY: boolean;
  readonly columns = 60;
  text = '';
  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }
  write(text: string): void {
    this.text += text;
  }
}

describe('progress', () => {
  it('[TL18] it says how far, how fast, and how long still', () => {
    expect(standingText(standing, 20_000)).toBe(
      '1,200 of 10,000 seeds · 60/s on 2 · 37,021 operations · 3,702 faults · nothing found · 2 min 27 s left',
    );
    expect(standingText({ ...standing, all: undefined, leftMs: 400_000, findings: 2 }, 1_000_000)).toBe(
      '1,200 seeds · 1.2/s on 2 · 37,021 operations · 3,702 faults · 2 found · 6 min 40 s left',
    );
    expect(spanText(7_260_000)).toBe('2 h 1 min');
  });

  it('[TL18] a terminal sees one line, never wider than itself, and what stays above it', async () => {
    const [paper, clock] = [new Paper(true), new SimulatedClock()];
    const progress = new Progress(paper, clock, () => standing);
    await clock.advance(450);
    progress.say('FOUND something\n', paper);
    await clock.advance(200);
    progress.end();
    const lines = paper.text.split('\r\u001B[2K');
    expect(lines).toHaveLength(4);
    for (const line of lines.join('\n').split('\n')) expect(columnsOf(line)).toBeLessThan(60);
    expect(lines[1]).toMatch(/^1,200 of 10,000 seeds · /);
    expect(lines[2]).toMatch(/^FOUND something\n1,200 of 10,000 seeds · /);
    expect(lines.at(-1)).toBe('');
    await clock.advance(10_000);
    expect(paper.text.endsWith('\r\u001B[2K')).toBe(true);
  });

  it('[TL18] elsewhere there is a line every ten seconds, and no code of a terminal', async () => {
    const [paper, clock] = [new Paper(false), new SimulatedClock()];
    const progress = new Progress(paper, clock, () => standing);
    for (let second = 0; second < 25; second++) await clock.advance(1_000);
    progress.end();
    expect(paper.text.trimEnd().split('\n')).toHaveLength(2);
    expect(paper.text).not.toContain('\u001B');
  });
});
