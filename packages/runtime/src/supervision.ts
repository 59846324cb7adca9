// What becomes of a message whose step threw. Pure. The actor itself always keeps the snapshot it
// had: a throw is a fact about one message, not about the actor.

export type Verdict = { readonly kind: 'again' } | { readonly kind: 'dead-letter' };

/** `failures` counts the throws so far, this one included. */
export function judge(failures: number, retries: number): Verdict {
  return failures <= retries ? { kind: 'again' } : { kind: 'dead-letter' };
}
