// pnpm openapi: writes the committed copy of the document that the server serves.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer } from '@devmentor/server';
import { root, run } from './workspace.ts';

await using server = await createServer();
const document: unknown = await (await fetch(`${server.url}/openapi.json`)).json();
const path = join(root, 'packages', 'contracts', 'openapi.json');
writeFileSync(path, `${JSON.stringify(document, null, 2)}\n`);
await run({ command: 'biome', args: ['format', '--write', path], output: 'collect' });
process.stdout.write(`wrote ${path}\n`);
