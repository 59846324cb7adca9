// Holds a lease, and lets whoever asks have it, after a while in which it goes on.
import { RedisLockManager } from '../../src/redis.ts';

const [url = '', namespace = '', resource = '', drainMs = ''] = process.argv.slice(2);
const locks = new RedisLockManager({ redis: url, namespace });
const lease = await locks.acquire(resource, { holder: { id: 'child' } });
lease.onTakeover((takeover) => {
  if (takeover?.state !== 'asked') return;
  process.stdout.write(`asked by ${takeover.by.id}\n`);
  void lease
    .answerTakeover({ answer: 'grant', drainMs: Number(drainMs), pointer: { from: process.pid } })
    .then(({ kind }) => process.stdout.write(`${kind}\n`));
});
lease.signal.addEventListener('abort', () => process.stdout.write(`lost ${lease.lossReason}\n`));
process.stdout.write(`held ${lease.fence}\n`);
process.stdin.resume();
