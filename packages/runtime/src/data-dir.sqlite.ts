// Data folder
//
// One process writes a folder. Its right is a transaction that stays open on a database of its
// own, `devmentor.lock`: the kernel ends it with the process, however that ends, so nothing is
// ever left behind to clean up. `devmentor.pid` only says in a message who it is.
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { dataDirInUse, dataDirUnusable, isBusy, isSqliteError } from './faults.sqlite.ts';

/** Two processes that start at once meet for an instant: the one that will get the lock waits this long. */
const patienceMs = 250;

export interface DataDir {
  readonly path: string;
  readonly databaseFile: string;
  /** Lets another process have it. */
  release(): void;
}

/** Makes the folder, for its owner alone, and takes it. Throws `DATA_DIR_IN_USE` or `DATA_DIR_UNUSABLE`. */
export function takeDataDir(dir: string): DataDir {
  const path = resolve(dir);
  try {
    makeDurably(path);
    return lock(path);
  } catch (error) {
    if (isBusy(error)) throw dataDirInUse(path, pidIn(path), error);
    if (isSqliteError(error) || isSystemError(error)) throw dataDirUnusable(path, error);
    throw error;
  }
}

/** Who has the folder, as far as it is known: `undefined` when the one that wrote it is gone. */
function pidIn(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile(path), 'utf8'));
    if (!Number.isInteger(pid) || pid <= 0) return undefined;
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}

function lock(path: string): DataDir {
  const held = new DatabaseSync(join(path, 'devmentor.lock'));
  try {
    held.exec(`PRAGMA busy_timeout = ${patienceMs}; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE`);
    writeFileSync(pidFile(path), `${process.pid}\n`);
  } catch (error) {
    held.close();
    throw error;
  }
  return {
    path,
    databaseFile: join(path, 'devmentor.sqlite'),
    release: () => {
      rmSync(pidFile(path), { force: true });
      held.close();
    },
  };
}

/**
 * For its owner alone: passwords' hashes and keys are in here. One level after the other, since
 * Node's own `recursive` never ends where a file system answers ENOENT to a mkdir, as /proc does.
 */
function makeDurably(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  makeDurably(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process that starts now made it.
    if (!existsSync(path)) throw error;
  }
  // A folder is in its parent's data: without this a power cut may take it with all that is in it.
  const fd = openSync(parent, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

/**
 * Opens the database for its owner alone. By path: to open and close the file any other way than
 * through SQLite would end this process's locks on it.
 */
export function openPrivately(file: string): DatabaseSync {
  const isNew = !existsSync(file);
  const connection = new DatabaseSync(file);
  if (isNew) chmodSync(file, 0o600);
  return connection;
}

function pidFile(path: string): string {
  return join(path, 'devmentor.pid');
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
