import { describe, it } from 'vitest';
import { runReadmeExample } from '../../../test/readme.ts';

describe('the README', () => {
  it('shows an example that runs and prints what it says', async () => {
    await runReadmeExample(new URL('../README.md', import.meta.url));
  });
});
