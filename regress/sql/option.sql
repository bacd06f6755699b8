--
-- Options: where they may stand, what they may be, and who may set them.
-- Nothing here connects to anything.
--
SET client_min_messages = error;
DROP ROLE IF EXISTS regress_pgwire_option;
CREATE EXTENSION IF NOT EXISTS pgwire_fdw;
RESET client_min_messages;
CREATE ROLE regress_pgwire_option;

-- ===================================================================
-- all of them, on the objects where postgres_fdw has them
-- ===================================================================
CREATE SERVER option_srv FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (
    use_remote_estimate 'false', updatable 'true', truncatable 'on',
    async_capable 'OFF', parallel_commit 'False', parallel_abort 'false',
    keep_connections 'ON', fdw_startup_cost '123.456', fdw_tuple_cost '0.123',
    extensions '', fetch_size '0x64', batch_size '1e1', analyze_sampling 'auto',
    use_scram_passthrough 'false', fetch_memory '8MB', lazy_commit 'off'
);
ALTER SERVER option_srv OPTIONS (
    host 'a,b', hostaddr '127.0.0.1,::1', port '5432,5433', dbname 'x',
    options '-c geqo=off', application_name '%a-%u', connect_timeout '10',
    keepalives '1', keepalives_idle '30', keepalives_interval '10',
    keepalives_count '3', tcp_user_timeout '0', channel_binding 'prefer',
    sslmode 'verify-full', sslnegotiation 'direct', sslcompression '0',
    sslcert 'c', sslkey 'k', sslcertmode 'allow', sslrootcert 'system',
    sslcrl 'l', sslcrldir 'd', sslsni '1', requirepeer 'postgres',
    require_auth '!none,!password', min_protocol_version '3.0',
    max_protocol_version 'latest', ssl_min_protocol_version 'tlsv1.2',
    ssl_max_protocol_version 'TLSv1.3', gssencmode 'prefer',
    krbsrvname 'postgres', gsslib 'gssapi', gssdelegation '0',
    target_session_attrs 'prefer-standby', load_balance_hosts 'random'
);
CREATE USER MAPPING FOR CURRENT_USER SERVER option_srv OPTIONS (
    user 'u', password 'p', sslpassword 's', sslcert 'c', sslkey 'k',
    password_required 'false', gssdelegation '0', use_scram_passthrough 'off'
);
CREATE FOREIGN TABLE option_tab (a int OPTIONS (column_name 'A')) SERVER option_srv OPTIONS (
    schema_name 'S', table_name 'T', use_remote_estimate 'on', updatable 'off',
    truncatable 'off', fetch_size '7', batch_size '8', async_capable 'true',
    analyze_sampling 'bernoulli', fetch_memory '64'
);
SELECT count(*) FROM pg_foreign_server, pg_options_to_table(srvoptions) WHERE srvname = 'option_srv';

-- changed, added, dropped
ALTER SERVER option_srv OPTIONS (SET fetch_size '200', DROP batch_size, SET sslmode 'disable', DROP sslnegotiation, SET sslrootcert 'r');
ALTER FOREIGN TABLE option_tab OPTIONS (DROP fetch_size, SET fetch_memory '1GB');
ALTER FOREIGN TABLE option_tab ALTER COLUMN a OPTIONS (SET column_name 'B');
SELECT option_name, option_value FROM pg_foreign_server, pg_options_to_table(srvoptions)
  WHERE srvname = 'option_srv' AND option_name IN ('fetch_size', 'batch_size', 'sslmode', 'sslnegotiation')
  ORDER BY option_name COLLATE "C";
SELECT ftoptions FROM pg_foreign_table WHERE ftrelid = 'option_tab'::regclass;
SELECT attfdwoptions FROM pg_attribute WHERE attrelid = 'option_tab'::regclass AND attnum = 1;

-- ===================================================================
-- names that are not known here
-- ===================================================================
ALTER FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (host 'x');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER option_srv OPTIONS (hots 'x');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER option_srv OPTIONS (fetchsize '100');
ALTER SERVER option_srv OPTIONS (nonsense 'x');
ALTER SERVER option_srv OPTIONS ("Host" 'x');
ALTER SERVER option_srv OPTIONS (user 'u');
ALTER SERVER option_srv OPTIONS (password 'p');
ALTER SERVER option_srv OPTIONS (client_encoding 'UTF8');
ALTER SERVER option_srv OPTIONS (fallback_application_name 'x');
ALTER SERVER option_srv OPTIONS (replication 'database');
ALTER SERVER option_srv OPTIONS (oauth_issuer 'x');
ALTER SERVER option_srv OPTIONS (import_collate 'true');
ALTER USER MAPPING FOR CURRENT_USER SERVER option_srv OPTIONS (host 'x');
ALTER USER MAPPING FOR CURRENT_USER SERVER option_srv OPTIONS (passwort 'x');
ALTER FOREIGN TABLE option_tab OPTIONS (tablename 'x');
ALTER FOREIGN TABLE option_tab OPTIONS (fdw_tuple_cost '1');
ALTER FOREIGN TABLE option_tab ALTER COLUMN a OPTIONS (colum_name 'x');
ALTER FOREIGN TABLE option_tab ALTER COLUMN a OPTIONS (table_name 'x');

-- ===================================================================
-- values
-- ===================================================================
ALTER SERVER option_srv OPTIONS (SET fetch_size 'xx');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER option_srv OPTIONS (SET fetch_size '0');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER option_srv OPTIONS (SET fetch_size '100kB');
ALTER SERVER option_srv OPTIONS (SET fetch_size '2147483648');
ALTER SERVER option_srv OPTIONS (batch_size '-1');
ALTER SERVER option_srv OPTIONS (SET fdw_startup_cost 'xx');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER option_srv OPTIONS (SET fdw_startup_cost '-1');
ALTER SERVER option_srv OPTIONS (SET fdw_tuple_cost '100$%$#$#');
ALTER SERVER option_srv OPTIONS (SET fdw_tuple_cost 'nan');
ALTER SERVER option_srv OPTIONS (SET updatable 'maybe');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER option_srv OPTIONS (SET lazy_commit '1');
ALTER SERVER option_srv OPTIONS (SET analyze_sampling 'bogus');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER option_srv OPTIONS (SET fetch_memory '1kB');
ALTER SERVER option_srv OPTIONS (SET fetch_memory '2GB');
ALTER SERVER option_srv OPTIONS (SET fetch_memory '4 megabytes');
ALTER SERVER option_srv OPTIONS (SET sslmode 'verify');
ALTER SERVER option_srv OPTIONS (SET port '5432,70000');
ALTER SERVER option_srv OPTIONS (SET hostaddr 'localhost');
ALTER SERVER option_srv OPTIONS (SET connect_timeout '10s');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER option_srv OPTIONS (SET require_auth 'md5,!none');
ALTER SERVER option_srv OPTIONS (SET ssl_min_protocol_version 'SSLv3');
ALTER SERVER option_srv OPTIONS (SET target_session_attrs 'master');
-- values that contradict each other
ALTER SERVER option_srv OPTIONS (SET ssl_min_protocol_version 'TLSv1.3', SET ssl_max_protocol_version 'TLSv1.2');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER option_srv OPTIONS (DROP sslkey);
ALTER SERVER option_srv OPTIONS (SET port '1,2,3');
ALTER SERVER option_srv OPTIONS (SET sslrootcert 'system');
-- nothing above has changed anything
SELECT option_name, option_value FROM pg_foreign_server, pg_options_to_table(srvoptions)
  WHERE srvname = 'option_srv' AND option_name IN ('fetch_size', 'fdw_startup_cost', 'fdw_tuple_cost', 'fetch_memory', 'port')
  ORDER BY option_name COLLATE "C";

-- what is not done is refused, not ignored
ALTER SERVER option_srv OPTIONS (service 'x');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER option_srv OPTIONS (passfile 'x');
ALTER SERVER option_srv OPTIONS (SET gssencmode 'require');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER option_srv OPTIONS (SET gssdelegation '1');
ALTER SERVER option_srv OPTIONS (SET use_scram_passthrough 'true');

-- ===================================================================
-- extensions
-- ===================================================================
ALTER SERVER option_srv OPTIONS (SET extensions 'plpgsql, pgwire_fdw');
ALTER SERVER option_srv OPTIONS (SET extensions 'PLpgSQL, "PLpgSQL", nosuch');
ALTER SERVER option_srv OPTIONS (SET extensions 'plpgsql pgwire_fdw');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER option_srv OPTIONS (SET extensions '"plpgsql');
ALTER SERVER option_srv OPTIONS (SET extensions 'plpgsql,');
SELECT option_value FROM pg_foreign_server, pg_options_to_table(srvoptions)
  WHERE srvname = 'option_srv' AND option_name = 'extensions';

-- ===================================================================
-- feeds: what goes together
-- ===================================================================
CREATE FOREIGN TABLE option_feed (a int, op "char" OPTIONS (feed 'op'), was int OPTIONS (feed 'old', column_name 'a'))
  SERVER option_srv OPTIONS (feed 'f', schema_name 'public', table_name 't', feed_wait '100', feed_max_bytes '1MB', feed_lock 'nowait');
ALTER FOREIGN TABLE option_feed ALTER COLUMN op OPTIONS (SET feed 'opp');
\echo :LAST_ERROR_SQLSTATE
ALTER FOREIGN TABLE option_feed ALTER COLUMN op OPTIONS (ADD column_name 'a');
ALTER FOREIGN TABLE option_feed OPTIONS (DROP feed);
ALTER FOREIGN TABLE option_feed OPTIONS (SET feed '');
ALTER FOREIGN TABLE option_feed OPTIONS (SET feed_lock 'maybe');
ALTER FOREIGN TABLE option_feed OPTIONS (SET feed_wait '0');
ALTER FOREIGN TABLE option_feed OPTIONS (SET feed_max_bytes '1kB');
ALTER FOREIGN TABLE option_feed OPTIONS (DROP table_name);
ALTER FOREIGN TABLE option_feed OPTIONS (ADD fetch_size '10');
ALTER SERVER option_srv OPTIONS (ADD feed 'f');
DROP FOREIGN TABLE option_feed;

-- ===================================================================
-- what only a superuser may set
-- ===================================================================
GRANT USAGE ON FOREIGN SERVER option_srv TO regress_pgwire_option;
GRANT USAGE ON FOREIGN DATA WRAPPER pgwire_fdw TO regress_pgwire_option;
SET ROLE regress_pgwire_option;
CREATE USER MAPPING FOR CURRENT_USER SERVER option_srv OPTIONS (password_required 'false');
\echo :LAST_ERROR_SQLSTATE
CREATE USER MAPPING FOR CURRENT_USER SERVER option_srv OPTIONS (sslcert 'c');
\echo :LAST_ERROR_SQLSTATE
CREATE USER MAPPING FOR CURRENT_USER SERVER option_srv OPTIONS (sslkey 'k');
CREATE USER MAPPING FOR CURRENT_USER SERVER option_srv
  OPTIONS (user 'u', password 'p', sslpassword 's', password_required 'true');
ALTER USER MAPPING FOR CURRENT_USER SERVER option_srv OPTIONS (SET password_required 'false');
ALTER USER MAPPING FOR CURRENT_USER SERVER option_srv OPTIONS (ADD sslcert 'c');
RESET ROLE;
-- the superuser sets it, the user may take it away but not change beside it
ALTER USER MAPPING FOR regress_pgwire_option SERVER option_srv OPTIONS (SET password_required 'false');
SET ROLE regress_pgwire_option;
ALTER USER MAPPING FOR CURRENT_USER SERVER option_srv OPTIONS (SET user 'other');
ALTER USER MAPPING FOR CURRENT_USER SERVER option_srv OPTIONS (DROP password_required);
-- certificates of a server of one's own are allowed
CREATE SERVER option_own FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (sslcert 'c', sslkey 'k');
RESET ROLE;

-- ===================================================================
-- errors do no harm: the same session, many times
-- ===================================================================
DO $$
DECLARE
    n int := 0;
BEGIN
    FOR i IN 1..2000 LOOP
        BEGIN
            ALTER SERVER option_srv OPTIONS (hots 'x');
        EXCEPTION WHEN fdw_invalid_option_name THEN
            n := n + 1;
        END;
    END LOOP;
    RAISE NOTICE '% errors', n;
END $$;

DROP SERVER option_own CASCADE;
DROP FOREIGN TABLE option_tab;
DROP USER MAPPING FOR regress_pgwire_option SERVER option_srv;
DROP USER MAPPING FOR CURRENT_USER SERVER option_srv;
DROP SERVER option_srv;
REVOKE ALL ON FOREIGN DATA WRAPPER pgwire_fdw FROM regress_pgwire_option;
DROP ROLE regress_pgwire_option;
