// redlock 5.0.0-beta.2 ships types that its own `exports` hide.
declare module 'redlock' {
  import type { Redis } from 'ioredis';

  export interface Lock {
    readonly expiration: number;
    release(): Promise<unknown>;
  }

  export default class Redlock {
    constructor(clients: Iterable<Redis>, settings?: { readonly retryCount?: number });
    on(event: 'error', listener: (error: unknown) => void): this;
    acquire(resources: string[], ttlMs: number): Promise<Lock>;
    release(lock: Lock): Promise<unknown>;
    using<T>(resources: string[], ttlMs: number, routine: (signal: AbortSignal) => Promise<T>): Promise<T>;
  }
}
