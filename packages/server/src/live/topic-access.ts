// Who may hear what: the one answer for WebSocket and SSE.
import { limits, parseTopic, topicText } from '@devmentor/contracts';
import type { Unsubscribe } from '@devmentor/locks';
import type { Runtime } from '@devmentor/runtime';
import type { Caller } from '../auth/access-tokens.ts';
import { UserActor } from '../auth/user-actor.ts';
import type { Boards } from '../boards/boards.ts';
import { Problem } from '../problem.ts';

export interface TopicAccessOptions {
  readonly runtime: Runtime;
  readonly expectVisible: (userId: string, projectId: string) => Promise<unknown>;
  readonly boards: Pick<Boards, 'expectReadable'>;
}

export class TopicAccess {
  readonly #with: TopicAccessOptions;

  constructor(options: TopicAccessOptions) {
    this.#with = options;
  }

  /** Throws the problem to answer when the caller may not hear the topic. */
  async expectReadable(text: string, caller: Caller): Promise<void> {
    const topic = parseTopic(text);
    switch (topic?.kind) {
      case 'project':
        await this.#with.expectVisible(caller.userId, topic.id);
        return;
      case 'blackboard':
        await this.#with.boards.expectReadable(caller.userId, topic.id);
        return;
      case 'user':
        if (topic.id !== caller.userId) throw new Problem('FORBIDDEN', 'the topic of another user');
        return;
      default:
        throw new Problem('NOT_FOUND', `the topic ${text.slice(0, limits.idLength)} is not available in this version`);
    }
  }

  /** What a caller hears who names no topics: his own and his projects', at most `limit`, the newest first. */
  async topicsOf(caller: Caller, limit: number): Promise<readonly string[]> {
    const { memberships } = (await this.#with.runtime.actor(UserActor, caller.userId).read()).context;
    const projects = Object.entries(memberships)
      .filter(([, { left }]) => !left)
      .sort(([, a], [, b]) => b.sinceMs - a.sinceMs)
      .map(([id]) => topicText({ kind: 'project', id }));
    return [topicText({ kind: 'user', id: caller.userId }), ...projects].slice(0, limit);
  }

  /** Calls back, soon and perhaps not at all, when {@link topicsOf} may answer differently. */
  onTopicsOf(caller: Caller, changed: () => void): Unsubscribe {
    return this.#with.runtime.actor(UserActor, caller.userId).on('memberships.changed', changed);
  }
}
