/*
 * bridge_feed.h - the contract about feeds: changes read from a replication slot.
 *
 * A part of bridge.h, whose rules hold here; not to be included by itself.
 */
#ifndef PGWIRE_BRIDGE_FEED_H
#define PGWIRE_BRIDGE_FEED_H

/*
 * A feed is the rows that one scan of a feed table reads from a logical
 * replication slot of the remote, over a replication connection of its own.
 * Scans of one slot share the connection, and where they are open at the same time
 * a pass over the slot. Reading consumes nothing: each pass begins behind
 * position, and within one local transaction all end at the same place.
 */
typedef struct pgwire_feed_column {
	pgwire_column column;  /* as for a scan */
	pgwire_bytes options;  /* name\0value\0 pairs: feed, column_name */
} pgwire_feed_column;

typedef struct pgwire_feed_args {
	uint32_t serverid;
	uint32_t relid;        /* the foreign table: what is read is noted by it */
	int32_t ncols;         /* columns to be read */
	int32_t of_table;      /* some column, read or not, is one of the remote table */
	pgwire_feed_column *cols;
	pgwire_bytes schema;   /* local names of the foreign table */
	pgwire_bytes table;
	pgwire_bytes server_options;
	pgwire_bytes table_options;
} pgwire_feed_args;

/* what a condition is about, and how it compares */
#define PGWIRE_FEED_LSN 1         /* value: 8 bytes, the host's order */
#define PGWIRE_FEED_COMMIT_TIME 2 /* value: 8 bytes, microseconds since 2000, the host's order */
#define PGWIRE_FEED_OP 3          /* value: one byte */
#define PGWIRE_FEED_RELATION 4    /* value: text */
#define PGWIRE_FEED_LT 1
#define PGWIRE_FEED_LE 2
#define PGWIRE_FEED_EQ 3
#define PGWIRE_FEED_GE 4
#define PGWIRE_FEED_GT 5
#define PGWIRE_FEED_NE 6

/* A condition that rows are going to be checked by: others need not be sent up. */
typedef struct pgwire_feed_condition {
	int32_t what;
	int32_t compare;
	pgwire_bytes value;
} pgwire_feed_condition;

/* how a slot is read */
typedef struct pgwire_feed_source {
	pgwire_conn_args *conn;    /* of the user mapping, for the replication connection */
	pgwire_bytes slot;
	pgwire_bytes publications; /* text form of a text[] */
	pgwire_bytes system_id;    /* of the cluster that the slot is in; empty: any */
	uint64_t position;         /* what commits before it has been consumed; 0: all
	                            * before where the slot stands */
	uint64_t confirmed;        /* the same, committed here: the slot may forget it; 0:
	                            * leave it as it is */
} pgwire_feed_source;

typedef struct pgwire_feed_start_args {
	pgwire_feed_source source;
	int32_t nest_level;        /* GetCurrentTransactionNestLevel() */
	int32_t nconditions;
	pgwire_feed_condition *conditions;
} pgwire_feed_start_args;

/* Make a feed. Nothing is sent. *feed is its handle. */
int32_t pgwire_go_feed_open(pgwire_feed_args *args, uint64_t *feed, pgwire_error *err);

/*
 * Begin (again) at its first row. The answer is that of pgwire_go_feed_next.
 */
int32_t pgwire_go_feed_start(uint64_t feed, pgwire_feed_start_args *args, pgwire_batch *batch,
                             pgwire_wait *wait, pgwire_error *err);

/*
 * Next batch: OK, EOF, WAIT or ERROR, as for scans. value_formats may differ from
 * batch to batch.
 */
int32_t pgwire_go_feed_next(uint64_t feed, int32_t nest_level, pgwire_batch *batch,
                            pgwire_wait *wait, pgwire_error *err);

/* Free the feed. Safe for a handle already gone. */
int32_t pgwire_go_feed_close(uint64_t feed);

typedef struct pgwire_feed_stats {
	int64_t rows;         /* handed out */
	int64_t changes;      /* seen, of all tables of the slot's publications */
	int64_t transactions;
	int64_t bytes;        /* of messages */
	int64_t passes;       /* times the slot was read */
	int64_t spooled;      /* bytes set aside for another feed of the pass */
	int64_t spool_file;
	uint64_t lsn;         /* end of what was read */
	int32_t text;         /* values came as text */
	int32_t reserved;
} pgwire_feed_stats;

int32_t pgwire_go_feed_stats(uint64_t feed, pgwire_feed_stats *stats);

typedef struct pgwire_feed_reading {
	uint64_t upto;  /* end of the last remote transaction of which every feed table
	                 * read here has given out all rows; 0: nothing was read */
	int64_t rows;   /* given out */
	int64_t bytes;  /* of messages */
} pgwire_feed_reading;

/*
 * What this local transaction has read of a slot, sub-transactions that were
 * rolled back aside.
 */
int32_t pgwire_go_feed_read(uint32_t serverid, pgwire_bytes *slot, pgwire_feed_reading *reading,
                            pgwire_error *err);

/*
 * Where the remote transaction ends that has this commit or end position and was
 * read in this local transaction; *end 0: there is none.
 */
int32_t pgwire_go_feed_boundary(uint32_t serverid, pgwire_bytes *slot, uint64_t lsn, uint64_t *end,
                                pgwire_error *err);

/* A position has been stored: this transaction's next scans begin behind it. */
int32_t pgwire_go_feed_advanced(uint32_t serverid, pgwire_bytes *slot, uint64_t position,
                                pgwire_error *err);

/*
 * Run one command on a replication connection that is kept for that until the end of
 * the local transaction. *reply: the first row as name\0value\0 pairs, NULLs left
 * out. OK, WAIT (call again with the same) or ERROR.
 */
int32_t pgwire_go_feed_command(pgwire_conn_args *conn, pgwire_bytes *command, pgwire_bytes *reply,
                               pgwire_wait *wait, pgwire_error *err);

/*
 * Send a command as the last one of that connection, and let it go: the answer is not
 * awaited. For the end of a transaction that failed. EOF: there is no such connection, or
 * it is lost or busy.
 */
int32_t pgwire_go_feed_last_command(uint32_t umid, pgwire_bytes *command);

#endif
