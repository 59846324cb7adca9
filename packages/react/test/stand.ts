// A real server in this process, tabs that visit it, and a line to it that can be cut.
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import { createServer, type Server } from '@devmentor/server';
import {
  type APIConfig,
  DevMentorAPIClient,
  type PageLifecycle,
  type PageMoment,
  type TabStorage,
} from '../src/client.ts';

/** What a tab remembers; a copy of it is what "duplicate tab" starts with. */
export class MemoryStorage implements TabStorage {
  readonly #values: Map<string, string>;

  constructor(values: Iterable<readonly [string, string]> = []) {
    this.#values = new Map(values);
  }

  getItem = (key: string): string | null => this.#values.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.#values.set(key, value);
  removeItem = (key: string): void => void this.#values.delete(key);
  copy = (): MemoryStorage => new MemoryStorage(this.#values);
}

/** A page whose life the test leads. */
export class ScriptedPage implements PageLifecycle {
  isHidden = false;
  readonly #listeners = new Set<(moment: PageMoment) => void>();

  hidden = (): boolean => this.isHidden;

  on(listener: (moment: PageMoment) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  live(moment: PageMoment): void {
    for (const listener of [...this.#listeners]) listener(moment);
  }
}

export interface Tab {
  readonly client: DevMentorAPIClient;
  readonly storage: MemoryStorage;
  readonly page: ScriptedPage;
  /** `METHOD /path` of everything that was sent. */
  readonly sent: string[];
  /** The same of everything that the server has answered, delayed or not. */
  readonly answered: string[];
  /** Every frame that came over the live connection, as text. */
  readonly heard: string[];
  /** Holds back answers whose request begins like this, until the promise resolves. */
  delay(start: string, until: Promise<void>): void;
}

export class Stand implements AsyncDisposable {
  readonly server: Server;
  readonly #tabs: DevMentorAPIClient[] = [];
  readonly #lines: CuttableLine[] = [];

  private constructor(server: Server) {
    this.server = server;
  }

  static async open(): Promise<Stand> {
    return new Stand(await createServer({ demo: true }));
  }

  /** A tab of somebody: a guest of this name, unless the storage already knows who it is. */
  async tab(name: string, config: APIConfig & { readonly storage?: MemoryStorage } = {}): Promise<Tab> {
    const storage = config.storage ?? new MemoryStorage();
    const page = new ScriptedPage();
    const sent: string[] = [];
    const answered: string[] = [];
    const heard: string[] = [];
    class RecordingWebSocket extends WebSocket {
      constructor(url: string, protocols?: string[]) {
        super(url, protocols);
        this.addEventListener('message', ({ data }) => heard.push(String(data)));
      }
    }
    const delays: { start: string; until: Promise<void> }[] = [];
    const recordingFetch: typeof fetch = async (input, init) => {
      const label = `${init?.method ?? 'GET'} ${new URL(String(input)).pathname}`;
      sent.push(label);
      const answer = await fetch(input, init);
      answered.push(label);
      await delays.find(({ start }) => label.startsWith(start))?.until;
      return answer;
    };
    const client = new DevMentorAPIClient({
      apiGatewayURL: this.server.url,
      fetch: recordingFetch,
      WebSocket: RecordingWebSocket,
      page,
      ...config,
      storage,
    });
    this.#tabs.push(client);
    await client.ready();
    if (client.session.user === undefined) await client.auth.guest(name);
    const delay = (start: string, until: Promise<void>): void => void delays.push({ start, until });
    return { client, storage, page, sent, answered, heard, delay };
  }

  async line(): Promise<CuttableLine> {
    const line = await CuttableLine.to(new URL(this.server.url));
    this.#lines.push(line);
    return line;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const tab of this.#tabs) tab.close();
    await Promise.all(this.#lines.map((line) => line.close()));
    await this.server.close();
  }
}

/** A TCP relay in front of the server. */
export class CuttableLine {
  readonly url: string;
  readonly #server: ReturnType<typeof createTcpServer>;
  readonly #sockets: Set<Socket>;
  readonly #gate: { isOpen: boolean };

  private constructor(
    url: string,
    server: ReturnType<typeof createTcpServer>,
    sockets: Set<Socket>,
    gate: { isOpen: boolean },
  ) {
    this.url = url;
    this.#server = server;
    this.#sockets = sockets;
    this.#gate = gate;
  }

  static to(target: URL): Promise<CuttableLine> {
    const sockets = new Set<Socket>();
    const gate = { isOpen: true };
    const server = createTcpServer((near) => {
      if (!gate.isOpen) return near.destroy();
      const far = connect(Number(target.port), target.hostname);
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far).pipe(near);
    });
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        const port = typeof address === 'object' && address !== null ? address.port : 0;
        resolve(new CuttableLine(`http://127.0.0.1:${port}`, server, sockets, gate));
      });
    });
  }

  /** Ends what runs over it, and refuses what comes, until it is mended. */
  cut(): void {
    this.#gate.isOpen = false;
    for (const socket of [...this.#sockets]) socket.destroy();
  }

  mend(): void {
    this.#gate.isOpen = true;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A promise and the way to keep it. */
export function promised(): { readonly promise: Promise<void>; keep(): void } {
  let keep = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    keep = resolve;
  });
  return { promise, keep: () => keep() };
}
