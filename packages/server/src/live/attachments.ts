// Attachments
//
// Claims that live with a connection. The node that has the socket renews them; when the socket
// goes, they are away for a grace time, in which the same page may come back through any node.
//
//   AT1  A claim is attached to one connection. The same instance may come again and displaces
//        the older connection, on whichever node it is; another instance may not.
//   AT2  A connection that was displaced has no say any more: its going leaves the claim alone.
//   AT3  The grace begins when the connection ends, once.
//   AT6  A lease keeps nothing of the connections it had.
import { limits } from '@devmentor/contracts';
import { encodePart, type Lease, type LockManager } from '@devmentor/locks';
import type { Transport } from '@devmentor/runtime';
import { Problem, toProblem } from '../problem.ts';
import { resourceOf } from '../projects/claims.ts';

/** A connection that claims can be attached to. */
export interface Attachable {
  readonly id: string;
  /** The same instance came again elsewhere. */
  displaced(): void;
}

interface Attached {
  readonly projectId: string;
  readonly lease: Lease;
  /** The lease's when this connection got it; a greater one since is another connection's. */
  readonly gen: number;
  /** Listens no more for the end of the lease, which may outlive many connections. */
  readonly deafen: () => void;
}

const MAX_PER_CONNECTION = 64;

export class Attachments {
  readonly #locks: LockManager;
  readonly #transport: Transport;
  readonly #namespace: string;
  readonly #node: string;
  /** What is attached to each connection while it is open, by lease. */
  readonly #open = new Map<string, { readonly connection: Attachable; readonly attached: Map<string, Attached> }>();
  #unsubscribe: (() => Promise<void>) | undefined;

  constructor(options: {
    readonly locks: LockManager;
    readonly transport: Transport;
    readonly namespace: string;
    readonly node: string;
  }) {
    this.#locks = options.locks;
    this.#transport = options.transport;
    this.#namespace = options.namespace;
    this.#node = options.node;
  }

  /** Hears from other nodes which of this node's connections were displaced. */
  async open(): Promise<void> {
    const subscription = await this.#transport.subscribe(this.#subjectOf(this.#node), ({ body }) =>
      this.#open.get(body.toString('utf8'))?.connection.displaced(),
    );
    this.#unsubscribe = () => subscription.unsubscribe();
  }

  async close(): Promise<void> {
    await this.#unsubscribe?.().catch(() => {});
  }

  opened(connection: Attachable): void {
    this.#open.set(connection.id, { connection, attached: new Map() });
  }

  async attach(
    connection: Attachable,
    claim: { readonly projectId: string; readonly leaseId: string },
    instance: string,
  ): Promise<Lease> {
    const known = this.#open.get(connection.id)?.attached;
    if (known !== undefined && known.size >= MAX_PER_CONNECTION && !known.has(claim.leaseId))
      throw Problem.invalid([
        { pointer: '/claimToken', message: `is one more than the ${MAX_PER_CONNECTION} claims a connection may hold` },
      ]);
    const outcome = await this.#locks.resume({
      resource: resourceOf(claim.projectId),
      leaseId: claim.leaseId,
      renew: 'auto',
      attach: { node: this.#node, conn: connection.id, instance },
    });
    switch (outcome.kind) {
      case 'ended':
        throw new Problem('CLAIM_EXPIRED', 'claim the project again');
      case 'attached':
        throw new Problem('CLAIM_ATTACHED', 'another page of yours is editing under this claim');
      case 'unavailable':
        throw toProblem(outcome.cause);
      case 'resumed':
        break;
    }
    const { lease, displaced } = outcome;
    // A lease this node knew already keeps its own mode.
    lease.renewal('auto');
    if (displaced !== undefined && displaced.conn !== connection.id) this.#displace(displaced);
    const onEnd = (): void => void this.#forget(connection.id, claim.leaseId);
    const deafen = (): void => lease.signal.removeEventListener('abort', onEnd);
    const attached: Attached = { projectId: claim.projectId, lease, gen: lease.gen, deafen };
    // The connection may have gone while the store was asked.
    const open = this.#open.get(connection.id);
    if (open === undefined) {
      await this.#away(attached);
      return lease;
    }
    this.#forget(connection.id, claim.leaseId);
    open.attached.set(claim.leaseId, attached);
    lease.signal.addEventListener('abort', onEnd, { once: true });
    return lease;
  }

  /** Begins the grace now, by the page's own wish; false when the claim is not attached here. */
  async detach(connection: Attachable, leaseId: string): Promise<boolean> {
    const attached = this.#forget(connection.id, leaseId);
    if (attached !== undefined) await this.#away(attached);
    return attached !== undefined;
  }

  /** The claim was given back; there is nothing to renew. */
  released(connection: Attachable, leaseId: string): void {
    this.#forget(connection.id, leaseId)?.lease.renewal('manual');
  }

  /** AT3 */
  async closed(connection: Attachable): Promise<void> {
    const attached = [...(this.#open.get(connection.id)?.attached.values() ?? [])];
    this.#open.delete(connection.id);
    for (const { deafen } of attached) deafen();
    await Promise.all(attached.map((one) => this.#away(one)));
  }

  /** Of one project, on one connection: somebody who may not edit it any more. */
  async dropProject(connection: Attachable, projectId: string): Promise<void> {
    for (const [leaseId, attached] of this.#open.get(connection.id)?.attached ?? []) {
      if (attached.projectId === projectId) await this.detach(connection, leaseId);
    }
  }

  async #away({ lease, gen }: Attached): Promise<void> {
    // A connection of this node that displaced this one shares its lease, and goes on renewing it.
    if (lease.gen === gen) lease.renewal('manual');
    // With its generation: if somebody attached since, this does nothing (AT2). If the store cannot
    // be told, the lease ends by itself after its term.
    await this.#locks.away({ resource: lease.resource, leaseId: lease.leaseId, gen, graceMs: limits.claimGraceMs });
  }

  #forget(connectionId: string, leaseId: string): Attached | undefined {
    const attached = this.#open.get(connectionId)?.attached;
    const found = attached?.get(leaseId);
    attached?.delete(leaseId);
    found?.deafen();
    return found;
  }

  #displace({ node, conn }: { readonly node: string; readonly conn: string }): void {
    if (node === this.#node) {
      this.#open.get(conn)?.connection.displaced();
      return;
    }
    try {
      this.#transport.publish(this.#subjectOf(node), Buffer.from(conn));
    } catch {
      // The other node cannot be told now. Its claim is of an older generation already, so all its
      // socket can still do is be told so.
    }
  }

  #subjectOf(node: string): string {
    return `ws.${this.#namespace}.${encodePart(node)}`;
  }
}
