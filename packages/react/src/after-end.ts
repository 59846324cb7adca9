// What the end of a line means for the next one (pure).
import { afterClose, closeCodes } from '@devmentor/contracts/codes';
import type { Pace } from './backoff.ts';

/** Why there is no line and none is being tried. */
export type DisconnectReason = 'closed' | 'page-left' | 'unauthenticated' | 'forbidden' | 'moved' | 'refused';

export type NextStep =
  | { readonly kind: 'stop'; readonly reason: DisconnectReason }
  /** `renewToken`: the one in use may be what stands in the way. */
  | { readonly kind: 'retry'; readonly pace: Pace; readonly renewToken: boolean };

/** What went before the end. */
export interface Circumstances {
  readonly pace: Pace;
  /** Attempts since the last line that lasted. */
  readonly attempt: number;
  /** Attempts in a row that were turned away, this one included. */
  readonly refused: number;
}

const patience = 3;

/** Whether the server would not have this line at all, as far as a browser can tell. */
export function isRefusal(code: number, wasOpen: boolean): boolean {
  // A refused upgrade is 1006 and nothing else, whatever the reason was.
  return code === closeCodes.TOKEN.code || (!wasOpen && code === 1006);
}

export function afterEnd(code: number, { pace, attempt, refused }: Circumstances): NextStep {
  const again = { kind: 'retry', pace, renewToken: false } as const;
  switch (afterClose(code)) {
    case 'stop':
      return { kind: 'stop', reason: reasonOf(code) };
    case 'reauthenticate':
      return refused >= patience ? { kind: 'stop', reason: 'unauthenticated' } : { ...again, renewToken: true };
    case 'reconnect-once':
      return attempt > 0 ? { kind: 'stop', reason: 'refused' } : again;
    case 'reconnect-slowly':
      return { ...again, pace: 'slow' };
    case 'reconnect':
      return { ...again, renewToken: refused > 0 && refused % patience === 0 };
  }
}

function reasonOf(code: number): DisconnectReason {
  switch (code) {
    case closeCodes.FORBIDDEN.code:
      return 'forbidden';
    case closeCodes.ATTACHED_ELSEWHERE.code:
      return 'moved';
    default:
      return code === 1000 ? 'closed' : 'refused';
  }
}
