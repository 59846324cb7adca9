import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createConnection } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Backend, startNats, startRedis } from './backends.ts';
import { converse, pingNats, pingRedis } from './ping.ts';
import { startRedisCluster } from './redis-cluster.ts';

const started: Backend[] = [];
afterEach(async () => {
  for (const backend of started.splice(0)) await backend.stop();
});

describe('backends', () => {
  it('[BK1] Redis and NATS answer a ping once they are started', async () => {
    const redis = keep(await startRedis());
    const nats = keep(await startNats());
    expect(await pingRedis(redis.port)).toBe(true);
    expect(await pingNats(nats.port)).toBe(true);
  });

  it('[BK1] NATS servers of a cluster know of each other', async () => {
    const first = keep(await startNats({ cluster: {} }));
    const second = keep(await startNats({ cluster: { join: [first] } }));
    const listener = talk(second.port, 'SUB greetings 1\r\nPING\r\n');
    await listener.until('PONG');
    const heard = listener.until('hello');
    const speaker = talk(first.port, 'PING\r\n');
    // Interest travels on its own time; the message is repeated until it arrives.
    const repeat = setInterval(() => speaker.say('PUB greetings 5\r\nhello\r\n'), 20);
    expect(await heard).toContain('MSG greetings 1 5');
    clearInterval(repeat);
    listener.close();
    speaker.close();
  });

  it('[BK1] every node of a Redis Cluster knows who serves a key', async () => {
    await using cluster = await startRedisCluster();
    const answers = await Promise.all(cluster.nodes.map(({ port }) => converse(port, 'SET {tag}key 1\r\n', '\r\n')));
    expect(answers.filter((answer) => answer?.startsWith('+OK'))).toHaveLength(1);
    expect(answers.filter((answer) => answer?.startsWith('-MOVED'))).toHaveLength(2);
  });

  it('[BK3] a killed Redis that keeps an append-only file restarts with its data', async () => {
    const redis = keep(await startRedis({ config: { appendonly: 'yes', appendfsync: 'always' } }));
    const { pid, port } = redis;
    await ask(port, 'SET name ada\r\n', '+OK');
    await redis.kill();
    expect(await pingRedis(port)).toBe(false);
    await redis.restart();
    expect(redis.pid).not.toBe(pid);
    expect(await ask(port, 'GET name\r\n', 'ada')).toContain('ada');
  });

  it('a paused server keeps its port and answers after it resumes', async () => {
    const redis = keep(await startRedis());
    redis.pause();
    const conversation = talk(redis.port, 'PING\r\n');
    const answer = conversation.until('+PONG');
    expect(await Promise.race([answer, conversation.connected.then(() => 'connected')])).toBe('connected');
    redis.resume();
    expect(await answer).toContain('+PONG');
    conversation.close();
  });

  it('a paused server can be stopped, and leaves no directory', async () => {
    const nats = keep(await startNats());
    nats.pause();
    await nats.stop();
    expect(isAlive(nats.pid)).toBe(false);
    expect(existsSync(nats.directory)).toBe(false);
  });

  it('[BK2] servers of a process that is killed end with it', async () => {
    const program = `
      import { startNats, startRedis } from ${JSON.stringify(new URL('./backends.ts', import.meta.url).href)};
      const redis = await startRedis(); const nats = await startNats();
      console.log(JSON.stringify([redis.pid, nats.pid])); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const pids = JSON.parse(line.toString()) as number[];
    expect(pids.map(isAlive)).toEqual([true, true]);
    child.kill('SIGKILL');
    await expect.poll(() => pids.map(isAlive), { timeout: 5_000 }).toEqual([false, false]);
  });
});

function keep<B extends Backend>(backend: B): B {
  started.push(backend);
  return backend;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function ask(port: number, request: string, expected: string): Promise<string> {
  const conversation = talk(port, request);
  const answer = await conversation.until(expected);
  conversation.close();
  return answer;
}

function talk(port: number, greeting: string) {
  const socket = createConnection({ host: '127.0.0.1', port });
  let heard = '';
  const connected = once(socket, 'connect');
  socket.write(greeting);
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1');
  });
  return {
    connected,
    say: (text: string) => socket.write(text),
    close: () => socket.destroy(),
    async until(expected: string): Promise<string> {
      while (!heard.includes(expected)) await once(socket, 'data');
      return heard;
    },
  };
}
