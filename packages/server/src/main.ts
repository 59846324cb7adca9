#!/usr/bin/env node
// The command: reads the configuration, serves, and leaves in order when told to.
import { once } from 'node:events';
import { resolve } from 'node:path';
import process from 'node:process';
import { systemClock } from '@devmentor/locks';
import type { Logger } from 'pino';
import { BackendUnreachable, BackendUnusable } from './backends.ts';
import { type Reading, readConfig, type ServerConfig } from './config.ts';
import { createLogger } from './logger.ts';
import { createServer, type Server } from './server.ts';
import { helpText, redacted } from './settings.ts';
import { packageVersion } from './version.ts';

const EXIT = { ok: 0, failure: 1, usage: 2, unreachable: 69, config: 78, SIGINT: 130, SIGTERM: 143 } as const;

/** A drain that takes longer has failed; what it still held runs out by itself. */
const DRAIN_MS = 9_500;

interface Ending {
  readonly code: number;
  readonly stream: NodeJS.WriteStream;
  readonly text: string;
}

function main(): void {
  const reading = readConfig(process.argv.slice(2), process.env);
  if (reading.kind === 'ready' && reading.command === 'serve') void run(reading.config);
  else finish(answerTo(reading));
}

/** What is said instead of serving. */
function answerTo(reading: Reading): Ending {
  const { stdout, stderr } = process;
  switch (reading.kind) {
    case 'usage':
      return { code: EXIT.usage, stream: stderr, text: `${reading.message}\nTry --help.\n` };
    case 'help':
      return { code: EXIT.ok, stream: stdout, text: helpText() };
    case 'version':
      return { code: EXIT.ok, stream: stdout, text: `${packageVersion()}\n` };
    case 'bad': {
      const { json, problems } = reading;
      const list = problems.map((problem) => `  ${problem}\n`).join('');
      const text = json ? line({ event: 'bad-config', problems }) : `Bad configuration:\n${list}`;
      return { code: EXIT.config, stream: stderr, text };
    }
    case 'ready': {
      const { command, settings, config } = reading;
      const printed = `${JSON.stringify(redacted(settings), null, 2)}\n`;
      const good = config.json ? line({ event: 'config-ok' }) : 'The configuration is good.\n';
      return { code: EXIT.ok, stream: stdout, text: command === 'print-config' ? printed : good };
    }
  }
}

async function run(config: ServerConfig): Promise<void> {
  const log = createLogger(config.logLevel);
  let server: Server;
  try {
    server = await createServer({ ...config, log });
  } catch (error) {
    log.fatal({ err: error }, 'cannot start');
    const code = exitOf(error);
    const message = messageOf(error);
    const text = config.json
      ? line({ event: 'failed', message })
      : `Cannot start: ${message}
`;
    finish({ code, stream: process.stderr, text });
    return;
  }
  sayWhere(config.backend, log);
  if (config.authSecret !== undefined && config.authSecret.length < 32)
    log.warn('the auth secret is short; 32 characters or more are hard to guess');
  process.stdout.write(config.json ? line({ event: 'listening', url: server.url }) : `listening ${server.url}\n`);

  const signal = await firstSignal();
  log.info({ signal }, 'leaving');
  process.on('SIGTERM', () => process.exit(EXIT.SIGTERM));
  process.on('SIGINT', () => process.exit(EXIT.SIGINT));
  await leave(server, log);
}

function exitOf(error: unknown): number {
  if (error instanceof BackendUnreachable) return EXIT.unreachable;
  return error instanceof BackendUnusable ? EXIT.config : EXIT.failure;
}

function sayWhere(backend: ServerConfig['backend'], log: Logger): void {
  switch (backend.kind) {
    case 'memory':
      log.warn('everything is kept in memory and ends with this process');
      break;
    case 'data':
      log.info({ dir: resolve(backend.dir) }, 'everything is kept in this folder; claims end with the process');
      break;
    case 'cluster':
      log.info(
        backend.postgres === undefined
          ? 'everything is kept in Redis; servers hear of each other over NATS'
          : 'users, projects, sessions and all other records are kept in PostgreSQL, claims and boards in Redis; servers hear of each other over NATS',
      );
      break;
  }
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
  return Promise.race([
    once(process, 'SIGTERM').then(() => 'SIGTERM' as const),
    once(process, 'SIGINT').then(() => 'SIGINT' as const),
  ]);
}

/** Ends once the text is written, also into a pipe. */
function finish({ code, stream, text }: Ending): void {
  stream.write(text, () => process.exit(code));
}

function line(event: object): string {
  return `${JSON.stringify(event)}\n`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

main();
