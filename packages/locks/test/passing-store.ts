import type { LeaseStore } from '../src/index.ts';

/** A store that passes everything on to another: what a test changes of it, it overrides. */
export class PassingStore implements LeaseStore {
  readonly commandTimeoutMs = 0;
  readonly #store: LeaseStore;

  constructor(store: LeaseStore) {
    this.#store = store;
  }
  get buckets(): number {
    return this.#store.buckets;
  }
  open: LeaseStore['open'] = () => this.#store.open();
  submit: LeaseStore['submit'] = (command) => this.#store.submit(command);
  sweep: LeaseStore['sweep'] = () => this.#store.sweep();
  bucketOf: LeaseStore['bucketOf'] = (resource) => this.#store.bucketOf(resource);
  list: LeaseStore['list'] = (query) => this.#store.list(query);
  readLog: LeaseStore['readLog'] = (bucket, after, limit) => this.#store.readLog(bucket, after, limit);
  listen: LeaseStore['listen'] = (listener, on) => this.#store.listen(listener, on);
  hints: LeaseStore['hints'] = (bucket, onHint) => this.#store.hints(bucket, onHint);
  close: LeaseStore['close'] = () => this.#store.close();
}
