import { expect, it } from 'vitest';
import { runReadmeExample } from '../../../test/readme.ts';

it('the example of the README keeps its promises', async () => {
  const { stdout } = await runReadmeExample(new URL('../README.md', import.meta.url));
  expect(stdout).not.toBe('');
});
