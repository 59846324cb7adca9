import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Stands between a client and its PostgreSQL, and swallows answers. */
export class PostgresProxy implements AsyncDisposable {
  readonly url: string;
  readonly #server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #swallow: { readonly done: () => void } | undefined;

  private constructor(url: string, server: ReturnType<typeof createServer>) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    this.url = url.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port}`);
    server.on('connection', (client) => this.#join(client, Number(new URL(url).port)));
  }

  static async before(url: string): Promise<PostgresProxy> {
    const server = createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new PostgresProxy(url, server);
  }

  /** The next answer of the server is not passed on, and its connection is cut. Resolves when that has happened. */
  loseNextAnswer(): Promise<void> {
    return new Promise((done) => {
      this.#swallow = { done };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, port: number): void {
    const server = connect({ host: '127.0.0.1', port, noDelay: true });
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    const cut = (): void => {
      this.#pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on('error', cut).on('close', cut);
    client.on('data', (chunk) => server.write(chunk));
    server.on('data', (chunk) => {
      const swallow = this.#swallow;
      if (swallow === undefined) client.write(chunk);
      else {
        this.#swallow = undefined;
        cut();
        swallow.done();
      }
    });
  }
}
