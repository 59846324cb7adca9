/** Which way bytes go: from the client to the server, or back. */
export type Direction = 'requests' | 'replies';

/** How a connection ends for those at both of its ends, or that it stays open and says nothing more. */
export type Ending = 'reset' | 'close' | 'silence';

/**
 * What befalls one request.
 *
 * A stream cannot lose a piece and go on, so what is lost takes its connection with it, by
 * `ending`: `'reset'` (the default) at once, `'silence'` only when somebody loses patience.
 */
export type RequestFault =
  /** The server never sees it. */
  | { readonly kind: 'lose-request'; readonly ending?: Ending }
  /** The server executes it, and nobody hears the answer. */
  | { readonly kind: 'lose-reply'; readonly ending?: Ending }
  /** The server executes it twice; the first answer is passed on. */
  | { readonly kind: 'duplicate' }
  /** It, or its reply, and all behind it, waits until the moment is released, or for so long. */
  | { readonly kind: 'hold'; readonly what: 'request' | 'reply'; readonly forMs?: number }
  /** The proxy answers in the server's place, which never sees it: `-READONLY You can't write`. */
  | { readonly kind: 'answer'; readonly reply: string }
  /** The connection breaks in the middle of the reply, after so many bytes. */
  | { readonly kind: 'cut-reply'; readonly afterBytes: number };

/** A request as the proxy sees it pass. */
export interface PassingRequest {
  /** The command's name in lower case; empty where the protocol is not Redis's. */
  readonly command: string;
  /** The whole request, as UTF-8. */
  readonly text: string;
}

/** A command's name in lower case, or a question. */
export type RequestMatch = string | ((request: PassingRequest) => boolean);

/** A fault that waits for its request. */
export interface Moment {
  /** Resolves when the fault has happened: for a reply, when the server had answered. */
  readonly reached: Promise<void>;
  /** Lets go what is held; nothing else is changed by it. Idempotent. */
  release(): void;
}

/** What befalls all bytes of a direction, until the proxy is healed. */
export interface Weather {
  delayMs: number;
  jitterMs: number;
  bytesPerSecond: number;
  /** Bytes are kept back, as by a network that forwards nothing; healing delivers them late. */
  isHeld: boolean;
}

export function clearWeather(): Weather {
  return { delayMs: 0, jitterMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY, isHeld: false };
}
