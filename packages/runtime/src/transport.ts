// Transport
//
// Hints and requests between nodes. It never decides anything: a lost message may delay an
// outcome, never change it.
//
//   TR1  `publish` never waits and never buffers: while disconnected it throws
//        TRANSPORT_UNAVAILABLE (applied 'no').
//   TR2  A subscription is in force on the server when its promise resolves.
//   TR3  Messages of one publisher to one subject arrive in order, at most once, or not at all.
//   TR4  `request` ends in a reply, `no-responders` (nobody was asked), or `lost` (deadline,
//        disconnect: somebody may have been asked). It settles at its deadline, always.
//   TR5  Handlers are called synchronously in arrival order and must not throw.
//   TR6  After `close` no handler is called and every pending request is `lost`.

export interface Message {
  readonly subject: string;
  readonly body: Buffer;
  /** Answers a request; present only when the sender waits. May be called later, once. */
  readonly respond?: (body: Buffer) => void;
}

export type RequestOutcome =
  | { readonly kind: 'reply'; readonly body: Buffer }
  | { readonly kind: 'no-responders' }
  | { readonly kind: 'lost'; readonly why: 'deadline' | 'disconnected' | 'closed' };

export type TransportStatus = 'connected' | 'disconnected' | 'closed';

export interface Transport {
  readonly status: TransportStatus;
  onStatus(listener: (status: TransportStatus) => void): () => void;
  publish(subject: string, body: Buffer): void;
  subscribe(subject: string, handler: (message: Message) => void, options?: { readonly queue?: string }): Promise<{ unsubscribe(): Promise<void> }>;
  request(subject: string, body: Buffer, options: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<RequestOutcome>;
  close(): Promise<void>;
}
