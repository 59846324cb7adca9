// Store lines
//
// The product's ports as a node of the world sees them: each method is a call over a line to the one
// memory store behind it. What is a write is said here, so that a failover knows what it may lose.
import type { LeaseStore, PermitStore } from '@devmentor/locks';
import type { LogStore } from '../log-store.ts';
import type { RecordStore } from '../record-store.ts';
import type { StateStore } from '../state-store.ts';
import type { CallLine } from './call-line.ts';
import type { Services } from './services.ts';

const always = (): boolean => true;
const never = (): boolean => false;

export function stateLine(line: CallLine, services: Services): StateStore {
  const { state } = services;
  return {
    shards: services.shards,
    open: async () => {},
    close: async () => {},
    ownership: (shards) => line.call('ownership', () => state.store.state.ownership(shards)),
    seal: (shard, by, expects) =>
      line.call(`seal ${shard}`, () =>
        state.write(
          ({ state }) => state.seal(shard, by, expects),
          ({ kind }) => kind === 'sealed',
        ),
      ),
    yield: (shard, epoch) =>
      line.call(`yield ${shard}`, () => state.write(({ state }) => state.yield(shard, epoch), always)),
    confirm: (shard, epoch) => line.call(`confirm ${shard}`, () => state.store.state.confirm(shard, epoch)),
    load: (shard, epoch, id) => line.call(`load ${id}`, () => state.store.state.load(shard, epoch, id)),
    commit: (shard, epoch, commits) =>
      line.call(`commit ${commits.map(({ id, commitId }) => `${id} ${commitId}`).join(', ')}`, () =>
        state.write(
          ({ state }) => state.commit(shard, epoch, commits),
          (answer) => answer.kind === 'outcomes' && answer.outcomes.some(({ kind }) => kind === 'committed'),
        ),
      ),
    pending: (shard, epoch) =>
      line.call(`pending ${shard}`, async () => inOrder(await state.store.state.pending(shard, epoch))),
    peek: (id) => line.call(`peek ${id}`, () => state.store.state.peek(id)),
    admit: (id, fence) =>
      line.call(`admit ${id} ${fence}`, () =>
        state.write(
          ({ state }) => state.admit(id, fence),
          ({ kind }) => kind === 'admitted',
        ),
      ),
    guard: (id) => line.call(`guard ${id}`, () => state.store.state.guard(id)),
  };
}

type Pending = Awaited<ReturnType<StateStore['pending']>>;

/** No store promises an order of what is pending, and a real one takes another each time it starts. */
function inOrder(answer: Pending): Pending {
  if (answer.kind !== 'pending') return answer;
  const timers = answer.timers.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  return { ...answer, timers, outboxes: answer.outboxes.toSorted() };
}

export function logLine(line: CallLine, { state }: Services): LogStore {
  return {
    append: (topic, events) =>
      line.call(`append ${topic}`, () => state.write(({ log }) => log.append(topic, events), always)),
    read: (topic, after, limit) => line.call(`read ${topic}`, () => state.store.log.read(topic, after, limit)),
    last: (topic) => line.call(`last ${topic}`, () => state.store.log.last(topic)),
    close: async () => {},
  };
}

export function recordLine(line: CallLine, { state }: Services): RecordStore {
  return {
    get: (key) => line.call(`get ${key}`, () => state.store.records.get(key)),
    put: (key, value, options) =>
      line.call(`put ${key}`, () =>
        state.write(
          ({ records }) => records.put(key, value, options),
          ({ kind }) => kind === 'written',
        ),
      ),
    delete: (key) => line.call(`delete ${key}`, () => state.write(({ records }) => records.delete(key), always)),
    list: (prefix, options) => line.call(`list ${prefix}`, () => state.store.records.list(prefix, options)),
    close: async () => {},
  };
}

export function leaseLine(line: CallLine, services: Services, commandTimeoutMs: number): LeaseStore {
  const { locks } = services;
  return {
    buckets: locks.store.leases.buckets,
    commandTimeoutMs,
    open: async () => {},
    submit: (command) =>
      line.call(`${command.kind} ${command.resource}`, () =>
        locks.write(
          ({ leases }) => leases.submit(command),
          () => command.kind !== 'inspect',
        ),
      ),
    sweep: () => line.call('sweep', () => locks.write(({ leases }) => leases.sweep(), never)),
    bucketOf: (resource) => locks.store.leases.bucketOf(resource),
    list: (query) => line.call(`list ${query.prefix}`, () => locks.store.leases.list(query)),
    readLog: (bucket, after, limit) =>
      line.call(`read ${bucket}`, () => locks.store.leases.readLog(bucket, after, limit)),
    listen: (listener, onNotice) =>
      line.call('listen', () =>
        services.listen((store) =>
          store.leases.listen(listener, (notice) => line.notify('notice', () => onNotice(notice))),
        ),
      ),
    hints: (bucket, onHint) =>
      line.call('hints', () =>
        services.listen((store) => store.leases.hints(bucket, () => line.notify('hint', onHint))),
      ),
    close: async () => {},
  };
}

export function permitLine(line: CallLine, services: Services): PermitStore {
  const { locks } = services;
  return {
    submit: (command) =>
      line.call(`${command.kind} ${command.resource}`, () =>
        locks.write(
          ({ permits }) => permits.submit(command),
          () => command.kind !== 'inspect',
        ),
      ),
    sweep: () => line.call('sweep', () => locks.write(({ permits }) => permits.sweep(), never)),
    list: (query) => line.call(`list ${query.prefix}`, () => locks.store.permits.list(query)),
    logs: locks.store.permits.logs,
    readLog: (log, after, limit) => line.call(`read ${log}`, () => locks.store.permits.readLog(log, after, limit)),
    listen: (listener, onNotice) =>
      line.call('listen', () =>
        services.listen((store) =>
          store.permits.listen(listener, (notice) => line.notify('notice', () => onNotice(notice))),
        ),
      ),
  };
}
