// Real Redis and NATS for tests
//
// Each server is this process's own: a random loopback port, an own directory, ended by
// its pid. `kill`, `pause` and `restart` are the faults that the suites inject.
//
//   BK1  a server answers a real ping before its promise resolves
//   BK2  no server outlives the process that started it, even after kill -9
//   BK3  `restart` comes back on the same port and directory
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Launch, startChild } from './backend-process.ts';
import { requireProgram } from './find-program.ts';
import { pingNats, pingRedis } from './ping.ts';

/** A running server of a test. After `stop` it is gone with its directory. */
export interface Backend {
  readonly url: string;
  readonly port: number;
  /** Of the running process; changes with `restart`. */
  readonly pid: number;
  readonly directory: string;
  /** Ends it in order (SIGTERM), then deletes its directory. Idempotent. */
  stop(): Promise<void>;
  /** SIGKILL. Resolves when the process is gone; the directory stays, for `restart`. */
  kill(): Promise<void>;
  /** SIGSTOP: the port stays open and nobody answers. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Same port, same directory. A server that still runs is ended in order first. */
  restart(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface RedisBackend extends Backend {
  /** Present when it was asked for. */
  readonly busPort: number | undefined;
}

export interface RedisOptions {
  /** redis.conf directives; a list is a directive of several words. */
  readonly config?: Readonly<Record<string, string | readonly string[]>>;
  /** A second port, for the bus between the nodes of a cluster. */
  readonly busPort?: boolean;
}

export interface NatsBackend extends Backend {
  /** Present on members of a cluster: what the next member is given to join. */
  readonly clusterUrl: string | undefined;
}

export interface NatsOptions {
  /** A member of a cluster of servers; `join` names the ones that run already. */
  readonly cluster?: { readonly join?: readonly NatsBackend[] };
  /** Further command line flags. */
  readonly args?: readonly string[];
}

/** Redis on a port of its own; nothing is persisted unless `config` asks for it. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisBackend> {
  const program = requireProgram('redis-server');
  const directory = freshDirectory('redis');
  const base = { save: '', appendonly: 'no', daemonize: 'no', 'protected-mode': 'no', loglevel: 'warning' };
  const config: Record<string, string | readonly string[]> = { ...base, ...options.config };
  const directives = Object.entries(config).flatMap(([name, value]) => [`--${name}`, ...[value].flat()]);
  const backend = await startChild({
    directory,
    scheme: 'redis',
    ports: options.busPort === true ? 2 : 1,
    command: (port, busPort) => [
      program,
      ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', directory],
      ...(busPort === undefined ? [] : ['--cluster-port', `${busPort}`]),
      ...directives,
    ],
    ping: pingRedis,
  });
  return Object.assign(backend, { busPort: backend.ports[1] });
}

/** nats-server (core NATS) on a port of its own. */
export async function startNats(options: NatsOptions = {}): Promise<NatsBackend> {
  const program = requireProgram('nats-server');
  const directory = freshDirectory('nats');
  const cluster = options.cluster;
  const launch: Launch = {
    directory,
    scheme: 'nats',
    ports: cluster === undefined ? 1 : 2,
    command: (port, clusterPort) => [
      program,
      ...['--addr', '127.0.0.1', '--port', `${port}`],
      ...(cluster === undefined ? [] : clusterFlags(clusterPort ?? 0, cluster.join ?? [])),
      ...(options.args ?? []),
    ],
    ping: pingNats,
  };
  const backend = await startChild(launch);
  const clusterUrl = cluster === undefined ? undefined : `nats://127.0.0.1:${backend.ports[1]}`;
  return Object.assign(backend, { clusterUrl });
}

function clusterFlags(port: number, join: readonly NatsBackend[]): string[] {
  const flags = ['--cluster_name', 'test', '--cluster', `nats://127.0.0.1:${port}`];
  const routes = join.map((member) => member.clusterUrl).filter((url) => url !== undefined);
  return routes.length === 0 ? flags : [...flags, '--routes', routes.join(',')];
}

function freshDirectory(name: string): string {
  return mkdtempSync(join(tmpdir(), `devmentor-${name}-`));
}
