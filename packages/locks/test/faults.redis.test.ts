import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as elapse } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import type { Lease } from '../src/index.ts';
import { RedisLockManager } from '../src/redis.ts';
import { type FaultProxy, type PassingRequest, startFaultProxy } from '../src/testing.ts';

const press = 'project:press';
const ada = { id: 'ada' };
const bob = { id: 'bob' };
const COMMAND_TIMEOUT_MS = 300;

/** A call of a script about this resource, whatever the script is. */
const about =
  (resource: string) =>
  ({ command, text }: PassingRequest): boolean =>
    command.startsWith('eval') && text.includes(resource);

describe('locks behind a bad network', () => {
  let redis: Backend;
  let direct: Redis;
  let proxy: FaultProxy;
  let namespace = '';
  let tests = 0;
  let managers: RedisLockManager[];
  let children: ChildProcess[];
  /** Reaches Redis through the proxy. */
  let locks: RedisLockManager;
  /** Another process, with a good network. */
  let others: RedisLockManager;

  beforeAll(async () => {
    redis = await startRedis();
    direct = new Redis(redis.url);
  });
  afterAll(async () => {
    direct.disconnect();
    await redis.stop();
  });
  beforeEach(async () => {
    tests += 1;
    namespace = `net${tests}`;
    managers = [];
    children = [];
    proxy = await startFaultProxy({ to: redis.url });
    locks = open(proxy.url);
    others = open(redis.url);
    // The scripts are known to the server, and the links are up, before anything goes wrong.
    for (const manager of managers) await (await manager.acquire('warm-up', { waitMs: 5_000 })).release();
  });
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    proxy.heal();
    proxy.reset();
    await Promise.all(managers.map((manager) => manager.close()));
    await proxy.close();
  });

  function open(url: string, commandTimeoutMs = COMMAND_TIMEOUT_MS): RedisLockManager {
    const manager = new RedisLockManager({ redis: url, namespace, commandTimeoutMs });
    managers.push(manager);
    return manager;
  }

  function child(script: string, ...args: readonly string[]): ChildProcess {
    const file = fileURLToPath(new URL(`children/${script}`, import.meta.url));
    const started = spawn(process.execPath, ['--conditions=@devmentor/source', file, redis.url, namespace, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(started);
    return started;
  }
  const firstLine = async (started: ChildProcess): Promise<unknown> =>
    (await once(createInterface({ input: started.stdout as NodeJS.ReadableStream }), 'line'))[0];

  const aborted = (signal: AbortSignal): Promise<number> =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(performance.now()), { once: true });
    });
  const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 8_000, interval: 5 });
  const types = async (): Promise<string[]> => {
    const { events } = await others.log.read(others.log.bucketOf(press), 'start', 100);
    return events.filter((event) => event.resource === press).map((event) => event.type);
  };
  /** What goes over the wire about the resource from here on. */
  const overheard = (): PassingRequest[] => {
    const requests: PassingRequest[] = [];
    proxy.observe((request) => {
      if (about(press)(request)) requests.push(request);
    });
    return requests;
  };

  it('[PF2] an answer to a renewal that comes after the local deadline revives nothing, and blocks nobody', async () => {
    const lease = await locks.acquire(press, { holder: ada, ttlMs: 250, renew: 'manual' });
    const { signal } = lease;
    await elapse(100);
    const held = proxy.next(about(press), { kind: 'hold', what: 'reply' });
    const renewal = lease.renew();
    await held.reached;
    await aborted(signal);
    const next = others.acquire(press, { holder: bob, waitMs: 5_000 });
    held.release();
    expect(await renewal).toMatchObject({ kind: 'ended', how: 'expired' });
    expect(lease.valid).toBe(false);
    expect((await next).valid).toBe(true);
    // The store had extended it; nobody waits until that term has run out.
    expect(await types()).toContain('released');
    expect(await types()).not.toContain('expired');
  });

  it('[RL4] a client with ioredis’s own settings lends them, and none of its requests is sent twice', async () => {
    const client = new Redis(proxy.url, { keyPrefix: 'lent:' });
    const lent = new RedisLockManager({ redis: client, namespace, commandTimeoutMs: COMMAND_TIMEOUT_MS });
    managers.push(lent);
    const lease = await lent.acquire(press, { holder: ada });
    expect(await direct.keys('lent:*:lock:*')).toHaveLength(1);
    const requests = overheard();
    proxy.next(about(press), { kind: 'lose-reply' });
    expect(await lease.release()).toMatchObject({ kind: 'unknown', cause: { code: 'REPLY_LOST' } });
    expect(await lent.inspect(press)).toMatchObject({ kind: 'free' });
    expect(requests).toHaveLength(2);
    await lent.close();
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
  });

  it('[PF3] a release that overtakes a renewal held by the network ends the lease for good', async () => {
    const lease = await locks.acquire(press, { holder: ada, ttlMs: 5_000 });
    const held = proxy.next(about(press), { kind: 'hold', what: 'request' });
    const renewal = lease.renew();
    await held.reached;
    const release = lease.release();
    held.release();
    expect(await release).toEqual({ kind: 'released' });
    await renewal;
    expect(await others.inspect(press)).toMatchObject({ kind: 'free' });
    expect(lease.state).toBe('released');
  });

  it('[PF3] after close the server sees no connection and no subscription, and the process ends by itself', async () => {
    const started = child('comes-and-goes.ts');
    const ended = once(started, 'exit');
    expect(await firstLine(started)).toBe('closed');
    const closedMs = performance.now();
    expect(await ended).toEqual([0, null]);
    expect(performance.now() - closedMs).toBeLessThan(3_000);
    // What is remembered of its lease leaves by itself, once anybody has swept.
    const records = async () => (await direct.keys(`${namespace}:*`)).filter((key) => key.includes('gate'));
    expect(await records()).toHaveLength(1);
    await eventually(async () => direct.pttl((await records())[0] ?? '')).toBeGreaterThan(0);
    await Promise.all(managers.map((manager) => manager.close()));
    await eventually(async () => (await direct.pubsub('CHANNELS')) as string[]).toEqual([]);
    await eventually(
      async () =>
        String(await direct.client('LIST'))
          .trim()
          .split('\n').length,
    ).toBe(1);
  });

  it.each([
    ['black-holed', (fault: FaultProxy) => fault.blackHole()],
    ['deaf: requests pass, replies do not', (fault: FaultProxy) => fault.blackHole({ direction: 'replies' })],
    ['half-open', (fault: FaultProxy) => fault.halfOpen('server')],
    [
      'cut',
      (fault: FaultProxy) => {
        fault.refuse();
        fault.cut();
      },
    ],
  ])('[PF7] with its link %s a holder is unsure at once and stops at its deadline', async (_how, fail) => {
    const lease = await locks.acquire(press, { holder: ada, ttlMs: 1_000 });
    const { signal } = lease;
    const states = new Set<string>();
    const deadlineMs = performance.now() + lease.remainingMs();
    const atMs = aborted(signal);
    // On a busy machine any timer is late; ours may not be later than others.
    const punctualMs = elapse(lease.remainingMs()).then(() => performance.now());
    fail(proxy);
    if (proxy.connections > 0) proxy.blackHole();
    const sampling = setInterval(() => {
      if (!signal.aborted) states.add(lease.state);
    }, 5);
    expect(await atMs).toBeGreaterThan(deadlineMs - 50);
    expect(await atMs).toBeLessThan((await punctualMs) + 50);
    clearInterval(sampling);
    expect([...states]).toContain('suspended');
    expect(lease).toMatchObject({ valid: false, lossReason: 'unreachable' });
    const next = await others.acquire(press, { holder: bob, waitMs: 5_000 });
    expect(next.fence > lease.fence).toBe(true);
    // All that the holder sent meanwhile arrives now.
    proxy.heal();
    await eventually(() => locks.inspect(press).then((view) => view.kind)).toBe('held');
    expect(await others.inspect(press)).toMatchObject({ holder: bob, fence: next.fence });
    expect(await next.renew()).toMatchObject({ kind: 'renewed' });
  });

  it('[PF8] a lost reply to a claim: one more round trip brings the same grant, its term counted from the grant', async () => {
    const patient = open(proxy.url, 3_000);
    await patient.open();
    const requests = overheard();
    const lost = proxy.next(about(press), { kind: 'lose-reply' });
    const asked = patient.acquire(press, { holder: ada, ttlMs: 5_000 });
    await lost.reached;
    const grantedMs = performance.now();
    const { fence } = (await others.inspect(press)) as { readonly fence: string };
    proxy.refuse();
    await elapse(150);
    proxy.heal();
    const lease = await asked;
    expect(lease).toMatchObject({ fence, valid: true });
    expect(requests).toHaveLength(2);
    expect(lease.remainingMs() + (performance.now() - grantedMs)).toBeLessThanOrEqual(5_000);
    expect(await types()).toEqual(['claimed']);
  });

  it('[PF8] a reply lost in silence is unknown; the same request id finds the grant', async () => {
    const claim = { holder: ada, ttlMs: 5_000, requestId: 'once' };
    const lost = proxy.next(about(press), { kind: 'lose-reply', ending: 'silence' });
    const asked = locks.tryAcquire(press, claim);
    await lost.reached;
    const grantedMs = performance.now();
    expect(await asked).toMatchObject({ kind: 'unavailable', cause: { applied: 'unknown' } });
    proxy.reset();
    await eventually(() => locks.inspect(press).then((view) => view.kind)).toBe('held');
    const requests = overheard();
    const lease = await locks.acquire(press, claim);
    expect(requests).toHaveLength(1);
    expect(lease.remainingMs() + (performance.now() - grantedMs)).toBeLessThanOrEqual(5_000);
    expect(await types()).toEqual(['claimed']);
  });

  it.each([0, 400])(
    '[PF8] a grant that nobody can name is given back as soon as the link is back (waited %s ms for it)',
    async (waitMs) => {
      const lost = proxy.next(about(press), { kind: 'lose-reply', ending: 'silence' });
      const asked = locks.tryAcquire(press, { holder: ada, ttlMs: 60_000, waitMs });
      await lost.reached;
      proxy.refuse();
      expect(await asked).toMatchObject({ kind: 'unavailable' });
      // Longer than any one request is waited for.
      await elapse(4 * COMMAND_TIMEOUT_MS);
      expect(await others.inspect(press)).toMatchObject({ holder: ada });
      proxy.heal();
      expect((await others.acquire(press, { holder: bob, waitMs: 10_000 })).valid).toBe(true);
    },
  );

  it('[PF8] claims, renewals and releases that the network doubles have one effect each', async () => {
    proxy.next(about(press), { kind: 'duplicate' });
    const lease = await locks.acquire(press, { holder: ada, ttlMs: 5_000 });
    const waiting = others.acquire(press, { holder: bob, waitMs: 5_000 });
    await eventually(() => others.inspect(press).then((view) => view.queue)).toBe(1);
    proxy.next(about(press), { kind: 'duplicate' });
    expect(await lease.renew()).toMatchObject({ kind: 'renewed', view: { fence: lease.fence } });
    proxy.next(about(press), { kind: 'duplicate' });
    expect(await lease.release()).toEqual({ kind: 'released' });
    const next = await waiting;
    expect(await next.renew()).toMatchObject({ kind: 'renewed' });
    expect(await types()).toEqual(['claimed', 'released', 'offered', 'claimed']);
  });

  it.each(['released', 'lapsed and swept'])(
    '[PF8] a claim that the network delivers once more when its lease was %s is granted nothing',
    async (end) => {
      let first = '';
      // Watches, and lets everything pass.
      proxy.next(
        ({ command, text }) => {
          if (first === '' && command.startsWith('eval') && text.includes(press)) first = text;
          return false;
        },
        { kind: 'duplicate' },
      );
      const lease = await locks.acquire(press, { holder: ada, ttlMs: 60, renew: 'manual' });
      if (end === 'released') await lease.release();
      else await eventually(() => types()).toEqual(['claimed', 'expired']);
      const late = connect(Number(new URL(redis.url).port), '127.0.0.1');
      late.write(first);
      await once(late, 'data');
      late.destroy();
      expect(await others.inspect(press)).toMatchObject({ kind: 'free' });
      expect((await types()).filter((type) => type === 'claimed')).toHaveLength(1);
    },
  );

  it('[PF8] claims that a black hole delivers late leave nothing held', async () => {
    proxy.blackHole();
    expect(await locks.tryAcquire(press, { holder: ada })).toMatchObject({ kind: 'unavailable' });
    proxy.heal();
    await eventually(() => others.tryAcquire(press, { holder: bob }).then((outcome) => outcome.kind)).toBe('granted');
  });

  it('[RL2] [PF8] a claim made in the moment in which the link breaks is granted by the next link', async () => {
    for (let round = 0; round < 30; round += 1) {
      proxy.reset();
      for (let turn = 0; turn < round % 6; turn += 1) await new Promise(setImmediate);
      const outcome = await locks.tryAcquire(press, { holder: ada });
      if (outcome.kind !== 'granted') throw outcome.kind === 'unavailable' ? outcome.cause : new Error(outcome.kind);
      await eventually(() => locks.release({ resource: press, leaseId: outcome.lease.leaseId })).toMatchObject({
        kind: expect.stringMatching('released|already'),
      });
    }
  });

  it('[RL1] [PF9] after SCRIPT FLUSH the same attempt brings the script along, once', async () => {
    await direct.script('FLUSH');
    const requests = overheard();
    await locks.acquire(press, { holder: ada });
    expect(requests.map(({ command }) => command)).toEqual(['evalsha', 'eval']);
    expect(await types()).toEqual(['claimed']);
    await direct.script('FLUSH');
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, n) => locks.tryAcquire(`many:${n}`, { holder: ada })),
    );
    expect(outcomes.every((outcome) => outcome.kind === 'granted' && outcome.fresh)).toBe(true);
  });

  it.each([
    "READONLY You can't write against a read only replica.",
    'LOADING Redis is loading the dataset in memory',
    'CLUSTERDOWN The cluster is down',
    'TRYAGAIN Multiple keys request during rehashing of slot',
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    'NOREPLICAS Not enough good replicas to write.',
    "OOM command not allowed when used memory > 'maxmemory'.",
    'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.',
    'BUSY Redis is busy running a script.',
  ])('[PF9] a server that answers %s is unavailable; who waits outlasts it', async (error) => {
    const refuse = () => proxy.next(about(press), { kind: 'answer', reply: `-${error}` });
    refuse();
    expect(await locks.tryAcquire(press, { holder: ada })).toMatchObject({
      kind: 'unavailable',
      cause: { code: 'STORE_UNAVAILABLE', applied: 'no' },
    });
    expect(await types()).toEqual([]);
    refuse();
    const lease = await locks.acquire(press, { holder: ada, ttlMs: 5_000, waitMs: 5_000 });
    refuse();
    expect(await lease.renew()).toMatchObject({ kind: 'unavailable', cause: { applied: 'no' } });
    expect(lease).toMatchObject({ valid: true, state: 'suspended' });
    expect(await lease.renew()).toMatchObject({ kind: 'renewed' });
    refuse();
    expect(await lease.release()).toMatchObject({ kind: 'unknown', cause: { applied: 'no' } });
    expect(await locks.release({ resource: press, leaseId: lease.leaseId })).toEqual({ kind: 'released' });
  });

  it('[PF9] a server that has become a replica is unavailable until it is primary again', async () => {
    await direct.call('replicaof', '127.0.0.1', '1');
    expect(await locks.tryAcquire(press, { holder: ada })).toMatchObject({
      kind: 'unavailable',
      cause: { code: 'STORE_UNAVAILABLE', applied: 'no' },
    });
    const waiting = locks.acquire(press, { holder: ada, waitMs: 5_000 });
    await direct.call('replicaof', 'no', 'one');
    expect((await waiting).valid).toBe(true);
  });

  it('[PF10] a lease held for a second costs one request per renewal interval', async () => {
    const requests = overheard();
    const lease = await locks.acquire(press, { holder: ada, ttlMs: 300 });
    await elapse(1_000);
    expect(lease.valid).toBe(true);
    // The claim, and at the earliest every 75 ms a renewal.
    expect(requests.length).toBeLessThanOrEqual(1 + 14);
    expect(requests.length).toBeGreaterThanOrEqual(8);
  });

  it('[PF10] a server that refuses every renewal is asked a bounded number of times', async () => {
    const lease = await locks.acquire(press, { holder: ada, ttlMs: 600 });
    const requests = overheard();
    const { signal } = lease;
    for (let n = 0; n < 100; n += 1) proxy.next(about(press), { kind: 'answer', reply: '-LOADING' });
    await aborted(signal);
    expect(requests.length).toBeLessThan(20);
  });

  it('[PF11] a notification that is lost, with its connection, costs no turn', async () => {
    const first = await others.acquire(press, { holder: ada });
    const waiting = locks.acquire(press, { holder: bob, waitMs: 10_000 });
    await eventually(() => others.inspect(press).then((view) => view.queue)).toBe(1);
    proxy.refuse();
    await direct.call('client', 'kill', 'type', 'pubsub');
    await first.release();
    expect((await waiting).valid).toBe(true);
    // It found its offer while that stood, and was not passed over.
    expect(await types()).not.toContain('expired');
  });

  it('[PF11] a connection that breaks again while it subscribes anew subscribes once more, and ends no process', async () => {
    const subscribed = () => direct.pubsub('CHANNELS', `${namespace}:to:*`) as Promise<string[]>;
    await eventually(subscribed).toHaveLength(2);
    const again = [1, 2].map(() => proxy.next('subscribe', { kind: 'lose-request' }));
    const faults: unknown[] = [];
    const note = (fault: unknown): void => void faults.push(fault);
    process.on('unhandledRejection', note);
    await direct.call('client', 'kill', 'type', 'pubsub');
    await Promise.all(again.map(({ reached }) => reached));
    await eventually(subscribed).toHaveLength(2);
    process.off('unhandledRejection', note);
    expect(faults).toEqual([]);
  });

  it('[PF11] ten waiters that died cost one deadline, not ten', async () => {
    const first = await others.acquire(press, { holder: ada });
    const dying = child('waiters.ts', press);
    expect(await firstLine(dying)).toBe('waiting');
    const waiting = locks.acquire(press, { holder: bob, waitMs: 30_000 });
    await eventually(() => others.inspect(press).then((view) => view.queue)).toBe(11);
    dying.kill('SIGKILL');
    await once(dying, 'exit');
    await first.release();
    const startMs = performance.now();
    expect((await waiting).valid).toBe(true);
    // A place outlives its last repetition by 5 s; an offer made to the dead stands for 2.
    expect(performance.now() - startMs).toBeLessThan(11_000);
  }, 40_000);

  it.each(['throws', 'returns'])(
    '[PF12] what work %s is what comes out though nobody answers the release',
    async (how) => {
      const startMs = performance.now();
      const wrong = new Error('out of ink');
      const work = async (lease: Lease): Promise<string> => {
        proxy.blackHole();
        if (how === 'throws') throw wrong;
        return lease.fence;
      };
      const done = locks.withLock(press, { holder: ada }, work);
      if (how === 'throws') await expect(done).rejects.toBe(wrong);
      else expect(await done).toMatch(/^\d{16}$/);
      expect(performance.now() - startMs).toBeLessThan(6 * COMMAND_TIMEOUT_MS);
    },
  );

  it('[PF12] leaving the scope of a lease never rejects', async () => {
    {
      await using lease = await locks.acquire(press, { holder: ada });
      proxy.refuse();
      proxy.reset();
      expect(lease.valid).toBe(true);
    }
    proxy.heal();
    expect(await others.inspect(press)).toMatchObject({ holder: ada });
  });
});
