// The things that clients work on. Each is used a bounded number of times and then followed by a new
// one, since judging a history costs the more the longer it is.
import type { Entropy } from '@devmentor/locks';

export class Objects {
  /** Every name there ever was, in order. */
  readonly names: string[] = [];
  readonly #kind: string;
  readonly #uses: number;
  readonly #current: { name: string; uses: number }[] = [];

  /** @param options.beside how many are in use at a time; `uses`, how often one is used */
  constructor(kind: string, { beside, uses }: { readonly beside: number; readonly uses: number }) {
    this.#kind = kind;
    this.#uses = uses;
    for (let i = 0; i < beside; i++) this.#current.push(this.#next());
  }

  /** One of those in use. */
  use(chance: Entropy): string {
    const place = Math.floor(chance.random() * this.#current.length);
    let object = this.#current[place] ?? this.#next();
    if (object.uses >= this.#uses) {
      object = this.#next();
      this.#current[place] = object;
    }
    object.uses++;
    return object.name;
  }

  #next(): { name: string; uses: number } {
    const name = `${this.#kind}-${this.names.length + 1}`;
    this.names.push(name);
    return { name, uses: 0 };
  }
}
