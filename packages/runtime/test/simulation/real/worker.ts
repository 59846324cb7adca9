// A worker process: a lock manager and a runtime on Redis and NATS, which does what it is ordered
// over IPC. It ends when whoever started it does.
import { CoordinationError, type Lease, type LockManager, unreachable } from '@devmentor/locks';
import { RedisLink, RedisLockManager } from '@devmentor/locks/redis';
import { createRuntime, type Runtime } from '../../../src/index.ts';
import { openNatsTransport } from '../../../src/nats.ts';
import { redisStores } from '../../../src/redis.ts';
import { Notebook } from './notebook.ts';
import {
  type Answer,
  GIVEN_UP,
  type NumberedOrder,
  type Order,
  type Report,
  type Told,
  type WorkerSettings,
} from './order.ts';
import { Resources, type WriteRequest } from './resource.ts';

const SHARDS = 16;
const SET_TERM_MS = 700;

type OrderTo<Do extends Order['do']> = Extract<Order, { readonly do: Do }>;

class Worker {
  readonly #locks: LockManager;
  readonly #resources: Resources;
  readonly #runtime: Runtime;
  readonly #leases = new Map<string, Lease>();

  constructor(parts: { readonly locks: LockManager; readonly resources: Resources; readonly runtime: Runtime }) {
    this.#locks = parts.locks;
    this.#resources = parts.resources;
    this.#runtime = parts.runtime;
  }

  async answer(order: Order): Promise<Answer> {
    try {
      return await this.#do(order);
    } catch (fault) {
      return answerOf(fault);
    }
  }

  async #do(order: Order): Promise<Answer> {
    switch (order.do) {
      case 'claim':
        return await this.#claim(order);
      case 'renew': {
        const outcome = await this.#leaseOf(order.request).renew();
        if (outcome.kind === 'unavailable') throw outcome.cause;
        // Its deadline passed here, whatever the store has done with the renewal or will yet do.
        if (outcome.kind === 'ended' && outcome.how === 'expired') return { kind: 'unknown', code: GIVEN_UP };
        return ok({ kind: outcome.kind });
      }
      case 'release': {
        const outcome = await this.#leaseOf(order.request).release();
        this.#leases.delete(order.request);
        if (outcome.kind === 'unknown' && outcome.cause !== undefined) throw outcome.cause;
        return ok({ kind: outcome.kind === 'released' ? 'released' : 'ended' });
      }
      case 'inspect': {
        const view = await this.#locks.inspect(order.resource);
        if (view.kind === 'free') return ok({ kind: 'free' });
        return ok({ kind: 'held', by: view.holder.id, fence: view.fence });
      }
      case 'write': {
        const { fence } = this.#leaseOf(order.request);
        return ok(await this.#resources.write(order.register, { value: order.value, fence, by: order.request }));
      }
      case 'read':
        return ok({ kind: 'value', value: await this.#resources.read(order.register) });
      case 'add':
        return await this.#add(order);
      case 'elements':
        return ok({ kind: 'items', items: elementsOf(await this.#resources.read(order.set)) });
      case 'tell': {
        const { note, deadlineMs } = order;
        await this.#runtime.actor(Notebook, order.actor).tell({ type: 'note', note }, { deadlineMs });
        return ok({ kind: 'appended' });
      }
      case 'ask': {
        const { note, deadlineMs } = order;
        const count = await this.#runtime.actor(Notebook, order.actor).ask({ type: 'count', note }, { deadlineMs });
        return ok({ kind: 'appended', at: count - 1 });
      }
      case 'view': {
        const { deadlineMs } = order;
        const view = await this.#runtime.actor(Notebook, order.actor).read({ fresh: true, deadlineMs });
        return ok({ kind: 'items', items: view.context.notes });
      }
      default:
        return unreachable(order);
    }
  }

  async #claim({ resource, request, ttlMs, waitMs }: OrderTo<'claim'>): Promise<Answer> {
    const outcome = await this.#locks.tryAcquire(resource, {
      // A holder of its own for each request, so that everybody can tell whose lease they see.
      holder: { id: request },
      requestId: request,
      ttlMs,
      waitMs,
      renew: 'manual',
    });
    switch (outcome.kind) {
      case 'granted':
        this.#leases.set(request, outcome.lease);
        return ok({ kind: 'granted', fence: outcome.lease.fence });
      case 'busy':
      case 'gone':
        return ok({ kind: 'refused' });
      case 'unavailable':
        throw outcome.cause;
    }
  }

  /** Only the write decides whether the element was added, whatever becomes of the lease. */
  async #add({ set, element, waitMs, thinkMs }: OrderTo<'add'>): Promise<Answer> {
    let answer: Answer = { kind: 'failed', code: 'NOT_WRITTEN' };
    const work = async ({ fence }: Lease): Promise<void> => {
      const before = await this.#resources.readToChange(set, fence);
      if (before === 'stale') return;
      await elapse(thinkMs);
      const value = JSON.stringify([...elementsOf(before.value), element]);
      answer = await this.#put(set, { value, fence, by: element });
    };
    try {
      await this.#locks.withLock(`lock/${set}`, { ttlMs: SET_TERM_MS, waitMs }, work);
    } catch (fault) {
      // Not granted, or lost while it worked.
      if (!(fault instanceof CoordinationError)) throw fault;
    }
    return answer;
  }

  async #put(set: string, request: WriteRequest): Promise<Answer> {
    try {
      const written = await this.#resources.write(set, request);
      return written.kind === 'written' ? ok({ kind: 'appended' }) : { kind: 'failed', code: 'STALE' };
    } catch (fault) {
      return answerOf(fault);
    }
  }

  #leaseOf(request: string): Lease {
    const lease = this.#leases.get(request);
    if (lease === undefined) throw new Error(`no lease was granted here for ${request}`);
    return lease;
  }
}

function ok(value: Told): Answer {
  return { kind: 'ok', value };
}

function answerOf(fault: unknown): Answer {
  if (!(fault instanceof CoordinationError)) throw fault;
  return { kind: fault.applied === 'no' ? 'failed' : 'unknown', code: fault.code };
}

function elementsOf(value: string | null): readonly string[] {
  return value === null ? [] : (JSON.parse(value) as string[]);
}

function elapse(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function report(message: Report): void {
  if (process.connected) process.send?.(message);
}

process.once('disconnect', () => process.exit(1));

const { redis, nats, namespace, id, isGuarded }: WorkerSettings = JSON.parse(process.argv[2] ?? '{}');
const link = RedisLink.open({ redis });
const { state } = redisStores({ link, namespace, shards: SHARDS });
const locks = new RedisLockManager({ redis: link, namespace });
const transport = await openNatsTransport({ nats });
const runtime = createRuntime({
  actors: [Notebook],
  namespace,
  locks,
  state,
  transport,
  node: { id },
  onFault: (fault) => report({ kind: 'fault', message: String(fault) }),
});
await state.open();
await locks.open();
await runtime.start();

const worker = new Worker({ locks, runtime, resources: new Resources(link, { isGuarded }) });
process.on('message', ({ n, order }: NumberedOrder) => {
  worker.answer(order).then(
    (answer) => report({ kind: 'answer', n, answer }),
    (bug: unknown) => {
      const message = bug instanceof Error ? (bug.stack ?? bug.message) : String(bug);
      report({ kind: 'answer', n, answer: { kind: 'bug', message } });
    },
  );
});
report({ kind: 'started' });
