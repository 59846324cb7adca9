/**
 * Keys are compared by their bytes, whatever the database sorts by. The rows that every commit
 * writes leave room on their page, so that a new version of a row needs no new index entry.
 */
export const tables = `
CREATE TABLE shard (shard int PRIMARY KEY, incarnation text NOT NULL, epoch text COLLATE "C" NOT NULL) WITH (fillfactor = 10);
CREATE TABLE guard (actor text COLLATE "C" PRIMARY KEY, fence text COLLATE "C" NOT NULL) WITH (fillfactor = 70);
CREATE TABLE actor (
  id text COLLATE "C" PRIMARY KEY,
  shard int NOT NULL,
  version bigint NOT NULL,
  machine bigint NOT NULL,
  commit_id text NOT NULL,
  snapshot text NOT NULL,
  timers text NOT NULL,
  due float8
) WITH (fillfactor = 70);
CREATE INDEX actor_due ON actor (shard) WHERE due IS NOT NULL;
CREATE TABLE outbox (
  shard int NOT NULL,
  actor text COLLATE "C" NOT NULL,
  receiver text COLLATE "C" NOT NULL,
  n bigint NOT NULL,
  event text NOT NULL,
  PRIMARY KEY (shard, actor, receiver, n)
);
-- kept: JSON [[n, reply or null], …], a reply as JSON text. Senders were last heard in the order of
-- (version, nth): the actor's version then, and the place in that commit.
CREATE TABLE sender (
  actor text COLLATE "C" NOT NULL,
  sender text COLLATE "C" NOT NULL,
  floor bigint NOT NULL,
  kept text NOT NULL,
  seen bigint NOT NULL,
  version bigint NOT NULL,
  nth int NOT NULL,
  PRIMARY KEY (actor, sender)
) WITH (fillfactor = 70);
CREATE TABLE topic (
  topic text COLLATE "C" PRIMARY KEY,
  prev bigint NOT NULL,
  last bigint NOT NULL,
  kept int NOT NULL
) WITH (fillfactor = 70);
CREATE TABLE event (
  topic text COLLATE "C" NOT NULL,
  id bigint NOT NULL,
  prev bigint NOT NULL,
  type text NOT NULL,
  at bigint NOT NULL,
  data text NOT NULL,
  PRIMARY KEY (topic, id)
);
CREATE TABLE record (
  key text COLLATE "C" PRIMARY KEY,
  version bigint NOT NULL,
  value text NOT NULL,
  until bigint
) WITH (fillfactor = 70);
CREATE INDEX record_until ON record (until) WHERE until IS NOT NULL;
`;

/** How many lanes an actor keeps, and the floor of those that were closed; nothing for none. `sender.seen` of an actor's is 1 for a crowded one. */
export const lanes = `
ALTER TABLE actor ADD COLUMN lanes int, ADD COLUMN floor bigint;
UPDATE actor SET lanes = known.count FROM (
  SELECT sender.actor, count(*) FROM sender WHERE strpos(sender.sender, ':') > 0 GROUP BY sender.actor
) AS known WHERE known.actor = actor.id;
`;
