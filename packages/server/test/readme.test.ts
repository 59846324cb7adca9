import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { runReadmeExample } from '../../../test/readme.ts';

it('the example of the README prints what it says', async () => {
  const { stdout } = await runReadmeExample(fileURLToPath(new URL('../README.md', import.meta.url)));
  expect(stdout).toContain('Resource is locked by Ada');
});
