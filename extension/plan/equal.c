/*
 * equal.c - which nodes of a request are equal, by the server's own equal().
 *
 * Equal expressions that are evaluated here share a parameter of the remote
 * statement. The bytes of the IR cannot tell which they are: they leave out
 * what Go has no use for, the whole of a node that it does not know above all.
 * They only say where to look, so that not each node is compared with all.
 */
#include "ir.h"

#include "common/hashfn.h"
#include "nodes/nodeFuncs.h"

typedef struct node_entry
{
	uint32		number;			/* of the first of some equal nodes */
	uint32		hash;
	char		status;
} node_entry;

#define nodes_of(table) (((pgwire_ir *) (table)->private_data)->nodes)

#define SH_PREFIX nodes
#define SH_ELEMENT_TYPE node_entry
#define SH_KEY_TYPE uint32
#define SH_KEY number
#define SH_HASH_KEY(table, key) 0	/* not called: hashes are stored */
#define SH_EQUAL(table, a, b) equal(nodes_of(table)[a], nodes_of(table)[b])
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* The first and the last bytes: what differs is at an end, more often than not. */
static uint32
hash_ends(const char *data, int len)
{
	const int	most = 128;
	uint32		hash = hash_bytes((const unsigned char *) data, Min(len, most));

	if (len > most)
		hash = hash_combine(hash, hash_bytes((const unsigned char *) data + len - most, most));
	return hash_combine(hash, (uint32) len);
}

/*
 * Node `number`, whose bytes begin at `start` and end where the clauses do now,
 * may become a parameter: if an earlier node is equal to it, say so in the
 * request.
 */
void
pgwire_ir_find_equal(pgwire_ir *ir, uint32 number, int start)
{
	uint32		hash = hash_ends(ir->clauses.data + start, ir->clauses.len - start);
	node_entry *entry;
	bool		found;

	if (ir->distinct == NULL)
	{
		ir->distinct = nodes_create(CurrentMemoryContext, 16, ir);
		initStringInfo(&ir->equals);
	}
	entry = nodes_insert_hash(ir->distinct, number, hash, &found);
	if (!found)
		return;
	pgwire_put_u32(&ir->equals, number);
	pgwire_put_u32(&ir->equals, entry->number);
	ir->nequals++;
}
