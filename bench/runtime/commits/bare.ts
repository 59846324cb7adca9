// The least that a scripted durable write can be: the very keys and arguments of a commit, sent to
// a script that does nothing with them but one HSET of the record that the commit leaves.
import { RedisLink } from '@devmentor/locks/redis';
import { redisStores } from '@devmentor/runtime/redis';
import { Redis } from 'ioredis';
import { commitOf, idOf } from './record.ts';

/** Makes one commit to see what is sent and what is left, then answers with the bare write of it. */
export async function openBare(url: string) {
  const client = new Redis(url);
  const watched = await watchScripts(client);
  const link = RedisLink.open({ redis: url });
  const namespace = 'bare';
  const { state } = redisStores({ link, namespace, shards: 1 });
  await state.open();
  const [own] = await state.ownership([0]);
  if (own === undefined) throw new Error('a shard has an owner');
  const sealed = await state.seal(0, 'bench', own);
  if (sealed.kind !== 'sealed') throw new Error(sealed.kind);
  // A record that is there already, as nearly always.
  for (let basis = 0; basis < 2; basis += 1)
    await state.commit(0, sealed.epoch, [commitOf(idOf(0), basis, sealed.epoch)]);
  const [, , count = 0, ...keysAndArgs] = (await watched()) ?? [];
  const keys = keysAndArgs.slice(0, Number(count)).map(String);
  const args = keysAndArgs.slice(Number(count)).map(String);
  const key = keys.find((name) => name.includes(':actor:'));
  if (key === undefined) throw new Error('a commit names the key of its record');

  const literal = (bytes: Buffer): string =>
    `"${[...bytes].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}"`;
  const fields = Object.entries(await client.hgetallBuffer(key)).map(([field, value]) => {
    const at = args.indexOf(value.toString());
    return `'${field}', ${at === -1 ? literal(value) : `ARGV[${at + 1}]`}`;
  });
  const source = `redis.call('HSET', KEYS[${keys.indexOf(key) + 1}], ${fields.join(', ')}) return 1`;
  const sha = String(await client.script('LOAD', source));
  return {
    /** Bytes of its keys and arguments. */
    bytes: [...keys, ...args].reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    write: (): Promise<unknown> => client.call('evalsha', sha, keys.length, ...keys, ...args),
    close: async () => {
      await link.close();
      client.disconnect();
    },
  };
}

/** Answers, when asked, with the last script that the server was sent until then. */
async function watchScripts(client: Redis): Promise<() => Promise<readonly string[] | undefined>> {
  const monitor = await client.monitor();
  const mark = 'that was all';
  let last: readonly string[] | undefined;
  const seen = new Promise<void>((resolve) => {
    monitor.on('monitor', (_time: string, args: readonly string[], source: string) => {
      if (args.at(-1) === mark) resolve();
      else if (source !== 'lua' && args[0]?.toLowerCase() === 'evalsha') last = args;
    });
  });
  return async () => {
    await client.echo(mark);
    await seen;
    monitor.disconnect();
    return last;
  };
}
