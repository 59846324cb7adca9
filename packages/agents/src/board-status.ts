// Board status
//
//   initializing -> running <-> quiescent -> solved -> running (a contribution wakes it)
//   initializing | running | quiescent <-> paused
//   any of these -> cancelled, failed, or solved for good (out of budget or time)

export type BoardStatus = 'initializing' | 'running' | 'paused' | 'quiescent' | 'solved' | 'failed' | 'cancelled';

/** Whether a controller has something to do on such a board. */
export function isOpen(status: BoardStatus): boolean {
  return status !== 'solved' && status !== 'failed' && status !== 'cancelled';
}

/** What people may ask of a board, and in which states. */
export const STEERING = {
  pause: { to: 'paused', from: ['initializing', 'running', 'quiescent'] },
  resume: { to: 'running', from: ['paused'] },
  cancel: { to: 'cancelled', from: ['initializing', 'running', 'quiescent', 'paused', 'solved'] },
} as const satisfies Record<string, { readonly to: BoardStatus; readonly from: readonly BoardStatus[] }>;
export type Steering = keyof typeof STEERING;
