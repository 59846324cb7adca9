// Provenance
//
// The way back: from a statement to the contributions behind it, and from one of them to the
// text of a file.
import type { Contribution, SourceFile } from '@devmentor/contracts';
import type { Evidence } from '@devmentor/react';

export class Provenance {
  readonly #contributions: ReadonlyMap<string, Contribution>;
  readonly #texts = new Map<string, string>();

  constructor(contributions: readonly Contribution[], files: readonly SourceFile[]) {
    // They come by revision, so a later version stays.
    this.#contributions = new Map(contributions.map((contribution) => [contribution.id, contribution]));
    const contents = new Map(files.map(({ path, content }) => [path, content]));
    for (const { kind, evidence } of contributions) {
      const [place] = kind === 'file' && evidence !== undefined ? evidence : [];
      // What this tab sent is the first state of a file; later ones come from elsewhere.
      const content = place === undefined ? undefined : contents.get(place.file);
      if (place === undefined || content === undefined) continue;
      contents.delete(place.file);
      this.#texts.set(place.sha256, content);
    }
  }

  /** In the order named; the one that says it comes first. */
  behind(ids: readonly string[]): Contribution[] {
    return ids.flatMap((id) => this.#contributions.get(id) ?? []);
  }

  /** The text of a file as the evidence saw it, if this tab has it. */
  textOf({ sha256 }: Pick<Evidence, 'sha256'>): string | undefined {
    return this.#texts.get(sha256);
  }
}
