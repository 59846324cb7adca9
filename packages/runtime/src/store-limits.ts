/** What a store takes at most; every one of them has a default. */
export interface StoreLimits {
  /** One snapshot, and one actor's timers together, as JSON in UTF-8. Default 1 MiB. */
  readonly snapshotBytes: number;
  /** One reply, outbox message, topic event or record value. Default 256 KiB. */
  readonly messageBytes: number;
  /** Settled numbers kept per sender above its floor. Default 64. */
  readonly unsettledPerSender: number;
  /** A node sender silent for longer is forgotten. Default 10 minutes. */
  readonly senderSilenceMs: number;
  /** Node senders kept per actor; beyond, the one silent longest is forgotten. Default 10,000. */
  readonly nodeSenders: number;
  /** Actors whose lanes a record keeps before it asks others to close theirs. Default 1,000. */
  readonly actorLanes: number;
}

export const defaultStoreLimits: StoreLimits = {
  snapshotBytes: 1024 * 1024,
  messageBytes: 256 * 1024,
  unsettledPerSender: 64,
  senderSilenceMs: 600_000,
  nodeSenders: 10_000,
  actorLanes: 1_000,
};
