import { defineKnowledgeSource, type IKnowledgeSource } from '../src/index.ts';

/** A source that, in some processes, never comes to its end. */
export function hangingSource(hangs: boolean): IKnowledgeSource {
  return defineKnowledgeSource({
    name: 'hanging',
    version: 1,
    trigger: { on: 'entry', level: 'source', kind: 'file', each: 'board' },
    rate: () => 1_000,
    run: ({ inputs }) =>
      hangs ? new Promise(() => undefined) : [{ level: 'finding', kind: 'count', value: `${inputs.length} files` }],
  });
}
