import { it } from 'vitest';
import { runReadmeExample } from '../../../test/readme.ts';

it('[LM1] the example of the README runs and prints what it says', async () => {
  await runReadmeExample(new URL('../README.md', import.meta.url));
});

it('[PP1] the example of pools and several locks runs and prints what it says', async () => {
  await runReadmeExample(new URL('../README.md', import.meta.url), 'Pools and several locks at once');
});

it('[LM13] [AU1] the example of taking a lease over runs and prints what it says', async () => {
  await runReadmeExample(new URL('../README.md', import.meta.url), 'Taking a lease over');
});

it('[GD1] [GD4] the example of guarding a write runs and prints what it says', async () => {
  await runReadmeExample(new URL('../README.md', import.meta.url), 'Guard the write');
});
