import type { WireEvent } from '@devmentor/contracts';
import { backoffMs } from './backoff.ts';
import { type Clock, type Entropy, pause } from './clock.ts';
import type { ServiceTransport } from './service-transport.ts';

export interface LiveEventListener {
  event(event: WireEvent): void;
  /** The cursor is too old: what came before must be read another way. */
  resync?(): void;
  /** A break; it is tried again. */
  interrupted?(cause: unknown): void;
}

export interface FollowOptions {
  readonly path: string;
  readonly transport: ServiceTransport;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly listener: LiveEventListener;
  readonly signal: AbortSignal;
}

/** Reads a stream of events until told to stop, going on from the last one after a break. */
export async function followEvents(options: FollowOptions): Promise<void> {
  const { path, transport, clock, entropy, listener, signal } = options;
  let lastEventId: string | undefined;
  for (let attempt = 0; !signal.aborted; attempt++) {
    let restMs: number | undefined;
    try {
      for await (const event of transport.events(path, { signal, lastEventId, onOpen: () => (attempt = 0) })) {
        lastEventId = event.id ?? lastEventId;
        restMs = event.retryMs ?? restMs;
        if (event.event === 'resync') listener.resync?.();
        else if (event.data !== '' && event.event !== 'welcome') take(event.data, listener);
      }
      listener.interrupted?.(undefined);
    } catch (error) {
      if (signal.aborted) return;
      listener.interrupted?.(error);
    }
    await pause(clock, restMs ?? backoffMs(attempt, entropy.random()), signal).catch(() => undefined);
  }
}

function take(data: string, listener: LiveEventListener): void {
  const event: unknown = JSON.parse(data);
  if (typeof event === 'object' && event !== null && 'topic' in event && 'type' in event) {
    listener.event(event as WireEvent);
  }
}
