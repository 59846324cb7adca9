import {
  type Blackboard,
  blackboardPageSchema,
  blackboardSchema,
  type Contribution,
  contributionPageSchema,
  contributionSchema,
  eventSchema,
  type Solution,
  solutionSchema,
} from '@devmentor/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer, type Server } from '../src/index.ts';
import { type Client, eventually, good, guest, Line, problem, type SignedIn } from './client.ts';
import { EventReader } from './event-reader.ts';

let server: Server;
let ada: SignedIn;
let bob: SignedIn;

beforeAll(async () => {
  server = await createServer({ demo: true });
  [ada, bob] = [await guest(server.url, 'Ada'), await guest(server.url, 'Bob')];
});
afterAll(() => server.close());

const cyclic = {
  title: 'Cycles',
  description: 'Which modules need each other?',
  files: [
    { path: 'src/a.ts', content: "import { b } from './b.ts';\nexport const a = () => b;\n" },
    { path: 'src/b.ts', content: "import { a } from './a.ts';\nexport const b = () => a;\n" },
    { path: 'src/c.ts', content: "import { a } from './a.ts';\nexport const c = a;\n" },
  ],
};
const small = { title: 'Notes', description: '' };

const opened = async (client: Client, body: object): Promise<Blackboard> =>
  blackboardSchema.parse(good(await client.post('ai/blackboards', body)));
const said = (text: string, more: object = {}) => ({ knowledge: { level: 'finding', value: { text }, ...more } });
const solved = async (client: Client, id: string): Promise<Solution> => {
  await eventually(async () => good(await client.ask<Blackboard>(`ai/blackboards/${id}`)).status).toBe('solved');
  return solutionSchema.parse(good(await client.ask(`ai/blackboards/${id}/solution`)));
};

describe('a blackboard', () => {
  it('[BB4] is solved by its specialists, and every statement leads to contributions and their evidence', async () => {
    const { id } = await opened(ada.client, { problem: cyclic });
    const solution = await solved(ada.client, id);
    expect(solution.statements.length).toBeGreaterThan(0);
    const { items } = contributionPageSchema.parse(
      good(await ada.client.ask(`ai/blackboards/${id}/contributions?limit=100`)),
    );
    const byId = new Map(items.map((item) => [item.id, item]));
    for (const { contributions } of solution.statements)
      for (const behind of contributions) expect(byId.has(behind)).toBe(true);
    const files = solution.statements.flatMap(({ evidence = [] }) => evidence.map(({ file }) => file));
    expect(new Set(files)).toEqual(new Set(['src/a.ts', 'src/b.ts']));
    expect(solutionSchema.parse(good(await ada.client.post(`ai/blackboards/${id}/synthesis`))).id).toBe(solution.id);
  });

  it('[BB1] is there for whoever opened it and for nobody else', async () => {
    const { id } = await opened(ada.client, { problem: small });
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/contributions'],
      ['GET', '/solution'],
      ['POST', '/synthesis'],
      ['POST', '/pause'],
    ] as const)
      expect(problem(await bob.client.ask(`ai/blackboards/${id}${path}`, { method })).code).toBe('NOT_FOUND');
    expect(problem(await bob.client.post(`ai/blackboards/${id}/contributions`, said('x'))).code).toBe('NOT_FOUND');
    expect(problem(await bob.client.ask(`/api/events?topics=blackboard:${id}`)).code).toBe('NOT_FOUND');
    const line = await Line.open(server.url, bob.client.token);
    await line.next('welcome');
    expect(await line.ask({ t: 'subscribe', topics: [`blackboard:${id}`] })).toMatchObject({
      problem: { code: 'NOT_FOUND' },
    });
    line.close();
    expect((await ada.client.ask(`ai/blackboards/${id}`)).status).toBe(200);
  });

  it('[BB2] of a stored problem opens the same board again, per user', async () => {
    expect(problem(await ada.client.post('ai/blackboards', { problemId: 'nowhere' })).code).toBe('NOT_FOUND');
    const large = { ...small, files: [{ path: 'big.md', content: 'é'.repeat(1_500_000) }] };
    expect((await ada.client.ask('ai/problems/p1', { method: 'PUT', body: large })).status).toBe(204);
    const first = await ada.client.post<Blackboard>('ai/blackboards', { problemId: 'p1' });
    const second = await ada.client.post<Blackboard>('ai/blackboards', { problemId: 'p1' });
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body).toMatchObject({ id: first.body.id, problemId: 'p1', files: [{ path: 'big.md' }] });
    expect(problem(await bob.client.post('ai/blackboards', { problemId: 'p1' })).code).toBe('NOT_FOUND');
  });

  it('[ID1] a keyed opening and a keyed contribution happen once; another body is refused', async () => {
    const key = { 'idempotency-key': 'k1' };
    const [one, two] = [
      await ada.client.post<Blackboard>('ai/blackboards', { problem: small }, key),
      await ada.client.post<Blackboard>('ai/blackboards', { problem: small }, key),
    ];
    expect(two.body.id).toBe(one.body.id);
    expect(two.headers.get('idempotency-replayed')).toBe('true');
    const path = `ai/blackboards/${one.body.id}/contributions`;
    const first = contributionSchema.parse(good(await ada.client.post(path, said('once'), key)));
    const again = await ada.client.post<Contribution>(path, said('once'), key);
    expect(again.body).toMatchObject({ id: first.id, revision: first.revision });
    expect(problem(await ada.client.post(path, said('twice'), key)).code).toBe('IDEMPOTENCY_KEY_REUSED');
    const { items } = contributionPageSchema.parse(good(await ada.client.ask(path)));
    expect(items.map(({ knowledge }) => knowledge.value)).toEqual([{ text: 'once' }]);
  });

  it('[BB3] is in its owner’s list, newest first, page by page', async () => {
    const { client } = await guest(server.url);
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.unshift((await opened(client, { problem: small })).id);
    const seen: string[] = [];
    let query = '?limit=2';
    for (;;) {
      const page = blackboardPageSchema.parse(good(await client.ask(`ai/blackboards${query}`)));
      seen.push(...page.items.map(({ id }) => id));
      if (page.nextCursor === undefined) break;
      query = `?limit=2&cursor=${page.nextCursor}`;
    }
    // Boards of one millisecond stand in any order.
    expect([...seen].sort()).toEqual([...ids].sort());
    expect((await client.ask(`ai/blackboards/${ids[0]}`, { method: 'DELETE' })).status).toBe(204);
    expect(problem(await client.ask(`ai/blackboards/${ids[0]}`)).code).toBe('NOT_FOUND');
    expect(blackboardPageSchema.parse(good(await client.ask('ai/blackboards'))).items).toHaveLength(4);
  });

  it('[BB5] is paused, resumed and cancelled; ended, it takes nothing more', async () => {
    const { id } = await opened(ada.client, { problem: small });
    const steer = (what: string) => ada.client.post<Blackboard>(`ai/blackboards/${id}/${what}`);
    expect(problem(await steer('resume')).code).toBe('FORBIDDEN');
    await ada.client.post(`ai/blackboards/${id}/contributions`, said('x'));
    await eventually(async () => (await steer('cancel')).status).toBe(200);
    expect(good(await ada.client.ask<Blackboard>(`ai/blackboards/${id}`)).status).toBe('cancelled');
    expect(problem(await steer('pause')).code).toBe('FORBIDDEN');
    expect(problem(await ada.client.post(`ai/blackboards/${id}/contributions`, said('y'))).code).toBe('FORBIDDEN');
  });

  it('[BB6] says what it does not take', async () => {
    const { id } = await opened(ada.client, { problem: small });
    const path = `ai/blackboards/${id}/contributions`;
    expect(problem(await ada.client.post(path, said('x', { links: ['nothing'] }))).code).toBe('VALIDATION_FAILED');
    expect(problem(await ada.client.ask(`${path}?after=x`)).code).toBe('VALIDATION_FAILED');
    expect(problem(await ada.client.ask('ai/blackboards?cursor=x')).code).toBe('VALIDATION_FAILED');
    const open = async (body: object) => problem(await ada.client.post('ai/blackboards', body)).code;
    expect(await open({ problem: small, sources: ['nobody'] })).toBe('VALIDATION_FAILED');
    expect(await open({ problem: cyclic, budget: { contributions: 1 } })).toBe('VALIDATION_FAILED');
    expect(await open({ problem: { ...small, files: [{ path: '../x', content: '' }] } })).toBe('VALIDATION_FAILED');
  });

  it('[BB7] tells over both transports what was said, and goes on from a cursor of its list', async () => {
    const { id } = await opened(ada.client, { problem: small });
    const topic = `blackboard:${id}`;
    const line = await Line.open(server.url, ada.client.token);
    await line.next('welcome');
    await line.subscribe(topic);
    const reader = await EventReader.open(server.url, { token: ada.client.token, query: `?topics=${topic}` });
    await reader.until('welcome');
    const made = contributionSchema.parse(
      good(await ada.client.post(`ai/blackboards/${id}/contributions`, said('heard'))),
    );
    const frame = await line.event('blackboard.contribution');
    expect(frame).toMatchObject({ topic, seq: made.cursor, data: { blackboardId: id, contribution: { id: made.id } } });
    for (;;) {
      const event = eventSchema.parse(await reader.event());
      if (event.type !== 'blackboard.contribution') continue;
      expect(event.seq).toBe(made.cursor);
      break;
    }
    reader.break();
    line.close();
    await ada.client.post(`ai/blackboards/${id}/contributions`, said('later'));
    const again = await EventReader.open(server.url, {
      token: ada.client.token,
      query: `?topics=${topic}&cursor=${made.cursor}`,
    });
    for (;;) {
      const event = eventSchema.parse(await again.event());
      if (event.type !== 'blackboard.contribution') continue;
      expect(event.data).toMatchObject({ contribution: { knowledge: { value: { text: 'later' } } } });
      break;
    }
    again.break();
  });
});
