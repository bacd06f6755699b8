// Package pgtest starts real PostgreSQL servers for tests that need several of
// them, or faults and crashes: servers with their own data directory, port and
// log, which a test may stop, kill, freeze and look into through /proc.
//
// The programs are those of PG_CONFIG (pg_config by default), with whatever
// extensions are installed there. As root, servers run as the system user
// postgres. All servers end with the test that started them, and with the test
// process however it ends.
package pgtest
