// HTTP guard
//
// A fence as a precondition of a request, for a service of your own: header in, problem out.
// No framework; `checkFence` answers what to send, and the routes send it.
//
//   GH1  Without a token: 428, or 423 and the holder where the resource is held.
//   GH2  A token that is none: 400.
//   GH3  A token older than the newest grant or the newest write: 412 and the one that was seen.
//   GH4  A `Lease-Id` that is not the current lease's: 409 and the holder.
//   GH5  A guard that cannot answer: 503. Nothing is let through unasked.
//   GH6  423 and 503 carry Retry-After. No answer carries a lease's id.
import type { Admission, StaleFence } from './guard.ts';
import { type FencingToken, type HeldView, type Lease, type LeaseView, parseFence } from './lease.ts';

export const FENCE_HEADER = 'Fencing-Token';
/** Optional: says which lease the caller means. An id is a secret; send it only to services that may release. */
export const LEASE_HEADER = 'Lease-Id';

/** One table: what is wrong, and how HTTP says so. */
export const FENCE_PROBLEMS = {
  FENCE_REQUIRED: { status: 428, title: 'A fencing token is required' },
  FENCE_MALFORMED: { status: 400, title: 'The fencing token is malformed' },
  RESOURCE_LOCKED: { status: 423, title: 'Resource is locked' },
  LEASE_MISMATCH: { status: 409, title: 'Another lease holds the resource' },
  STALE_FENCE: { status: 412, title: 'The fencing token is stale' },
  GUARD_UNAVAILABLE: { status: 503, title: 'The fencing token cannot be checked now' },
} as const;
export type FenceProblem = keyof typeof FENCE_PROBLEMS;

/** `request.headers` of node:http and Fastify, or a `Headers`. */
export type RequestHeaders =
  | { get(name: string): string | null }
  | { readonly [name: string]: string | readonly string[] | undefined };

/** What is known of the resource of one request. */
export interface FenceStore {
  /** Compares and records: the `admit` of a guard, for this resource. */
  admit(fence: FencingToken): PromiseLike<Admission> | Admission;
  /**
   * Who holds it: `locks.inspect(resource, { withLeaseId: true })`. Turns an older token away
   * before the new holder's first write. When it fails, the guard decides alone.
   */
  holder(): PromiseLike<LeaseView> | LeaseView;
}

export interface FenceRefusal {
  readonly kind: 'refused';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** RFC 9457 problem details. */
  readonly body: {
    readonly type: 'about:blank';
    readonly title: string;
    readonly status: number;
    readonly code: FenceProblem;
    readonly detail: string;
    readonly holder?: { readonly id: string; readonly name?: string };
    readonly remainingMs?: number;
    readonly seen?: FencingToken;
  };
}

export type FenceCheck = { readonly kind: 'admitted'; readonly fence: FencingToken } | FenceRefusal;

/** The headers that send a lease's fence. */
export function fenceHeaders(lease: Pick<Lease, 'fence'>): Record<string, string> {
  return { [FENCE_HEADER]: lease.fence };
}

/**
 * Reads the token of a request and has it admitted.
 *
 * It is a check ahead of the work, not the guard of a write elsewhere: where the data has a
 * guard of its own (Lua, SQL), pass `fence` on to it and answer its refusal with
 * `refuseStale`.
 */
export async function checkFence(headers: RequestHeaders, store: FenceStore): Promise<FenceCheck> {
  const text = headerOf(headers, FENCE_HEADER);
  const view = await heldNow(store);
  if (text === undefined) {
    if (view?.kind === 'held') return locked(view);
    return refuse('FENCE_REQUIRED', `Send the fence of your lease as ${FENCE_HEADER}`);
  }
  const fence = tokenOf(text);
  if (fence === undefined) return refuse('FENCE_MALFORMED', `${FENCE_HEADER} is 16 decimal digits`);
  if (view?.kind === 'held' && view.fence > fence) return newer(view.fence, view);
  const leaseId = headerOf(headers, LEASE_HEADER);
  if (leaseId !== undefined && view !== undefined && (view.kind === 'free' || view.leaseId !== leaseId))
    return mismatch(view);
  try {
    const admission = await store.admit(fence);
    if (admission.kind === 'stale') return newer(admission.seen, view);
    return { kind: 'admitted', fence };
  } catch {
    return refuse('GUARD_UNAVAILABLE', 'Nothing was written; try again', {}, 1);
  }
}

/** The refusal of a write whose own guard said `stale`. */
export function refuseStale(stale: StaleFence): FenceRefusal {
  return newer(stale.seen, undefined);
}

function newer(seen: FencingToken, view: LeaseView | undefined): FenceRefusal {
  const held = view?.kind === 'held' ? view : undefined;
  return refuse('STALE_FENCE', 'A newer lease has been granted; this write came too late and changed nothing', {
    seen,
    ...(held === undefined ? {} : factsOf(held)),
  });
}

function locked(view: HeldView): FenceRefusal {
  const detail = `Held by ${view.holder.name ?? view.holder.id}; acquire a lease and send its fence as ${FENCE_HEADER}`;
  return refuse('RESOURCE_LOCKED', detail, factsOf(view), Math.max(1, Math.ceil(view.remainingMs / 1_000)));
}

function mismatch(view: LeaseView): FenceRefusal {
  if (view.kind === 'free') return refuse('LEASE_MISMATCH', 'The lease named by the request has ended');
  return refuse('LEASE_MISMATCH', 'The lease named by the request is not the one that is held', factsOf(view));
}

function factsOf(view: HeldView): Pick<FenceRefusal['body'], 'holder' | 'remainingMs'> {
  return { holder: view.holder, remainingMs: view.remainingMs };
}

function refuse(
  code: FenceProblem,
  detail: string,
  facts: Pick<FenceRefusal['body'], 'holder' | 'remainingMs' | 'seen'> = {},
  retryAfterS?: number,
): FenceRefusal {
  const { status, title } = FENCE_PROBLEMS[code];
  return {
    kind: 'refused',
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(retryAfterS === undefined ? {} : { 'retry-after': `${retryAfterS}` }),
    },
    body: { type: 'about:blank', title, status, code, detail, ...facts },
  };
}

async function heldNow(store: FenceStore): Promise<LeaseView | undefined> {
  try {
    return await store.holder();
  } catch {
    return undefined;
  }
}

function tokenOf(text: string): FencingToken | undefined {
  try {
    return parseFence(text);
  } catch {
    return undefined;
  }
}

function headerOf(headers: RequestHeaders, name: string): string | undefined {
  if (typeof headers.get === 'function') return headers.get(name) ?? undefined;
  const value = (headers as Readonly<Record<string, string | readonly string[] | undefined>>)[name.toLowerCase()];
  // Sent twice, it means nothing: the joined text is no token.
  return typeof value === 'string' || value === undefined ? value : value.join(', ');
}
