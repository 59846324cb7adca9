// Streams of chance. One seed gives any number of them by name, each independent of the others: what
// one part of a world draws does not shift what another draws.
import type { Entropy } from '@devmentor/locks';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** One stream: sfc32, seeded by a number and a name. */
export class Stream implements Entropy {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  constructor(seed: number, name: string) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    this.#a = seed | 0;
    this.#b = hash;
    this.#c = Math.floor(seed / 2 ** 32) ^ 0x9e3779b9;
    for (let i = 0; i < 12; i++) this.#next();
  }

  /** In [0, 1). */
  random(): number {
    return this.#next() / 2 ** 32;
  }

  /** From 0 to `below`, exclusive. */
  int(below: number): number {
    return Math.floor(this.random() * below);
  }

  /** As unlikely to be given twice as a random id is: 22 characters. */
  id(): string {
    let id = '';
    while (id.length < 22) {
      let bits = this.#next();
      for (let i = 0; i < 5 && id.length < 22; i++) {
        id += alphabet.charAt(bits & 63);
        bits >>>= 6;
      }
    }
    return id;
  }

  #next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}
