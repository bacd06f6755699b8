/*
 * reply.h - reads the replies to planner requests (handler/internal/ir).
 *
 * A reply is a copy in the memory of the planner.
 */
#ifndef PGWIRE_REPLY_H
#define PGWIRE_REPLY_H

#include "postgres.h"

#include "error.h"

typedef struct pgwire_reply
{
	const uint8_t *data;
	int64		left;
} pgwire_reply;

static inline void
pgwire_get_bytes(pgwire_reply *reply, void *value, int64 len)
{
	if (reply->left < len)
		pgwire_raise_local(ERRCODE_FDW_ERROR, "planner reply is too short", NULL, NULL);
	memcpy(value, reply->data, len);
	reply->data += len;
	reply->left -= len;
}

static inline uint8
pgwire_get_u8(pgwire_reply *reply)
{
	uint8		value;

	pgwire_get_bytes(reply, &value, sizeof(value));
	return value;
}

static inline uint32
pgwire_get_u32(pgwire_reply *reply)
{
	uint32		value;

	pgwire_get_bytes(reply, &value, sizeof(value));
	return value;
}

static inline int64
pgwire_get_i64(pgwire_reply *reply)
{
	int64		value;

	pgwire_get_bytes(reply, &value, sizeof(value));
	return value;
}

/* A string with its terminator, palloc'ed. */
static inline char *
pgwire_get_string(pgwire_reply *reply)
{
	uint32		len = pgwire_get_u32(reply);
	char	   *value = palloc(Max(len, 1));

	pgwire_get_bytes(reply, value, len);
	value[Max(len, 1) - 1] = '\0';
	return value;
}

static inline double
pgwire_get_f64(pgwire_reply *reply)
{
	float8		value;

	pgwire_get_bytes(reply, &value, sizeof(value));
	return value;
}

#endif
