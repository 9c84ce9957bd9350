/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What taker.c (one path, until it is read), taker_tell.c (then) and scan.c (all below a directory) share.
 */
#ifndef REPLICATOR_TAKER_INTERNAL_H
#define REPLICATOR_TAKER_INTERNAL_H

#include <sys/queue.h>

#include "replicator/portal.h"
#include "replicator/taker.h"

struct scan;
struct incoming;

/* One path being looked at. */
struct take {
	LIST_ENTRY(take) all;
	struct take *next;
	char *path;
	struct scan *scan; /* that found it; NULL: asked for by the core */
	bool refill;       /* for the store alone: nothing is told */
	unsigned tries;
	bool inlined;      /* the look under way may bring the content along */
	bool proving;      /* the content is read; the look under way proves it */
	struct look found; /* what is there; `target` is owned */
	int fd;            /* large: being read; -1 */
	uint8_t *content;  /* small: what was read */
	size_t len;
	struct incoming *incoming; /* large: where it is written */
};

struct take_list {
	struct take *first;
	struct take **end;
	uint32_t n;
};

void take_append(struct take_list *l, struct take *k);
struct take *take_shift(struct take_list *l); /* NULL: empty */

#define FRESH_SLOTS 8192
#define TOO_BIG_MAX 1000

struct taker {
	struct node *node;
	struct take_list asked;  /* by the core: first */
	struct take_list found;  /* by the scan */
	struct take_list large;  /* being read */
	struct take_list parked; /* to be looked at again when fewer are being read */
	LIST_HEAD(, take) all;   /* those too whose look is under way */
	uint32_t looks;          /* under way */
	struct scan *scans;      /* the first one goes on */
	struct scan **scans_end;
	struct hash fresh[FRESH_SLOTS]; /* by their first bytes; a later one overwrites */
	char *too_big[TOO_BIG_MAX];
	uint32_t ntoo_big;
};

/* Ends a take: none of its own is left. */
void take_free(struct take *k);
/* The core is told: that; that it could not be read (an error); what the look has found, with its hash
 * if it has one; and likewise the content that was read and proved, which is stored first. Each ends the
 * take. */
void take_tell(struct taker *t, struct take *k, const struct observation *o);
void take_tell_status(struct taker *t, struct take *k, int status);
void take_tell_found(struct taker *t, struct take *k, struct hash hash);
void take_tell_content(struct taker *t, struct take *k);

/* Adds a path that a scan has found. */
void taker_add_found(struct taker *t, struct scan *s, char *path); /* takes path */
/* Sends what can be sent. */
void taker_pump(struct taker *t);

/* A path that this scan found has been given to the core. */
void scan_took(struct taker *t, struct scan *s);
/* Asks for the next page where there is room for what it holds. */
void scan_pump(struct taker *t);
void scan_free_all(struct taker *t);

#endif
