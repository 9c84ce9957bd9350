/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a node last proved of a zone in a view: that its name server serves it, with which serial, and of
 * which version of the zone's file that was. As hooks print it (zonefs-hooks(7)), and as bytes.
 *
 *   proof = zone str, class str, view str ("": none), path str ("": none of the tree), state u8,
 *           flags u8 (1: serial, 2: loaded, 4: dot), serial u32, loaded i64 (s since 1970),
 *           asked i64 (ms since 1970), [dot], hash, words str
 */
#ifndef WIRE_PROOF_H
#define WIRE_PROOF_H

#include "base/buf.h"
#include "replicator/core/version.h"

#define PROOF_NAME_MAX 1023 /* bytes of a zone, class or view; a zone's name in text is no longer */
#define PROOF_WORDS_MAX 255

enum proof_state {
	PROOF_GONE = 0,   /* there is no such zone any more */
	PROOF_SERVED = 1, /* it was asked for and is served */
	PROOF_FAILED = 2, /* the name server does not serve what the file holds: `words` */
	PROOF_WAITS = 3,  /* the zone is configured, and its file is not there yet */
	PROOF_HELD = 4,   /* its file holds what is held there; kept and told: and that was loaded by hand */
};

struct proof {
	char *zone;
	char *zclass;
	char *view;
	char *path;
	char *words;
	enum proof_state state;
	bool has_serial, has_loaded;
	uint32_t serial;    /* that the name server has loaded */
	int64_t loaded_sec; /* when, by its clock */
	int64_t asked_msec; /* when that was asked, by the node's clock */
	struct dot dot;     /* the version of the file that was on disk; origin 0: not known */
	struct hash hash;   /* its content */
};

void proof_fini(struct proof *p);

/* A line of a hook's output, without its end:
 *   proof<tab>ZONE<tab>CLASS<tab>VIEW<tab>STATE<tab>SERIAL<tab>LOADED<tab>PATH<tab>words
 * 0 and *p, whose times of asking, dot and hash are 0 (finish with proof_fini); ERR_FORMAT, -ENOMEM. */
int proof_parse(struct proof *p, const char *line, size_t len);

/* Order by zone, then class and view, whatever the case: 0: the same. */
int proof_compare(const struct proof *a, const struct proof *b);

void buf_proof(struct buf *b, const struct proof *p);
/* Reads into all zero; proof_fini in any case. */
void rd_proof(struct rd *r, struct proof *p);

#endif
