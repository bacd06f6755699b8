/*
 * version.c - which major versions the remote servers of this session have, as
 * far as its connections have told.
 *
 * The planner sends what is newer than PostgreSQL 14 only to a server that is
 * known to have it. What is known changes in one way that could make a plan
 * wrong: a connection finds another version than an earlier one did (an
 * upgrade, hosts of several versions). Then nothing is assumed of the server
 * any more, and plans that were kept are made anew. A change of the server's
 * options makes PostgreSQL do that by itself.
 */
#include "version.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

typedef struct known_major
{
	Oid			serverid;
	int			major;			/* 0: unknown, or not always the same */
} known_major;

static HTAB *majors = NULL;
static bool stale = false;

/* 0 when it is not known. */
int
pgwire_remote_major(Oid serverid)
{
	known_major *known;

	if (majors == NULL || stale)
		return 0;
	known = hash_search(majors, &serverid, HASH_FIND, NULL);
	return known ? known->major : 0;
}

/* A connection has been made. */
void
pgwire_note_major(Oid serverid, int major)
{
	known_major *known;
	bool		found;

	if (stale)
	{
		hash_destroy(majors);
		majors = NULL;
		stale = false;
	}
	if (majors == NULL)
	{
		HASHCTL		ctl = {0};

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(known_major);
		ctl.hcxt = TopMemoryContext;
		majors = hash_create("pgwire_fdw versions", 16, &ctl,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	known = hash_search(majors, &serverid, HASH_ENTER, &found);
	if (!found)
		known->major = major;
	else if (known->major != major && known->major != 0)
	{
		known->major = 0;
		ResetPlanCache();
	}
}

/* A server has changed. Called from callbacks: nothing is freed here. */
void
pgwire_forget_majors(void)
{
	stale = majors != NULL;
}
