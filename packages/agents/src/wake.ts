import type { Clock } from '@devmentor/locks';

/** A wait that ends by a note or by time; a note that comes before the wait is not missed. */
export class Wake {
  readonly #clock: Clock;
  #noted = false;
  #resolve: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(): void {
    this.#noted = true;
    this.#resolve();
  }

  async wait(ms: number): Promise<void> {
    if (!this.#noted) {
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.after(ms, resolve);
        this.#resolve = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#noted = false;
    this.#resolve = () => undefined;
  }
}
