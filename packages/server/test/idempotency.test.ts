import { seededEntropy } from '@devmentor/locks';
import { SimulatedClock } from '@devmentor/locks/testing';
import { MemoryRecordStore } from '@devmentor/runtime';
import { describe, expect, it } from 'vitest';
import { digest, Idempotency } from '../src/http/idempotency.ts';
import { Problem } from '../src/index.ts';

function world() {
  const clock = new SimulatedClock();
  const records = new MemoryRecordStore({ clock });
  return { clock, idempotency: new Idempotency({ records, clock, entropy: seededEntropy(1) }) };
}

const request = { key: 'k', userId: 'ada', route: 'projects.create', body: { name: 'x' } };

describe('Idempotency', () => {
  it('[ID3] an attempt that was abandoned is taken over under its own seed', async () => {
    const { clock, idempotency } = world();
    const seeds: string[] = [];
    const crash = idempotency.once(request, async (seed) => {
      seeds.push(seed);
      throw new Error('the process died here');
    });
    await expect(crash).rejects.toThrow('died');
    const again = () =>
      idempotency.once(request, async (seed) => {
        seeds.push(seed);
        return { status: 201, body: { id: seed } };
      });
    await expect(again()).rejects.toMatchObject({ code: 'IDEMPOTENCY_IN_PROGRESS' });
    await clock.advance(31_000);
    expect(await again()).toMatchObject({ status: 201 });
    expect(seeds[1]).toBe(seeds[0]);
  });

  it('[ID4] a refusal leaves the key free', async () => {
    const { idempotency } = world();
    const refuse = async () => {
      throw new Problem('OVERLOADED', 'later');
    };
    await expect(idempotency.once(request, refuse)).rejects.toThrow();
    expect(await idempotency.once(request, async () => ({ status: 201 }))).toEqual({ status: 201 });
  });

  it('[ID1] a stored answer is kept for a day', async () => {
    const { clock, idempotency } = world();
    let runs = 0;
    const work = async () => {
      runs += 1;
      return { status: 201, body: runs };
    };
    await idempotency.once(request, work);
    await clock.advance(23 * 3_600_000);
    expect(await idempotency.once(request, work)).toMatchObject({
      body: 1,
      headers: { 'idempotency-replayed': 'true' },
    });
    await clock.advance(2 * 3_600_000);
    expect((await idempotency.once(request, work)).body).toBe(2);
  });

  it('[ID2] keys of other users and routes are other keys', async () => {
    const { idempotency } = world();
    const asked = [request, { ...request, userId: 'bob' }, { ...request, route: 'other' }];
    const answers = await Promise.all(
      asked.map((one, n) => idempotency.once(one, async () => ({ status: 201, body: n }))),
    );
    expect(answers.map(({ body }) => body)).toEqual([0, 1, 2]);
    expect(digest(['ab', 'c'])).not.toBe(digest(['a', 'bc']));
  });
});
