// The claims of this server in worlds of three nodes that crash, stall, sleep and lose each other.
import { explore } from '@devmentor/runtime/simulation';
import { expect, it } from 'vitest';
import { projects } from './claims.sim.ts';

it('[C2] a claim that was answered holds: nobody writes under an older one, whatever breaks', {
  timeout: 120_000,
}, async () => {
  const { failures, histories, operations, faults } = await explore(projects, { seeds: 100 });
  expect(failures.map(({ failure }) => failure.message)).toEqual([]);
  expect(histories).toBe(100);
  expect(operations.ok).toBeGreaterThan(2_000);
  expect(faults.struck).toBeGreaterThan(200);
});
