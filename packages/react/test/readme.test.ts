import { it } from 'vitest';
import { runReadmeExample } from '../../../test/readme.ts';

it('the example of the README runs and prints what it says', async () => {
  await runReadmeExample(new URL('../README.md', import.meta.url));
});
