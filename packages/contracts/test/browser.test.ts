import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

// A process in which nothing but relative files can be loaded, as in a plain browser.
function loadAlone(file: string): string {
  const code = `
    import { registerHooks } from 'node:module';
    registerHooks({
      resolve(specifier, context, next) {
        if (!/^(\\.|file:)/.test(specifier)) throw new Error('refused ' + specifier);
        return next(specifier, context);
      },
    });
    try {
      await import(${JSON.stringify(new URL(`../src/${file}`, import.meta.url).href)});
      console.log('loaded');
    } catch (error) {
      console.log(error.message);
    }`;
  return execFileSync(process.execPath, ['--input-type=module', '-'], { input: code, encoding: 'utf8' }).trim();
}

describe('in a browser', () => {
  it.each(['codes.ts', 'routes.ts', 'topics.ts', 'limits.ts'])('[Z1] %s loads without zod', (file) => {
    expect(loadAlone(file)).toBe('loaded');
  });

  it('[Z2] the schemas are what needs it', () => {
    expect(loadAlone('index.ts')).toBe('refused zod');
  });
});
