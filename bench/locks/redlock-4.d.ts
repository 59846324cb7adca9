/** What is used here of redlock 4, which brings no types. */
declare module 'redlock-4' {
  import type { Redis } from 'ioredis';

  export default class Redlock {
    constructor(clients: readonly Redis[], options?: { readonly retryCount?: number });
    lock(resource: string, ttlMs: number): Promise<{ unlock(): Promise<void> }>;
  }
}
