--
-- Feeds: made, advanced and dropped; who may, and what is refused. What has
-- servers, crashes and rollbacks in it is in regress/cluster/feed*_test.go: this
-- server need not write what a feed reads.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgwire_fdw;
DROP ROLE IF EXISTS regress_pgwire_feed;
RESET client_min_messages;
CREATE ROLE regress_pgwire_feed;
SELECT compare.make_server('feed_srv');

-- ===================================================================
-- names and rights, before anything is asked of the remote
-- ===================================================================
SELECT pgwire_fdw_feed_create('feed_no_srv', 'f', '{p}');
SELECT pgwire_fdw_feed_create('feed_srv', '', '{p}');
SELECT pgwire_fdw_feed_create('feed_srv', repeat('x', 64), '{p}');
SELECT pgwire_fdw_feed_create('feed_srv', 'Orders', '{p}');
SELECT pgwire_fdw_feed_create('feed_srv', 'f', '{p}', slot => 'a-b');
SELECT pgwire_fdw_feed_create('feed_srv', 'f', '{}');
SELECT pgwire_fdw_feed_create('feed_srv', 'f', '{p,NULL}');
SELECT pgwire_fdw_feed_create('feed_srv', 'f', NULL);
SELECT pgwire_fdw_feed_drop('feed_srv', 'f');
BEGIN READ ONLY;
SELECT pgwire_fdw_feed_create('feed_srv', 'f', '{p}');
ROLLBACK;

SET ROLE regress_pgwire_feed;
SELECT pgwire_fdw_feed_create('feed_srv', 'f', '{p}');
SELECT count(*) FROM pgwire_fdw_feed;
INSERT INTO pgwire_fdw_feed VALUES ('feed_srv', 'f', 'f', '{p}', 'regress_pgwire_feed', '1', '0/1', now(), 0, 0);
RESET ROLE;

-- ===================================================================
-- the rights of others' feeds
-- ===================================================================
INSERT INTO pgwire_fdw_feed VALUES ('feed_srv', 'mine', 'mine', '{p}', CURRENT_ROLE::regrole, '1', '0/100', NULL, 0, 0);
SET ROLE regress_pgwire_feed;
SELECT pgwire_fdw_feed_drop('feed_srv', 'mine');
RESET ROLE;
SELECT pgwire_fdw_feed_create('feed_srv', 'mine', '{p}');
-- the system identifier is not that of this cluster
SELECT pgwire_fdw_feed_drop('feed_srv', 'mine');
SELECT pgwire_fdw_feed_drop('feed_srv', 'mine', drop_slot => false);
SELECT count(*) FROM pgwire_fdw_feed;

DROP SERVER feed_srv CASCADE;
DROP ROLE regress_pgwire_feed;
