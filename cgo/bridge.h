/*
 * bridge.h - the whole contract between extension/ (C, inside PostgreSQL) and cgo/ (Go).
 *
 * Both sides include this file, and with it bridge_modify.h and bridge_feed.h: the C module calls through function pointers
 * of exactly these types, and cgo compiles its exports against them, so a
 * change of one side alone does not build. A checksum of this file is compiled
 * into both objects and compared when the second one is loaded.
 *
 * Rules that hold for every function here:
 *  - It is called on the backend's own thread, never from a signal handler.
 *  - It returns at once. What is not ready is answered with PGWIRE_WAIT and
 *    a pgwire_wait that says what the caller should poll before calling again.
 *  - It never raises. PGWIRE_ERROR means that *err has been filled, or where
 *    there is none, that nothing was answered; no connection is then used on.
 *  - Memory handed in belongs to the caller and is not kept after the return.
 *  - Memory handed out (strings of an error, reply bytes) belongs to Go and is
 *    valid until the next call into Go; C copies it before anything else.
 *    The rows of a pgwire_batch are the exception: valid until the next
 *    pgwire_go_scan_start/next/reset/close of the same scan, or call of
 *    pgwire_go_modify_ for the same modification.
 *
 * Only fixed-width types cross; this file includes nothing of PostgreSQL.
 */
#ifndef PGWIRE_BRIDGE_H
#define PGWIRE_BRIDGE_H

#include <stddef.h>
#include <stdint.h>

/* results of every bridge function */
#define PGWIRE_OK 0    /* done */
#define PGWIRE_ERROR 1 /* *err is filled */
#define PGWIRE_WAIT 2  /* not ready: poll *wait, then call again */
#define PGWIRE_EOF 3   /* scan: no more rows */
#define PGWIRE_CONN 4  /* scan_next: no usable connection, open one first */

/* what to poll for (bits of pgwire_wait.events) */
#define PGWIRE_READABLE 1
#define PGWIRE_WRITABLE 2

/* why a wait happens; C maps it to a wait event */
#define PGWIRE_WAIT_CONNECT 0
#define PGWIRE_WAIT_RESULT 1
#define PGWIRE_WAIT_CLEANUP 2

/* A length-delimited run of bytes. data may be NULL when len is 0. */
typedef struct pgwire_bytes {
	uint8_t *data;
	int64_t len;
} pgwire_bytes;

/* An error or a warning. Absent strings have data == NULL. */
typedef struct pgwire_error {
	char sqlstate[8];        /* five characters, NUL-terminated */
	pgwire_bytes message;
	pgwire_bytes detail;
	pgwire_bytes hint;
	pgwire_bytes context;
	pgwire_bytes remote_sql; /* statement sent to the remote, if any */
	pgwire_bytes schema_name;
	pgwire_bytes table_name;
	pgwire_bytes column_name;
	pgwire_bytes datatype_name;
	pgwire_bytes constraint_name;
	int32_t column;          /* index among the retrieved columns, or -1 */
	int32_t reserved;
} pgwire_error;

typedef struct pgwire_wait {
	int32_t fd;         /* descriptor to poll, -1: none (only the timeout) */
	int32_t events;     /* PGWIRE_READABLE | PGWIRE_WRITABLE */
	int64_t timeout_ms; /* call again after this long in any case; -1: no limit */
	int32_t reason;     /* PGWIRE_WAIT_CONNECT ... */
	uint32_t socket;    /* not 0: fd is that connection's for as long as it
	                     * lives, and no later one gets the same number */
} pgwire_wait;

/*
 * What C would otherwise have to ask after every statement: memory of C, into
 * which Go writes at the end of each call, so that it holds until the next one.
 */
typedef struct pgwire_pending {
	int32_t notices;     /* there are some for pgwire_go_next_notice */
	int32_t descriptors; /* sockets held, for the server's accounting */
	int32_t transaction; /* what becomes of the local transaction or of a
	                      * sub-transaction has to be told */
	int32_t reserved;
} pgwire_pending;

/* ---- start ---- */

typedef struct pgwire_start_args {
	uint64_t bridge_sum;    /* checksum of this file in the C module */
	int32_t max_procs;      /* GOMAXPROCS */
	int32_t name_data_len;  /* NAMEDATALEN */
	int64_t memory_limit;   /* Go heap limit in bytes */
	int32_t backend_pid;
	int32_t encoding_class; /* PGWIRE_ENC_* */
	pgwire_bytes encoding;  /* database encoding, PostgreSQL's name for it */
	pgwire_bytes temp_dir;  /* where a scan may put its unlinked spool file */
	pgwire_pending *pending; /* kept for as long as the process lives */
} pgwire_start_args;

#define PGWIRE_ENC_UTF8 0
#define PGWIRE_ENC_SINGLE_BYTE 1 /* SQL_ASCII too: nothing to check but NUL */
#define PGWIRE_ENC_OTHER 2       /* C verifies text in this encoding */

/* Start the Go side. First call after dlopen; later calls answer OK. */
int32_t pgwire_go_start(pgwire_start_args *args, pgwire_error *err);

/* ---- options ---- */

/* catalogs an option may stand in */
#define PGWIRE_CAT_WRAPPER 0
#define PGWIRE_CAT_SERVER 1
#define PGWIRE_CAT_MAPPING 2
#define PGWIRE_CAT_TABLE 3
#define PGWIRE_CAT_COLUMN 4
#define PGWIRE_CAT_IMPORT 5

/*
 * Options travel as name\0value\0 pairs, in catalog order.
 */
typedef struct pgwire_option_args {
	int32_t catalog;   /* PGWIRE_CAT_* */
	int32_t superuser; /* 1 when the current user is one */
	pgwire_bytes options;
} pgwire_option_args;

/* Validate the options of one object (CREATE/ALTER ... OPTIONS). */
int32_t pgwire_go_option_validate(pgwire_option_args *args, pgwire_error *err);

/* ---- planning ---- */

/*
 * One planner question. The request is what extension/plan.c and expr.c wrote
 * (format: handler/internal/ir), the reply is what handler/plan.go answers.
 */
int32_t pgwire_go_plan(pgwire_bytes *request, pgwire_bytes *reply, pgwire_error *err);

/* ---- costs ---- */

/*
 * What the remote server does to answer a relation, before its rows travel. All
 * costs are in the planner's units.
 */
typedef struct pgwire_work {
	double rows;    /* that it sends */
	double width;   /* bytes of one */
	double startup; /* until the first row is there */
	double total;
	double setup;   /* share of fdw_startup_cost that one execution pays */
} pgwire_work;

/* what pgwire_go_cost works out (handler/internal/cost) */
#define PGWIRE_COST_SCAN 1   /* of a table */
#define PGWIRE_COST_JOIN 2   /* of the work with inner */
#define PGWIRE_COST_GROUP 3  /* GROUP BY, DISTINCT, aggregates, UNION: rows to groups */
#define PGWIRE_COST_SORT 4   /* ORDER BY */
#define PGWIRE_COST_WINDOW 5 /* window functions, over sorted rows */
#define PGWIRE_COST_LIMIT 6  /* LIMIT and OFFSET */
#define PGWIRE_COST_PRICE 7  /* of a path: the work, the way here, and what is done here */

typedef struct pgwire_cost_args {
	int32_t step;        /* PGWIRE_COST_* */
	int32_t keys;        /* JOIN: equalities; GROUP, SORT, WINDOW: columns */
	double cpu_tuple;    /* the planner's settings */
	double cpu_operator;
	double seq_page;
	double random_page;
	double work_mem;     /* bytes */
	double qual_startup; /* conditions, or GROUP, WINDOW: functions, of each */
	double qual_tuple;   /* row that comes in; PRICE: local conditions */
	double pages;        /* SCAN */
	double tuples;       /* SCAN: of the table */
	double matched;      /* SCAN: rows an index leads to; <0: no index does */
	double fetched;      /* SCAN: pages read for these, of the table and of the index */
	double setup;        /* SCAN, JOIN: of the work */
	double pairs;        /* JOIN: rows of which the other conditions are checked */
	double lookup;       /* JOIN: of inner's rows for one row by an index; <0: none */
	double rows;         /* SCAN, JOIN: that leave the step; GROUP: groups; LIMIT: at
	                      * most so many, <0: all; SORT: no more are wanted, <0: all */
	double offset;       /* LIMIT: rows skipped */
	double width;        /* of a row that leaves SCAN, JOIN, GROUP */
	double fdw_startup;  /* PRICE: options of the server */
	double fdw_tuple;
	pgwire_work inner;   /* JOIN */
} pgwire_cost_args;

/* One step; *work is what it starts from, and becomes what it comes to. */
int32_t pgwire_go_cost(pgwire_cost_args *args, pgwire_work *work, pgwire_error *err);

/* ---- ANALYZE ---- */

/* the name of a column and its options (name\0value\0 pairs) */
typedef struct pgwire_named_options {
	pgwire_bytes name;
	pgwire_bytes options;
} pgwire_named_options;

typedef struct pgwire_analyze_args {
	int32_t major;      /* of the local server */
	int32_t ncols;      /* columns to be read */
	pgwire_named_options *cols;
	pgwire_bytes schema; /* local names of the foreign table */
	pgwire_bytes table;
	pgwire_bytes server_options;
	pgwire_bytes table_options;
	/* what the remote has answered to facts_sql, for sample_sql */
	double tuples;      /* < 0: not known */
	double pages;       /* of the local block size */
	int32_t can_sample; /* TABLESAMPLE works */
	int32_t target;     /* rows wanted */
} pgwire_analyze_args;

typedef struct pgwire_analyze_reply {
	int32_t import;         /* take the remote's statistics, if they serve */
	int32_t reserved;
	double fraction;        /* of the rows, that sample_sql returns on average */
	double draws;           /* rows or blocks that are drawn for it, on average */
	int64_t fetch_memory;
	pgwire_bytes schema;    /* remote names: $1 and $2 of facts_sql and import_sql */
	pgwire_bytes table;
	pgwire_bytes columns;   /* remote names of cols, each with a NUL behind it */
	pgwire_bytes facts_sql; /* one row: relkind (NULL: there is none), children,
	                         * can_sample, tuples, bytes */
	pgwire_bytes import_sql; /* a row for each remote column: the same, then its
	                         * name, schema, name, OID and modifier of its type, and
	                         * its statistics (handler/analyze.go) */
	pgwire_bytes sample_sql;
} pgwire_analyze_reply;

/* How to analyse a foreign table. */
int32_t pgwire_go_analyze(pgwire_analyze_args *args, pgwire_analyze_reply *reply, pgwire_error *err);

/* ---- IMPORT FOREIGN SCHEMA ---- */

typedef struct pgwire_import_reply {
	int32_t collate;   /* what to import: collations */
	int32_t defaults;
	int32_t generated; /* expressions of generated columns */
	int32_t not_null;
	int32_t comments;
	int32_t reserved;
	pgwire_bytes sql;  /* the question to the remote: $1 schema, $2 "limit", "except" or
	                    * "all", $3 a text[] of names. A row for each column: table,
	                    * column, type, not null, expression, how it is generated,
	                    * schema and name of its collation, comments of table and
	                    * column. No row: there is no such schema. */
} pgwire_import_reply;

/* Read the options of IMPORT FOREIGN SCHEMA, once they are validated. */
int32_t pgwire_go_import(pgwire_bytes *options, pgwire_import_reply *reply, pgwire_error *err);

typedef struct pgwire_import_column {
	pgwire_bytes name;
	pgwire_bytes type;
	pgwire_bytes collation_schema; /* empty: none */
	pgwire_bytes collation;
	pgwire_bytes expression;       /* empty: none */
	int32_t generated;             /* 's' or 'v'; 0: expression is a default */
	int32_t not_null;
} pgwire_import_column;

typedef struct pgwire_import_table_args {
	pgwire_bytes name;
	pgwire_bytes schema; /* remote */
	pgwire_bytes server;
	pgwire_import_column *cols;
	int32_t ncols;
	int32_t reserved;
} pgwire_import_table_args;

/* Write CREATE FOREIGN TABLE. Types and expressions are not looked at. */
int32_t pgwire_go_import_table(pgwire_import_table_args *args, pgwire_bytes *command, pgwire_error *err);

/* ---- connections ---- */

typedef struct pgwire_conn_args {
	uint32_t umid;          /* user mapping OID: key of the connection cache */
	uint32_t serverid;
	uint32_t userid;        /* whose the mapping is, for listings; 0: PUBLIC */
	int32_t superuser;      /* effective user is superuser */
	uint32_t server_hash;   /* syscache hash of the server, for invalidation */
	uint32_t mapping_hash;  /* syscache hash of the user mapping */
	pgwire_bytes server;    /* server name */
	pgwire_bytes options;   /* server options, then user mapping options */
	pgwire_bytes os_user;   /* default remote user, as libpq would take it */
	pgwire_bytes socket_dir;/* default Unix socket directory */
	pgwire_bytes appname_guc;      /* pgwire_fdw.application_name, may be empty */
	pgwire_bytes local_appname;    /* %a */
	pgwire_bytes local_cluster;    /* %C */
	pgwire_bytes local_database;   /* %d */
	pgwire_bytes local_user;       /* %u */
	pgwire_bytes session_id;       /* %c */
	int32_t major;          /* answered with OK: the remote's major version, 0 unknown */
	int32_t reserved;
} pgwire_conn_args;

/*
 * Open (or go on opening) the connection of a user mapping. WAIT until OK or
 * ERROR. Called again with the same umid it continues what is under way.
 */
int32_t pgwire_go_conn_open(pgwire_conn_args *args, pgwire_wait *wait, pgwire_error *err);

/* A server or user mapping changed; hash 0 means all. which: 0 server, 1 mapping */
int32_t pgwire_go_conn_invalidate(int32_t which, uint32_t hash);

/* one cached connection */
typedef struct pgwire_conn_info {
	uint32_t serverid;
	uint32_t userid; /* whose the mapping is; 0: PUBLIC */
	int32_t valid;   /* server and mapping are as when it was opened */
	int32_t in_xact; /* used in the current transaction */
	int32_t closed;  /* known to be lost; with check, after a look */
	uint32_t pid;    /* of the remote process */
} pgwire_conn_info;

/*
 * List the cached connections, ordered by the servers' names: *count of them at
 * *list, which is reply memory. check: look whether the remotes have gone.
 */
int32_t pgwire_go_conn_list(int32_t check, pgwire_conn_info **list, int32_t *count, pgwire_error *err);

/* Close idle cached connections of a server (0: all). *closed counts, *in_use counts those left. */
int32_t pgwire_go_conn_close(uint32_t serverid, int32_t *closed, int32_t *in_use);

/* ---- scans ---- */

/* one result column as the local side wants it */
typedef struct pgwire_column {
	uint32_t type_oid;
	int32_t typmod;
	int32_t receive_safe; /* binary form independent of client_encoding */
	int32_t reserved;
	pgwire_bytes name;    /* for errors */
} pgwire_column;

/* what a statement is that writes: the remote has to say the same in the end */
#define PGWIRE_WRITES_ANY 1 /* or whatever may write */
#define PGWIRE_WRITES_INSERT 2
#define PGWIRE_WRITES_UPDATE 3
#define PGWIRE_WRITES_DELETE 4

typedef struct pgwire_scan_args {
	uint32_t umid;
	int32_t superuser;
	int32_t ncols;
	int32_t may_stop;       /* may be left before its end, and before bound */
	pgwire_column *cols;
	pgwire_bytes sql;
	int64_t fetch_memory;   /* bytes of rows kept beyond what was asked for */
	int64_t expected_bytes; /* planner's guess of the result size; <0 unknown */
	int32_t locks_rows;     /* the statement locks rows */
	int32_t fetch_size;     /* rows of the first portion, where read in portions */
	int64_t bound;          /* no more rows will be asked for; 0: not known */
	int32_t writes;         /* PGWIRE_WRITES_*, 0: it does not. What writes is sent
	                         * once, as a whole, and may have no rows */
	int32_t reserved;
} pgwire_scan_args;

typedef struct pgwire_param {
	uint32_t type_oid; /* 0: let the remote infer it from the cast in the SQL */
	int32_t format;    /* 0 text, 1 binary */
	int32_t is_null;
	int32_t reserved;
	pgwire_bytes value;
} pgwire_param;

typedef struct pgwire_bind_args {
	int32_t serializable;   /* local transaction is SERIALIZABLE */
	int32_t read_only;      /* local transaction is READ ONLY */
	int32_t alone;          /* the only statement of the local transaction: it
	                         * needs no remote transaction around it */
	int32_t reserved;
	int32_t nparams;
	int32_t nest_level;     /* as for pgwire_go_scan_next */
	pgwire_param *params;
	uint64_t group;         /* the same for all scans that are waited for together;
	                         * 0: with none */
	int32_t several;        /* more than one of them has this user mapping */
	int32_t may_open;       /* a further descriptor may be had */
} pgwire_bind_args;

/* what a value in a batch is (handler/internal/wire, ValueFormat) */
#define PGWIRE_VALUE_DATUM 0
#define PGWIRE_VALUE_TEXT 1 /* datum points to {uint32 len; bytes; NUL}: input function */
#define PGWIRE_VALUE_BINARY 2 /* same shape: receive function */
#define PGWIRE_VALUE_MONEY 3 /* as TEXT, and the output function has to give it back */

/*
 * A batch of rows. Each row: uint32 size (to the next row), uint32 flags (bit 0:
 * has a NULL), uint64 datum[ncols], uint8 isnull[ncols], padding to 8, then
 * the by-reference values that the datums point to.
 */
typedef struct pgwire_batch {
	const uint8_t *rows; /* first row */
	int32_t nrows;
	int32_t ncols;
	const uint8_t *value_formats; /* ncols PGWIRE_VALUE_*, the same for all batches of one
	                       * bind; valid until the next call; NULL if all_datum */
	int32_t all_datum;    /* 1: every one is PGWIRE_VALUE_DATUM */
	int32_t last;         /* 1: no rows follow; asking for them gives EOF */
} pgwire_batch;

/*
 * (Re)start a scan with these parameters, which are copied: what is left of an
 * earlier result is dropped. Where *scan is 0 the scan is made first, from args,
 * and *scan is its handle for the other calls, whatever else is answered. The
 * statement is sent, and the answer is that of pgwire_go_scan_next.
 */
int32_t pgwire_go_scan_start(uint64_t *scan, pgwire_scan_args *args, pgwire_bind_args *bind,
                             pgwire_batch *batch, pgwire_wait *wait, pgwire_error *err);

/*
 * Next batch: OK (batch filled, nrows > 0), EOF, WAIT, ERROR, or CONN: open the
 * user mapping's connection, then call again. nest_level is where the rows are
 * asked for (GetCurrentTransactionNestLevel()), which for a cursor is not always
 * where it was bound: what is sent for them is undone with that level.
 *
 * together: the caller waits for the scans of a group (bind_args) at the same time,
 * by one descriptor for each. Then WAIT has no timeout, except 0 with no descriptor:
 * call again at once. Without either, another scan of the group comes first.
 * Without together the scan does not care for the others of its group. A scan that
 * was started with a group is started together.
 */
int32_t pgwire_go_scan_next(uint64_t scan, int32_t nest_level, int32_t together, pgwire_batch *batch, pgwire_wait *wait, pgwire_error *err);

typedef struct pgwire_scan_stats {
	int64_t rows;
	int64_t bytes;        /* of messages read for this scan */
	int64_t batches;
	int64_t round_trips;  /* times this scan waited for an answer to what it sent */
	int64_t executions;   /* binds */
	int64_t connect_us;   /* spent opening connections on its behalf */
	int64_t spooled;      /* bytes set aside for another user of the connection */
	int64_t spool_file;   /* of these, bytes that went to a temporary file */
	int64_t portions;     /* times rows were asked for with a limit */
	int64_t affected;     /* rows that the statement says it has changed, or returned;
	                       * -1: it has not come to its end, or says nothing */
} pgwire_scan_stats;

int32_t pgwire_go_scan_stats(uint64_t scan, pgwire_scan_stats *stats);

/* Drop the rest of the result; the scan can be bound again. */
int32_t pgwire_go_scan_reset(uint64_t scan);

/* Free the scan. Safe for a handle already gone. */
int32_t pgwire_go_scan_close(uint64_t scan);

/* ---- transactions ---- */

#define PGWIRE_XACT_PRE_COMMIT 0
#define PGWIRE_XACT_COMMIT 1
#define PGWIRE_XACT_ABORT 2
#define PGWIRE_XACT_PRE_PREPARE 3
#define PGWIRE_SUBXACT_COMMIT 4
#define PGWIRE_SUBXACT_ABORT 5

/*
 * Tell the remote transactions what happened to the local one. WAIT: call
 * again after polling. For the ABORT events C stops calling after a bounded
 * time or when the user asks again, and calls give_up.
 */
int32_t pgwire_go_xact_event(int32_t event, int32_t nest_level, pgwire_wait *wait, pgwire_error *err);

/*
 * The last call for an ABORT event, in place of another wait: a connection that
 * has not come to a known state by now is closed. Does not answer WAIT.
 */
int32_t pgwire_go_xact_give_up(int32_t event, int32_t nest_level);

/*
 * Take the next pending warning (a remote notice, a failed lazy commit):
 * OK with *err filled and *level one of PGWIRE_LEVEL_*, or EOF when none.
 */
#define PGWIRE_LEVEL_DEBUG 0
#define PGWIRE_LEVEL_NOTICE 1
#define PGWIRE_LEVEL_WARNING 2
int32_t pgwire_go_next_notice(int32_t *level, pgwire_error *err);

/* ---- for tests ---- */

/* Live counts, "name value\n" lines; and faults to inject by name. */
int32_t pgwire_go_counters(pgwire_bytes *reply);
int32_t pgwire_go_fault(pgwire_bytes *name, pgwire_error *err);

/* ---- modification, TRUNCATE; feed ---- */

#include "bridge_modify.h"
#include "bridge_feed.h"

/*
 * X-macro over every function: the loader resolves them by name, in one place.
 */
#define PGWIRE_BRIDGE_FUNCTIONS(X) \
	X(pgwire_go_start) \
	X(pgwire_go_option_validate) \
	X(pgwire_go_plan) \
	X(pgwire_go_cost) \
	X(pgwire_go_analyze) \
	X(pgwire_go_import) \
	X(pgwire_go_import_table) \
	X(pgwire_go_conn_open) \
	X(pgwire_go_conn_invalidate) \
	X(pgwire_go_conn_list) \
	X(pgwire_go_conn_close) \
	X(pgwire_go_scan_start) \
	X(pgwire_go_scan_next) \
	X(pgwire_go_scan_stats) \
	X(pgwire_go_scan_reset) \
	X(pgwire_go_scan_close) \
	X(pgwire_go_modify_open) \
	X(pgwire_go_modify_copy) \
	X(pgwire_go_modify_rows) \
	X(pgwire_go_modify_finish) \
	X(pgwire_go_modify_stats) \
	X(pgwire_go_modify_close) \
	X(pgwire_go_truncate) \
	X(pgwire_go_xact_event) \
	X(pgwire_go_xact_give_up) \
	X(pgwire_go_next_notice) \
	X(pgwire_go_counters) \
	X(pgwire_go_fault) \
	X(pgwire_go_feed_open) \
	X(pgwire_go_feed_start) \
	X(pgwire_go_feed_next) \
	X(pgwire_go_feed_close) \
	X(pgwire_go_feed_stats) \
	X(pgwire_go_feed_read) \
	X(pgwire_go_feed_boundary) \
	X(pgwire_go_feed_advanced) \
	X(pgwire_go_feed_command) \
	X(pgwire_go_feed_last_command)

#endif
