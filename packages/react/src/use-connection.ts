'use client';

import { useCallback, useSyncExternalStore } from 'react';
import type { ConnectionStatus } from './connection-status.ts';
import { useAPIClient } from './provider.ts';

const before: ConnectionStatus = { state: 'initial', health: 'ok' };

/** How the live connection is. */
export function useConnectionStatus(): ConnectionStatus {
  const { connection } = useAPIClient();
  const subscribe = useCallback((listener: () => void) => connection.onStatus(listener), [connection]);
  return useSyncExternalStore(
    subscribe,
    () => connection.status,
    () => before,
  );
}
