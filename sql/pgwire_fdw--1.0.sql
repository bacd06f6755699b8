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
