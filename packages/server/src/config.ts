// Configuration
//
// Everything is read once, at start; every problem is found before any is told.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { COMMANDS, type Command, LOG_LEVELS, type LogLevel, SETTINGS, type Setting } from './settings.ts';

/** Where state lives and how nodes talk. */
export type Backend =
  | { readonly kind: 'memory' }
  | { readonly kind: 'data'; readonly dir: string }
  | {
      readonly kind: 'cluster';
      readonly redis: string;
      readonly nats: string;
      /** Keeps everything but claims and boards, which stay in Redis. */
      readonly postgres?: string;
    };

export interface ServerConfig {
  readonly host: string;
  readonly port: number;
  readonly backend: Backend;
  readonly namespace: string;
  readonly authSecret?: string;
  readonly demo: boolean;
  readonly ui?: string;
  /** Browser origins that may call, beside this machine's own. */
  readonly origins: readonly string[];
  readonly registration: boolean;
  /** Whether `/metrics` is served, which asks nobody who he is. */
  readonly metrics: boolean;
  readonly logLevel: LogLevel;
  readonly json: boolean;
}

export type Reading =
  | { readonly kind: 'usage'; readonly message: string }
  | { readonly kind: 'bad'; readonly problems: readonly string[]; readonly json: boolean }
  | {
      readonly kind: 'ready';
      readonly command: Command;
      readonly config: ServerConfig;
      readonly settings: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'help' | 'version' };

/** Reads flags over environment over file over defaults. */
export function readConfig(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Reading {
  const parsed = parseFlags(argv);
  if (typeof parsed === 'string') return { kind: 'usage', message: parsed };
  if (parsed.help === true) return { kind: 'help' };
  if (parsed.version === true) return { kind: 'version' };

  const problems: string[] = [];
  const file = readFile(text(parsed.config) ?? env.DEVMENTOR_CONFIG, problems);
  const settings: Record<string, string> = {};
  for (const setting of SETTINGS as readonly Setting[]) {
    const value = text(parsed[setting.flag]) ?? nonEmpty(env[setting.env]) ?? file[setting.flag] ?? setting.fallback;
    if (value !== undefined) settings[setting.flag] = value;
  }
  const config = check(settings, problems);
  if (problems.length > 0) return { kind: 'bad', problems, json: config.json };
  const command = COMMANDS.find(({ flag }) => parsed[flag] === true)?.flag ?? 'serve';
  return { kind: 'ready', command, config, settings };
}

function parseFlags(argv: readonly string[]): Record<string, string | boolean | undefined> | string {
  const options = Object.fromEntries([
    ...SETTINGS.map(({ flag, kind }) => [flag, { type: kind === 'text' ? 'string' : 'boolean' }] as const),
    ...COMMANDS.map(({ flag }) => [flag, { type: 'boolean' }] as const),
  ]);
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: false, strict: true }).values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function readFile(path: string | undefined, problems: string[]): Record<string, string> {
  if (path === undefined || path === '') return {};
  let members: unknown;
  try {
    members = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    problems.push(`--config ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return {};
  }
  if (typeof members !== 'object' || members === null || Array.isArray(members)) {
    problems.push(`--config ${path} is not a JSON object`);
    return {};
  }
  const known = new Set<string>(SETTINGS.map(({ flag }) => flag));
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(members)) {
    if (!known.has(name) || name === 'config') problems.push(`--config ${path} has an unknown setting: ${name}`);
    else if (!['string', 'number', 'boolean'].includes(typeof value))
      problems.push(`--config ${path}: ${name} is not a text, number or boolean`);
    else values[name] = String(value);
  }
  return values;
}

function check(settings: Readonly<Record<string, string>>, problems: string[]): ServerConfig {
  const { redis, nats, postgres, data, ui } = settings;
  const secret = settings['auth-secret'];
  // An IPv6 address may come as a URL writes it; the platform listens on it without brackets.
  const host = (settings.host ?? '127.0.0.1').replace(/^\[(.*)\]$/, '$1');

  const port = Number(settings.port);
  if (!/^\d{1,5}$/.test(settings.port ?? '') || port > 65_535)
    problems.push(`--port ${settings.port} is not a port (0 to 65535)`);
  if (host === '') problems.push('--host is empty');
  if (secret?.trim() === '') problems.push('--auth-secret is empty: anybody could sign tokens');
  if (host !== '' && !isLoopback(host) && secret === undefined)
    problems.push(`--host ${host} can be reached from outside, so --auth-secret or AUTH_SECRET must be set`);
  if (redis !== undefined && nats === undefined) problems.push('--redis needs --nats (NATS_URL) too');
  if (nats !== undefined && redis === undefined) problems.push('--nats needs --redis (REDIS_URL) too');
  checkUrl('redis', redis, ['redis:', 'rediss:'], problems);
  checkUrl('nats', nats, ['nats:', 'tls:', 'ws:', 'wss:'], problems);
  if (data !== undefined && (redis !== undefined || nats !== undefined))
    problems.push('--data keeps everything in a folder, --redis with --nats in Redis; choose one');
  checkUrl('postgres', postgres, ['postgres:', 'postgresql:'], problems);
  if (postgres !== undefined && redis === undefined && nats === undefined)
    problems.push('--postgres needs --redis and --nats too, which keep claims and boards and join the servers');
  // It names a schema of PostgreSQL, too.
  const longest = postgres === undefined ? 64 : 63;
  if (!/^[A-Za-z0-9_-]+$/.test(settings.namespace ?? '') || (settings.namespace ?? '').length > longest)
    problems.push(`--namespace is 1 to ${longest} letters, digits, _ and -`);
  if (ui !== undefined && !existsSync(join(ui, 'index.html'))) problems.push(`--ui ${ui} has no index.html`);
  const logLevel = LOG_LEVELS.find((level) => level === settings['log-level']);
  if (logLevel === undefined) problems.push(`--log-level is one of ${LOG_LEVELS.join(', ')}`);
  const origins = (settings.origins ?? '')
    .split(',')
    .map((origin) => origin.trim())
    .filter((origin) => origin !== '');
  for (const origin of origins)
    if (!isOrigin(origin)) problems.push(`--origins: ${origin} is not an origin such as https://app.example.com`);
  if (!['on', 'off'].includes(settings.registration ?? '')) problems.push('--registration is on or off');

  const metrics = settings.metrics ?? (isLoopback(host) ? 'on' : 'off');
  if (!['on', 'off'].includes(metrics)) problems.push('--metrics is on or off');

  return {
    host,
    port,
    backend: backendOf(settings),
    namespace: settings.namespace ?? '',
    ...(secret !== undefined && { authSecret: secret }),
    demo: isOn(settings, 'demo', problems),
    ...(ui !== undefined && { ui }),
    origins,
    registration: settings.registration === 'on',
    metrics: metrics === 'on',
    logLevel: logLevel ?? 'info',
    json: isOn(settings, 'json', problems),
  };
}

function backendOf({ redis, nats, postgres, data }: Readonly<Record<string, string>>): Backend {
  if (redis !== undefined && nats !== undefined)
    return { kind: 'cluster', redis, nats, ...(postgres !== undefined && { postgres }) };
  return data === undefined ? { kind: 'memory' } : { kind: 'data', dir: data };
}

function isOn(settings: Readonly<Record<string, string>>, flag: string, problems: string[]): boolean {
  const value = (settings[flag] ?? 'false').toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(value)) return true;
  if (!['false', '0', 'no', 'off'].includes(value)) problems.push(`--${flag} is true or false`);
  return false;
}

function checkUrl(flag: string, value: string | undefined, protocols: readonly string[], problems: string[]): void {
  if (value === undefined) return;
  const url = URL.parse(value);
  // The value may hold a password, so it is not repeated.
  if (url === null || !protocols.includes(url.protocol))
    problems.push(`--${flag} is not a URL that begins with ${protocols[0]}//`);
}

function isOrigin(text: string): boolean {
  return URL.parse(text)?.origin === text;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function text(value: string | boolean | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
