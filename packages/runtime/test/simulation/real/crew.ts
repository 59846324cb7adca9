// The clients of one workload, some by way of every worker, and the objects that they share.
import { seededEntropy } from '@devmentor/locks';
import {
  ActorsClient,
  ClaimsClient,
  type Client,
  type ClientParts,
  type Input,
  type Key,
  LockSetClient,
  type Workload,
} from './client.ts';
import type { Cluster } from './cluster.ts';
import { Objects } from './objects.ts';
import type { Order } from './order.ts';
import type { Outside } from './outside.ts';

interface Reading {
  readonly key: Key;
  readonly input: Input;
  readonly order: Order;
}

interface Kind {
  readonly perWorker: number;
  readonly objects: { readonly beside: number; readonly uses: number };
  readonly make: (parts: ClientParts) => Client;
  /** How the object of this name is looked at when all is over. */
  readonly readings: (name: string) => readonly Reading[];
}

const READ_DEADLINE_MS = 5_000;
const RETRY_MS = 100;

const KINDS: Readonly<Record<Workload, Kind>> = {
  claims: {
    perWorker: 3,
    objects: { beside: 3, uses: 30 },
    make: (parts) => new ClaimsClient(parts),
    readings: (name) => [
      { key: `lease/${name}`, input: { kind: 'look' }, order: { do: 'inspect', resource: name } },
      { key: `register/${name}`, input: { kind: 'read' }, order: { do: 'read', register: `register/${name}` } },
    ],
  },
  'lock-set': {
    perWorker: 2,
    objects: { beside: 3, uses: 40 },
    make: (parts) => new LockSetClient(parts),
    readings: (name) => [
      { key: `set/${name}`, input: { kind: 'items' }, order: { do: 'elements', set: `set/${name}` } },
    ],
  },
  actors: {
    perWorker: 2,
    objects: { beside: 4, uses: 50 },
    make: (parts) => new ActorsClient(parts),
    readings: (name) => [
      {
        key: `actor/${name}`,
        input: { kind: 'items' },
        order: { do: 'view', actor: name, deadlineMs: READ_DEADLINE_MS },
      },
    ],
  },
};

export interface CrewParts {
  readonly cluster: Cluster;
  readonly outside: Outside;
  readonly seed: number;
}

export class Crew {
  readonly workload: Workload;
  readonly #objects: Objects;
  readonly #clients: readonly Client[];
  readonly #parts: CrewParts;
  #running: Promise<unknown> | undefined;

  constructor(workload: Workload, parts: CrewParts) {
    const { perWorker, objects, make } = KINDS[workload];
    this.workload = workload;
    this.#parts = parts;
    this.#objects = new Objects(workload, objects);
    this.#clients = parts.cluster.workers.flatMap((worker, w) =>
      Array.from({ length: perWorker }, (_, c) =>
        make({
          name: `${worker.id}.${workload}${c + 1}`,
          outside: parts.outside,
          worker,
          objects: this.#objects,
          chance: seededEntropy(parts.seed + w * 1_000 + c * 100 + workload.length),
        }),
      ),
    );
  }

  /** What the resources are called whose writes are guarded and logged. */
  get guarded(): readonly string[] {
    if (this.workload === 'actors') return [];
    const kind = this.workload === 'claims' ? 'register' : 'set';
    return this.#objects.names.map((name) => `${kind}/${name}`);
  }

  begin(): void {
    this.#running = Promise.all(this.#clients.map((client) => client.run()));
  }

  /** Resolves when every client has ended what it had begun. */
  async end(): Promise<void> {
    for (const client of this.#clients) client.end();
    await this.#running;
  }

  /**
   * The last look at every object, one after another by way of different workers; asks again until
   * it is told. Resolves with what could not be read, each within that time.
   */
  async readAll({ withinMs }: { readonly withinMs: number }): Promise<readonly Key[]> {
    const unread: Key[] = [];
    const { cluster, outside } = this.#parts;
    const readings = this.#objects.names.flatMap((name) => KINDS[this.workload].readings(name));
    for (const [i, reading] of readings.entries()) {
      const call = { client: `outside.${this.workload}`, worker: cluster.worker(i), ...reading };
      const untilMs = outside.now() + withinMs;
      let isRead = false;
      while (!isRead && outside.now() < untilMs) {
        isRead = (await outside.ask(call)).kind === 'ok';
        if (!isRead) await outside.elapse(RETRY_MS);
      }
      if (!isRead) unread.push(reading.key);
    }
    return unread;
  }
}
