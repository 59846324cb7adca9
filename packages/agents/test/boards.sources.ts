// Knowledge sources whose answers follow from their inputs alone, and which take their time.
import { defineKnowledgeSource, type IKnowledgeSource } from '../src/index.ts';

export const FILES = 3;
export const pathOf = (file: number): string => `f${file}.ts`;

/** What a source makes of its inputs, a while after it was asked. */
export function sourcesOf(takes: (ms: number) => Promise<void>, acted: (run: string) => void = () => undefined) {
  const after = async (ms: number, run: string): Promise<void> => {
    await takes(ms);
    acted(run);
  };
  return [
    defineKnowledgeSource({
      name: 'read',
      version: 1,
      trigger: { on: 'entry', level: 'source', each: 'file' },
      run: async ({ inputs: [file], file: textOf, idempotencyKey }) => {
        const text = await textOf(file?.evidence[0]?.sha256 ?? '');
        await after(600, idempotencyKey);
        return [{ level: 'fact', kind: 'read', subject: file?.subject ?? {}, value: text, links: [file?.id ?? ''] }];
      },
    }),
    defineKnowledgeSource({
      name: 'sum',
      version: 1,
      trigger: { on: 'entry', level: 'fact', kind: 'read', each: 'board' },
      precondition: ({ inputs }) => inputs.length === FILES,
      run: async ({ inputs, idempotencyKey }) => {
        await after(900, idempotencyKey);
        const value = inputs.map(({ subject, value }) => `${subject.file} ${String(value)}`).sort();
        const links = inputs.map(({ id, version }) => `${id}@${version}`);
        return [{ level: 'finding', kind: 'sum', value: value.join(', '), links }];
      },
    }),
    defineKnowledgeSource({
      name: 'close',
      version: 1,
      trigger: { on: 'quiescence' },
      run: async ({ idempotencyKey }) => {
        await after(400, idempotencyKey);
        return [{ level: 'section', kind: 'closing', value: 'nothing to add' }];
      },
    }),
  ] satisfies readonly IKnowledgeSource[];
}
