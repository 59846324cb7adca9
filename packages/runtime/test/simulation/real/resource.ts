// What leases protect here: values in Redis, written behind the shipped guard. Each keeps a log of
// its own, in the order in which writes reached it, which no client can be mistaken about.

import { type GuardedScript, guardKeyOf, RedisGuard } from '@devmentor/locks/guards';
import type { RedisLink, Script } from '@devmentor/locks/redis';
import type { FencedOutput } from './fenced-register.ts';

const PUT = `redis.call('SET', KEYS[1], ARGV[1])
redis.call('RPUSH', KEYS[2], ARGV[2])
return 1`;
const READ = `return redis.call('GET', KEYS[1])`;

/** A write as the resource's own log has it. */
export interface LoggedWrite {
  readonly fence: string;
  readonly by: string;
}

export interface WriteRequest {
  readonly value: string;
  readonly fence: string;
  readonly by: string;
}

export class Resources {
  readonly #link: RedisLink;
  readonly #guard: RedisGuard<Script>;
  readonly #put: GuardedScript<Script>;
  readonly #read: GuardedScript<Script>;
  readonly #unguardedPut: Script;
  readonly #isGuarded: boolean;

  constructor(link: RedisLink, options: { readonly isGuarded: boolean }) {
    this.#link = link;
    this.#guard = new RedisGuard(link);
    this.#put = this.#guard.script(PUT);
    this.#read = this.#guard.script(READ);
    this.#unguardedPut = link.script(PUT);
    this.#isGuarded = options.isGuarded;
  }

  async write(key: string, { value, fence, by }: WriteRequest): Promise<Exclude<FencedOutput, { kind: 'value' }>> {
    const keys = [key, logKeyOf(key)];
    const args = [value, `${fence} ${by}`];
    if (!this.#isGuarded) {
      await this.#link.run(this.#unguardedPut, keys, args);
      return { kind: 'written' };
    }
    const outcome = await this.#guard.run(this.#put, { guard: guardKeyOf(key), fence, keys, args });
    return outcome.kind === 'stale' ? { kind: 'stale', seen: outcome.seen } : { kind: 'written' };
  }

  async read(key: string): Promise<string | null> {
    return (await this.#link.command('get', key)) as string | null;
  }

  /**
   * What a holder builds upon. Reading under the fence shuts older writers out first: one of their
   * writes that arrived between this read and the write after it would be written over.
   */
  async readToChange(key: string, fence: string): Promise<{ readonly value: string | null } | 'stale'> {
    if (!this.#isGuarded) return { value: await this.read(key) };
    const outcome = await this.#guard.run(this.#read, { guard: guardKeyOf(key), fence, keys: [key] });
    return outcome.kind === 'stale' ? 'stale' : { value: outcome.result === null ? null : String(outcome.result) };
  }

  async log(key: string): Promise<readonly LoggedWrite[]> {
    const lines = (await this.#link.command('lrange', logKeyOf(key), 0, -1)) as string[];
    return lines.map((line) => {
      const [fence = '', by = ''] = line.split(' ');
      return { fence, by };
    });
  }
}

function logKeyOf(key: string): string {
  return `{${key}}:log`;
}
