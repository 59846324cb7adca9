// What runs in the database: the writes of a group of commits, and appends to topics. What a commit
// does is decided before, by the code that every adapter shares; here it is only checked that what
// it was decided on still stands, under the locks that keep it so until the end.
import { keptEvents, trimmedAtOnce } from './event-rows.sql.ts';
import { sqlStates } from './faults.postgres.ts';

const clock = `
CREATE FUNCTION now_us() RETURNS bigint LANGUAGE sql AS
  'SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint';
-- Text of 16 digits that orders as text; nothing for nothing.
CREATE FUNCTION stamp(us bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT CASE us WHEN 0 THEN '' ELSE lpad(us::text, 16, '0') END $$;
-- Versions of records: they start above those of a database that was lost, and never fall.
DO 'BEGIN EXECUTE format(''CREATE SEQUENCE record_version START %s'', now_us()); END';
`;

/** `given`: `[{topic, n, type, data}]`, numbered from 1 in each topic. Answers the events in the order of their ids. */
const append = `
CREATE FUNCTION append_events(given json) RETURNS TABLE (topic text, id text, prev text, at bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  now bigint := now_us();
  added record;
BEGIN
  FOR added IN
    WITH new AS (
      SELECT e.*, max(e.n) OVER (PARTITION BY e.topic) AS total
      FROM json_to_recordset(given) AS e(topic text, n int, type text, data text)
    ), head AS (
      -- Holds the topic: whoever appends next sees this append.
      INSERT INTO topic AS t (topic, prev, last, kept)
      SELECT new.topic, 0, now + new.total - 1, new.total FROM new WHERE new.n = 1 ORDER BY new.topic
      ON CONFLICT (topic) DO UPDATE
      SET prev = t.last, last = greatest(t.last + 1, now) + excluded.kept - 1, kept = t.kept + excluded.kept
      RETURNING t.*
    ), stored AS (
      INSERT INTO event
      SELECT new.topic, head.last - new.total + new.n,
        CASE new.n WHEN 1 THEN head.prev ELSE head.last - new.total + new.n - 1 END, new.type, now / 1000, new.data
      FROM new JOIN head ON head.topic = new.topic
      RETURNING event.*
    )
    SELECT stored.*, head.kept, head.last FROM stored JOIN head ON head.topic = stored.topic ORDER BY stored.id
  LOOP
    RETURN QUERY SELECT added.topic, stamp(added.id), stamp(added.prev), added.at;
    IF added.id = added.last AND added.kept >= ${keptEvents + trimmedAtOnce} THEN
      DELETE FROM event AS e WHERE e.topic = added.topic AND e.id <=
        (SELECT old.id FROM event AS old WHERE old.topic = added.topic ORDER BY old.id DESC LIMIT 1 OFFSET ${keptEvents});
      UPDATE topic AS t SET kept = ${keptEvents} WHERE t.topic = added.topic;
    END IF;
  END LOOP;
END $$;
`;

/** Every part is an array of rows, or null; see `WriteParts`. At most one row of \`actors\` for each actor. */
export const commitFunction = `
CREATE OR REPLACE FUNCTION commit_actors(
  owners json, actors json, guards json, senders json, newcomers json, removed json, added json, events json,
  silent_before bigint, most_nodes int
) RETURNS TABLE (topic text, id text, prev text, at bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  fitting int;
BEGIN
  -- Whoever seals one of these shards waits until this has ended, and then sees all of it.
  PERFORM FROM shard AS s JOIN json_to_recordset(owners) AS o(shard int, epoch text) ON s.shard = o.shard
    WHERE s.epoch = o.epoch AND s.incarnation <> 'none' ORDER BY s.shard FOR SHARE OF s;
  GET DIAGNOSTICS fitting = ROW_COUNT;
  IF fitting < json_array_length(owners) THEN RAISE EXCEPTION 'owner' USING ERRCODE = '${sqlStates.moved}'; END IF;

  INSERT INTO actor AS a
  SELECT c.id, c.shard, c.basis + 1, c.machine, c.commit_id, c.snapshot, c.timers, c.due, c.lanes, c.floor
  FROM json_to_recordset(actors) AS c(
    id text, shard int, basis bigint, machine bigint, commit_id text, snapshot text, timers text, due float8,
    lanes int, floor bigint
  ) ORDER BY c.id
  ON CONFLICT (id) DO UPDATE SET version = excluded.version, machine = excluded.machine,
    commit_id = excluded.commit_id, snapshot = excluded.snapshot, timers = excluded.timers, due = excluded.due,
    lanes = coalesce(excluded.lanes, a.lanes), floor = coalesce(excluded.floor, a.floor)
  WHERE a.version = excluded.version - 1;
  GET DIAGNOSTICS fitting = ROW_COUNT;
  IF fitting < json_array_length(actors) THEN RAISE EXCEPTION 'version' USING ERRCODE = '${sqlStates.moved}'; END IF;

  IF guards IS NOT NULL THEN
    INSERT INTO guard AS g SELECT c.actor, c.fence FROM json_to_recordset(guards) AS c(actor text, fence text) ORDER BY c.actor
    ON CONFLICT (actor) DO UPDATE SET fence = excluded.fence WHERE g.fence <= excluded.fence;
    GET DIAGNOSTICS fitting = ROW_COUNT;
    IF fitting < json_array_length(guards) THEN RAISE EXCEPTION 'guard' USING ERRCODE = '${sqlStates.moved}'; END IF;
  END IF;

  IF senders IS NOT NULL THEN
    INSERT INTO sender SELECT c.* FROM json_to_recordset(senders) AS c(
      actor text, sender text, floor bigint, kept text, seen bigint, version bigint, nth int
    )
    WHERE c.floor IS NOT NULL
    ON CONFLICT (actor, sender) DO UPDATE SET floor = excluded.floor, kept = excluded.kept, seen = excluded.seen,
      version = excluded.version, nth = excluded.nth;
    GET DIAGNOSTICS fitting = ROW_COUNT;
    -- The others are lanes that were closed.
    IF fitting < json_array_length(senders) THEN
      DELETE FROM sender AS s USING json_to_recordset(senders) AS c(actor text, sender text, floor bigint)
      WHERE c.floor IS NULL AND s.actor = c.actor AND s.sender = c.sender;
    END IF;
  END IF;
  -- Only a newcomer can be one too many, and the silent go as the new ones come.
  IF newcomers IS NOT NULL THEN
    DELETE FROM sender AS s USING (
      SELECT n.actor, n.sender, n.seen, row_number() OVER (PARTITION BY n.actor ORDER BY n.version DESC, n.nth DESC) AS place
      FROM sender AS n JOIN json_array_elements_text(newcomers) AS c(actor) ON n.actor = c.actor
      WHERE strpos(n.sender, ':') = 0
    ) AS node
    WHERE s.actor = node.actor AND s.sender = node.sender AND (node.place > most_nodes OR node.seen < silent_before);
  END IF;

  IF removed IS NOT NULL THEN
    DELETE FROM outbox AS o USING json_to_recordset(removed) AS c(shard int, actor text, receiver text, n bigint)
    WHERE o.shard = c.shard AND o.actor = c.actor AND o.receiver = c.receiver AND o.n = c.n;
  END IF;
  IF added IS NOT NULL THEN
    INSERT INTO outbox SELECT c.* FROM json_to_recordset(added) AS c(shard int, actor text, receiver text, n bigint, event text)
    ON CONFLICT (shard, actor, receiver, n) DO UPDATE SET event = excluded.event;
  END IF;
  IF events IS NOT NULL THEN RETURN QUERY SELECT * FROM append_events(events); END IF;
END $$;
`;

export const functions = clock + append + commitFunction;
