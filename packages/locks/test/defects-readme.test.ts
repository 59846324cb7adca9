import { expect, it } from 'vitest';
import { startRedis } from '../../../test/backends.ts';
import { runReadmeExample } from '../../../test/readme.ts';

it('[FP2] [PF8] the example of the defects page runs and prints what it says', async () => {
  await using redis = await startRedis();
  process.env.REDIS_URL = redis.url;
  const { stdout } = await runReadmeExample(new URL('../docs/defects.md', import.meta.url));
  expect(stdout).toContain('unreachable');
});
