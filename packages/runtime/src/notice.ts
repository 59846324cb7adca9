import { versionsOf } from './membership.ts';
import type { Versions } from './shard-needs.ts';
import type { Incarnation, Shard } from './state-store.ts';

/** What nodes tell each other; losing it costs at most a beat. */
export type Notice =
  | { readonly kind: 'joined'; readonly from: Incarnation }
  | { readonly kind: 'draining'; readonly from: Incarnation }
  | { readonly kind: 'serving'; readonly from: Incarnation; readonly shard: Shard }
  | {
      readonly kind: 'yielded';
      readonly from: Incarnation;
      readonly to: Incarnation;
      readonly shard: Shard;
      readonly needs: Versions;
    }
  /** The sender cannot serve this shard, for what its records ask for. */
  | { readonly kind: 'needs'; readonly from: Incarnation; readonly shard: Shard; readonly needs: Versions };

/** A notice as it came over the wire; undefined for what is none. */
export function parsedNotice(body: Buffer): Notice | undefined {
  try {
    const data: unknown = JSON.parse(body.toString('utf8'));
    if (
      typeof data !== 'object' ||
      data === null ||
      !('kind' in data) ||
      !('from' in data) ||
      typeof data.from !== 'string'
    )
      return undefined;
    if (data.kind === 'joined' || data.kind === 'draining') return { kind: data.kind, from: data.from };
    if (!('shard' in data) || typeof data.shard !== 'number') return undefined;
    if (data.kind === 'serving') return { kind: 'serving', from: data.from, shard: data.shard };
    const needs = 'needs' in data ? versionsOf(data.needs) : {};
    if (needs === undefined) return undefined;
    if (data.kind === 'needs') return { kind: 'needs', from: data.from, shard: data.shard, needs };
    if (data.kind !== 'yielded' || !('to' in data) || typeof data.to !== 'string') return undefined;
    return { kind: 'yielded', from: data.from, to: data.to, shard: data.shard, needs };
  } catch {
    return undefined;
  }
}
