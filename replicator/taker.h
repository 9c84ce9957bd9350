/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Taking in what is on disk: LOOK, and where that is not what was last shown, read and hash the
 * content and LOOK again, since only an identity that is the same before and after proves what was
 * read. SCAN: the same for all below a directory, found by LIST.
 */
#ifndef REPLICATOR_TAKER_H
#define REPLICATOR_TAKER_H

#include "replicator/node_internal.h"

#define TAKER_LOOKS_MAX 64 /* under way at once */
#define TAKER_LARGE_MAX 16 /* large contents being read at once, a piece of each in turn */
#define TAKER_TRIES 5      /* before a path that keeps changing is given up until its next hint */

struct taker *taker_new(struct node *n);
void taker_free(struct taker *t);

/* EFFECT_LOOK: EVENT_LOOKED follows. */
void taker_look(struct taker *t, const char *path);
/* EFFECT_SCAN: EVENT_LOOKED for each path below, then EVENT_SCANNED. One after the other. */
void taker_scan(struct taker *t, const char *path);
/* Reads the file at path again, only to have its content in the store; no event follows. */
void taker_refill(struct taker *t, const char *path);
/* Reads pieces of large contents (a bounded while); true if there is more to read. */
bool taker_work(struct taker *t);

/* This content was first seen here by a change that has not been told yet: peers cannot have it.
 * True once for each: it is forgotten. */
bool taker_fresh(struct taker *t, struct hash hash);

/* Paths over max-file-size that were seen in this life, while they are so: calls back with each. */
void taker_too_big(struct taker *t, bool (*each)(void *arg, const char *path), void *arg);

#endif
