// Topics
//
// The grammar of what can be subscribed to: `project:<id>`, `blackboard:<id>`,
// `lock:<resource>`, `presence:<id>`, `user:<id>` and the bare `inspector`.
// No imports but the id grammar, so a browser may load it.
import { isId, isResource } from './ids.ts';

/** A topic taken apart. */
export type Topic =
  | { readonly kind: 'project'; readonly id: string }
  | { readonly kind: 'blackboard'; readonly id: string }
  | { readonly kind: 'lock'; readonly resource: string }
  | { readonly kind: 'presence'; readonly id: string }
  | { readonly kind: 'user'; readonly id: string }
  | { readonly kind: 'inspector' };

/** Writes a topic as the text that stands on the wire. */
export function topicText(topic: Topic): string {
  if (topic.kind === 'inspector') return 'inspector';
  return `${topic.kind}:${topic.kind === 'lock' ? topic.resource : topic.id}`;
}

/** Reads a topic; `undefined` when the text is not one. The inverse of {@link topicText}. */
export function parseTopic(text: string): Topic | undefined {
  if (text === 'inspector') return { kind: 'inspector' };
  // Only the first colon separates: a resource may hold more of them.
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  const kind = text.slice(0, colon);
  const rest = text.slice(colon + 1);
  switch (kind) {
    case 'lock':
      return isResource(rest) ? { kind, resource: rest } : undefined;
    case 'project':
    case 'blackboard':
    case 'presence':
    case 'user':
      return isId(rest) ? { kind, id: rest } : undefined;
    default:
      return undefined;
  }
}

/**
 * Whether a topic has a log to resume from. On the others a subscription always begins
 * with a snapshot and its outcome is `resync`.
 */
export function isDurable(topic: Topic): boolean {
  return topic.kind !== 'presence' && topic.kind !== 'inspector';
}
