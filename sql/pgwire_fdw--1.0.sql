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
