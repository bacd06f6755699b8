/*
 * ir.h - the bytes in which extension/ describes expressions and queries to Go.
 *
 * The other half is handler/internal/ir, whose test reads this file and
 * compares every constant, so that the two cannot drift apart.
 *
 * All integers are little-endian; a string is a uint32 length and the bytes
 * (database encoding, no terminator); a bool is a uint8 that is 0 or 1; a block
 * is a uint32 length and that many bytes (of options: pgwire_append_options).
 * "X*" stands for a uint32 count and that many X, "X?" for a bool and, when it
 * is 1, an X. A request is
 *
 *   uint32 PGWIRE_IR_VERSION, uint8 kind (PGWIRE_REQ_*), kind's own fields,
 *   and, where the kind has a body: uint32 major version of this server; uint32 that
 *   of the remote, 0 if it is not known; the object tables; the body; and which
 *   nodes are equal to earlier ones, (uint32 number, uint32 number of the first such
 *   node)*, of nodes that may become parameters, where a statement is asked for
 *
 *   PGWIRE_REQ_RELATION  fields: block of the server's options, block of the table's
 *                        body: clause*
 *   PGWIRE_REQ_CLASSIFY  body: clause*
 *   PGWIRE_REQ_QUERY     fields: uint8 PGWIRE_STATEMENT_*: NONE asks whether it may
 *                        run there, the others for SQL of a query that may
 *                        body: query
 *   PGWIRE_REQ_MODIFY    fields: uint8 PGWIRE_MODIFY_*, bool ON CONFLICT DO NOTHING,
 *                        block of the server's options, block of the table's, string
 *                        schema, string name, both of the foreign table, and of each
 *                        column that occurs (int32 attno, uint8 PGWIRE_MODIFY_F_*, string
 *                        name, block of its options)*. No body
 *
 *   clause:  uint8 PGWIRE_CONTEXT_*, only for PGWIRE_CONTEXT_SORT: key (its ref
 *            is 0); node
 *
 * Nodes
 * -----
 * A tree is written in pre-order. Node number n of a request is the n-th node
 * begun, from 0: both sides count, nothing is written. Every node starts with
 *
 *   uint8 tag, uint32 type, uint32 collation
 *
 * where type and collation are positions in the object tables or
 * PGWIRE_IR_NONE. What follows is with each tag, below; args is node*.
 *
 * Queries
 * -------
 * What a query ranges over are its items: what FROM lists, and what joins join.
 * C gives each item of a request, nested queries included, a number of its own,
 * whichever it likes (a relation of a planner's level may have its rangetable
 * index). A column is PGWIRE_IR_VAR with an item's number: no levels, since a
 * nested query that is correlated just names an item of a query around. An item
 * is known in its query and in what is nested there; so are CTEs, which have
 * numbers, too, of their own. A column of no item is a value of this side: it
 * becomes a parameter, as everything does that has no column of an item.
 *
 *   query:   cte*           WITH, in order
 *            item*          not the items of nested queries
 *            from?          FROM; none for a set operation
 *            node*          WHERE: conditions, all of which must hold
 *            target*        SELECT, and what other clauses refer to (junk). Result
 *                           columns are the targets that are not junk, in order,
 *                           from 1
 *            bool           GROUP BY DISTINCT
 *            key*           GROUP BY; with grouping sets: all that they refer to
 *            set*           grouping sets; none: plain GROUP BY
 *            node*          HAVING: conditions
 *            window*
 *            uint8 PGWIRE_DISTINCT_*; key* (none for PGWIRE_DISTINCT_NONE)
 *            key*           ORDER BY
 *            node?          LIMIT
 *            bool           WITH TIES
 *            node?          OFFSET
 *            setop?         the query is a set operation: it has no from, WHERE,
 *                           GROUP BY ... of its own; its targets are columns of
 *                           the leftmost operand's item, in order, and say the
 *                           result's types
 *            (uint32 item, uint8 PGWIRE_LOCK_*, uint8 LockWaitPolicy)*
 *            write?         the outermost query only: it modifies a table
 *   write:   uint8 PGWIRE_MODIFY_*, uint32 item: the table, one of the query's own
 *            bool           ON CONFLICT DO NOTHING (INSERT)
 *            int32*         INSERT and UPDATE: attribute number of the column that
 *                           each target is for
 *            target*        RETURNING; the result has these columns
 *            INSERT: the rows are those of the query, whose FROM does not have the
 *            table. UPDATE and DELETE: FROM has it, not where an outer join may
 *            make it null, and the rows are those that the query would answer.
 *   cte:     uint32 number, uint8 PGWIRE_CTE_*, uint8 CTEMaterialize, query
 *   item:    uint32 number, uint8 PGWIRE_ITEM_*, and
 *     TABLE       string schema, string name, both of the remote table
 *     QUERY       uint8 PGWIRE_ITEM_F_*, query
 *     CTE         uint32 number of the CTE
 *     FUNCTION    bool WITH ORDINALITY, function*: node (a set-returning function
 *                 is allowed here), (uint32 type, uint32 collation)*: the
 *                 column definition list of a function that returns records,
 *                 uint32 number of columns
 *     VALUES      (uint32 type, uint32 collation)* columns, uint32 number of rows,
 *                 node for each column of each row (no count between)
 *     UNKNOWN     uint8 PGWIRE_ALIEN_*: cannot be sent, and why
 *   A column of a table has its attribute number; of a nested query (QUERY, CTE)
 *   the number of its result column; of functions and VALUES its position, the
 *   ordinality last. LATERAL is not told: Go sees it.
 *   from:    uint8 PGWIRE_FROM_*, and
 *     ITEM        uint32 number; each item of the query in one place, at most
 *     JOIN        uint8 PGWIRE_JOIN_*, from left, from right, node* conditions.
 *                 SEMI and ANTI: left rows with a match on the right, or
 *                 without; columns of the right are known in the conditions only
 *     LIST        from* (cross join), node* conditions (a FromExpr)
 *   target:  uint8 PGWIRE_TARGET_*, uint32 ref (ressortgroupref, 0: none), node
 *   key:     (a SortGroupClause) uint32 ref of a target, uint32 equality operator,
 *            uint32 sort operator (either perhaps PGWIRE_IR_NONE), uint8
 *            PGWIRE_KEY_*
 *   set:     uint8 GroupingSetKind, uint32* refs (EMPTY, SIMPLE) or set* (others).
 *            In a ROLLUP or CUBE each set is SIMPLE
 *   window:  uint32 winref, key* PARTITION BY, key* ORDER BY, uint32 frameOptions
 *            (FRAMEOPTION_*), node? start offset, node? end offset. Windows with
 *            a name of another one (refname) are written out
 *   setop:   uint8 PGWIRE_SETOP_*, and
 *     ITEM        uint32 number of an item (QUERY) of this query: an operand
 *     others      bool ALL, key* one for each column, its ref the column's
 *                 number (groupClauses; none for UNION ALL), setop left, setop
 *                 right
 *
 * Names of columns are not told: those of nested queries are c1, c2 ...
 *
 * The reply to PGWIRE_REQ_QUERY without statement is (uint32 node or
 * PGWIRE_IR_NONE, text reason)*, one for each thing that cannot be sent, none when
 * the query can; with it: text SQL, uint32* nodes whose values are the
 * parameters, bool: it locks rows (a write does). A text is a string with its
 * terminator, which is counted. The result has the columns of the query. The reply to PGWIRE_REQ_MODIFY is
 * text SQL of the change of one row, uint32 and uint32 place and length in it of the
 * row of VALUES (length 0: none), text COPY statement (empty: it cannot be copied), text
 * schema and text name of the remote table, uint32 batch_size. Its parameters are
 * the targets that are not generated, and then what identifies the row: the keys, or
 * ctid and tableoid.
 */
#ifndef PGWIRE_IR_H
#define PGWIRE_IR_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "nodes/pathnodes.h"
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"

#ifdef WORDS_BIGENDIAN
#error "pgwire_fdw needs a little-endian machine"
#endif

#define PGWIRE_IR_VERSION 4
#define PGWIRE_IR_NONE 0xFFFFFFFF

/* Deeper trees are cut off with PGWIRE_IR_UNKNOWN: their clause stays here. */
#define PGWIRE_IR_MAX_DEPTH 500

/*
 * A clause that is asked about by itself counts as nested so deep, so that one
 * that may be sent still may where it stands in a query, or one in another.
 */
#define PGWIRE_IR_CLAUSE_DEPTH 50

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
#define PGWIRE_REQ_QUERY 4		/* may this query run there? its statement */
#define PGWIRE_REQ_MODIFY 5		/* the statement that changes one row of a table */

/* what is done with the row, and what a column is in it */
#define PGWIRE_MODIFY_INSERT 1
#define PGWIRE_MODIFY_UPDATE 2
#define PGWIRE_MODIFY_DELETE 3

#define PGWIRE_MODIFY_F_TARGET 0x01	/* it is set */
#define PGWIRE_MODIFY_F_GENERATED 0x02	/* to DEFAULT */
#define PGWIRE_MODIFY_F_RETURNED 0x04	/* by RETURNING */
#define PGWIRE_MODIFY_F_KEY 0x08	/* it identifies the row */

/* what PGWIRE_REQ_QUERY asks for */
#define PGWIRE_STATEMENT_NONE 0
#define PGWIRE_STATEMENT_QUERY 1
#define PGWIRE_STATEMENT_EXPLAIN 2	/* EXPLAIN (FORMAT JSON) of it, its parameters
									 * being values not known */

/*
 * A column's number, negative, that stands for the tableoid that the remote has: one
 * with the number of the system column is the local table's.
 */
#define PGWIRE_IR_REMOTE_TABLEOID 100

/* nodes: tag, and the fields after the common three */
#define PGWIRE_IR_VAR 1			/* uint32 item or PGWIRE_IR_NONE, uint32 varno
								 * (tells apart columns of no item), int32
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
#define PGWIRE_IR_FIELD_SELECT 24	/* int32 fieldnum, string its name: empty if
									 * it is not known; arg */
#define PGWIRE_IR_COERCE_TO_DOMAIN 25	/* arg */
#define PGWIRE_IR_UNKNOWN 26	/* uint8 PGWIRE_UNKNOWN_*, uint32 NodeTag; its
								 * parts are not written */
#define PGWIRE_IR_AGGREF 27		/* uint32 function, input collation, uint8
								 * PGWIRE_AGG_*, args (direct), target*
								 * arguments (junk: for ORDER BY only), key*
								 * DISTINCT, key* ORDER BY (of WITHIN GROUP,
								 * too), node? filter. Of partial aggregation
								 * none: C describes what computes the state */
#define PGWIRE_IR_WINDOW_FUNC 28	/* uint32 function, input collation, uint8
									 * PGWIRE_AGG_* (STAR), uint32 winref,
									 * args, node? filter */
#define PGWIRE_IR_GROUPING_FUNC 29	/* args */
#define PGWIRE_IR_SUB_LINK 30	/* uint8 PGWIRE_SUBLINK_*, bool: the tests are
								 * joined by OR (a row <> ...), else by AND;
								 * args: the tests, operators with a column of
								 * the nested query (PGWIRE_IR_SUB_OUTPUT,
								 * perhaps cast) on the right; query. Also what
								 * is a SubPlan by now */
#define PGWIRE_IR_SUB_OUTPUT 31 /* uint32 result column of the nested query, in
								 * tests of its PGWIRE_IR_SUB_LINK only */
#define PGWIRE_IR_JSON_CONSTRUCTOR 41	/* uint8 JsonConstructorType, bool ABSENT ON
										 * NULL, bool unique keys, bool mutable;
										 * args */
#define PGWIRE_IR_IS_JSON 42	/* uint8 JsonValueType, bool unique keys; arg */
#define PGWIRE_IR_JSON_QUERY 43	/* uint8 JsonExprOp, uint8 JsonWrapper, bool omit
								 * quotes, bool mutable, uint8 on empty, uint8
								 * on error (JsonBehaviorType or
								 * PGWIRE_JSON_NO_BEHAVIOR), string* names of
								 * values passed; context, path, the values,
								 * node? default on empty, node? on error */
#define PGWIRE_IR_ROW_COMPARE 40	/* uint32 count, (uint32 operator, function,
									 * input collation)*; (left, right)* */

#define PGWIRE_JSON_NO_BEHAVIOR 255

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

#define PGWIRE_AGG_STAR 0x01	/* count(*) */
#define PGWIRE_AGG_VARIADIC 0x02
#define PGWIRE_AGG_WITHIN_GROUP 0x04	/* ordered-set and hypothetical-set */

#define PGWIRE_SUBLINK_EXISTS 0
#define PGWIRE_SUBLINK_ALL 1
#define PGWIRE_SUBLINK_ANY 2
#define PGWIRE_SUBLINK_ROW_COMPARE 3	/* (a, b) = (SELECT ...) */
#define PGWIRE_SUBLINK_EXPR 4
#define PGWIRE_SUBLINK_ARRAY 5

/* what a clause of PGWIRE_REQ_CLASSIFY is to be */
#define PGWIRE_CONTEXT_WHERE 0	/* a condition that uses a column; no
								 * aggregates, no window functions */
#define PGWIRE_CONTEXT_TARGET 1 /* an output, of a query without aggregates: any
								 * column, or an expression */
#define PGWIRE_CONTEXT_GROUPED 2	/* an output or a condition of HAVING of a
									 * query with groups: may have aggregates */
#define PGWIRE_CONTEXT_WINDOW 3 /* an output that may have window functions; what
								 * their windows are is not looked at */
#define PGWIRE_CONTEXT_SORT 4	/* sorted, grouped or made distinct by */

/* parts of queries */
#define PGWIRE_CTE_RECURSIVE 0x01
#define PGWIRE_CTE_SEARCH 0x02	/* has SEARCH or CYCLE */

#define PGWIRE_ITEM_TABLE 1
#define PGWIRE_ITEM_QUERY 2
#define PGWIRE_ITEM_CTE 3
#define PGWIRE_ITEM_FUNCTION 4
#define PGWIRE_ITEM_VALUES 5
#define PGWIRE_ITEM_UNKNOWN 6

#define PGWIRE_ITEM_F_BARRIER 0x01	/* a security barrier */

#define PGWIRE_ALIEN_TABLE 1	/* local, or of another server or user */
#define PGWIRE_ALIEN_KIND 2		/* XMLTABLE, a tuple store ... */
#define PGWIRE_ALIEN_TOO_DEEP 3

#define PGWIRE_FROM_ITEM 1
#define PGWIRE_FROM_JOIN 2
#define PGWIRE_FROM_LIST 3

#define PGWIRE_JOIN_INNER 0
#define PGWIRE_JOIN_LEFT 1
#define PGWIRE_JOIN_FULL 2
#define PGWIRE_JOIN_RIGHT 3
#define PGWIRE_JOIN_SEMI 4
#define PGWIRE_JOIN_ANTI 5

#define PGWIRE_TARGET_JUNK 0x01

#define PGWIRE_KEY_NULLS_FIRST 0x01
#define PGWIRE_KEY_LESS 0x02	/* the sort operator is the < of the type's
								 * default btree operator class */
#define PGWIRE_KEY_GREATER 0x04 /* or its > */
#define PGWIRE_KEY_EQUAL 0x08	/* the equality operator is that of the type's
								 * default operator class (lookup_type_cache) */

#define PGWIRE_DISTINCT_NONE 0
#define PGWIRE_DISTINCT_ALL 1
#define PGWIRE_DISTINCT_ON 2

#define PGWIRE_SETOP_ITEM 0
#define PGWIRE_SETOP_UNION 1
#define PGWIRE_SETOP_INTERSECT 2
#define PGWIRE_SETOP_EXCEPT 3

/*
 * Object tables, in this order, each a uint32 count and its entries:
 *   types:      uint32 oid, int32 typmod, uint8 flags, uint8 typtype, uint8
 *               typcategory, string SQL name with typmod
 *   functions:  uint32 oid, uint8 flags, uint8 provolatile, uint8 prokind,
 *               string schema, string name
 *   operators:  uint32 oid, uint8 flags, string schema, name
 *   collations: uint32 oid, uint8 flags, string schema, name
 *   columns:    uint32 item, int32 attno, string local name, block of the
 *               column's options: of tables' columns that occur, ctid included;
 *               empty where no statement is asked for
 */
#define PGWIRE_OBJ_BUILTIN 0x01 /* oid < FirstGenbkiObjectId */
#define PGWIRE_OBJ_EXTENSION 0x02	/* of an extension the server's option
									 * "extensions" names */
#define PGWIRE_OBJ_RETSET 0x04	/* functions: returns a set */
#define PGWIRE_OBJ_OID_ALIAS 0x04	/* types: regclass and the like */
#define PGWIRE_OBJ_DEFAULT 0x04 /* collations: the database's default */
#define PGWIRE_OBJ_DETERMINISTIC 0x08	/* collations */

/* row locks */
#define PGWIRE_LOCK_NONE 0
#define PGWIRE_LOCK_KEY_SHARE 1
#define PGWIRE_LOCK_SHARE 2
#define PGWIRE_LOCK_NO_KEY_UPDATE 3
#define PGWIRE_LOCK_UPDATE 4

/* One object table: what it holds so far, and the entries as they are sent. */
typedef struct pgwire_ir_table
{
	StringInfoData entries;
	Oid		   *oids;
	int32	   *typmods;		/* of types; else zero */
	int			count;
	int			room;
} pgwire_ir_table;

/*
 * A level of query: which of its relations are items. Vars of a level count from
 * the innermost one (varlevelsup).
 */
typedef struct pgwire_ir_level
{
	struct pgwire_ir_level *outer;	/* of the query around, NULL: none */
	List	   *rtable;			/* NIL where no statement is asked for */
	List	   *ctes;			/* CommonTableExprs, the first of this number */
	uint32		first_cte;
	int			size;			/* of the arrays, by rangetable index from 1 on */
	uint32	   *items;			/* number of the item, or PGWIRE_IR_NONE */
	Bitmapset **attrs;			/* of tables: columns told so far, offset by
								 * FirstLowInvalidHeapAttributeNumber */
} pgwire_ir_level;

/* What is known of the server that the request is about. */
typedef struct pgwire_server
{
	List	   *extensions;		/* OIDs of the extensions it vouches for */
	int			major;			/* 0: not known */
} pgwire_server;

/* An encoder: lives for one request, in the memory context it was begun in. */
typedef struct pgwire_ir
{
	pgwire_ir_level *level;		/* the innermost one */
	PlannerInfo *root;			/* of the outermost; NULL where no statement is asked for */
	uint32		next_item;
	uint32		next_cte;
	const pgwire_server *server;
	pgwire_ir_table types;
	pgwire_ir_table functions;
	pgwire_ir_table operators;
	pgwire_ir_table collations;
	StringInfoData columns;
	uint32		ncolumns;
	StringInfoData clauses;		/* the body */
	Size		unwritten;		/* constants' text that only the statement has */
	uint32		nclauses;
	Node	  **nodes;			/* by number */
	int			nnodes;
	int			room;
	bool		statement;		/* SQL is asked for: tell equal nodes */
	uint32		foreign_vars;	/* columns of items so far */
	struct nodes_hash *distinct;	/* nodes that no earlier one is equal to */
	StringInfoData equals;
	uint32		nequals;
	bool		modes_set;		/* settings to print constants under */
	bool		names_set;		/* of these, search_path */
	int			guc_level;		/* where they end, or -1 */
} pgwire_ir;

/*
 * in expr.c: the frame of a request, and expressions.
 *
 * begin: the relations `relids` of root's level are items, each with its
 * rangetable index for a number. statement: the request is for SQL text, and root
 * must not be NULL. Then pgwire_ir_clause for each clause and
 * pgwire_ir_finish_clauses; or a query, written to ir->clauses part by part in
 * the order above (by the functions of select.c, pgwire_ir_exprs and the scalars
 * below), and pgwire_ir_finish_query. Either appends to the request, after
 * pgwire_begin_request and the kind's own fields.
 *
 * depth: how many nodes and queries are around, not counting joins; 0 at the top.
 * More than PGWIRE_IR_MAX_DEPTH queries or joins in each other are malformed:
 * such an item is PGWIRE_ITEM_UNKNOWN.
 */
extern void pgwire_ir_begin(pgwire_ir *ir, PlannerInfo *root, Relids relids,
							const pgwire_server *server, bool statement);
extern void pgwire_ir_clause(pgwire_ir *ir, uint8 context, Expr *clause);
extern void pgwire_ir_finish_clauses(pgwire_ir *ir, StringInfo request);
extern void pgwire_ir_finish_query(pgwire_ir *ir, StringInfo request);
extern Node *pgwire_ir_node(const pgwire_ir *ir, uint32 number);
extern void pgwire_ir_head(pgwire_ir *ir, uint8 tag, Node *node);
extern void pgwire_ir_expr(pgwire_ir *ir, Node *node, int depth);
extern void pgwire_ir_exprs(pgwire_ir *ir, List *exprs, int depth);
extern void pgwire_ir_optional(pgwire_ir *ir, Node *node, int depth);
extern void pgwire_ir_unknown(pgwire_ir *ir, Node *node, int depth);

/*
 * in select.c: the parts of a query.
 *
 * push_level: a nested query begins, of this rangetable; no relation is
 * an item before pgwire_ir_new_item answers its number. pop_level: it ends.
 *
 * table: the item of a table, with its number, by the remote's names.
 *
 * tail: what stands behind WHERE and in front of the set operation, out of the
 * fields of a Query (or of one that was made for it, by makeNode(Query)):
 * targetList, groupDistinct, groupClause, groupingSets, havingQual (an
 * expression, or a List of conditions), windowClause, distinctClause,
 * hasDistinctOn, sortClause, limitCount, limitOption, limitOffset.
 */
extern void pgwire_ir_push_level(pgwire_ir *ir, List *rtable);
extern void pgwire_ir_pop_level(pgwire_ir *ir);
extern uint32 pgwire_ir_new_item(pgwire_ir *ir, Index rti);
extern void pgwire_ir_table_item(pgwire_ir *ir, uint32 item, const char *schema, const char *name);
extern void pgwire_ir_tail(pgwire_ir *ir, const Query *query, int depth);
extern void pgwire_ir_targets(pgwire_ir *ir, List *targets, int depth);
extern void pgwire_ir_key(pgwire_ir *ir, const SortGroupClause *key, Oid type);
extern void pgwire_ir_keys(pgwire_ir *ir, List *keys, List *targets);
extern void pgwire_ir_aggref(pgwire_ir *ir, Node *node, int depth);
extern void pgwire_ir_window_func(pgwire_ir *ir, Node *node, int depth);
extern void pgwire_ir_grouping_func(pgwire_ir *ir, Node *node, int depth);
extern void pgwire_ir_column(pgwire_ir *ir, pgwire_ir_level *level, Index varno, AttrNumber attno);
extern Node *pgwire_ir_typed_row(const pgwire_ir_level *level, Var *var);
extern void pgwire_put_options(StringInfo request, List *options);

/* in json.c */
extern void pgwire_ir_json_constructor(pgwire_ir *ir, Node *node, int depth);
extern void pgwire_ir_is_json(pgwire_ir *ir, Node *node, int depth);
extern void pgwire_ir_json_query(pgwire_ir *ir, Node *node, int depth);

/* in describe.c */
extern void pgwire_ir_sub_link(pgwire_ir *ir, Node *node, int depth);

/* in const.c */
extern void pgwire_ir_constant(pgwire_ir *ir, const Const *node);

/* in modify.c: is the column the remote's tableoid (PGWIRE_IR_REMOTE_TABLEOID)? */
extern bool pgwire_carries_tableoid(PlannerInfo *root, const Var *var);

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
