import { expect, it } from 'vitest';
import { FULL_FRAME_ITEMS } from '../src/frame.ts';
import { type Pumped, PumpQueue } from '../src/pump-queue.ts';

/** Those that were stepped, in order, and what became of each. */
function stepping(queue: PumpQueue, outcome: ReturnType<Pumped['pump']>) {
  const stepped: number[] = [];
  const add = (...names: readonly number[]): void => {
    for (const name of names)
      queue.add({
        pump: () => {
          stepped.push(name);
          return outcome;
        },
      });
  };
  return { stepped, add };
}

const many = Array.from({ length: 3 * FULL_FRAME_ITEMS }, (_, name) => name);

it('who was added is stepped when the running code pauses, in that order', async () => {
  const queue = new PumpQueue();
  const { stepped, add } = stepping(queue, 'answered');
  add(...many);
  expect(stepped).toEqual([]);
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
  expect(stepped).toEqual(many);
  add(7);
  await Promise.resolve();
  expect(stepped.at(-1)).toBe(7);
});

it('a full frame of answers leaves before the next are stepped', async () => {
  const { stepped, add } = stepping(new PumpQueue(), 'answered');
  add(...many);
  await Promise.resolve();
  expect(stepped).toHaveLength(FULL_FRAME_ITEMS);
});

it('what is to be committed is stepped at once, so that it travels together', async () => {
  const { stepped, add } = stepping(new PumpQueue(), 'committing');
  add(...many);
  await Promise.resolve();
  expect(stepped).toEqual(many);
});
