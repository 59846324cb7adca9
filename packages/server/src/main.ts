#!/usr/bin/env node
// The command: reads the configuration, serves, and leaves in order when told to.
import { once } from 'node:events';
import process from 'node:process';
import { systemClock } from '@devmentor/locks';
import type { Logger } from 'pino';
import { BackendUnreachable } from './backends.ts';
import { helpText, readConfig, redacted, type ServerConfig } from './config.ts';
import { createLogger } from './logger.ts';
import { createServer, type Server } from './server.ts';
import { packageVersion } from './version.ts';

const EXIT = { ok: 0, failure: 1, usage: 2, unreachable: 69, config: 78, SIGINT: 130, SIGTERM: 143 } as const;

/** A drain that takes longer has failed; what it still held runs out by itself. */
const DRAIN_MS = 9_500;

function main(): void {
  const reading = readConfig(process.argv.slice(2), process.env);
  switch (reading.kind) {
    case 'usage':
      return finish(EXIT.usage, process.stderr, `${reading.message}\nTry --help.\n`);
    case 'help':
      return finish(EXIT.ok, process.stdout, helpText());
    case 'version':
      return finish(EXIT.ok, process.stdout, `${packageVersion()}\n`);
    case 'bad':
      return finish(EXIT.config, process.stderr, reading.json ? line({ event: 'bad-config', problems: reading.problems }) : `Bad configuration:\n${reading.problems.map((problem) => `  ${problem}\n`).join('')}`);
    case 'ready':
      if (reading.command === 'print-config') return finish(EXIT.ok, process.stdout, `${JSON.stringify(redacted(reading.settings), null, 2)}\n`);
      if (reading.command === 'check-config') return finish(EXIT.ok, process.stdout, reading.config.json ? line({ event: 'config-ok' }) : 'The configuration is good.\n');
      void run(reading.config);
  }
}

async function run(config: ServerConfig): Promise<void> {
  const log = createLogger(config.logLevel);
  let server: Server;
  try {
    server = await createServer({ ...config, log });
  } catch (error) {
    log.fatal({ err: error }, 'cannot start');
    const code = error instanceof BackendUnreachable ? EXIT.unreachable : EXIT.failure;
    return finish(code, process.stderr, config.json ? line({ event: 'failed', message: messageOf(error) }) : `Cannot start: ${messageOf(error)}\n`);
  }
  if (config.backend.kind === 'memory') log.warn('everything is kept in memory and ends with this process');
  if (config.authSecret !== undefined && config.authSecret.length < 32) log.warn('the auth secret is short; 32 characters or more are hard to guess');
  process.stdout.write(config.json ? line({ event: 'listening', url: server.url }) : `listening ${server.url}\n`);

  const signal = await firstSignal();
  log.info({ signal }, 'leaving');
  process.on('SIGTERM', () => process.exit(EXIT.SIGTERM));
  process.on('SIGINT', () => process.exit(EXIT.SIGINT));
  await leave(server, log);
}

async function leave(server: Server, log: Logger): Promise<void> {
  systemClock.background(DRAIN_MS, () => {
    log.error('the drain took too long');
    process.exit(EXIT.failure);
  });
  await server.close();
  log.info('ended in order');
  log.flush(() => process.exit(EXIT.ok));
}

async function firstSignal(): Promise<'SIGTERM' | 'SIGINT'> {
  return Promise.race([once(process, 'SIGTERM').then(() => 'SIGTERM' as const), once(process, 'SIGINT').then(() => 'SIGINT' as const)]);
}

/** Ends once the text is written, also into a pipe. */
function finish(code: number, stream: NodeJS.WriteStream, text: string): void {
  stream.write(text, () => process.exit(code));
}

function line(event: object): string {
  return `${JSON.stringify(event)}\n`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

main();
