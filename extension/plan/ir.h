/*
 * ir.h - the bytes in which extension/ describes expressions to Go.
 *
 * The other half is handler/internal/ir, whose test reads this file and
 * compares every constant, so that the two cannot drift apart.
 *
 * All integers are little-endian, strings are a uint32 length and the bytes
 * (database encoding, no terminator). A request is
 *
 *   uint32 PGWIRE_IR_VERSION, uint8 kind (PGWIRE_REQ_*), kind's own fields,
 *   and, where the kind has clauses: the object tables; uint32 count and the
 *   clauses, each a tree; uint32 count and the nodes that are equal to earlier
 *   ones, each a uint32 for its number and one for that of the first such node
 *   (in PGWIRE_REQ_SELECT only, and of nodes that may become parameters).
 *
 * PGWIRE_REQ_RELATION: uint32 major version of this server, block of the
 * server's options, block of the table's, clauses. PGWIRE_REQ_CLASSIFY: clauses.
 * PGWIRE_REQ_SELECT: string schema and table of the
 * remote relation, uint8 PGWIRE_LOCK_*, uint8 LockWaitPolicy, uint32 count and
 * the columns (int32 attno, uint8 fetched?, string name, block of options; ctid
 * first, then ascending), clauses. A block is a uint32 length and that many bytes.
 *
 * A tree is written in pre-order. Node number n of a request is the n-th node
 * begun, from 0: both sides count, nothing is written. Every node starts with
 *
 *   uint8 tag, uint32 type, uint32 collation
 *
 * where type and collation are positions in the object tables or
 * PGWIRE_IR_NONE.
 */
#ifndef PGWIRE_IR_H
#define PGWIRE_IR_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"

#ifdef WORDS_BIGENDIAN
#error "pgwire_fdw needs a little-endian machine"
#endif

#define PGWIRE_IR_VERSION 2
#define PGWIRE_IR_NONE 0xFFFFFFFF

/* Deeper trees are cut off with PGWIRE_IR_UNKNOWN: their clause stays here. */
#define PGWIRE_IR_MAX_DEPTH 500

/*
 * So are clauses beyond this many bytes of a question which may be sent, the
 * text of their constants included: what Go makes of them is in its heap.
 */
#define PGWIRE_IR_MAX_QUESTION 2097152

/* Larger values, in bytes, are not written into statements but bound to them. */
#define PGWIRE_CONST_MAX_SIZE 1048576

/* requests */
#define PGWIRE_REQ_RELATION 1	/* a relation's options; which clauses may run there? */
#define PGWIRE_REQ_CLASSIFY 2	/* which of these clauses may run there? */
#define PGWIRE_REQ_SELECT 4		/* the statement of a base relation's scan, for
								 * clauses that may run there */

/* nodes: tag, and the fields after the common three */
#define PGWIRE_IR_VAR 1			/* uint8 of this relation?, uint32 varno, int32
								 * varattno */
#define PGWIRE_IR_CONST 2		/* uint8 PGWIRE_CONST_*, string text: empty
								 * where SQL is not asked for and the decision
								 * does not depend on it */
#define PGWIRE_IR_PARAM 3		/* uint8 paramkind, int32 paramid */
#define PGWIRE_IR_OP 4			/* uint32 operator, function, input collation;
								 * args */
#define PGWIRE_IR_FUNC 5		/* uint32 function, uint8 CoercionForm, uint8
								 * variadic, uint32 input collation; args */
#define PGWIRE_IR_SCALAR_ARRAY 6	/* uint32 operator, function, input
									 * collation, uint8 useOr; args */
#define PGWIRE_IR_BOOL 7		/* uint8 boolop; args */
#define PGWIRE_IR_NULL_TEST 8	/* uint8 nulltesttype, uint8 argisrow; arg */
#define PGWIRE_IR_BOOLEAN_TEST 9	/* uint8 booltesttype; arg */
#define PGWIRE_IR_DISTINCT 10	/* as PGWIRE_IR_OP */
#define PGWIRE_IR_RELABEL 11	/* uint8 CoercionForm; arg */
#define PGWIRE_IR_COERCE_VIA_IO 12	/* uint32 output function, input function;
									 * arg */
#define PGWIRE_IR_COALESCE 13	/* args */
#define PGWIRE_IR_MIN_MAX 14	/* uint8 op, uint32 comparison function, input
								 * collation; args */
#define PGWIRE_IR_NULL_IF 15	/* as PGWIRE_IR_OP */
#define PGWIRE_IR_CASE 16		/* uint8 has arg, uint8 has default, uint32
								 * whens; arg, (condition, result)*, default */
#define PGWIRE_IR_CASE_TEST 17	/* nothing */
#define PGWIRE_IR_ARRAY 18		/* args */
#define PGWIRE_IR_SUBSCRIPT 19	/* uint32 count, (uint8 PGWIRE_SUBSCRIPT_*)*;
								 * container, (lower bound, upper bound)* as
								 * far as present */
#define PGWIRE_IR_ARRAY_COERCE 20	/* arg, element */
#define PGWIRE_IR_ROW 21		/* args */
#define PGWIRE_IR_COLLATE 22	/* arg */
#define PGWIRE_IR_SQL_VALUE 23	/* uint8 SQLValueFunctionOp */
#define PGWIRE_IR_FIELD_SELECT 24	/* int32 fieldnum; arg */
#define PGWIRE_IR_COERCE_TO_DOMAIN 25	/* arg */
#define PGWIRE_IR_UNKNOWN 26	/* uint8 PGWIRE_UNKNOWN_*, uint32 NodeTag; its
								 * parts are not written */

#define PGWIRE_CONST_NULL 0x01
#define PGWIRE_CONST_LOCAL_OBJECT 0x02	/* an OID alias naming an object that
										 * is not built in */
#define PGWIRE_CONST_INVALID 0x04	/* printed, it is no text in the encoding of
									 * the database */
#define PGWIRE_CONST_LARGE 0x08 /* not printed: larger than
								 * PGWIRE_CONST_MAX_SIZE */

#define PGWIRE_SUBSCRIPT_LOWER 0x01
#define PGWIRE_SUBSCRIPT_UPPER 0x02
#define PGWIRE_SUBSCRIPT_SLICE 0x04

#define PGWIRE_UNKNOWN_FOREIGN_VAR 0x01 /* uses a column of the relation */
#define PGWIRE_UNKNOWN_VOLATILE 0x02
#define PGWIRE_UNKNOWN_NOT_ALONE 0x04	/* needs its surroundings: a sub-plan,
										 * an aggregate ... cannot be computed
										 * apart and sent as a value */

/*
 * Object tables, in this order, each a uint32 count and its entries:
 *   types:      uint32 oid, int32 typmod, uint8 flags, uint8 typtype, uint8
 *               typcategory, string SQL name with typmod
 *   functions:  uint32 oid, uint8 flags, uint8 provolatile, uint8 prokind,
 *               string schema, string name
 *   operators:  uint32 oid, uint8 flags, string schema, name
 *   collations: uint32 oid, uint8 flags, string schema, name
 */
#define PGWIRE_OBJ_BUILTIN 0x01 /* oid < FirstGenbkiObjectId */
#define PGWIRE_OBJ_EXTENSION 0x02	/* of an extension the server's option
									 * "extensions" names */
#define PGWIRE_OBJ_RETSET 0x04	/* functions: returns a set */
#define PGWIRE_OBJ_OID_ALIAS 0x04	/* types: regclass and the like */
#define PGWIRE_OBJ_DEFAULT 0x04 /* collations: the database's default */
#define PGWIRE_OBJ_DETERMINISTIC 0x08	/* collations */

/* row locks of PGWIRE_REQ_SELECT */
#define PGWIRE_LOCK_NONE 0
#define PGWIRE_LOCK_SHARE 1
#define PGWIRE_LOCK_UPDATE 2

/* One object table: what it holds so far, and the entries as they are sent. */
typedef struct pgwire_ir_table
{
	StringInfoData entries;
	Oid		   *oids;
	int32	   *typmods;		/* of types; else zero */
	int			count;
	int			room;
} pgwire_ir_table;

/* An encoder: lives for one request, in the memory context it was begun in. */
typedef struct pgwire_ir
{
	Index		relid;			/* the foreign relation */
	List	   *extensions;		/* OIDs of the extensions allowed */
	pgwire_ir_table types;
	pgwire_ir_table functions;
	pgwire_ir_table operators;
	pgwire_ir_table collations;
	StringInfoData clauses;
	Size		unwritten;		/* constants' text that only the statement has */
	uint32		nclauses;
	Node	  **nodes;			/* by number */
	int			nnodes;
	int			room;
	bool		statement;		/* SQL is asked for: tell equal nodes */
	uint32		foreign_vars;	/* columns of the relation so far */
	struct nodes_hash *distinct;	/* nodes that no earlier one is equal to */
	StringInfoData equals;
	uint32		nequals;
	bool		modes_set;		/* settings to print constants under */
	bool		names_set;		/* of these, search_path */
	int			guc_level;		/* where they end, or -1 */
} pgwire_ir;

/* in expr.c */
extern void pgwire_ir_begin(pgwire_ir *ir, Index relid, List *extensions, bool statement);
extern void pgwire_ir_clause(pgwire_ir *ir, Expr *clause);
extern void pgwire_ir_finish(pgwire_ir *ir, StringInfo request);
extern Node *pgwire_ir_node(const pgwire_ir *ir, uint32 number);

/* in const.c */
extern void pgwire_ir_constant(pgwire_ir *ir, const Const *node);

/* in equal.c */
extern void pgwire_ir_find_equal(pgwire_ir *ir, uint32 number, int start);

/* in catalog.c */
extern void pgwire_ir_begin_objects(void);
extern uint32 pgwire_ir_type(pgwire_ir *ir, Oid type, int32 typmod);
extern uint32 pgwire_ir_function(pgwire_ir *ir, Oid function);
extern uint32 pgwire_ir_operator(pgwire_ir *ir, Oid op);
extern uint32 pgwire_ir_collation(pgwire_ir *ir, Oid collation);
extern bool pgwire_ir_knows_type(const pgwire_ir *ir, Oid type);
extern bool pgwire_is_oid_alias(Oid type);

/* the scalars and strings of a request */
static inline void
pgwire_put_u8(StringInfo buf, uint8 value)
{
	appendStringInfoChar(buf, (char) value);
}

static inline void
pgwire_put_u32(StringInfo buf, uint32 value)
{
	appendBinaryStringInfo(buf, (const char *) &value, sizeof(value));
}

static inline void
pgwire_put_i32(StringInfo buf, int32 value)
{
	appendBinaryStringInfo(buf, (const char *) &value, sizeof(value));
}

static inline void
pgwire_put_f64(StringInfo buf, float8 value)
{
	appendBinaryStringInfo(buf, (const char *) &value, sizeof(value));
}

static inline void
pgwire_put_string(StringInfo buf, const char *value)
{
	uint32		len = strlen(value);

	pgwire_put_u32(buf, len);
	appendBinaryStringInfo(buf, value, len);
}

#endif
