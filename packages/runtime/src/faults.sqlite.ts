// What SQLite and the file system say, as the faults of a store.
import type { Applied } from '@devmentor/locks';
import { CoordinationError } from '@devmentor/locks';

/** The codes of a `DataDirFault`. */
export const DATA_DIR_CODES = [
  /** Another process, or another part of this one, has the folder. */
  'DATA_DIR_IN_USE',
  /** The folder cannot be made, read or written, or holds something else. */
  'DATA_DIR_UNUSABLE',
  /** Written by a newer release. */
  'DATA_DIR_VERSION_UNSUPPORTED',
] as const;
/** One of `DATA_DIR_CODES`. */
export type DataDirCode = (typeof DATA_DIR_CODES)[number];

/** A data folder that cannot be opened; nothing in it was changed. */
export class DataDirFault extends CoordinationError<DataDirCode> {
  override readonly name = 'DataDirFault';
  readonly dir: string;
  /** Who has the folder, when that is the reason and it is known. */
  readonly pid: number | undefined;

  constructor(
    code: DataDirCode,
    message: string,
    facts: { readonly dir: string; readonly pid?: number | undefined; readonly cause?: unknown },
  ) {
    super(code, message, { applied: 'no', cause: facts.cause });
    this.dir = facts.dir;
    this.pid = facts.pid;
  }
}

export function dataDirInUse(dir: string, pid: number | undefined, cause: unknown): DataDirFault {
  const who =
    pid === undefined ? 'another process' : pid === process.pid ? `this process (pid ${pid})` : `process ${pid}`;
  return new DataDirFault(
    'DATA_DIR_IN_USE',
    `The data folder ${dir} is in use by ${who}; end it, or give each process a folder of its own`,
    { dir, pid, cause },
  );
}

export function dataDirUnusable(dir: string, cause: unknown): DataDirFault {
  return new DataDirFault('DATA_DIR_UNUSABLE', `The data folder ${dir} cannot be used: ${sentence(cause)}`, {
    dir,
    cause,
  });
}

export function foreignDatabase(dir: string): DataDirFault {
  return new DataDirFault(
    'DATA_DIR_UNUSABLE',
    `devmentor.sqlite in ${dir} was made by another program; give the server a folder of its own`,
    { dir },
  );
}

export function schemaUnsupported(dir: string, part: string, stored: number, known: number): DataDirFault {
  return new DataDirFault(
    'DATA_DIR_VERSION_UNSUPPORTED',
    `The data folder ${dir} has schema version ${stored} of ${part}, and this release knows up to ${known}; start the release that wrote it, or a newer one`,
    { dir },
  );
}

/** SQLite's result code, without its extension. */
const busy = 5;
const outOfMemory = 7;
const readOnly = 8;
const inputOutput = 10;
const corrupt = 11;
const full = 13;
const cannotOpen = 14;
const notADatabase = 26;

/** When a statement failed: `end` is the one that makes the group durable. */
export type Moment = 'before-end' | 'end';

/**
 * The fault that an error of SQLite is to a caller; `undefined` for one that only a wrong statement brings.
 *
 * A full disk leaves no end of the group behind, so nothing of it is stored. An input or output
 * error at the end may come after the last byte was written: what is stored then is not known.
 */
export function storeFault(error: SqliteError, dir: string, moment: Moment): CoordinationError | undefined {
  const fault = (why: string, applied: Applied = 'no'): CoordinationError =>
    new CoordinationError('STORE_UNAVAILABLE', `The data folder ${dir} ${why}`, { applied, cause: error });
  switch (error.errcode & 0xff) {
    case full:
      return fault('is on a full disk; nothing of this was stored');
    case busy:
      return fault('is being used by another program');
    case readOnly:
    case cannotOpen:
      return fault('cannot be written any more');
    case outOfMemory:
      return fault('cannot be used: out of memory');
    case inputOutput:
      return fault(
        'failed to be read or written; restart to find out what is stored',
        moment === 'end' ? 'unknown' : 'no',
      );
    case corrupt:
    case notADatabase:
      return fault('is damaged; restore it from a copy', moment === 'end' ? 'unknown' : 'no');
    default:
      return undefined;
  }
}

/** After these the connection's picture of the file may be wrong. */
export function endsConnection(error: SqliteError): boolean {
  return [inputOutput, corrupt, notADatabase].includes(error.errcode & 0xff);
}

export function storeClosed(dir: string, cause?: unknown): CoordinationError {
  const why = cause === undefined ? 'is closed' : 'failed before, and is not used again until a restart';
  return new CoordinationError('STORE_UNAVAILABLE', `The data folder ${dir} ${why}`, { applied: 'no', cause });
}

export function storeOverloaded(dir: string, waiting: number): CoordinationError {
  return new CoordinationError('STORE_UNAVAILABLE', `${waiting} writes wait for the disk of ${dir}; try later`, {
    applied: 'no',
  });
}

export type SqliteError = Error & { readonly errcode: number };

export function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';
}

export function isBusy(error: unknown): boolean {
  return isSqliteError(error) && (error.errcode & 0xff) === busy;
}

function sentence(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
