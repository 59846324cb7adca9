// The boards' logs among the other topics, and the hints that go with them.
import type { BlackboardSystem } from '@devmentor/agents';
import { parseTopic } from '@devmentor/contracts';
import type { Unsubscribe } from '@devmentor/locks';
import type { LogStore } from '@devmentor/runtime';
import type { Heard, TopicHints } from '../live/topic-feed.ts';

/** Reads `blackboard:` topics from the boards, and every other from `log`. */
export function withBoardLogs(log: LogStore, system: BlackboardSystem): LogStore {
  const boards = system.topics;
  const ofTopic = (topic: string): LogStore => (boardIn(topic) === undefined ? log : boards);
  return {
    append: (topic, events) => ofTopic(topic).append(topic, events),
    read: (topic, after, limit) => ofTopic(topic).read(topic, after, limit),
    last: (topic) => ofTopic(topic).last(topic),
    close: () => log.close(),
  };
}

/** Hints of boards say only that something changed. */
export function withBoardHints(hints: TopicHints, system: BlackboardSystem): TopicHints {
  return {
    async listen(topic: string, heard: (news: Heard) => void): Promise<Unsubscribe> {
      const board = boardIn(topic);
      if (board === undefined) return hints.listen(topic, heard);
      return system.onChange((id) => {
        if (id === board) heard('changed');
      });
    },
  };
}

function boardIn(topic: string): string | undefined {
  const parsed = parseTopic(topic);
  return parsed?.kind === 'blackboard' ? parsed.id : undefined;
}
