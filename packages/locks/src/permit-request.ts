import { checkHolder, checkMeta, checkName, checkUpkeep, checkWait, DEFAULT_TTL_MS } from './claim-arguments.ts';
import type { Entropy } from './entropy.ts';
import type { ClaimOptions } from './lock-manager.ts';
import type { PermitRequest } from './permit-command.ts';

/** A pool and the number of its permits, as its users have it. */
export interface Pool {
  readonly resource: string;
  readonly capacity: number;
}

/** A claim as it is sent; what cannot be meant is refused before that. */
export function permitRequest(
  pool: Pool,
  weight: number,
  options: ClaimOptions,
  from: { readonly self: string; readonly entropy: Entropy },
): PermitRequest {
  const { self, entropy } = from;
  const { holder = { id: self }, instance = 'default', ttlMs = DEFAULT_TTL_MS, meta } = options;
  checkUpkeep(options);
  checkWait(options.waitMs ?? 0);
  checkMeta(meta);
  checkHolder('holder', holder);
  checkName('instance', instance);
  if (options.requestId !== undefined) checkName('requestId', options.requestId);
  return {
    kind: 'request',
    ...pool,
    weight,
    leaseId: entropy.id(),
    requestId: options.requestId ?? entropy.id(),
    holder,
    instance,
    ttlMs,
    meta,
    waitMs: 0,
    listener: self,
  };
}
