// A real WebSocket server that says what each test wants, and a connection to it whose time is
// the test's.
import type { AddressInfo } from 'node:net';
import { type WebSocket as ServerSocket, WebSocketServer } from 'ws';
import { LiveConnection, noPage, systemEntropy } from '../src/client.ts';
import { CrankedClock } from './cranked-clock.ts';
import type { ScriptedPage } from './stand.ts';

const stops: (() => void)[] = [];

/** Ends every switchboard and connection made since. */
export function hangUp(): void {
  for (const stop of stops.splice(0)) stop();
}

type Frame = { readonly t: string; readonly id?: number; readonly topics?: string[]; readonly cursors?: object };

export const at = '2026-01-31T09:30:00.000Z';
const limits = { frameBytes: 1, topicsPerFrame: 1, subscriptions: 1, framesPerSecond: 1 };
const welcome = { t: 'welcome', connectionId: 'c', heartbeatMs: 20_000, limits, serverTime: at };

export class Switchboard {
  readonly lines: ServerSocket[] = [];
  readonly frames: Frame[] = [];
  readonly url: string;
  welcomes = true;

  constructor(server: WebSocketServer) {
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (line) => {
      this.lines.push(line);
      line.on('message', (data) => this.frames.push(JSON.parse(String(data)) as Frame));
      if (this.welcomes) this.say(welcome);
    });
  }

  static async open(): Promise<Switchboard> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    stops.push(() => {
      for (const line of server.clients) line.terminate();
      server.close();
    });
    await new Promise((resolve) => server.once('listening', resolve));
    return new Switchboard(server);
  }

  get last(): ServerSocket {
    const line = this.lines.at(-1);
    if (line === undefined) throw new Error('Nobody has connected');
    return line;
  }

  say(frame: object): void {
    this.last.send(JSON.stringify(frame));
  }

  heard(t: string): Frame[] {
    return this.frames.filter((frame) => frame.t === t);
  }
}

export async function connected(options: { page?: ScriptedPage } = {}) {
  const board = await Switchboard.open();
  const clock = new CrankedClock();
  const renewed: string[] = [];
  const bearer = {
    accessToken: async () => 'token',
    renew: async (refused: string) => {
      renewed.push(refused);
      return 'token';
    },
  };
  const page = options.page ?? noPage;
  const entropy = { ...systemEntropy, random: () => 0.5 };
  const connection = new LiveConnection({ url: board.url, WebSocket, clock, entropy, bearer, page });
  stops.push(() => connection.close());
  connection.open();
  await connection.opened();
  return { board, clock, connection, renewed };
}
