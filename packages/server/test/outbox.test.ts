import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer, type Server } from '../src/index.ts';
import { eventually, good, guest, Line, type SignedIn } from './client.ts';

let server: Server;
let ada: SignedIn;

beforeAll(async () => {
  server = await createServer({ demo: true });
  ada = await guest(server.url, 'Ada');
});
afterAll(() => server.close());

describe('a slow reader', () => {
  it('[OB1] is closed with 1013 or cut, while others hear everything, and resumes with its cursor', async () => {
    const { id } = await ada.client.project();
    const topic = `project:${id}`;
    const [slow, quick] = [
      await Line.open(server.url, ada.client.token),
      await Line.open(server.url, ada.client.token),
    ];
    const { cursor } = await slow.subscribe(topic);
    await quick.subscribe(topic);
    slow.socket.pause();
    // More than its outbox and the buffers of the system between hold.
    const filler = 'x'.repeat(15_000);
    let rounds = 0;
    const write = async (): Promise<void> => {
      good(await ada.client.patch(id, { data: { filler, rounds } }, { 'if-match': '*' }));
      rounds += 1;
      await quick.event('project.updated');
    };
    while (rounds < 900 && server.openSockets > 1) await write();
    await eventually(() => server.openSockets).toBe(1);
    slow.socket.resume();
    const code = await slow.closed;
    expect([1013, 1006]).toContain(code);

    const again = await Line.open(server.url, ada.client.token);
    const { outcome } = await again.subscribe(topic, cursor);
    // What was missed is more than is replayed.
    expect(outcome).toBe('resync');
    for (const line of [again, quick]) line.close();
  }, 60_000);
});
