// A client of the wire for the tests: fetch and WebSocket, and no code of the server's.
import { type ClaimToken, type ProblemDetails, type Project, problemSchema } from '@devmentor/contracts';
import { expect } from 'vitest';
import { WebSocket } from 'ws';

export interface Reply<Body = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
  readonly text: string;
}

export interface Ask {
  readonly method?: string;
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export class Client {
  readonly url: string;
  readonly token: string | undefined;

  constructor(url: string, token?: string) {
    this.url = url;
    this.token = token;
  }

  at(url: string): Client {
    return new Client(url, this.token);
  }

  async ask<Body = unknown>(
    path: string,
    { method = 'GET', body, raw, headers, signal }: Ask = {},
  ): Promise<Reply<Body>> {
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await fetch(`${this.url}${path.startsWith('/') ? path : `/api/v1/${path}`}`, {
      method,
      headers: {
        ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
        ...(content !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(content !== undefined && { body: content }),
      ...(signal !== undefined && { signal }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (isJson ? JSON.parse(text) : text) as Body,
    };
  }

  post<Body = unknown>(
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Reply<Body>> {
    return this.ask(path, { method: 'POST', body, headers });
  }

  claim(
    projectId: string,
    body: object = {},
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Reply<ClaimToken>> {
    return this.post(`projects/${projectId}/claim`, body, headers);
  }

  async claimed(projectId: string, body: object = {}): Promise<ClaimToken> {
    return good(await this.claim(projectId, body));
  }

  release(projectId: string, claimToken: string): Promise<Reply<{ outcome: string }>> {
    return this.post(`projects/${projectId}/release`, { claimToken });
  }

  async project(data: object = { name: 'Press' }): Promise<Project> {
    return good(await this.post<Project>('projects', data));
  }

  patch(projectId: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Reply<Project>> {
    return this.ask(`projects/${projectId}`, { method: 'PATCH', body, headers });
  }
}

export interface SignedIn {
  readonly client: Client;
  readonly userId: string;
  readonly displayName: string;
}

export async function guest(url: string, name?: string): Promise<SignedIn> {
  const { accessToken, user } = good(
    await new Client(url).post<{ accessToken: string; user: { id: string; displayName: string } }>(
      'auth/guest',
      name === undefined ? {} : { name },
    ),
  );
  return { client: new Client(url, accessToken), userId: user.id, displayName: user.displayName };
}

/** Reads again and again until what is expected of it holds. */
export function eventually<T>(read: () => T | Promise<T>) {
  return expect.poll(read, { timeout: 10_000, interval: 20 });
}

export function good<Body>(reply: Reply<Body>): Body {
  if (reply.status >= 300) throw new Error(`answered ${reply.status}: ${reply.text}`);
  return reply.body;
}

/** The problem document of a refusal, checked against the contract's form. */
export function problem(reply: Reply): ProblemDetails {
  if (reply.headers.get('content-type')?.startsWith('application/problem+json') !== true)
    throw new Error(`not a problem: ${reply.status} ${reply.text}`);
  const document = problemSchema.parse(reply.body);
  if (document.status !== reply.status)
    throw new Error(`the status ${reply.status} and the document differ: ${reply.text}`);
  return document;
}

export type Frame = { readonly t: string; readonly id?: string | number; readonly [member: string]: unknown };

/** A WebSocket whose frames are kept until somebody asks for them. */
export class Line {
  readonly #socket: WebSocket;
  readonly #frames: Frame[] = [];
  readonly #waiting: { readonly wanted: (frame: Frame) => boolean; readonly take: (frame: Frame) => void }[] = [];
  readonly closed: Promise<number>;
  #ids = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as Frame;
      const at = this.#waiting.findIndex(({ wanted }) => wanted(frame));
      const [waiting] = at < 0 ? [] : this.#waiting.splice(at, 1);
      if (waiting === undefined) this.#frames.push(frame);
      else waiting.take(frame);
    });
  }

  static async open(
    url: string,
    token: string | undefined,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Line> {
    const protocols = token === undefined ? ['devmentor.v1'] : ['devmentor.v1', `bearer.${token}`];
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, protocols, { headers });
    const line = new Line(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('unexpected-response', (_request, response) => reject(new Error(`refused ${response.statusCode}`)));
      socket.once('error', reject);
    });
    return line;
  }

  send(frame: object | string): void {
    this.#socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** Sends with an id and resolves with the answer to it. */
  ask(frame: object): Promise<Frame> {
    this.#ids += 1;
    const id = this.#ids;
    this.send({ ...frame, id });
    return this.next(
      (answer) => answer.id === id && (answer.t === 'ok' || answer.t === 'error' || answer.t === 'pong'),
    );
  }

  /** The first frame, come or to come, that is wanted; it is taken out. */
  next(wanted: string | ((frame: Frame) => boolean)): Promise<Frame> {
    const fits = typeof wanted === 'string' ? (frame: Frame) => frame.t === wanted : wanted;
    const at = this.#frames.findIndex(fits);
    const [found] = at < 0 ? [] : this.#frames.splice(at, 1);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((take) => this.#waiting.push({ wanted: fits, take }));
  }

  event(type: string): Promise<Frame> {
    return this.next((frame) => frame.t === 'event' && frame.type === type);
  }

  async subscribe(topic: string, cursor?: unknown): Promise<Frame> {
    this.send({ t: 'subscribe', topics: [topic], ...(cursor !== undefined && { cursors: { [topic]: cursor } }) });
    return this.next((frame) => frame.t === 'subscribed' && frame.topic === topic);
  }

  get socket(): WebSocket {
    return this.#socket;
  }

  close(): void {
    this.#socket.close();
  }
}
