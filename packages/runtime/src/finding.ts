/** What cannot be kept as it is written; the definition is refused. */
export type LintError = 'cannot-run' | 'context-not-json' | 'reserved-event';

/** What may not do what its author expects; `lint: { silence: [...] }` says that it is meant. */
export type LintWarning =
  /** A failure of the invoke ends the whole actor. */
  | 'invoke-without-on-error'
  /** Found again in a record by its place in the machine alone. */
  | 'inline-invoke'
  /** Runs at most once, after the commit, and has no name in a trace. */
  | 'inline-action'
  /** A delay computed in place has no name, by which a policy could be given for it. */
  | 'inline-delay'
  | 'unreachable-state'
  /** `replies` names an event that no state takes. */
  | 'reply-without-event'
  /** `replies` names events, and nothing in the machine replies. */
  | 'never-replies'
  | 'missing-migration'
  /** What a machine below emits is heard by nobody. */
  | 'child-emits';

/** Every rule of the durability lint; those of `LintWarning` may be silenced per type. */
export type LintRule = LintError | LintWarning;

/** Something in an actor type that will not do (`error`), or may not do what its author expects (`warning`). */
export interface Finding {
  readonly rule: LintRule;
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
