/*
 * compat.h - every difference between server majors 14 to 18, alphabetical.
 *
 * No other file tests PG_VERSION_NUM (a lint test sees to it). A name that is
 * only spelled differently keeps the newest server's spelling here; one whose
 * behaviour differs gets a pgwire_ prefix.
 */
#ifndef PGWIRE_COMPAT_H
#define PGWIRE_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 140000
#error "pgwire_fdw needs PostgreSQL 14 or later"
#endif

#if SIZEOF_DATUM != 8 || !defined(USE_FLOAT8_BYVAL)
#error "pgwire_fdw needs a 64-bit server (values of 8 bytes passed by value)"
#endif

/* CreateWaitEventSet takes a resource owner since 17 (50c67c2019a). */
#if PG_VERSION_NUM >= 170000
#define pgwire_create_wait_event_set(n) CreateWaitEventSet(NULL, (n))
#else
#define pgwire_create_wait_event_set(n) CreateWaitEventSet(TopMemoryContext, (n))
#endif

/* MarkGUCPrefixReserved replaced EmitWarningsOnPlaceholders in 15. */
#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

#endif
