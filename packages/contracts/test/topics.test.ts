import { isDurable, parseTopic, type Topic, topicText } from '@devmentor/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ids, resources } from './arbitrary.ts';

const topics: fc.Arbitrary<Topic> = fc.oneof(
  fc.record({ kind: fc.constantFrom('project', 'blackboard', 'presence', 'user'), id: ids }, { noNullPrototype: true }),
  fc.record({ kind: fc.constant('lock'), resource: resources }, { noNullPrototype: true }),
  fc.constant<Topic>({ kind: 'inspector' }),
);

describe('topics', () => {
  it('[T1] every topic reads back from its text', () => {
    fc.assert(
      fc.property(topics, (topic) => {
        expect(parseTopic(topicText(topic))).toEqual(topic);
      }),
    );
  });

  it('[T2] only the first colon separates: a lock may have more of them', () => {
    expect(parseTopic('lock:project:42')).toEqual({ kind: 'lock', resource: 'project:42' });
  });

  it('[T3] what is not in the grammar is no topic', () => {
    for (const text of ['', ':', 'project', 'project:', 'project:a b', 'lock:', 'nope:1', 'inspector:1', 'PROJECT:1']) {
      expect([text, parseTopic(text)]).toEqual([text, undefined]);
    }
  });

  it('[T4] presence and the inspector have no log to resume from', () => {
    fc.assert(
      fc.property(topics, (topic) => {
        expect(isDurable(topic)).toBe(!['presence', 'inspector'].includes(topic.kind));
      }),
    );
  });
});
