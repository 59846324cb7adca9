// Transport
//
// Hints and requests between nodes. It never decides anything: a lost message may delay an
// outcome, never change it.
//
//   TR1  `publish` never waits, and nothing is kept for later: while disconnected it throws
//        TRANSPORT_UNAVAILABLE (applied 'no').
//   TR2  A subscription is in force on the server when its promise resolves, and again after
//        every reconnect; in a cluster, on the server that this side is connected to, which
//        tells the others on its own time. Without a link there is none: it rejects with
//        TRANSPORT_UNAVAILABLE. It settles, whatever becomes of the link: a server that does not
//        confirm it in time is one without a link.
//   TR3  Messages of one publisher to one subject arrive in order, at most once, or not at all.
//   TR4  `request` ends in a reply, `no-responders` (nobody was asked: no subscriber, or this
//        side is disconnected), or `lost` (deadline, disconnect: somebody may have been asked).
//        It settles exactly once, at its deadline at the latest.
//   TR5  Handlers are called synchronously in arrival order and must not throw; what one throws
//        is a bug, and is rethrown outside of the delivery, which goes on.
//   TR6  After `close` no handler is called, and every pending request is `lost`.
//   TR7  Of the subscriptions of one queue group each message reaches one. Messages of one tick
//        to one subject may travel together and then reach the same one.
//   TR8  A subject or queue name that a server could read as anything else, and a body over the
//        limit, is refused before anything is sent (SUBJECT_INVALID, TOO_LARGE; applied 'no').
//   TR9  A body is not to be changed by anyone once it was handed over.
import { CoordinationError } from '@devmentor/locks';

/** What a subscriber is handed. */
export interface Message {
  readonly subject: string;
  readonly body: Buffer;
  /**
   * Answers a request; present only when the sender waits. May be called later, and counts once.
   * It throws TOO_LARGE, and then may be called again; a reply while disconnected is lost.
   */
  readonly respond?: (body: Buffer) => void;
}

/** How a request ended; `lost` leaves open whether somebody took it. */
export type RequestOutcome =
  | { readonly kind: 'reply'; readonly body: Buffer }
  | { readonly kind: 'no-responders' }
  | { readonly kind: 'lost'; readonly why: 'deadline' | 'disconnected' | 'closed' };

/** `closed` is final, and nothing is sent while `disconnected`. */
export type TransportStatus = 'connected' | 'disconnected' | 'closed';

/** What `subscribe` gives. */
export interface Subscription {
  /** No handler call follows once it resolves; calling it again does nothing. */
  unsubscribe(): Promise<void>;
}

/** The port between nodes: hints and requests, never decisions; its rules are TR1 to TR9 at the head of this file. */
export interface Transport {
  readonly status: TransportStatus;
  onStatus(listener: (status: TransportStatus) => void): () => void;
  publish(subject: string, body: Buffer): void;
  /** `subject` may hold the wildcards `*` (one token) and `>` (the rest). */
  subscribe(
    subject: string,
    handler: (message: Message) => void,
    options?: { readonly queue?: string },
  ): Promise<Subscription>;
  /** Rejects with the reason of `signal` when that aborts first, and with TR8's faults. */
  request(
    subject: string,
    body: Buffer,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<RequestOutcome>;
  /** Idempotent. A connection that was given stays its giver's. */
  close(): Promise<void>;
}

/** The codes of a `TransportError`. */
export const TRANSPORT_CODES = ['TRANSPORT_UNAVAILABLE', 'SUBJECT_INVALID', 'TOO_LARGE'] as const;
/** One of `TRANSPORT_CODES`. */
export type TransportCode = (typeof TRANSPORT_CODES)[number];

/** What a transport refuses or cannot do; nothing was sent. */
export class TransportError extends CoordinationError<TransportCode> {
  override readonly name = 'TransportError';

  constructor(code: TransportCode, message: string, cause?: unknown) {
    super(code, message, { applied: 'no', cause });
  }
}

/** Largest body of one message: a NATS server's default limit of 1 MiB, less the frame around it. */
export const MAX_BODY_BYTES = 1024 * 1024 - 64;

/** TR8 for bodies. */
export function checkBody(body: Buffer, subject: string, maxBytes = MAX_BODY_BYTES): void {
  if (body.length > maxBytes)
    throw new TransportError(
      'TOO_LARGE',
      `a message of ${body.length} bytes to ${subject} is over the limit of ${maxBytes}`,
    );
}
