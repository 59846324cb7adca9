/** Something in an actor type that will not do (`error`), or may not do what its author expects (`warning`). */
export interface Finding {
  readonly rule: string;
  readonly level: 'error' | 'warning';
  /** The state path, or the option. */
  readonly where: string;
  readonly problem: string;
  readonly fix: string;
}

/** A finding as one sentence. */
export function explained({ where, problem, fix }: Finding): string {
  return `${where}: ${problem}; ${fix}`;
}
