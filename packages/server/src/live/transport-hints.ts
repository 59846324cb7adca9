import type { Unsubscribe } from '@devmentor/locks';
import { type TopicEvent, type Transport, topicSubject } from '@devmentor/runtime';
import type { TopicHints } from './topic-feed.ts';

/** Hints as the runtime publishes them after a commit: the event itself, on the topic's subject. */
export function transportHints(transport: Transport, namespace: string): TopicHints {
  return {
    async listen(topic: string, heard: (event: TopicEvent) => void): Promise<Unsubscribe> {
      const subscription = await transport.subscribe(topicSubject(namespace, topic), ({ body }) => {
        const event = eventOf(body);
        if (event?.topic === topic) heard(event);
      });
      return () => void subscription.unsubscribe().catch(() => {});
    },
  };
}

function eventOf(body: Buffer): TopicEvent | undefined {
  try {
    return JSON.parse(body.toString('utf8')) as TopicEvent;
  } catch {
    // Somebody else's message on our subject: the log will tell.
    return undefined;
  }
}
