import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { type MachineDriverHarness, throughJson } from './machine-driver.fixtures.ts';
import { MachineFailed } from './machine-driver.ts';

export function storedRules({ driverOf }: MachineDriverHarness): void {
  describe('MachineDriver contract: stored snapshots', () => {
    const player = setup({}).createMachine({
      initial: 'playing',
      states: {
        playing: {
          type: 'parallel',
          states: {
            track: {
              initial: 'one',
              states: { one: { on: { next: 'two' } }, two: { on: { next: 'one' } }, seen: { type: 'history' } },
            },
            sound: { initial: 'loud', states: { loud: { on: { mute: 'quiet' } }, quiet: { on: { mute: 'loud' } } } },
            seen: { type: 'history', history: 'deep' },
          },
          on: { pause: 'paused' },
        },
        paused: { on: { resume: 'playing.seen' } },
      },
    });

    it('[MD4] parallel states and history survive being stored', () => {
      const driver = driverOf(player);
      let { snapshot } = driver.create();
      for (const type of ['next', 'mute', 'pause'])
        snapshot = throughJson(driver, driver.step(snapshot, { type }).snapshot);
      expect(snapshot.value).toBe('paused');
      expect(driver.step(snapshot, { type: 'resume' }).snapshot.value).toEqual({
        playing: { track: 'two', sound: 'quiet' },
      });
    });

    it('[MD4] storing what was restored gives the same JSON', () => {
      const driver = driverOf(player);
      let { snapshot } = driver.create();
      for (const type of ['next', 'pause']) snapshot = driver.step(snapshot, { type }).snapshot;
      const stored = driver.persist(snapshot);
      expect(driver.persist(driver.restore(JSON.parse(JSON.stringify(stored))))).toEqual(stored);
    });

    it.each([
      ['Date', (): unknown => new Date(0), /context\.a\[1\]\.b is a Date; store toISOString/],
      ['Map', (): unknown => new Map(), /context\.a\[1\]\.b is a Map/],
      ['function', (): unknown => () => {}, /context\.a\[1\]\.b is a function/],
      ['bigint', (): unknown => 1n, /context\.a\[1\]\.b is a bigint/],
      [
        'cycle',
        (): unknown => {
          const o: Record<string, unknown> = {};
          o.itself = o;
          return o;
        },
        /contains itself/,
      ],
    ])('[MD5] a context with a %s is refused with the path', (_what, make, message) => {
      const driver = driverOf(
        setup({ types: { context: {} as Record<string, unknown> } }).createMachine({
          context: () => ({ a: [1, { b: make() }] }),
        }),
      );
      const { snapshot } = driver.create();
      expect(() => driver.persist(snapshot)).toThrow(message);
      expect(() => driver.persist(snapshot)).toThrow(MachineFailed);
    });

    it('[MD4] a state the machine no longer has fails the restore, and says what to do', () => {
      const before = driverOf(setup({}).createMachine({ initial: 'a', states: { a: {} } }));
      const stored = before.persist(before.create().snapshot);
      const gone = driverOf(setup({}).createMachine({ initial: 'b', states: { b: {} } }));
      const grown = driverOf(
        setup({}).createMachine({ initial: 'a', states: { a: { initial: 'x', states: { x: {} } } } }),
      );
      expect(() => gone.restore(stored)).toThrow(/migration/);
      expect(() => grown.restore(stored)).toThrow(/migration/);
      expect(() => gone.restore('nonsense')).toThrow(MachineFailed);
    });
  });
}
