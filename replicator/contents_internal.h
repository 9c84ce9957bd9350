/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the files of the fetching share: wants.c (which contents are wanted, in which list each is),
 * contents.c (asking peers and taking their answers), contents_answer.c (answering them).
 */
#ifndef REPLICATOR_CONTENTS_INTERNAL_H
#define REPLICATOR_CONTENTS_INTERNAL_H

#include "replicator/contents.h"

struct want {
	struct want *chain; /* in its hash slot */
	struct want *next;  /* in its list */
	struct want *prev;
	struct want_list *list; /* NULL: asked */
	struct hash hash;
	uint64_t size;
	uint32_t teller;
	uint64_t tried; /* bit i: peer i does not have it */
	int64_t rest_msec;
	struct incoming *incoming; /* large, under way */
	bool ready;                /* what it had before has been taken in */
	bool kept;                 /* it was fetched (EFFECT_FETCH), not only looked for */
	bool dropped;              /* nobody wants it any more: until it is idle */
};

struct want_list {
	struct want *first;
	struct want *last;
	uint32_t n;
};

struct request {
	struct request *next;
	uint64_t id;
	uint32_t peer;
	int64_t sent_msec;
	uint32_t n;
	struct want *wants[WIRE_WANT_MAX];
};

struct contents {
	struct node *node;
	struct want **slots;
	uint32_t nslots;
	uint32_t n;
	struct want_list small; /* idle */
	struct want_list large; /* idle */
	struct want_list resting;
	struct request *requests;
	uint32_t under_way[CONF_PEERS_MAX];
	uint32_t pieces[CONF_PEERS_MAX]; /* in an answer: as the link to that peer allows */
	uint32_t nlarge; /* with an incoming file open */
	int64_t since_msec; /* wall clock: of the first want after none; 0: none */
	uint64_t got, got_bytes; /* arrived since then */
};

/* Made, or NULL; with all that is wanted. */
bool wants_init(struct contents *c);
void wants_fini(struct contents *c);

/* Its turn will come. */
void want_idle(struct contents *c, struct want *w);
/* No peer that can be reached has it: later. */
void want_rest(struct contents *c, struct want *w);
/* It is idle, and frees it: true if nobody wants it any more. */
bool want_is_over(struct contents *c, struct want *w);
/* Off its list: it is in a request. */
void want_unlist(struct want *w);
bool want_is_small(const struct want *w);
/* Closes its incoming file; `keep`: to go on with it later. */
void want_put_away(struct contents *c, struct want *w, bool keep);
/* It is in the store: tells the core (in the next round), and frees it. */
void want_arrived(struct contents *c, struct want *w);
/* The peer does not have it, or sent something else (`what`: words for the log; NULL: none). */
void want_fault(struct contents *c, struct want *w, uint32_t peer, const char *what);

#endif
