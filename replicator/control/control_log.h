/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the parts of the command "log" share: control_log.c (the command), control_log_drafts.c (saves that
 * the gate looks at, which are told once, and counted once), control_log_outcomes.c, control_log_holes.c.
 */
#ifndef REPLICATOR_CONTROL_LOG_H
#define REPLICATOR_CONTROL_LOG_H

#include "replicator/control/control_internal.h"
#include "replicator/store/store.h"

enum log_draft {
	LOG_AS_IT_IS,
	LOG_JUDGED, /* the gate has not decided yet */
	LOG_TOLD,   /* it has become a version, which the log has, too */
};

/* Of any version that the log has. *to: what the gate says of it, as long as it is held; a new string,
 * the caller's, or NULL. `to` may be NULL. */
enum log_draft log_draft(struct node *n, const struct past_record *r, char **to);

/* Finding the place after which so many are told. */
struct log_start {
	uint32_t rows;     /* of the log after it, told or not */
	uint32_t to_count; /* of them, from `at` on; */
	uint32_t untold;   /* and of those that have been counted, what is not told by itself */
	struct past_place at;
};
/* Begins, for `last` of them. 0 or an error. */
int log_start_begin(struct log_start *s, struct node *n, const struct past_filter *f, uint32_t last,
		    struct past_place *place);
/* Looks at a page of the log. 1: call it again; 0: *place is it; or an error. */
int log_start_page(struct log_start *s, struct node *n, const struct past_filter *f,
		   struct past_place *place);

/* ---- outcomes ---- */

#define LOG_WATCHED_MAX 64 /* of the versions told last, whose outcomes are watched */

/* A version that has been told: how many of its outcomes have been, too. */
struct watched {
	struct dot dot;
	char *path;
	uint32_t outcomes;
};

struct log_watch {
	struct watched list[LOG_WATCHED_MAX];
	uint32_t n; /* ever; the next one's place is this modulo LOG_WATCHED_MAX */
};

/* All that are known of a version, and how many. */
json_t *log_outcomes(struct node *n, const struct past_record *r, uint32_t *count);
/* The version has been told with so many: what becomes known from now on is told by log_watched_tell, as
 * much as there is room for; the rest the next time. */
void log_watch(struct log_watch *all, const struct past_record *r, uint32_t outcomes);
void log_watched_tell(struct log_watch *all, struct client *c);
void log_watch_fini(struct log_watch *all);

/* ---- what is missing ---- */

struct log_hole {
	char node[NODE_NAME_MAX];
	struct hole hole;
};

struct log_holes {
	const char *origin;    /* of which node; NULL: all */
	int64_t since_msec;    /* what ended before is not told */
	struct log_hole *list; /* by the time of their end; the owner frees it */
	uint32_t n, cap, next;
};

/* Those of the time for which the log is kept. 0 or an error. */
int log_holes_find(struct log_holes *j, struct node *n);
/* Tells those that ended by then, and were not told yet. False: there is no room. */
bool log_holes_tell(struct log_holes *j, struct client *c, int64_t until_msec);

#endif
