import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runReadmeExample } from './readme.ts';
import { root } from './tool.ts';

const path = join(root, 'README.md');

describe('the README', () => {
  it('its example keeps its promises', async () => {
    const { stdout } = await runReadmeExample(path);
    expect(stdout).not.toBe('');
  });

  it('every file and folder that it links to is there', () => {
    const targets = [...readFileSync(path, 'utf8').matchAll(/\]\((?!https?:)([^)#]+)/g)].map(
      ([, target]) => target ?? '',
    );
    expect(targets.length).toBeGreaterThan(5);
    expect(targets.filter((target) => !existsSync(join(root, target)))).toEqual([]);
  });

  it('every command of pnpm that it names is a script', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    const named = [...readFileSync(path, 'utf8').matchAll(/(?:pnpm@12|`pnpm) ([a-z]+)/g)].map(([, name]) => name ?? '');
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});
