// Reviewers are booked for the slots of a project. Whoever books has the project's lease meanwhile, so that
// nobody else changes its slots between the reading and the writing.
import { CoordinationError, type FencingToken, type LockManager } from '@devmentor/locks';

/** Who comes when. */
export interface Slots {
  readonly [slot: string]: string;
}

/** A row of the app's own database. */
export interface Row {
  readonly slots: Slots;
  /** Highest fence it was shown. */
  readonly fence: FencingToken | '';
}

/** One atomic statement on the row of a project, wherever it is kept. */
export type Statement = <Answer>(
  project: string,
  change: (row: Row) => { readonly row: Row; readonly answer: Answer },
) => Promise<Answer>;

export interface Calendar {
  read(project: string, fence: FencingToken): Promise<Slots>;
  write(project: string, slots: Slots, fence: FencingToken): Promise<void>;
}

/** Books a slot, unless it is taken. `confirm` is whatever takes a while: a form, a mail, a payment. */
export async function book(
  { locks, calendar }: { readonly locks: LockManager; readonly calendar: Calendar },
  booking: { readonly project: string; readonly slot: string; readonly who: string },
  confirm: () => Promise<void>,
): Promise<'booked' | 'taken'> {
  const { project, slot, who } = booking;
  return await locks.withLock(`project:${project}`, { ttlMs: 1_000, waitMs: 60_000 }, async (lease) => {
    const slots = await calendar.read(project, lease.fence);
    if (slots[slot] !== undefined) return 'taken';
    await confirm();
    // Looks careful. From here to the row any time may pass.
    lease.assertValid();
    await calendar.write(project, { ...slots, [slot]: who }, lease.fence);
    return 'booked';
  });
}

/** SELECT slots …; UPDATE … SET slots = $2: whoever writes last is right. */
export function trustingCalendar(statement: Statement): Calendar {
  return {
    read: (project) => statement(project, (row) => ({ row, answer: row.slots })),
    write: (project, slots) => statement(project, (row) => ({ row: { ...row, slots }, answer: undefined })),
  };
}

/** UPDATE … SET slots = $2, fence = $3 WHERE fence <= $3: a late writer is refused, once somebody later has written. */
export function halfFencedCalendar(statement: Statement): Calendar {
  return { read: trustingCalendar(statement).read, write: fencedCalendar(statement).write };
}

/** Reading shows the fence too: what a holder has read, nobody before it changes any more. */
export function fencedCalendar(statement: Statement): Calendar {
  const under = async (project: string, fence: FencingToken, change: (row: Row) => Row): Promise<Slots> => {
    const slots = await statement(project, (row) => {
      if (fence < row.fence) return { row, answer: undefined };
      return { row: { ...change(row), fence }, answer: row.slots };
    });
    if (slots !== undefined) return slots;
    throw new CoordinationError('STALE_FENCE', 'a later holder has seen this row', { applied: 'no' });
  };
  return {
    read: (project, fence) => under(project, fence, (row) => row),
    write: async (project, slots, fence) => {
      await under(project, fence, (row) => ({ ...row, slots }));
    },
  };
}
