import { describe, expect, it } from 'vitest';
import { readCommand } from '../../src/simulation/cli/options.ts';

describe('what the command was asked', () => {
  it('[TL15] a run has what was given, and a default for the rest', () => {
    const args = [
      'claims.sim.ts',
      '--from',
      '5_000',
      '--seeds',
      '2_000',
      '--workers',
      '3',
      '--time',
      '1.5m',
      '--strict',
    ];
    expect(readCommand(args)).toEqual({
      kind: 'run',
      module: 'claims.sim.ts',
      only: undefined,
      from: 5_000,
      seeds: 2_000,
      timeMs: 90_000,
      workers: 3,
      out: 'simulation-cases',
      json: undefined,
      findings: 10,
      seedTimeMs: 120_000,
      strict: true,
    });
  });

  it('[TL15] without seeds a run has a thousand, or as many as the time allows', () => {
    expect(readCommand(['a.ts'])).toMatchObject({ seeds: 1_000, timeMs: undefined });
    expect(readCommand(['a.ts', '--time', '2h'])).toMatchObject({ seeds: undefined, timeMs: 7_200_000 });
  });

  it.each([
    [[], 'which module?'],
    [['a.ts', 'b.ts'], 'b.ts is one too many'],
    [['a.ts', '--time', '10'], '--time 10 is not a time such as 90s, 10m or 2h'],
    [['a.ts', '--time', '0s'], '--time 0s is not a time such as 90s, 10m or 2h'],
    [['a.ts', '--workers', '0'], '--workers 0 is not a whole number from 1 on'],
    [['a.ts', '--workers', '300'], '--workers is at most 256'],
    [['a.ts', '--from', '9007199254740991'], '--from and --seeds go beyond the largest seed'],
    [['a.ts', '--seed', '1'], '--seed does not belong to a run'],
    [['a.ts', '--nonsense'], "Unknown option '--nonsense'"],
    [['replay'], 'replay needs a file'],
    [['replay', 'a.ts'], '--seed is needed to replay a.ts'],
    [['replay', 'a.json', '--seed', '1'], 'a case has its seed; --seed goes with a module'],
    [['replay', 'a.ts', '--seed', '1', '--module', 'b.ts'], '--module goes with a case'],
    [['show', 'a.json', '--html', '--mermaid'], '--mermaid or --html, not both'],
    [['show', 'a.json', '--width', '7'], '--width 7 is not a whole number from 40 on'],
    [['show', 'a.json', '--out', 'b'], '--out does not belong to show'],
  ])('[TL15] %j is refused: %s', (args, message) => {
    const command = readCommand(args);
    expect(command.kind).toBe('usage');
    expect(command).toHaveProperty('message', expect.stringContaining(message));
  });
});
