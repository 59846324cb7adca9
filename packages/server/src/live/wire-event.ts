import type { WireEvent } from '@devmentor/contracts';
import type { TopicEvent } from '@devmentor/runtime';
import { timeText } from '../projects/wire.ts';

/** An event as both transports send it. */
export function toWire(event: TopicEvent): WireEvent {
  // Its data was made for the wire by the actor that published it.
  const { topic, id: seq, prev, type, atMs, data } = event;
  return { topic, seq, prev: prev === '' ? null : prev, type, at: timeText(atMs), data } as WireEvent;
}

/** Whether the event tells this user that the topic is his no more. */
export function isRemovalOf({ data }: TopicEvent, userId: string): boolean {
  return (
    typeof data === 'object' &&
    data !== null &&
    'removed' in data &&
    Array.isArray(data.removed) &&
    data.removed.includes(userId)
  );
}
