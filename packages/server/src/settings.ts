// Settings
//
// One table drives the flags, the environment names, the file, the help text and the printed
// configuration.

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Setting {
  readonly flag: string;
  readonly env: string;
  readonly kind: 'text' | 'switch';
  readonly value?: string;
  readonly help: string;
  readonly fallback?: string;
  readonly secret?: true;
}

export const SETTINGS = [
  {
    flag: 'port',
    env: 'PORT',
    kind: 'text',
    value: 'N',
    fallback: '8080',
    help: 'port to listen on; 0 takes any free one',
  },
  {
    flag: 'host',
    env: 'HOST',
    kind: 'text',
    value: 'ADDRESS',
    fallback: '127.0.0.1',
    help: 'address to listen on; any but a loopback one needs an auth secret',
  },
  { flag: 'demo', env: 'DEVMENTOR_DEMO', kind: 'switch', help: 'lets guests in and seeds project 123' },
  { flag: 'ui', env: 'DEVMENTOR_UI', kind: 'text', value: 'DIR', help: 'serves the page in DIR' },
  {
    flag: 'redis',
    env: 'REDIS_URL',
    kind: 'text',
    value: 'URL',
    secret: true,
    help: 'keeps everything in Redis, with --postgres only claims and boards; needs --nats too',
  },
  {
    flag: 'nats',
    env: 'NATS_URL',
    kind: 'text',
    value: 'URL',
    secret: true,
    help: 'lets several servers work together; needs --redis too',
  },
  {
    flag: 'data',
    env: 'DEVMENTOR_DATA',
    kind: 'text',
    value: 'DIR',
    help: 'keeps everything in a folder, of which this process is the only user',
  },
  {
    flag: 'postgres',
    env: 'DATABASE_URL',
    kind: 'text',
    value: 'URL',
    secret: true,
    help: 'keeps users, projects and sessions in PostgreSQL 14 or newer; needs --redis and --nats too',
  },
  {
    flag: 'namespace',
    env: 'DEVMENTOR_NAMESPACE',
    kind: 'text',
    value: 'NAME',
    fallback: 'devmentor',
    help: 'keeps deployments on one Redis and NATS apart',
  },
  {
    flag: 'auth-secret',
    env: 'AUTH_SECRET',
    kind: 'text',
    value: 'SECRET',
    secret: true,
    help: 'signs tokens; without it a key is made and kept with the data',
  },
  {
    flag: 'origins',
    env: 'DEVMENTOR_ORIGINS',
    kind: 'text',
    value: 'LIST',
    fallback: '',
    help: "browser origins to accept, by comma, beside this machine's own",
  },
  {
    flag: 'registration',
    env: 'DEVMENTOR_REGISTRATION',
    kind: 'text',
    value: 'on|off',
    fallback: 'on',
    help: 'whether anybody may register',
  },
  {
    flag: 'metrics',
    env: 'DEVMENTOR_METRICS',
    kind: 'text',
    value: 'on|off',
    help: 'whether /metrics is served, to anybody (on for a loopback host, else off)',
  },
  { flag: 'log-level', env: 'LOG_LEVEL', kind: 'text', value: 'LEVEL', fallback: 'info', help: LOG_LEVELS.join(', ') },
  {
    flag: 'config',
    env: 'DEVMENTOR_CONFIG',
    kind: 'text',
    value: 'FILE',
    help: 'JSON file with settings, named like the flags',
  },
  { flag: 'json', env: 'DEVMENTOR_JSON', kind: 'switch', help: 'prints JSON lines' },
] as const satisfies readonly Setting[];

export const COMMANDS = [
  { flag: 'print-config', help: 'prints the settings in force, secrets left out, and ends' },
  { flag: 'check-config', help: 'says whether the settings are good, and ends' },
  { flag: 'help', help: 'prints this and ends' },
  { flag: 'version', help: 'prints the version and ends' },
] as const;

export type Command = 'serve' | (typeof COMMANDS)[number]['flag'];

/** The settings in force, with what must stay secret left out. */
export function redacted(settings: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([flag, value]) => {
      const setting = (SETTINGS as readonly Setting[]).find((one) => one.flag === flag);
      if (setting?.secret !== true) return [flag, value];
      return [flag, setting.value === 'URL' ? withoutLogin(value) : '[redacted]'];
    }),
  );
}

/** Where a URL leads, which helps, without what lets one in. */
function withoutLogin(value: string): string {
  const url = URL.parse(value);
  if (url === null || url.host === '') return '[redacted]';
  const login = url.username !== '' || url.password !== '' ? '[redacted]@' : '';
  return `${url.protocol}//${login}${url.host}${url.pathname}`;
}

export function helpText(): string {
  const rows = [
    ...(SETTINGS as readonly Setting[]).map(({ flag, env, value, help, fallback }) => ({
      left: `  --${flag}${value === undefined ? '' : ` ${value}`}`,
      right: `${help}${fallback === undefined || fallback === '' ? '' : ` (${fallback})`} [${env}]`,
    })),
    ...COMMANDS.map(({ flag, help }) => ({ left: `  --${flag}`, right: help })),
  ];
  const width = Math.max(...rows.map(({ left }) => left.length)) + 2;
  return `devmentor-server [options]

Serves the coordination API: REST under /api/v1, WebSocket at /ws. Without options
everything lives in this process and ends with it.

Options (a flag wins over its [environment name], that over --config, that over the default):
${rows.map(({ left, right }) => left.padEnd(width) + right).join('\n')}

Examples:
  devmentor-server --demo
  devmentor-server --port 0 --json
  AUTH_SECRET=… devmentor-server --host 0.0.0.0 --redis redis://redis:6379 --nats nats://nats:4222
  DATABASE_URL=postgres://user:password@db/devmentor REDIS_URL=… NATS_URL=… devmentor-server

Exit codes: 0 ended in order, 1 failure, 2 usage, 69 backend unreachable at start,
78 bad configuration, 130/143 a second signal cut the drain short.
`;
}
