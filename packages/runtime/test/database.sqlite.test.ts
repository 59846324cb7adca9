import {
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemClock } from '@devmentor/locks';
import { afterEach, describe, expect, it } from 'vitest';
import type { RecordStore } from '../src/record-store.ts';
import { DATA_DIR_CODES, openDatabase, type SqliteDatabase } from '../src/sqlite.ts';
import { Owner } from '../src/store-contract.fixtures.ts';
import { sqliteOfThisFile } from './sqlite-stores.fixture.ts';
import { Writer } from './sqlite-writer.fixture.ts';

const sqlite = sqliteOfThisFile();
const opened: SqliteDatabase[] = [];
afterEach(() => {
  for (const database of opened.splice(0)) database.close();
});

function open(dir: string): SqliteDatabase {
  const database = openDatabase(dir, { clock: systemClock });
  opened.push(database);
  return database;
}

describe('the folder', () => {
  it('[DB1] is made for its owner alone, with everything in it', async () => {
    const { database, records } = await sqlite.stores();
    await records.put('k', 1, { expects: 'any' });
    expect(statSync(database.dir).mode & 0o777).toBe(0o700);
    for (const name of ['devmentor.sqlite', 'devmentor.sqlite-wal'])
      expect(statSync(join(database.dir, name)).mode & 0o077, name).toBe(0);
  });

  it('[DB1] a second open in one process is refused by name, and possible after a close', async () => {
    const dir = sqlite.folder();
    const first = open(dir);
    const again = `The data folder ${dir} is in use by this process (pid ${process.pid})`;
    expect(() => open(dir)).toThrow(
      expect.objectContaining({
        code: 'DATA_DIR_IN_USE',
        pid: process.pid,
        dir,
        applied: 'no',
        message: expect.stringContaining(again),
      }),
    );
    expect(() => open(join(dir, '..', 'here'))).toThrow(expect.objectContaining({ code: 'DATA_DIR_IN_USE' }));
    first.close();
    first.close();
    expect(existsSync(join(dir, 'devmentor.pid'))).toBe(false);
    open(dir);
  });

  it('[DB1] a lock file that was removed lets nobody in beside its process', () => {
    const dir = sqlite.folder();
    open(dir);
    rmSync(join(dir, 'devmentor.lock'));
    expect(() => open(dir)).toThrow(expect.objectContaining({ code: 'DATA_DIR_IN_USE' }));
    const intruder = new DatabaseSync(join(dir, 'devmentor.sqlite'));
    expect(() => intruder.exec('CREATE TABLE x (y)')).toThrow(/locked/);
    intruder.close();
  });

  it('[DB1] a file in its place, or a folder that cannot be written, is named', () => {
    const file = sqlite.folder();
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, 'here already');
    const unusable = { code: 'DATA_DIR_UNUSABLE', applied: 'no', dir: file };
    expect(() => open(file)).toThrow(expect.objectContaining({ ...unusable, message: expect.stringContaining(file) }));
    expect(() => open(join(file, 'deeper'))).toThrow(
      expect.objectContaining({ ...unusable, dir: join(file, 'deeper') }),
    );
    expect(() => open('/proc/none')).toThrow(expect.objectContaining({ code: 'DATA_DIR_UNUSABLE' }));
  });

  it('[DB4] a database of another program is refused and left alone', () => {
    const dir = sqlite.folder();
    mkdirSync(dir, { recursive: true });
    const file = join(dir, 'devmentor.sqlite');
    const theirs = new DatabaseSync(file);
    theirs.exec('CREATE TABLE theirs (x)');
    theirs.close();
    const before = readFileSync(file);
    expect(() => open(dir)).toThrow(
      expect.objectContaining({ code: 'DATA_DIR_UNUSABLE', message: expect.stringContaining('another program') }),
    );
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it('[DB4] tables of a newer release are refused with the fix; an older version is brought up to date', () => {
    const dir = sqlite.folder();
    const first = open(dir);
    first.makeTables('boards', ['CREATE TABLE board (id TEXT) STRICT', 'ALTER TABLE board ADD COLUMN goal TEXT']);
    first.close();
    const older = open(dir);
    expect(() => older.makeTables('boards', ['CREATE TABLE board (id TEXT) STRICT'])).toThrow(
      expect.objectContaining({
        code: 'DATA_DIR_VERSION_UNSUPPORTED',
        message: expect.stringMatching(/version 2 of boards.*up to 1; start the release that wrote it/),
      }),
    );
    older.makeTables('boards', ['', '', 'ALTER TABLE board ADD COLUMN status TEXT']);
    expect(older.statement('SELECT id, goal, status FROM board').all()).toEqual([]);
  });

  it('[DB4] tables that cannot be made leave nothing behind', () => {
    const database = open(sqlite.folder());
    expect(() => database.makeTables('boards', ['CREATE TABLE board (id TEXT) STRICT; CREATE TABLE'])).toThrow();
    database.makeTables('boards', ['CREATE TABLE board (id TEXT) STRICT']);
  });

  it('the number of shards is fixed with the first start', async () => {
    const dir = sqlite.folder();
    const { database } = await sqlite.stores({ dir, shards: 8 });
    database.close();
    await expect(sqlite.stores({ dir, shards: 16 })).rejects.toMatchObject({
      code: 'SHARDS_MISMATCH',
      message: expect.stringContaining('8 shards'),
    });
  });

  it('each code is in use', () => {
    expect(DATA_DIR_CODES).toEqual(['DATA_DIR_IN_USE', 'DATA_DIR_UNUSABLE', 'DATA_DIR_VERSION_UNSUPPORTED']);
  });
});

describe('what is stored', () => {
  it('[WG1] is in the files when it is answered, and synced', async () => {
    const { database, records } = await sqlite.stores();
    const { version } = (await records.put('k', 'kept', { expects: 'any' })) as { version: number };
    const copy = sqlite.folder();
    cpSync(database.dir, copy, { recursive: true });
    const stores = await sqlite.stores({ dir: copy });
    expect(await stores.records.get('k')).toEqual({ value: 'kept', version });
    const settings = ['synchronous', 'journal_mode', 'locking_mode'].map((name) =>
      Object.values(database.statement(`PRAGMA ${name}`).first() ?? {}),
    );
    expect(settings).toEqual([[2], ['wal'], ['exclusive']]);
  });

  it('[DB2] a close stores what waits; nothing is taken after it', async () => {
    const dir = sqlite.folder();
    const { database, records } = await sqlite.stores({ dir });
    const waiting = records.put('k', 1, { expects: 'any' });
    database.close();
    expect((await waiting).kind).toBe('written');
    const closed = { code: 'STORE_UNAVAILABLE', applied: 'no' };
    await expect(records.put('k', 2, { expects: 'any' })).rejects.toMatchObject(closed);
    await expect(records.get('k')).rejects.toMatchObject(closed);
    expect(await (await sqlite.stores({ dir })).records.get('k')).toMatchObject({ value: 1 });
  });

  it('[DB3] a full disk stores nothing of the group, says so to all of it, and is no end', async () => {
    const { database, records, state } = await sqlite.stores();
    const owner = await Owner.of(state);
    await owner.committed({ snapshot: 'kept' });
    const pages = Number(Object.values(database.statement('PRAGMA page_count').first() ?? {})[0]);
    database.statement(`PRAGMA max_page_count = ${pages + 4}`).first();
    const group = await Promise.allSettled([
      records.put('small', 1, { expects: 'any' }),
      owner.commit({ snapshot: 'x'.repeat(200_000) }),
      records.put('late', 1, { expects: 'any' }),
    ]);
    for (const outcome of group) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { code: 'STORE_UNAVAILABLE', applied: 'no', message: expect.stringContaining('full disk') },
      });
    }
    expect(await records.list('', { limit: 9 })).toEqual([]);
    expect(await owner.record()).toMatchObject({ version: 1, snapshot: 'kept' });
    database.statement('PRAGMA max_page_count = 1000000').first();
    await owner.committed({ snapshot: 'x'.repeat(200_000) });
  });

  it('[DB3] after an error of the disk under load, whatever was acknowledged is there', {
    timeout: 60_000,
  }, async () => {
    const dir = sqlite.folder();
    const writer = new Writer(dir, 600);
    const { code, stderr } = await writer.ended();
    expect(code).toBe(1);
    expect(stderr).toMatch(/STORE_UNAVAILABLE/);
    expect(stderr).toMatch(/applied: 'unknown'/);
    expect(writer.acknowledged.length).toBeGreaterThan(10);
    const { state } = await sqlite.stores({ dir });
    for (const what of writer.acknowledged)
      if (what.kind === 'actor') expect((await state.peek(what.id))?.version).toBeGreaterThanOrEqual(what.version);
  });

  it('[DB3] a damaged page ends the use of the folder, typed', async () => {
    const dir = sqlite.folder();
    const { database, records } = await sqlite.stores({ dir });
    await fill(records);
    database.close();
    const file = join(dir, 'devmentor.sqlite');
    const { size } = statSync(file);
    const half = Math.floor(size / 8192) * 4096;
    writeSync(openSync(file, 'r+'), Buffer.alloc(size - half, 0xff), 0, size - half, half);

    const damaged = await sqlite.stores({ dir });
    const reads = await Promise.allSettled(Array.from({ length: 100 }, (_, n) => damaged.records.get(`k${n}`)));
    const faults = reads.flatMap((read) => (read.status === 'rejected' ? [read.reason] : []));
    expect(faults[0]).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      applied: 'no',
      message: expect.stringContaining('damaged'),
    });
    expect(faults.at(-1)).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      applied: 'no',
      message: expect.stringContaining('failed before'),
    });
    await expect(damaged.records.put('k', 1, { expects: 'any' })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      applied: 'no',
    });
    damaged.database.close();
  });

  it('[DB3] a file that is no database any more is refused at the open', async () => {
    const dir = sqlite.folder();
    const { database } = await sqlite.stores({ dir });
    database.close();
    writeSync(openSync(join(dir, 'devmentor.sqlite'), 'r+'), Buffer.alloc(4096, 0x7f), 0, 4096, 0);
    await expect(sqlite.stores({ dir })).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE', applied: 'no' });
  });

  it('[DB3] a record that is not JSON any more is named', async () => {
    const { database, records, log, state } = await sqlite.stores();
    const owner = await Owner.of(state);
    await owner.committed();
    await records.put('k', 1, { expects: 'any' });
    await log.append('t', [{ type: 'x', data: 1 }]);
    await database.write(() => {
      for (const broken of [
        "UPDATE record SET value = '{'",
        "UPDATE event SET data = '{'",
        "UPDATE actor SET snapshot = '{'",
      ])
        database.statement(broken).run();
    });
    for (const read of [records.get('k'), log.read('t', '', 1), owner.record()])
      await expect(read).rejects.toMatchObject({ code: 'RECORD_UNREADABLE' });
  });
});

async function fill(records: RecordStore): Promise<void> {
  await Promise.all(Array.from({ length: 100 }, (_, n) => records.put(`k${n}`, 'x'.repeat(2_000), { expects: 'any' })));
}
