import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { firstExample, runReadmeExample } from './readme.ts';

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

describe('README examples', () => {
  it('an example that keeps its promises passes', async () => {
    const { stdout } = await runReadmeExample(
      readme('type N = number;\nconst n: N = await Promise.resolve(2);\nconsole.log(n); // -> 2'),
    );
    expect(stdout).toBe('2\n');
  });

  it('an example that prints something else fails', async () => {
    await expect(runReadmeExample(readme('console.log(1); // -> 2'))).rejects.toThrow();
  });

  it('an example that throws fails, and its error is shown', async () => {
    await expect(runReadmeExample(readme('throw new Error("no ink");'))).rejects.toThrow('no ink');
  });

  it('a README without an example fails', async () => {
    await expect(runReadmeExample(readme('1'), 'Absent')).rejects.toThrow('has no');
  });

  it('a heading selects the block below it', () => {
    const markdown = '# A\n```ts\n1\n```\n## B\ntext\n```sh\nls\n```\n```ts\n2\n```\n';
    expect(firstExample(markdown)).toBe('1');
    expect(firstExample(markdown, 'B')).toBe('2');
  });
});

function readme(code: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'devmentor-readme-'));
  directories.push(directory);
  const path = join(directory, 'README.md');
  writeFileSync(path, `# Example\n\n\`\`\`ts\n${code}\n\`\`\`\n`);
  return path;
}
