import { Problem } from '../problem.ts';

const TAGS = /^\s*(?:W\/)?"[^"]*"\s*(?:,\s*(?:W\/)?"[^"]*"\s*)*$/;

/** The versions an If-Match names. A weak or foreign tag names none of ours and simply never matches. */
export function versionsOf(ifMatch: string | undefined): readonly number[] | 'any' {
  if (ifMatch === undefined)
    throw new Problem('IF_MATCH_REQUIRED', 'send the ETag you last saw as If-Match, or * to write whatever is there');
  if (ifMatch.trim() === '*') return 'any';
  if (!TAGS.test(ifMatch))
    throw Problem.invalid([{ pointer: 'If-Match', message: 'is not a list of entity tags such as "3"' }]);
  return tagsOf(ifMatch)
    .filter((tag) => /^"(?:0|[1-9]\d{0,14})"$/.test(tag))
    .map((tag) => Number(tag.slice(1, -1)));
}

/** Whether the client's copy is still good. Comparison is weak, as RFC 9110 asks for here. */
export function isUnchanged(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  return tagsOf(ifNoneMatch).some((tag) => tag.replace(/^W\//, '') === etag);
}

function tagsOf(list: string): readonly string[] {
  return list.match(/(?:W\/)?"[^"]*"/g) ?? [];
}
