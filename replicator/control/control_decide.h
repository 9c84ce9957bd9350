/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the parts of the decisions about what is held share: control_decide.c (the commands),
 * control_decide_words.c (their last lines).
 */
#ifndef REPLICATOR_CONTROL_DECIDE_H
#define REPLICATOR_CONTROL_DECIDE_H

#include "replicator/control/control_held.h"

struct decide_job {
	enum event_type type;
	char **path;
	uint32_t npaths;
	char *why;
	char *user;
	bool force;
	struct asking *asking; /* NULL: the other nodes are not */
	bool gated;            /* some of it the gate holds */
	struct before before;
	int64_t hook_until_msec; /* a hook under way is waited for; 0: for none so far */
	bool decided;
	uint32_t n;          /* paths that it is about */
	uint32_t saved_anew; /* on this node, before it was decided */
	bool ended;          /* a set, by it */
	int64_t begun_msec;
	int64_t limit_msec; /* from then */
	int64_t again_msec;
};

static inline struct decision decide_decision(const struct decide_job *j)
{
	return (struct decision){
	    .paths = (const char *const *)j->path,
	    .n = j->npaths,
	    .force = j->force,
	    .everywhere = j->asking,
	    .why = j->why,
	    .user = j->user,
	};
}

static inline bool decide_releases(const struct decide_job *j)
{
	return j->type == EVENT_RELEASE || j->type == EVENT_APPROVE;
}

/* There is nothing that it is about: ends the command in words. */
void decide_nothing(struct client *c);
/* It has been done, or waited for long enough: likewise. `left`: paths that are held as before. */
void decide_end(struct client *c, uint32_t left);

#endif
