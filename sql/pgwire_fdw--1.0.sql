/* pgwire_fdw 1.0: what CREATE EXTENSION pgwire_fdw runs */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pgwire_fdw" to load this file. \quit

CREATE FUNCTION pgwire_fdw_handler()
RETURNS fdw_handler
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT PARALLEL SAFE;

CREATE FUNCTION pgwire_fdw_validator(text[], oid)
RETURNS void
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT PARALLEL SAFE;

CREATE FOREIGN DATA WRAPPER pgwire_fdw
  HANDLER pgwire_fdw_handler
  VALIDATOR pgwire_fdw_validator;

COMMENT ON FOREIGN DATA WRAPPER pgwire_fdw IS
  'tables of servers that speak the PostgreSQL wire protocol';

CREATE FUNCTION pgwire_fdw_get_connections(
    check_conn boolean DEFAULT false,
    OUT server_name text, OUT user_name text, OUT valid boolean,
    OUT used_in_xact boolean, OUT closed boolean, OUT remote_backend_pid int4)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION pgwire_fdw_get_connections(boolean) IS
  'connections to foreign servers that this session holds';

CREATE FUNCTION pgwire_fdw_disconnect(server_name text)
RETURNS boolean
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION pgwire_fdw_disconnect(text) IS
  'close this session''s idle connections to a foreign server';

CREATE FUNCTION pgwire_fdw_disconnect_all()
RETURNS boolean
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION pgwire_fdw_disconnect_all() IS
  'close all idle connections of this session to foreign servers';

/*
 * Feeds: what of a remote's changes has been consumed. The rows are written by the
 * functions below, whose callers need no privileges on the table.
 */
CREATE TABLE pgwire_fdw_feed (
    server name NOT NULL,          -- foreign server
    feed name NOT NULL,
    slot name NOT NULL,            -- replication slot there
    publications text[] NOT NULL,  -- there
    owner regrole NOT NULL,        -- who has made it
    system_id text NOT NULL,       -- of the remote cluster
    position pg_lsn NOT NULL,      -- transactions that have committed before this are consumed
    advanced timestamptz,          -- when that changed last
    rows bigint NOT NULL,          -- read by transactions that have committed
    bytes bigint NOT NULL,
    PRIMARY KEY (server, feed));

REVOKE ALL ON pgwire_fdw_feed FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('pgwire_fdw_feed', '');

COMMENT ON TABLE pgwire_fdw_feed IS
  'how far the changes of remote servers have been consumed';

CREATE FUNCTION pgwire_fdw_feed_create(
    server text, feed text, publications text[], slot text DEFAULT NULL,
    OUT consistent_lsn pg_lsn)
AS 'MODULE_PATHNAME'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION pgwire_fdw_feed_create(text, text, text[], text) IS
  'make a replication slot on a foreign server, whose changes feed tables show';

CREATE FUNCTION pgwire_fdw_feed_drop(
    server text, feed text, drop_slot boolean DEFAULT true)
RETURNS void
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION pgwire_fdw_feed_drop(text, text, boolean) IS
  'drop a feed, and its replication slot when this transaction commits';

CREATE FUNCTION pgwire_fdw_feed_advance(
    server text, feed text, upto pg_lsn DEFAULT NULL, force boolean DEFAULT false)
RETURNS pg_lsn
AS 'MODULE_PATHNAME'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION pgwire_fdw_feed_advance(text, text, pg_lsn, boolean) IS
  'what this transaction has read of a feed is consumed if it commits';

/*
 * Commands that consume feeds by themselves. In no dump: a copy of this database
 * is not to consume what the original has to read.
 */
CREATE TABLE pgwire_fdw_feed_job (
    server name NOT NULL,
    feed name NOT NULL,
    role regrole NOT NULL,         -- as whom it runs
    command text NOT NULL,
    period interval NOT NULL,      -- between looks
    max_failures int NOT NULL,     -- one after the other, then it is stopped
    stopped boolean NOT NULL,
    started timestamptz NOT NULL,
    runs bigint NOT NULL,
    failures int NOT NULL,         -- since the last success
    last_run timestamptz,
    last_success timestamptz,
    last_error text,
    last_error_at timestamptz,
    PRIMARY KEY (server, feed));

REVOKE ALL ON pgwire_fdw_feed_job FROM PUBLIC;

COMMENT ON TABLE pgwire_fdw_feed_job IS
  'commands that consume the changes of remote servers';

CREATE FUNCTION pgwire_fdw_feed_start(
    server text, feed text, command text,
    period interval DEFAULT '1 second', max_failures int DEFAULT 10)
RETURNS void
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION pgwire_fdw_feed_start(text, text, text, interval, int) IS
  'have a background worker run a command whenever a feed has changes, and then advance it';

CREATE FUNCTION pgwire_fdw_feed_stop(server text, feed text)
RETURNS boolean
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION pgwire_fdw_feed_stop(text, text) IS
  'take back pgwire_fdw_feed_start';

CREATE FUNCTION pgwire_fdw_feed_status(
    server name, feed name,
    OUT state text, OUT confirmed pg_lsn, OUT wal_end pg_lsn, OUT error text)
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION pgwire_fdw_feed_status(name, name) IS
  'what the remote server says of a feed';

CREATE FUNCTION pgwire_fdw_feed_worker_runs(role oid)
RETURNS boolean
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION pgwire_fdw_feed_worker_runs(oid) IS
  'whether the background worker for a role''s feeds runs in this database';

/* Of the feeds of whoever looks; pg_monitor sees all, without what only a remote can tell. */
CREATE VIEW pgwire_fdw_feeds AS
SELECT f.server, f.feed, f.slot, f.publications, f.owner,
    s.state AS slot_state,
    f.position, s.confirmed, s.wal_end - f.position AS lag_bytes,
    CASE WHEN s.wal_end <= f.position THEN interval '0'
         ELSE now() - greatest(f.advanced, j.started) END AS lag_time,
    f.advanced, f.rows, f.bytes,
    j.role AS worker_role, j.command, j.period,
    CASE WHEN j.feed IS NULL THEN NULL
         WHEN j.stopped THEN 'stopped by errors'
         WHEN NOT pgwire_fdw_feed_worker_runs(j.role) THEN 'no worker'
         WHEN j.failures > 0 THEN 'waits after an error'
         ELSE 'runs' END AS worker_state,
    j.runs, j.failures, j.last_run, j.last_success,
    coalesce(j.last_error, s.error) AS last_error, j.last_error_at
FROM pgwire_fdw_feed f LEFT JOIN pgwire_fdw_feed_job j USING (server, feed),
    pgwire_fdw_feed_status(f.server, f.feed) s
WHERE pg_catalog.pg_has_role(f.owner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');

GRANT SELECT ON pgwire_fdw_feeds TO PUBLIC;

COMMENT ON VIEW pgwire_fdw_feeds IS
  'feeds, how far they are behind, and the state of what consumes them';
