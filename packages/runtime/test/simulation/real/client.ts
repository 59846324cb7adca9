// What a client of each workload does, over and over, until it is told to end.
import type { Entropy } from '@devmentor/locks';
import type { LeaseInput, LogInput } from '../../../src/simulation/index.ts';
import type { FencedInput } from './fenced-register.ts';
import type { Objects } from './objects.ts';
import { type Answer, GIVEN_UP, type Order } from './order.ts';
import type { Outside } from './outside.ts';
import type { WorkerProcess } from './worker-process.ts';

export const WORKLOADS = ['claims', 'lock-set', 'actors'] as const;
export type Workload = (typeof WORKLOADS)[number];

/** Whose operations: of the leases, of the registers behind them, of the sets, of the actors. */
export type Key = `lease/${string}` | `register/${string}` | `set/${string}` | `actor/${string}`;

/** What is written down of what was asked. */
export type Input = LeaseInput | FencedInput | LogInput;

export interface ClientParts {
  readonly name: string;
  readonly outside: Outside;
  readonly worker: WorkerProcess;
  readonly objects: Objects;
  readonly chance: Entropy;
}

const ACTOR_DEADLINE_MS = 5_000;
/** Shorter than any stop, so that the next holder always comes before the stopped one goes on. */
const TERMS_MS = [400, 700, 1_200] as const;

export abstract class Client {
  protected readonly chance: Entropy;
  protected readonly worker: WorkerProcess;
  protected readonly objects: Objects;
  readonly #name: string;
  readonly #outside: Outside;
  #names = 0;
  #isOver = false;

  constructor({ name, outside, worker, objects, chance }: ClientParts) {
    this.#name = name;
    this.#outside = outside;
    this.worker = worker;
    this.objects = objects;
    this.chance = chance;
  }

  /** Resolves when it was told to end and what it had begun has ended. */
  async run(): Promise<void> {
    while (!this.#isOver) {
      if (this.worker.isUp) await this.turn();
      await this.pause(2, 20);
    }
  }

  end(): void {
    this.#isOver = true;
  }

  protected abstract turn(): Promise<void>;

  protected ask(key: Key, input: Input, order: Order): Promise<Answer> {
    return this.#outside.ask({ client: this.#name, worker: this.worker, key, input, order });
  }

  /** What the client knows of an object, and asked of nobody. */
  protected note(key: Key, input: Extract<Input, { kind: 'lost' }>): void {
    this.#outside.note({ client: this.#name, worker: this.worker, key, input });
  }

  protected freshName(): string {
    return `${this.#name}.${++this.#names}`;
  }

  protected isLucky(share: number): boolean {
    return this.chance.random() < share;
  }

  protected pause(fromMs: number, toMs: number): Promise<void> {
    return this.#outside.elapse(fromMs + this.chance.random() * (toMs - fromMs));
  }
}

/** Claims, and under what it was granted writes a register; renews, looks, releases or forgets to. */
export class ClaimsClient extends Client {
  protected override async turn(): Promise<void> {
    const object = this.objects.use(this.chance);
    if (this.isLucky(0.15)) {
      await this.ask(`lease/${object}`, { kind: 'look' }, { do: 'inspect', resource: object });
      return;
    }
    const request = this.freshName();
    const { incarnation } = this.worker;
    const ttlMs = TERMS_MS[Math.floor(this.chance.random() * TERMS_MS.length)] ?? TERMS_MS[0];
    const fence = await this.#claim(object, request, ttlMs);
    if (fence === undefined) return;
    const isHere = (): boolean => this.worker.isUp && this.worker.incarnation === incarnation;
    for (let steps = Math.floor(this.chance.random() * 6); steps > 0 && isHere(); steps--) {
      await this.#work(object, { request, fence, ttlMs });
      // Now and then longer than it has the lease for.
      await (this.isLucky(0.03) ? this.pause(ttlMs, ttlMs * 2) : this.pause(1, 60));
    }
    if (isHere() && this.isLucky(0.85))
      await this.ask(`lease/${object}`, { kind: 'release', fence }, { do: 'release', request });
  }

  async #claim(object: string, request: string, ttlMs: number): Promise<string | undefined> {
    const waitMs = this.isLucky(0.6) ? 500 : 0;
    for (let attempt = 0; attempt < 2 && this.worker.isUp; attempt++) {
      const order: Order = { do: 'claim', resource: object, request, ttlMs, waitMs };
      const answer = await this.ask(
        `lease/${object}`,
        { kind: 'claim', by: request, request, ttlMs, waits: waitMs > 0 },
        order,
      );
      if (answer.kind === 'ok') {
        return answer.value.kind === 'granted' ? answer.value.fence : undefined;
      }
      // By the same name it never gets a second grant.
      if (answer.kind !== 'unknown') return undefined;
    }
    return undefined;
  }

  async #work(object: string, lease: { request: string; fence: string; ttlMs: number }): Promise<void> {
    const { request, fence, ttlMs } = lease;
    const lot = this.chance.random();
    if (lot < 0.55) {
      const value = this.freshName();
      const order: Order = { do: 'write', register: `register/${object}`, request, value };
      await this.ask(`register/${object}`, { kind: 'write', fence, value }, order);
    } else if (lot < 0.8) {
      await this.ask(`register/${object}`, { kind: 'read' }, { do: 'read', register: `register/${object}` });
    } else {
      const answer = await this.ask(`lease/${object}`, { kind: 'renew', fence, ttlMs }, { do: 'renew', request });
      if (answer.kind === 'unknown' && answer.code === GIVEN_UP) this.note(`lease/${object}`, { kind: 'lost', fence });
    }
  }
}

/** Adds elements to a set that a lock guards, and reads it. */
export class LockSetClient extends Client {
  protected override async turn(): Promise<void> {
    const set = `set/${this.objects.use(this.chance)}` as const;
    if (this.isLucky(0.35)) {
      await this.ask(set, { kind: 'items' }, { do: 'elements', set });
      return;
    }
    const element = this.freshName();
    const thinkMs = Math.round(5 + this.chance.random() * 60);
    await this.ask(set, { kind: 'append', item: element }, { do: 'add', set, element, waitMs: 600, thinkMs });
  }
}

/** Tells notes to durable actors, asks them, and reads them at their owners. */
export class ActorsClient extends Client {
  protected override async turn(): Promise<void> {
    const name = this.objects.use(this.chance);
    const key = `actor/${name}` as const;
    const deadlineMs = ACTOR_DEADLINE_MS;
    if (this.isLucky(0.35)) {
      await this.ask(key, { kind: 'items' }, { do: 'view', actor: name, deadlineMs });
      return;
    }
    const note = this.freshName();
    const how = this.isLucky(0.5) ? 'tell' : 'ask';
    await this.ask(key, { kind: 'append', item: note }, { do: how, actor: name, note, deadlineMs });
  }
}
