/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `zonefsctl release --everywhere`: what is to be released has passed the gate here, and is told only
 * when every other node has said that it would install it. Each peer is asked (WIRE_WOULD) with the
 * very versions that were judged, fetches their contents, and asks its own checkers; it installs
 * nothing. So the question stands in the way of the verdict that the core waits for: when something of
 * the set is saved meanwhile, it is another question, and asked anew.
 *
 *   a peer that cannot be asked   is waited for, unless only those that can be reached are meant
 *   a node that is no peer        cannot be asked from here: nothing is released, with the same exception
 *   one that does not agree       nothing is released anywhere
 *
 * One such release at a time. everywhere.c asks, everywhere_answer.c answers.
 */
#ifndef REPLICATOR_EVERYWHERE_H
#define REPLICATOR_EVERYWHERE_H

#include <stdbool.h>
#include <stdint.h>

#include "replicator/node_internal.h"
#include "replicator/wire/message.h"

#define EVERYWHERE_ANSWER_MSEC 600000 /* for a peer that can be reached */

struct everywhere;

/* NULL: out of memory. */
struct everywhere *everywhere_new(struct node *n);
void everywhere_free(struct everywhere *e);

/* Somebody is about to release so. 0, or -EBUSY: another one does. */
int everywhere_begin(struct everywhere *e, bool only_reachable);
/* Whoever did has gone: what has not been told then is not released. */
void everywhere_end(struct everywhere *e);

/* An own trial with `everywhere` that is good here: its verdict (EVENT_VERDICT) follows, unless it is not
 * waited for any more. Takes the trial. */
void everywhere_ask(struct everywhere *e, struct trial *take);
/* VERDICT of a peer; or REFUSE, which one gives that does not know the question. */
void everywhere_answered(struct everywhere *e, uint32_t peer, const struct message *m);
void everywhere_refused(struct everywhere *e, uint32_t peer, const struct message *m);
/* Once a round. */
void everywhere_tick(struct everywhere *e);

/* What becomes of it: EVERYWHERE_OPEN as long as nobody can say. */
enum everywhere_end { EVERYWHERE_OPEN, EVERYWHERE_GOES, EVERYWHERE_STAYS };
enum everywhere_end everywhere_over(const struct everywhere *e);

enum everywhere_state {
	EVERYWHERE_NEW, /* not asked (yet) */
	EVERYWHERE_ASKED,
	EVERYWHERE_YES,
	EVERYWHERE_NO,
	EVERYWHERE_COULD_NOT, /* be judged there */
	EVERYWHERE_AWAY,      /* it cannot be asked now */
	EVERYWHERE_LEFT_OUT,  /* likewise, and is not waited for */
};
struct everywhere_node {
	const char *name;
	enum everywhere_state state;
	const char *words; /* until the loop's next round; "" */
};
/* By number, of which there are that many. */
uint32_t everywhere_nodes(const struct everywhere *e);
void everywhere_node(const struct everywhere *e, uint32_t i, struct everywhere_node *to);
/* How often the question has been another one. */
uint32_t everywhere_questions(const struct everywhere *e);

/* ---- everywhere_answer.c: what peers ask ---- */

#define QUESTION_CONTENTS_MSEC 300000          /* without one of its contents coming */
#define QUESTION_BYTES_MAX (UINT64_C(1) << 30) /* of all of them */
#define QUESTION_LOOK_MSEC 20

struct questions;

struct questions *questions_new(struct node *n);
void questions_free(struct questions *q);
/* WOULD of a peer: VERDICT follows. It takes the place of an earlier one of that peer. Takes the items. */
void questions_take(struct questions *q, uint32_t peer, const struct link_route *route,
		    struct message *m);
void questions_tick(struct questions *q);
int64_t questions_wake(const struct questions *q);

#endif
