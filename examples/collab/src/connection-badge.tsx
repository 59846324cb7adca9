import { type ConnectionState, useConnectionStatus } from '@devmentor/react';

const words: Record<ConnectionState, string> = {
  initial: 'Idle',
  connecting: 'Connecting',
  connected: 'Live',
  reconnecting: 'Reconnecting',
  disconnected: 'Offline',
};

/** Whether what is shown is what is so. */
export function ConnectionBadge() {
  const { state } = useConnectionStatus();
  return (
    <span className={`badge ${state}`} role="status" data-testid="connection" data-state={state}>
      <span className="dot" aria-hidden="true" />
      {words[state]}
    </span>
  );
}
