/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The map: which file of the tree is which zone, of what kind, in which view, and whether it replicates.
 * It is this node's own: asked of the name server's checker here, whose configuration may have lines of
 * this host's alone.
 *
 * It is that of the configuration as it was released: what is held counts when it goes.
 *
 * Asked for at the start and whenever a file that the configuration consists of changes, first after
 * ZONES_QUIET_MSEC, in which more may come. While the configuration is broken or cannot be checked the last
 * good map stays, durably.
 *
 * The map decides which files stay local (zones_locality), and the core goes by one decision from its start
 * on: where a new map decides otherwise the replicator ends in order, and the keeper starts the next one, in
 * which the files that are local now are forgotten as shown, and those that no longer are, are taken in
 * (core/lists.c), as after a change of `exclude`. Maps are a node's own: while they differ, so may what nodes
 * show. A file that is local here and not there is on the peer alone; nothing of it is installed or
 * removed here.
 */
#ifndef REPLICATOR_ZONES_H
#define REPLICATOR_ZONES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/named_conf.h"
#include "base/pattern.h"

#define ZONES_QUIET_MSEC 100
#define ZONES_RETRY_FIRST_MSEC 1000 /* where it could not be checked; twice as long each time */
#define ZONES_RETRY_LAST_MSEC 60000
#define ZONES_WORDS_MAX 2048

struct node;
struct zones;

/* Whether a zone's file replicates, and if not, why. */
enum zone_place {
	ZONE_REPLICATED,
	ZONE_NO_FILE,   /* there is none, or named does not say where */
	ZONE_OUTSIDE,   /* it lies outside of the tree */
	ZONE_SECONDARY, /* named writes what it transfers */
	ZONE_DYNAMIC,   /* named writes what it is updated with */
	ZONE_EXCLUDED,  /* by the built-in list or `exclude` */
};

struct zone_entry {
	const struct named_zone *zone;
	const char *path; /* of the tree; NULL: none */
	enum zone_place place;
};

enum zones_state {
	ZONES_NONE,   /* zonefs.conf names no server, and no zones' files */
	ZONES_ASKING, /* nothing is known yet */
	ZONES_GOOD,   /* of the configuration as it is */
	ZONES_BROKEN, /* the checker refuses the configuration, in `words`; the map is an older one */
	ZONES_UNCHECKED, /* it could not be checked, for the reason in `words`; likewise */
};

struct zones_status {
	enum zones_state state;
	bool asking; /* again, at this moment */
	const char
	    *words; /* of the checker, or why it could not be asked; also of a good one; "" */
	const char *version; /* of the name server's tools; "" */
	int64_t since_msec;  /* wall clock: how long the state is so; 0: not known */
	int64_t map_msec;    /* wall clock: of when the map is; 0: there is none */
	uint32_t n;          /* zones in it */
	uint64_t generation; /* counts the maps */
};

/* Loads the last good map. NULL: out of memory. */
struct zones *zones_new(struct node *n);
void zones_free(struct zones *z);
/* What the map says of files that the patterns do not, into `l`: files that are named's own (of secondary
 * and dynamic zones, and what it makes of those that it signs), and those of static primaries that the
 * built-in list would exclude. 0, or -ENOMEM. */
int zones_locality(const struct zones *z, struct locality *l);
/* The path may have changed ("": all may have), a directory with all that is in it. */
void zones_changed(struct zones *z, const char *path);
void zones_tick(struct zones *z);
int64_t zones_wake(const struct zones *z);

void zones_status(const struct zones *z, struct zones_status *s);
/* The i-th zone of the map in the order of the configuration. False: there are no more. */
bool zones_entry(const struct zones *z, size_t i, struct zone_entry *e);
/* Likewise the i-th of those that have this file. */
bool zones_of_path(const struct zones *z, const char *path, size_t i, struct zone_entry *e);
/* named's `directory`, absolute within its root: "/" while there is no map. */
const char *zones_directory(const struct zones *z);
/* What was released is another configuration than the map's, and the checker is to be asked: a path that
 * the map does not know may be a zone's. False where it could not say. */
bool zones_changing(const struct zones *z);
/* A path that named knows, absolute within its root, as one of the tree. NULL: it is none (or out of
 * memory). The caller's to free. */
struct conf;
char *zones_path(const struct conf *conf, const char *in_root);
/* What the configuration consists of, patterns too; NULL at the end. NULL: not known. */
const char *const *zones_files(const struct zones *z);
/* The configuration consists of this path, among others. */
bool zones_is_conf(const struct zones *z, const char *path);

#endif
