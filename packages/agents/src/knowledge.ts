// Knowledge: a contribution as its author gives it, before the board has taken it.
import type { Json } from '@devmentor/runtime';
import { canonicalText, nameOf, sha256 } from './canonical.ts';
import type { Subject } from './entry.ts';
import { rejected } from './errors.ts';
import type { Evidence } from './evidence.ts';
import { checkPath } from './problem.ts';

export interface Knowledge {
  readonly level: string;
  readonly value: Json;
  /** What sort of statement it is, such as `cycle`. @default 'note' */
  readonly kind?: string;
  readonly subject?: Subject;
  /** @default 1 */
  readonly confidence?: number;
  /** What it follows from: `id` for the version the board has now, `id@version` for that one. */
  readonly links?: readonly string[];
  readonly evidence?: readonly Evidence[];
  /**
   * Under the same id the board takes a changed value as the next version, an equal one not at
   * all. Default for a knowledge source: made of kind, subject and the source's name.
   */
  readonly id?: string;
}

/** A contribution on its way into a store. */
export interface ContributionDraft {
  readonly id: string;
  readonly author: string;
  /** The stored body, without id, version, author and supports. */
  readonly text: string;
  /** Hash of what makes a version differ from the one before, supports apart. */
  readonly hash: string;
  readonly supports: readonly { readonly id: string; readonly version: number | 'current' }[];
}

const MOST_BYTES = 256 * 1024;
const MOST_LINKS = 4_096;
const MOST_EVIDENCE = 1_024;
const NAME = /^[^\p{Cc}\p{Surrogate}]{1,128}$/u;
const ID = /^[A-Za-z0-9._~-]{1,128}$/;

/** Checks and packs; throws KNOWLEDGE_REJECTED. */
export function draftOf(
  knowledge: Knowledge,
  by: { readonly author: string; readonly id?: string; readonly activation?: string },
): ContributionDraft {
  const { level, value, kind = 'note', subject = {}, confidence = 1, links = [], evidence = [] } = knowledge;
  checkName('level', level);
  checkName('kind', kind);
  checkName('author', by.author);
  if (!(confidence >= 0 && confidence <= 1)) throw rejected('a confidence is between 0 and 1');
  if (links.length > MOST_LINKS) throw rejected(`a contribution follows from at most ${MOST_LINKS} others`);
  if (evidence.length > MOST_EVIDENCE) throw rejected(`a contribution has at most ${MOST_EVIDENCE} places of evidence`);
  for (const { file, sha256: hash } of evidence) {
    checkPath(file);
    if (!/^[0-9a-f]{64}$/.test(hash)) throw rejected('the hash of evidence is 64 hexadecimal digits');
  }
  if (subject.file !== undefined) checkPath(subject.file);
  checkJson(value, 'value');
  const body: Json = { level, kind, subject: { ...subject }, value, confidence, evidence: evidence.map(placeOf) };
  const text = canonicalText(body);
  if (Buffer.byteLength(text) > MOST_BYTES) throw rejected(`a contribution has at most ${MOST_BYTES} bytes of JSON`);
  const scope = by.author.replace(/@[^@]*$/, '');
  const id = checkId(knowledge.id ?? by.id ?? nameOf({ kind, subject: { ...subject }, scope }));
  return {
    id,
    author: by.author,
    hash: sha256(`${by.author}\n${text}`),
    supports: links.map(linkOf),
    text:
      by.activation === undefined
        ? text
        : canonicalText({ ...(JSON.parse(text) as { [key: string]: Json }), activation: by.activation }),
  };
}

export function checkId(id: string): string {
  if (!ID.test(id) || id === '.' || id === '..')
    throw rejected(`not an id (1 to 128 of A-Z a-z 0-9 . _ ~ -): ${JSON.stringify(id.slice(0, 80))}`);
  return id;
}

function checkName(what: string, name: string): void {
  if (!NAME.test(name)) throw rejected(`a contribution's ${what} is 1 to 128 characters on one line`);
}

function placeOf({ file, sha256: hash, span }: Evidence): Json {
  return { file, sha256: hash, ...(span === undefined ? {} : { span: { ...span } }) };
}

function linkOf(link: string): ContributionDraft['supports'][number] {
  const at = link.lastIndexOf('@');
  if (at === -1) return { id: checkId(link), version: 'current' };
  const version = Number(link.slice(at + 1));
  if (!Number.isSafeInteger(version) || version < 1)
    throw rejected(`not a link to a contribution: ${JSON.stringify(link.slice(0, 80))}`);
  return { id: checkId(link.slice(0, at)), version };
}

const DEEPEST = 64;

/** JSON as it is, not as `JSON.stringify` would bend it. */
function checkJson(value: unknown, path: string, depth = 0): void {
  if (depth > DEEPEST) throw rejected(`${path} is nested more than ${DEEPEST} deep`);
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return;
  if (typeof value === 'number' && Number.isFinite(value)) return;
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) checkJson(item, `${path}[${i}]`, depth + 1);
    return;
  }
  if (typeof value === 'object' && [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null)) {
    for (const [key, member] of Object.entries(value)) {
      if (key === '__proto__') throw rejected(`${path} has a member __proto__`);
      checkJson(member, `${path}.${key}`, depth + 1);
    }
    return;
  }
  throw rejected(`${path} is not JSON`);
}
