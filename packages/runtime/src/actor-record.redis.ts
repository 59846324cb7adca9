import type { ActorId } from './actor-id.ts';
import { actorRecord, type RowText } from './actor-record.ts';
import { list, pairs, type Reply, text } from './redis-reply.ts';
import type { ActorRecord } from './state-store.ts';
import { idCollision, recordVersionUnsupported } from './store-faults.ts';

/** The record in an answer of `loadScript`. Throws for one that is of another id or a newer release. */
export function readRecord(id: ActorId, answer: Reply): ActorRecord {
  const [v, storedId, version, machine, commitId, snapshot, timers, cursor] = list(answer[1]).map((field) =>
    field === null ? '' : text(field),
  );
  if (v !== '1') throw recordVersionUnsupported(id, v ?? '');
  if (storedId !== id) throw idCollision(id);
  const texts = {
    version: Number(version),
    machineVersion: Number(machine),
    commitId: commitId ?? '',
    snapshot: snapshot ?? '',
    timers: timers ?? '',
    cursor: cursor ?? '',
  };
  return actorRecord(id, texts, pairs(answer[2]).map(readRow));
}

function readRow([field, event]: readonly [string, string]): RowText {
  const gap = field.indexOf(' ');
  return { n: Number(field.slice(0, gap)), to: field.slice(gap + 1) as ActorId, text: event };
}
