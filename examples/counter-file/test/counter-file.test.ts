import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import { type Counted, count } from '../src/count.ts';

describe('a counter in a file, under a lease, by workers that are stopped past its end', () => {
  let redis: Backend;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  const counted = (mode: 'fenced' | 'unfenced'): Promise<Counted> =>
    count({ redis: redis.url, mode, workers: 3, rounds: 20 });

  it('loses updates when the file takes every write', async () => {
    const { lost, stops } = await counted('unfenced');
    expect(stops).toBe(2);
    expect(lost).toBeGreaterThan(0);
  });

  it('loses none when the file refuses lower fences, and refuses every late write', async () => {
    const { lost, stops, refused, acknowledged } = await counted('fenced');
    expect(stops).toBe(2);
    expect(refused).toBe(2);
    expect(lost).toBe(0);
    expect(acknowledged).toBe(3 * 20 - 2);
  });
});
