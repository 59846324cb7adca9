// Codes
//
// The closed tables of what can go wrong on the wire: a problem's `code`, and the code a
// WebSocket is closed with. Nothing here imports anything, so a browser may load it.

interface ProblemCode {
  readonly status: number;
  readonly title: string;
}

/** Every `code` a problem document may carry, with its HTTP status and its constant title. */
export const codes = {
  VALIDATION_FAILED: { status: 400, title: 'The request does not match the contract' },

  UNAUTHENTICATED: { status: 401, title: 'Authentication is required' },
  TOKEN_EXPIRED: { status: 401, title: 'The token has expired' },
  INVALID_CREDENTIALS: { status: 401, title: 'The credentials are not valid' },

  FORBIDDEN: { status: 403, title: 'The caller may not do this' },
  USER_MISMATCH: { status: 403, title: 'The userId is not the caller' },

  NOT_FOUND: { status: 404, title: 'Not found' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The method is not allowed here' },

  ALREADY_EXISTS: { status: 409, title: 'Already exists' },
  CLAIM_ATTACHED: { status: 409, title: 'The claim is attached to another instance' },
  STALE_CLAIM: { status: 409, title: 'A newer claim has been granted' },
  IDEMPOTENCY_IN_PROGRESS: { status: 409, title: 'A request with this key is in progress' },

  CLAIM_EXPIRED: { status: 410, title: 'The claim has ended' },
  CURSOR_GONE: { status: 410, title: 'The cursor is too old' },

  VERSION_MISMATCH: { status: 412, title: 'The version has changed' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'The payload is too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The media type is not supported' },

  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'The key was used for another request' },
  DIMENSION_MISMATCH: { status: 422, title: 'The vector has another dimension' },

  // The first words are part of the contract: callers of the services match on them.
  RESOURCE_LOCKED: { status: 423, title: 'Resource is locked' },

  IF_MATCH_REQUIRED: { status: 428, title: 'If-Match is required' },
  CLAIM_REQUIRED: { status: 428, title: 'The claim token is required' },

  RATE_LIMITED: { status: 429, title: 'Too many requests' },

  OVERLOADED: { status: 503, title: 'The server is overloaded' },
  BACKEND_UNAVAILABLE: { status: 503, title: 'A backend is unavailable' },
  SHUTTING_DOWN: { status: 503, title: 'The server is shutting down' },
  UPSTREAM_TIMEOUT: { status: 504, title: 'An upstream did not answer in time' },
} as const satisfies Record<string, ProblemCode>;

/** One of the closed set of problem codes. */
export type Code = keyof typeof codes;

/** Whether a text, for instance read from an answer, is one of the closed set. */
export function isCode(text: unknown): text is Code {
  return typeof text === 'string' && Object.hasOwn(codes, text);
}

/** What a client does after its socket was closed. */
export type AfterClose = 'reconnect' | 'reconnect-slowly' | 'reconnect-once' | 'reauthenticate' | 'stop';

interface CloseCode {
  readonly code: number;
  readonly next: AfterClose;
}

/** The codes the server closes a WebSocket with, and what they ask of the client. */
export const closeCodes = {
  TOO_BIG: { code: 1009, next: 'reconnect-once' },
  RESTART: { code: 1012, next: 'reconnect' },
  SLOW: { code: 1013, next: 'reconnect-slowly' },
  BAD_FRAME: { code: 4400, next: 'reconnect-once' },
  TOKEN: { code: 4401, next: 'reauthenticate' },
  FORBIDDEN: { code: 4403, next: 'stop' },
  HEARTBEAT: { code: 4408, next: 'reconnect' },
  ATTACHED_ELSEWHERE: { code: 4409, next: 'stop' },
  RATE: { code: 4429, next: 'reconnect-slowly' },
  DO_NOT_RETRY: { code: 4499, next: 'stop' },
} as const satisfies Record<string, CloseCode>;

/** What to do after a close with this code; an unknown one is a broken line: reconnect. */
export function afterClose(code: number): AfterClose {
  for (const known of Object.values(closeCodes)) if (known.code === code) return known.next;
  return code === 1000 ? 'stop' : 'reconnect';
}
