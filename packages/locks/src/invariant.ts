/** A bug in this code, never an operating failure: not retried, not mapped to a client's error. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
}

/** States what must hold here; `invariant` is a sentence that says it. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new InvariantViolation(invariant);
}

/** Marks a branch that the types rule out. */
export function unreachable(value: never): never {
  throw new InvariantViolation(`unreachable: ${JSON.stringify(value)}`);
}
