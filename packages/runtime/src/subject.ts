// Subjects are built from ids by the id codec, which leaves nothing in them that a server could
// misread. This is the second line: a space or line break would end the protocol line and start
// another command, a wildcard would reach strangers, a long line costs the shared connection (TR8).
import { TransportError } from './transport.ts';

const longestBytes = 512;
/** Tokens of printable ASCII without space, dot and wildcards. */
const exact = /^[!-)+-\-/-=?-~]+(?:\.[!-)+-\-/-=?-~]+)*$/;
const pattern = /^(?:(?:[!-)+-\-/-=?-~]+|\*)(?:\.(?:[!-)+-\-/-=?-~]+|\*))*(?:\.>)?|>)$/;

/** Subjects that name one place: for publish and request. */
export function checkSubject(subject: string): void {
  if (subject.length > longestBytes || !exact.test(subject)) refuse('subject', subject);
}

/** Subjects to listen on, wildcards allowed. */
export function checkPattern(subject: string): void {
  if (subject.length > longestBytes || !pattern.test(subject)) refuse('subject to subscribe to', subject);
}

export function checkQueue(queue: string): void {
  if (queue.length > longestBytes || !exact.test(queue)) refuse('queue name', queue);
}

/** Whether a pattern covers a subject; both valid. */
export function matches(patternTokens: readonly string[], subject: string): boolean {
  const tokens = subject.split('.');
  for (const [i, wanted] of patternTokens.entries()) {
    if (wanted === '>') return tokens.length > i;
    if (wanted !== '*' && wanted !== tokens[i]) return false;
  }
  return tokens.length === patternTokens.length;
}

function refuse(what: string, given: string): never {
  throw new TransportError(
    'SUBJECT_INVALID',
    `not a valid ${what}: ${JSON.stringify(given.slice(0, 80))} (tokens of printable ASCII, at most ${longestBytes} bytes)`,
  );
}
