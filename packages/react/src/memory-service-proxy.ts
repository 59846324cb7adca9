import type { CallOptions, MemoryEntry, MemoryServiceClient, SimilarItem } from '@devmentor/contracts';
import { flushConfirmation, pathTo, headers as wire } from '@devmentor/contracts/routes';
import { isCoordinationError } from './errors.ts';
import type { ServiceTransport } from './service-transport.ts';

/** Values by key, vectors by nearness. */
export class MemoryServiceProxy implements MemoryServiceClient {
  readonly #transport: ServiceTransport;

  constructor(transport: ServiceTransport) {
    this.#transport = transport;
  }

  /** @param ttl milliseconds; without one the entry stays */
  async store(key: string, data: unknown, ttl?: number, options: CallOptions = {}): Promise<void> {
    const body = ttl === undefined ? { value: data } : { value: data, ttlMs: ttl };
    await this.#transport.put(pathTo('memory.store', { key }), body, { ...options, repeatable: true });
  }

  /** The value; `undefined` when there is none. */
  async retrieve(key: string, options: CallOptions = {}): Promise<unknown> {
    try {
      return (await this.#transport.get<MemoryEntry>(pathTo('memory.retrieve', { key }), options)).data.value;
    } catch (error) {
      if (isCoordinationError(error) && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  async delete(key: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.delete(pathTo('memory.delete', { key }), { ...options, repeatable: true });
  }

  async storeEmbedding(id: string, vector: number[], options: CallOptions = {}): Promise<void> {
    const path = pathTo('memory.storeEmbedding', { id });
    await this.#transport.put(path, { vector }, { ...options, repeatable: true });
  }

  async findSimilar(vector: number[], limit: number, options: CallOptions = {}): Promise<SimilarItem[]> {
    const request = { ...options, repeatable: true };
    const { data } = await this.#transport.post<{ items: SimilarItem[] }>(
      pathTo('memory.findSimilar'),
      { vector, limit },
      request,
    );
    return data.items;
  }

  async invalidate(pattern: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.post(pathTo('memory.invalidate'), { pattern }, { ...options, repeatable: true });
  }

  async flush(options: CallOptions = {}): Promise<void> {
    const request = { ...options, headers: { [wire.confirm]: flushConfirmation }, repeatable: true };
    await this.#transport.post(pathTo('memory.flush'), undefined, request);
  }
}
