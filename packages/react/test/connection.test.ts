// Against a real WebSocket server that says what each test wants; time is the test's.
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { LiveConnection } from '../src/client.ts';
import { ScriptedPage } from './stand.ts';
import { at, connected, hangUp } from './switchboard.ts';

afterEach(hangUp);

const state = (connection: LiveConnection) => () => connection.status.state;

describe('LiveConnection', () => {
  it('[C3] a server that forbids is not asked again', async () => {
    const { board, clock, connection } = await connected();
    board.last.close(4403);
    await vi.waitUntil(() => connection.status.state === 'disconnected');
    expect(connection.status.reason).toBe('forbidden');
    expect(clock.waiting.filter((ms) => ms !== 5_000)).toEqual([]);
  });

  it('[C3] a server that is slow is left alone for longer than one that restarts', async () => {
    const { board, clock, connection } = await connected();
    board.last.close(1012);
    await vi.waitUntil(() => connection.status.state === 'reconnecting');
    expect(clock.waiting[0]).toBe(125);
    clock.advance(125);
    await connection.opened();
    board.last.close(1013);
    await vi.waitUntil(() => connection.status.state === 'reconnecting');
    expect(clock.waiting).toContain(22_500);
  });

  it('[C3] going-away says when to come back', async () => {
    const { board, clock, connection } = await connected();
    board.say({ t: 'going-away', reconnectAfterMs: 777 });
    board.last.close(1012);
    await vi.waitUntil(() => connection.status.state === 'reconnecting');
    expect(clock.waiting).toContain(777);
  });

  it('[C3] a refused token is renewed; after three refusals the connection gives up', async () => {
    const { board, clock, connection, renewed } = await connected();
    board.welcomes = false;
    board.last.close(4401);
    for (let refusal = 1; refusal < 3; refusal++) {
      const lines = board.lines.length;
      await vi.waitUntil(() => {
        clock.advance(100);
        return board.lines.length > lines;
      });
      board.last.close(4401);
    }
    await vi.waitUntil(() => connection.status.state === 'disconnected');
    expect(connection.status.reason).toBe('unauthenticated');
    expect(renewed.length).toBe(2);
  });

  it('[C1] a topic resumes from its cursor, and a gap makes the log be read', async () => {
    const { board, clock, connection } = await connected();
    const seen: string[] = [];
    const told: boolean[] = [];
    connection.subscribe('project:p', {
      event: ({ seq }) => seen.push(seq),
      subscribed: (continuous) => told.push(continuous),
    });
    const event = (seq: string, prev: string | null) => ({
      t: 'event',
      topic: 'project:p',
      seq,
      prev,
      at,
      type: 'x',
      data: {},
    });
    await vi.waitUntil(() => board.heard('subscribe').length === 1);
    board.say({ t: 'subscribed', topic: 'project:p', cursor: '1', outcome: 'current' });
    board.say(event('2', '1'));
    board.say(event('4', '3'));
    await vi.waitUntil(() => board.heard('subscribe').length === 2);
    expect(board.heard('subscribe')[1]).toMatchObject({ topics: ['project:p'], cursors: { 'project:p': '2' } });
    board.say({ t: 'subscribed', topic: 'project:p', cursor: '4', outcome: 'replay' });
    for (const [seq, prev] of [
      ['3', '2'],
      ['4', '3'],
      ['4', '3'],
    ] as const)
      board.say(event(seq, prev));
    await vi.waitUntil(() => seen.length === 3);

    board.last.close(1012);
    await vi.waitUntil(() => connection.status.state === 'reconnecting');
    clock.advance(125);
    await vi.waitUntil(() => board.heard('subscribe').length === 3);
    expect(board.heard('subscribe')[2]).toMatchObject({ cursors: { 'project:p': '4' } });
    board.say({ t: 'subscribed', topic: 'project:p', cursor: '9', outcome: 'resync' });
    board.say(event('10', '9'));
    await vi.waitUntil(() => seen.length === 4);
    expect(seen).toEqual(['2', '3', '4', '10']);
    expect(told).toEqual([false, true, false]);
  });

  it('[L2] a request over a line that breaks rejects, and its outcome is unknown', async () => {
    const { board, connection } = await connected();
    const request = connection.request({ t: 'release', claimToken: 'token' }).catch((error: unknown) => error);
    await vi.waitUntil(() => board.heard('release').length === 1);
    board.last.terminate();
    expect(await request).toMatchObject({ code: 'CONNECTION_LOST', applied: 'unknown' });
  });

  it('[L2] a request without an answer ends at its deadline', async () => {
    const { board, clock, connection } = await connected();
    const request = connection.request({ t: 'release', claimToken: 'token' }).catch((error: unknown) => error);
    await vi.waitUntil(() => board.heard('release').length === 1);
    clock.advance(10_000);
    expect(await request).toMatchObject({ code: 'TIMEOUT', applied: 'unknown' });
  });

  it('[L1] a line that is silent is asked, and given up when nothing comes back', async () => {
    const { board, clock, connection } = await connected();
    clock.advance(20_000);
    await vi.waitUntil(() => board.heard('ping').length === 1);
    expect(connection.status.state).toBe('connected');
    clock.advance(2_000);
    expect(connection.status.state).toBe('reconnecting');
  });

  it('[L1] a wake asks the line at once; an answer keeps it', async () => {
    const page = new ScriptedPage();
    const { board, clock, connection } = await connected({ page });
    page.live('wake');
    await vi.waitUntil(() => board.heard('ping').length === 1);
    board.say({ t: 'pong', serverTime: at });
    await vi.waitUntil(() => !clock.waiting.includes(2_000));
    clock.advance(5_000);
    expect(connection.status.state).toBe('connected');
    expect(board.lines).toHaveLength(1);
  });

  it('a page that leaves hangs up, and one that returns calls again', async () => {
    const page = new ScriptedPage();
    const { board, connection } = await connected({ page });
    page.live('leave');
    expect(connection.status).toMatchObject({ state: 'disconnected', reason: 'page-left' });
    page.live('return');
    await connection.opened().catch(() => undefined);
    await vi.waitUntil(() => state(connection)() === 'connected');
    expect(board.lines).toHaveLength(2);
  });

  it('a hidden page that holds nothing does not reconnect until somebody looks', async () => {
    const page = new ScriptedPage();
    const { board, clock, connection } = await connected({ page });
    page.isHidden = true;
    board.last.close(1012);
    await vi.waitUntil(() => connection.status.state === 'reconnecting');
    clock.advance(60_000);
    expect(board.lines).toHaveLength(1);
    page.isHidden = false;
    page.live('wake');
    await vi.waitUntil(() => connection.status.state === 'connected');
  });

  it('a break is called lost after five seconds, not before', async () => {
    const { board, clock, connection } = await connected({
      page: Object.assign(new ScriptedPage(), { isHidden: true }),
    });
    board.last.close(1012);
    await vi.waitUntil(() => connection.status.state === 'reconnecting');
    clock.advance(4_999);
    expect(connection.status.health).toBe('ok');
    clock.advance(1);
    expect(connection.status.health).toBe('lost');
  });
});
