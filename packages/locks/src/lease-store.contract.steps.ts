import { afterEach, beforeEach, expect } from 'vitest';
import type { Breaking, FencingToken } from './lease.ts';
import type { CommandKind, CommandOf, EndedNotice, Notice, Offer, Replies } from './lease-command.ts';
import type { LeaseStore } from './lease-store.ts';
import type { LoggedLockEvent } from './lock-event.ts';

/** What a suite needs of an adapter: a fresh, empty store, and a way to let its time pass. */
export interface LeaseStoreHarness {
  open(): Promise<LeaseStore>;
  /** Lets at least `ms` pass by the store's clock: memory cranks it, a real backend waits. */
  elapse(ms: number): Promise<void>;
}

export const TERM_MS = 120;
export const PAST_TERM_MS = 140;
export const LONG_MS = 60_000;
export const press = 'project:press';

interface Claim {
  readonly resource?: string;
  readonly instance?: string;
  readonly requestId?: string;
  readonly ttlMs?: number;
  readonly waitMs?: number;
}

interface Asking {
  readonly requestId: string;
  readonly reason?: string;
  readonly graceMs?: number;
  readonly onSilence?: 'grant' | 'deny';
  readonly force?: boolean;
  readonly waitMs?: number;
}

export type LeaseStoreSteps = ReturnType<typeof leaseStoreSteps>;

/** The commands of the suites, given to a store that is opened anew for each test. */
export function leaseStoreSteps(harness: LeaseStoreHarness) {
  let store: LeaseStore;
  let claims = 0;
  const notices: Notice[] = [];

  beforeEach(async () => {
    notices.length = 0;
    store = await harness.open();
    await store.open();
    await store.listen('here', (notice) => void notices.push(notice));
  });
  afterEach(() => store.close());

  const submit = <K extends CommandKind>(command: CommandOf<K>): Promise<Replies[K]> => store.submit<K>(command);

  function request(who: string, claim: Claim = {}): Promise<Replies['request']> {
    claims += 1;
    const { resource = press, instance = 'tab', requestId = `request-${claims}`, ttlMs = LONG_MS, waitMs = 0 } = claim;
    return submit<'request'>({
      kind: 'request',
      resource,
      leaseId: leaseIdOf(requestId),
      requestId,
      holder: { id: who, name: `Dr ${who}` },
      instance,
      ttlMs,
      meta: { why: 'test' },
      waitMs,
      listener: 'here',
    });
  }
  const release = (requestId: string, resource = press): Promise<Replies['release']> =>
    submit<'release'>({ kind: 'release', resource, leaseId: leaseIdOf(requestId), how: 'released', reason: undefined });
  const renew = (
    requestId: string,
    facts: { readonly gen?: number; readonly ttlMs?: number } = {},
  ): Promise<Replies['renew']> =>
    submit<'renew'>({
      kind: 'renew',
      resource: press,
      leaseId: leaseIdOf(requestId),
      ttlMs: facts.ttlMs,
      gen: facts.gen,
    });
  const attach = (requestId: string, instance: string, conn: string): Promise<Replies['attach']> =>
    submit<'attach'>({ kind: 'attach', resource: press, leaseId: leaseIdOf(requestId), instance, node: 'n1', conn });
  const away = (requestId: string, graceMs: number, gen?: number): Promise<Replies['away']> =>
    submit<'away'>({ kind: 'away', resource: press, leaseId: leaseIdOf(requestId), gen, graceMs });
  const cancel = (requestId: string): Promise<Replies['cancel']> =>
    submit<'cancel'>({ kind: 'cancel', resource: press, requestId });
  const inspect = async (resource = press): Promise<Replies['inspect']['view']> =>
    (await submit<'inspect'>({ kind: 'inspect', resource })).view;
  const takeover = (who: string, asking: Asking): Promise<Replies['takeover']> => {
    const { requestId, reason, graceMs = 20_000, onSilence = 'grant', force = false, waitMs = 20_000 } = asking;
    return submit<'takeover'>({
      kind: 'takeover',
      resource: press,
      leaseId: leaseIdOf(requestId),
      requestId,
      holder: { id: who, name: `Dr ${who}` },
      instance: 'tab',
      ttlMs: LONG_MS,
      meta: { list: [] },
      listener: 'here',
      waitMs,
      reason,
      graceMs,
      onSilence,
      force,
    });
  };
  const answer = (
    requestId: string,
    takeoverId: string,
    facts: Partial<CommandOf<'answer'>> = {},
  ): Promise<Replies['answer']> =>
    submit<'answer'>({
      kind: 'answer',
      resource: press,
      leaseId: leaseIdOf(requestId),
      takeoverId,
      answer: 'grant',
      drainMs: 0,
      pointer: undefined,
      reason: undefined,
      retryAfterMs: 0,
      ...facts,
    });
  const handOff = (
    requestId: string,
    to: string,
    facts: Partial<CommandOf<'hand-off'>> = {},
  ): Promise<Replies['hand-off']> =>
    submit<'hand-off'>({
      kind: 'hand-off',
      resource: press,
      leaseId: leaseIdOf(requestId),
      to: { id: to },
      instance: 'tab',
      pointer: undefined,
      offerMs: 10_000,
      nextLeaseId: `lease-of-${to}`,
      nextRequestId: `request-of-${to}`,
      ...facts,
    });
  /** Somebody was told to look again: everybody, or whoever made a request. */
  const lookedAt = async (requestId?: string): Promise<void> => {
    const find = () => notices.find((notice) => notice.kind === 'look' && notice.requestId === requestId);
    for (let turn = 0; turn < 200 && find() === undefined; turn += 1) await harness.elapse(1);
    expect(find()).toMatchObject({ resource: press });
  };
  /** Everybody was told that a lease is over. */
  const endedTold = async (requestId: string, how: EndedNotice['how']): Promise<void> => {
    const leaseId = leaseIdOf(requestId);
    const find = () => notices.find((notice) => notice.kind === 'ended' && notice.leaseId === leaseId);
    for (let turn = 0; turn < 200 && find() === undefined; turn += 1) await harness.elapse(1);
    expect(find()).toEqual({ kind: 'ended', resource: press, leaseId, how });
  };
  const offerTo = async (requestId: string): Promise<Offer> => {
    // Notifications travel beside replies: give them a moment of the store's time.
    const find = (): Offer | undefined =>
      notices.find((notice): notice is Offer => 'fence' in notice && notice.requestId === requestId);
    for (let turn = 0; turn < 200 && find() === undefined; turn += 1) await harness.elapse(1);
    const offer = find();
    if (offer === undefined) throw new Error(`no offer reached ${requestId}`);
    return offer;
  };
  const events = async (resource = press): Promise<readonly LoggedLockEvent[]> =>
    (await store.readLog(store.bucketOf(resource), 'start', 1_000)).events;

  return {
    store: () => store,
    submit,
    request,
    release,
    renew,
    attach,
    away,
    cancel,
    inspect,
    takeover,
    answer,
    handOff,
    lookedAt,
    endedTold,
    offerTo,
    events,
  };
}

export function leaseIdOf(requestId: string): string {
  return `lease-${Buffer.from(requestId).toString('base64url')}`;
}

export function granted(reply: Replies['request']): FencingToken {
  if (reply.kind !== 'granted') throw new Error(`expected a grant, got ${JSON.stringify(reply)}`);
  return reply.fence;
}

export function breakingOf(reply: Replies['takeover']): Breaking {
  if (reply.kind !== 'asked' || reply.view.breaking === undefined)
    throw new Error(`expected a takeover to be asked, got ${JSON.stringify(reply)}`);
  return reply.view.breaking;
}

export function idOf(reply: Replies['takeover']): string {
  return breakingOf(reply).takeoverId;
}
