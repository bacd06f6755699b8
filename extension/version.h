/*
 * version.h - which major versions the remote servers of this session have.
 */
#ifndef PGWIRE_VERSION_H
#define PGWIRE_VERSION_H

#include "postgres.h"

extern int	pgwire_remote_major(Oid serverid);
extern void pgwire_note_major(Oid serverid, int major);
extern void pgwire_forget_majors(void);

#endif
