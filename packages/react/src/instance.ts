// Instance
//
// What tells this tab from the user's others. A claim belongs to an instance, and a reload
// of the tab is the same instance.
//
//   I1  Two tabs never go by one id, though "duplicate tab" copies all that a tab remembers:
//       the id in use is held as a Web Lock, and who finds it taken takes another.
import type { Clock, Entropy } from './clock.ts';
import type { PageLifecycle } from './page-lifecycle.ts';
import { recall, remember, type TabStorage } from './storage.ts';

const key = 'devmentor:instance';
/**
 * On a reload the page before may hold its lock for a moment longer, on a busy machine for over a
 * second. Only a copied tab waits for all of it; taking a reload for a copy would cost the sign-in.
 */
const reloadMs = 3_000;

export interface InstanceOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly storage: TabStorage | undefined;
  readonly locks: LockManager | undefined;
  readonly page: PageLifecycle;
}

export type InstanceOrigin = 'new' | 'reloaded' | 'duplicated';

export class Instance {
  readonly #options: InstanceOptions;
  #id: string;
  #ready: Promise<InstanceOrigin> | undefined;
  #letGo: (() => void) | undefined;

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.#id = recall<string>(options.storage, key) ?? options.entropy.id();
  }

  /** Certain only once {@link ready} has said so. */
  get id(): string {
    return this.#id;
  }

  /** Makes the id this tab's own. */
  ready(): Promise<InstanceOrigin> {
    this.#ready ??= this.#settle();
    return this.#ready;
  }

  async #settle(): Promise<InstanceOrigin> {
    const { entropy, storage, page } = this.#options;
    let origin: InstanceOrigin = recall<string>(storage, key) === undefined ? 'new' : 'reloaded';
    if (!(await this.#lock())) {
      origin = 'duplicated';
      this.#id = entropy.id();
      await this.#lock();
    }
    remember(storage, key, this.#id);
    // A held lock would keep the page out of the back-forward cache.
    page.on((moment) => {
      if (moment === 'leave') this.#letGo?.();
      else if (moment === 'return') void this.#lock();
    });
    return origin;
  }

  #lock(): Promise<boolean> {
    const { clock, locks } = this.#options;
    if (locks === undefined) return Promise.resolve(true);
    return new Promise((resolve) => {
      const patience = new AbortController();
      const cancel = clock.after(reloadMs, () => patience.abort());
      const held = locks.request(`devmentor:instance:${this.#id}`, { signal: patience.signal }, () => {
        cancel();
        resolve(true);
        return new Promise<void>((release) => {
          this.#letGo = release;
        });
      });
      held.catch(() => resolve(false));
    });
  }
}
