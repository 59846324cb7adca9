/** The tables of the state store: each text follows the one before it. */
export const stateTables: readonly string[] = [
  `
CREATE TABLE shard (shard INTEGER PRIMARY KEY, incarnation TEXT NOT NULL, epoch TEXT NOT NULL) STRICT;
CREATE TABLE guard (actor TEXT PRIMARY KEY, fence TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE actor (
  id TEXT PRIMARY KEY,
  shard INTEGER NOT NULL,
  version INTEGER NOT NULL,
  machine INTEGER NOT NULL,
  commit_id TEXT NOT NULL,
  snapshot TEXT NOT NULL,
  timers TEXT NOT NULL,
  due REAL,
  cursor TEXT NOT NULL
) STRICT;
CREATE INDEX actor_due ON actor (shard) WHERE due IS NOT NULL;
CREATE TABLE outbox (
  shard INTEGER NOT NULL,
  actor TEXT NOT NULL,
  receiver TEXT NOT NULL,
  n INTEGER NOT NULL,
  event TEXT NOT NULL,
  PRIMARY KEY (shard, actor, receiver, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE next_out (
  actor TEXT NOT NULL,
  receiver TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (actor, receiver)
) STRICT, WITHOUT ROWID;
-- kept: JSON [[n, reply or null], …], a reply as JSON text
CREATE TABLE sender (
  actor TEXT NOT NULL,
  sender TEXT NOT NULL,
  floor INTEGER NOT NULL,
  kept TEXT NOT NULL,
  seen INTEGER NOT NULL,
  UNIQUE (actor, sender)
) STRICT;
-- a sender gets a new rowid whenever it is written: they are in the order last seen
CREATE INDEX sender_node ON sender (actor) WHERE instr(sender, ':') = 0;
`,
  // An actor numbers what it owes with one counter, which is part of its snapshot.
  'DROP TABLE next_out;',
  // How many lanes an actor keeps, and the floor of those that were closed. `sender.seen` of an actor's is 1 for a crowded lane.
  `
ALTER TABLE actor ADD COLUMN lanes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE actor ADD COLUMN floor INTEGER NOT NULL DEFAULT 0;
UPDATE actor SET lanes = (SELECT count(*) FROM sender WHERE sender.actor = actor.id AND instr(sender, ':') > 0);
`,
];
