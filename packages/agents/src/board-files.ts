// A problem's files on a board: each is a contribution of level `source`, its text stored by hash.
import type { Json } from '@devmentor/runtime';
import type { StoredProblem } from './board-store.ts';
import { nameOf, sha256 } from './canonical.ts';
import { type ContributionDraft, draftOf, type Knowledge } from './knowledge.ts';
import type { SourceFile } from './problem.ts';

export interface StoredFiles {
  readonly files: StoredProblem['files'];
  readonly texts: ReadonlyMap<string, string>;
  readonly drafts: readonly ContributionDraft[];
}

/** Who contributes the files that a board was opened with. */
const opener = 'problem';

export function storeFiles(files: readonly SourceFile[]): StoredFiles {
  const texts = new Map<string, string>();
  const listed = files.map(({ path, content }) => {
    const hash = sha256(content);
    texts.set(hash, content);
    return { path, sha256: hash };
  });
  return { files: listed, texts, drafts: files.map((file) => draftOf(knowledgeOf(file), { author: opener })) };
}

/** A file given as knowledge `{ level: 'source', value: { path, content } }`; undefined for any other. */
export function fileIn({ level, value }: Knowledge): SourceFile | undefined {
  if (level !== 'source' || value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  const { path, content } = value as { readonly [key: string]: Json };
  return typeof path === 'string' && typeof content === 'string' ? { path, content } : undefined;
}

/** A changed file is the next version of the one before, whoever brings it. */
export function knowledgeOf({ path, content }: SourceFile): Knowledge {
  const hash = sha256(content);
  return {
    level: 'source',
    kind: 'file',
    subject: { file: path },
    value: { path, sha256: hash, bytes: Buffer.byteLength(content) },
    evidence: [{ file: path, sha256: hash }],
    id: nameOf({ file: path }),
  };
}
