// A process that stands still in the midst of its commits.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ada, sealed, shardOf } from '../src/store-contract.fixtures.ts';
import { postgresOfThisFile } from './postgres-stores.fixture.ts';

const postgres = postgresOfThisFile();

it('[PG1] [ST2] stopped at any moment, a process holds nothing: its shard is taken at once, and it writes no more', {
  timeout: 60_000,
}, async () => {
  const { state } = await postgres.stores({ namespace: 'stall', commandTimeoutMs: 1_000 });
  const program = join(import.meta.dirname, 'postgres-writer.ts');
  const writer = spawn(process.execPath, ['--conditions=@devmentor/source', program, postgres.backend().url, 'stall'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let printed = '';
  writer.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  const until = async (word: string): Promise<void> => {
    while (!printed.includes(word)) await once(writer.stdout, 'data');
  };
  try {
    for (let round = 0; round < 20; round++) {
      printed = '';
      writer.stdin.write('go\n');
      await until('committed');
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
      writer.kill('SIGSTOP');
      // A lock of the writer's would last longer than this statement may wait for it.
      await sealed(state, shardOf(state, ada), 'test');
      const taken = await state.peek(ada);
      writer.kill('SIGCONT');
      await until('fenced');
      const acknowledged = Number([...printed.matchAll(/committed (\d+)/g)].at(-1)?.[1]);
      const left = await state.peek(ada);
      expect(left).toEqual(taken);
      expect(left?.version).toBe(acknowledged);
    }
  } finally {
    writer.kill('SIGKILL');
  }
});
