/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the files of the map share: zones.c (the map, and questions to it), zones_kept.c (what of it is in
 * the store), zones_ask.c (asking the name server's checker for it),
 * zones_by_file.c (without one).
 */
#ifndef REPLICATOR_ZONES_INTERNAL_H
#define REPLICATOR_ZONES_INTERNAL_H

#include "replicator/node_internal.h"
#include "replicator/zones.h"

#define ZONES_VERSION_MAX 64

struct placed {
	const char *path;
	uint32_t zone;
};

struct zones {
	struct node *node;
	struct named_conf conf; /* the map */
	char **paths;           /* by zone: of the tree, or NULL */
	struct placed *by_path; /* sorted */
	size_t nplaced;
	char **files; /* of the configuration: patterns, then paths in their order; NULL at the end */
	size_t npatterns, nfiles; /* of these; patterns too */
	char version[ZONES_VERSION_MAX];
	char words[ZONES_WORDS_MAX];
	enum zones_state state;
	int64_t since_msec;
	int64_t map_msec;
	uint64_t generation;
	uint64_t hash; /* of the text that the map is from */
	bool asking;
	bool again;       /* something changed since it was asked */
	bool changing;    /* ... or since the map */
	int64_t due_msec; /* monotonic; INT64_MAX: not due */
	int64_t retry_msec;
};

/* By the patterns of zonefs.conf (zones_by_file.c). */
void zones_find(struct zones *z);

/* Takes the configuration over. -ENOMEM: the old one stays. */
int zones_take(struct zones *z, struct named_conf *conf);
/* The core's decision about what is local, made at its start, is another than the map's. */
bool zones_decide_otherwise(const struct zones *z);
/* Of what the map is made from. */
uint64_t zones_hash(const struct zones *z, const char *text, size_t len);
/* Takes the list over: what the configuration consists of; NULL: not known. */
void zones_set_files(struct zones *z, char **files);

/* The last good map, and its files. */
void zones_load(struct zones *z);
/* The text that the map is from. */
void zones_keep(struct zones *z, const char *text, size_t len);
void zones_keep_files(struct zones *z);

#endif
