/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether a peer serves a zone fresher than this node does. Pure: it goes by what both have proved
 * (replicator/proofs.h) and by what this node knows of the zone's file.
 *
 * What a peer serves counts only if it was released: as the newest version known here, or as one that
 * the newest has seen. So a draft that somebody loaded by hand makes nobody else look old.
 */
#ifndef REPLICATOR_STALE_H
#define REPLICATOR_STALE_H

#include "replicator/core/version.h"
#include "replicator/wire/proof.h"

enum stale {
	STALE_NOT,
	STALE_OLD,     /* an older serial is served here */
	STALE_OTHER,   /* another version of the file, by a serial that is no older */
	STALE_FAILED,  /* the name server does not serve what the file holds */
	STALE_WAITS,   /* the zone is configured, and its file is not there */
	STALE_HELD,    /* a change of the file is held here, and what is served is not the newest */
	STALE_REFUSED, /* the newest version is not let in here, likewise */
};

/* What keeps the newest version away here, if anything does. */
enum stale_block { BLOCK_NONE, BLOCK_HELD, BLOCK_REFUSED };

/* `own`: what this node proved last of the zone, NULL: nothing; `peer`: what the peer did; `here`: the
 * visible version of the file, NULL: none. */
enum stale stale_compare(const struct proof *own, const struct proof *peer,
			 const struct version *here, enum stale_block block);
const char *stale_text(enum stale s); /* "old", "other", ... */

#endif
