// Event source
//
//   E3  After a break it goes on from the last id it read, so no event is missed or told twice.
import type { WireEvent } from '@devmentor/contracts';
import { backoffMs } from './backoff.ts';
import { type Clock, type Entropy, pause } from './clock.ts';
import type { ServiceTransport, StreamEvent } from './service-transport.ts';

export interface LiveEventListener {
  event(event: WireEvent): void;
  /** What came before in this topic must be read another way: it was joined late, or the place is too old. */
  resync?(topic: string): void;
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
        take(event, listener);
      }
      listener.interrupted?.(undefined);
    } catch (error) {
      if (signal.aborted) return;
      listener.interrupted?.(error);
    }
    await pause(clock, restMs ?? backoffMs(attempt, entropy.random()), signal).catch(() => undefined);
  }
}

// The server says more than events: what is not understood is not needed.
function take({ event: name, data }: StreamEvent, listener: LiveEventListener): void {
  if (name !== 'message' && name !== 'resync') return;
  const said: unknown = data === '' ? undefined : JSON.parse(data);
  if (typeof said !== 'object' || said === null || !('topic' in said)) return;
  if (name === 'resync') listener.resync?.(String(said.topic));
  else if ('type' in said) listener.event(said as WireEvent);
}
