/*
 * bridge_modify.h - the contract about rows that are written, and TRUNCATE.
 *
 * A part of bridge.h, whose rules hold here; not to be included by itself.
 */
#ifndef PGWIRE_BRIDGE_MODIFY_H
#define PGWIRE_BRIDGE_MODIFY_H

/*
 * A row image is what travels of one row: int16 number of values, then of each
 * an int32 length (-1: NULL) and its bytes, integers in network order. It is a
 * tuple of COPY BINARY and the parameters of a Bind at once.
 */
typedef struct pgwire_modify_args {
	uint32_t umid;
	int32_t superuser;
	int32_t nparams;              /* values of an image */
	int32_t ncols;                /* of RETURNING; 0: there is none */
	const uint32_t *param_types;  /* nparams; 0: the remote infers it */
	const uint8_t *param_formats; /* nparams; 0 text, 1 binary */
	pgwire_column *cols;
	pgwire_bytes sql;             /* for one row, with $1 ... $nparams */
	int64_t values_at;            /* where in sql the row of VALUES stands, in parentheses */
	int64_t values_len;           /* and with all parameters: it may be repeated for several
	                               * rows (not with ON CONFLICT DO UPDATE, which takes each
	                               * key once in a statement); 0: it may not */
	int32_t flags;                /* PGWIRE_MODIFY_* */
	int32_t reserved;
} pgwire_modify_args;

/* what an image may do, where it is not to change one row or none */
#define PGWIRE_MODIFY_EXACT 1 /* none is an error, too */
#define PGWIRE_MODIFY_ANY 2   /* any number of them is right */

/* of the local transaction, at the time of a call */
#define PGWIRE_SERIALIZABLE 1
#define PGWIRE_READ_ONLY 2

/*
 * Make a modification; nothing is sent. *modify is its handle.
 */
int32_t pgwire_go_modify_open(uint64_t *modify, pgwire_modify_args *args, pgwire_error *err);

/*
 * From now on rows go by this COPY ... FROM STDIN (FORMAT binary), for which all
 * formats have to be those of COPY (a string's text is the same in both); empty:
 * by the statement again. All of them have to be counted then, as with EXACT.
 */
int32_t pgwire_go_modify_copy(uint64_t modify, pgwire_bytes *copy_sql, pgwire_error *err);

/*
 * Hand over nrows images, which are copied. OK: all are taken, and will be sent
 * before finish is through. WAIT: none is, because much is still
 * unanswered; CONN: there is no connection. Call again after either. An error may
 * be that of rows that were handed over before. nest_level is
 * GetCurrentTransactionNestLevel(), mode PGWIRE_SERIALIZABLE and READ_ONLY.
 */
int32_t pgwire_go_modify_rows(uint64_t modify, int32_t nest_level, int32_t mode,
                              pgwire_bytes *images, int32_t nrows,
                              pgwire_wait *wait, pgwire_error *err);

/*
 * Send what is left and take the answers. OK: *affected is the number of rows
 * changed since the last finish, and batch holds rows of RETURNING, none or as many
 * as fit. batch->last 0: there are more, call again. WAIT and CONN as above. What
 * is not finished may not have been written: EndForeignModify always does it.
 */
int32_t pgwire_go_modify_finish(uint64_t modify, int64_t *affected, pgwire_batch *batch,
                                pgwire_wait *wait, pgwire_error *err);

typedef struct pgwire_modify_stats {
	int64_t rows;        /* images handed over */
	int64_t bytes;       /* of these */
	int64_t exchanges;   /* packets of statements, each answered as a whole */
	int64_t copies;      /* COPY statements */
	int64_t round_trips; /* times finish had to wait for an answer */
} pgwire_modify_stats;

int32_t pgwire_go_modify_stats(uint64_t modify, pgwire_modify_stats *stats);

/* Free a modification. Safe for a handle already gone. */
int32_t pgwire_go_modify_close(uint64_t modify);

/* ---- TRUNCATE ---- */

typedef struct pgwire_truncate_table {
	pgwire_bytes schema;  /* local names */
	pgwire_bytes name;
	pgwire_bytes options; /* of the foreign table */
} pgwire_truncate_table;

typedef struct pgwire_truncate_args {
	pgwire_bytes server_options;
	pgwire_truncate_table *tables;
	int32_t ntables;
	int32_t restart; /* RESTART IDENTITY, else CONTINUE */
	int32_t cascade; /* CASCADE, else RESTRICT */
	int32_t reserved;
} pgwire_truncate_args;

/*
 * Write one TRUNCATE for foreign tables of a server. An error if the options do
 * not allow it for one of them.
 */
int32_t pgwire_go_truncate(pgwire_truncate_args *args, pgwire_bytes *command, pgwire_error *err);

#endif
