// Agenda: what is to be looked at since the board changed.
//
// Holds no truth: everything in it comes from the log, and whoever takes the board over builds
// it anew from revision 0. A topic whose precondition does not hold stays and is looked at again.
import type { Board } from './board.ts';
import type { Entry } from './entry.ts';
import type { IKnowledgeSource } from './knowledge-source.ts';
import { type Candidate, candidateOf, restOf, type Topic, topicOf } from './trigger.ts';

export class Agenda {
  readonly #sources: readonly IKnowledgeSource[];
  readonly #open = new Map<string, { readonly source: IKnowledgeSource; readonly topic: Topic }>();

  constructor(sources: readonly IKnowledgeSource[]) {
    this.#sources = sources;
  }

  /** Topics that wait for their precondition, or have not been looked at. */
  get size(): number {
    return this.#open.size;
  }

  /** An entry that the board has just applied. */
  note(entry: Entry, board: Board): void {
    for (const source of this.#sources) {
      const topic =
        entry.kind === 'contribution'
          ? topicOf(source, entry.contribution)
          : isRest(entry, source)
            ? restOf(board)
            : undefined;
      if (topic !== undefined) this.#open.set(`${source.name} ${topic.name}`, { source, topic });
    }
  }

  /** What can be scheduled now, at most `limit`; it leaves the agenda. */
  take(board: Board, limit: number): readonly Candidate[] {
    const ready: Candidate[] = [];
    for (const [name, { source, topic }] of this.#open) {
      if (ready.length === limit) break;
      const candidate = candidateOf(source, topic, board);
      if (candidate === undefined || board.activation(candidate.key) !== undefined) {
        this.#open.delete(name);
        continue;
      }
      if (!mayRun(candidate, board)) continue;
      this.#open.delete(name);
      ready.push(candidate);
    }
    return ready;
  }

  /** Puts back what was taken and not written. */
  putBack(candidates: readonly Candidate[]): void {
    for (const { source, topic } of candidates) this.#open.set(`${source.name} ${topic.name}`, { source, topic });
  }
}

/** A precondition that throws does so again in the run, where it is that activation's failure. */
function mayRun({ source, topic, inputs }: Candidate, board: Board): boolean {
  try {
    return source.precondition?.({ subject: topic.subject, inputs, board }) !== false;
  } catch {
    return true;
  }
}

function isRest(entry: Entry, source: IKnowledgeSource): boolean {
  return entry.kind === 'status' && entry.status === 'quiescent' && source.trigger.on === 'quiescence';
}
