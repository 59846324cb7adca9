import type { Operation } from './history.ts';

/**
 * What an object may answer when it is asked one thing at a time: the meaning of being right.
 *
 * States are values; `step` changes none. An operation whose outcome is `unknown` is stepped as
 * one that took effect: its answer is not known, so every answer has to be allowed for.
 */
export interface SequentialModel<State, In = unknown, Out = unknown> {
  readonly name: string;
  initial(key: string): State;
  /**
   * Every state that may follow when the operation takes effect here with the answer it was given;
   * none where it cannot. May use the operation's times: it took effect between them.
   */
  step(state: State, operation: Operation<In, Out>): readonly State[];
  /** Equal for two states iff nothing that follows can tell them apart. */
  fingerprint(state: State): string;
  /** True of operations that change no state they are legal in. They are placed without a search. */
  observes?(operation: Operation<In, Out>): boolean;
  /**
   * Where answers carry counts: an operation of lower rank (compared as text) cannot come after one
   * of a higher rank. Saves the search of orders that could not be; never consulted for `unknown`.
   */
  rank?(operation: Operation<In, Out>): string | undefined;
  /** Which states the answers of a whole history leave possible: no others are looked at. */
  possible?(operations: readonly Operation<In, Out>[]): (state: State) => boolean;
  /** One operation, for people. */
  describe?(operation: Operation<In, Out>): string;
  /** One state, for people. */
  believes?(state: State): string;
}
