/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "hold": a change set begins.
 */
#include "replicator/control/control_held.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static bool check_patterns(struct client *c, const char *const *patterns, uint32_t n)
{
	struct patterns *list = patterns_new();
	const char *why = "out of memory";
	uint32_t good = 0;

	while (list && good < n && patterns_add(list, patterns[good], &why) == 0)
		good++;
	if (!list || good < n)
		control_end(c, 1, "pattern \"%s\": %s", good < n ? patterns[good] : "", why);
	patterns_free(list);
	return list && good == n;
}

static void hold(struct client *c, const json_t *request)
{
	const char *patterns[HOLD_PATTERNS_MAX];
	struct hold h = {.patterns = patterns};
	struct core_set set;
	struct who who;

	if (!held_why(c, request, &h.why))
		return;
	if (!held_texts(request, "patterns", patterns, &h.n)) {
		control_end(c, 1, "\"patterns\" is not a list of at most %d patterns",
			    HOLD_PATTERNS_MAX);
		return;
	}
	if (!check_patterns(c, patterns, h.n))
		return;
	order_who(c, request, &who, &h.user);
	h.who = &who;
	if (core_joining(c->node->core)) {
		control_end(c, 1, "this node is joining: wait until it has its peers' tree");
		return;
	}
	if (core_set(c->node->core, &set)) {
		control_end(c, 1,
			    "a change set is open already%s%s: zonefsctl held shows it, zonefsctl "
			    "release and zonefsctl discard end it",
			    set.user[0] ? ", begun by " : "", set.user);
		return;
	}
	int err = node_hold(c->node, &h);
	if (err < 0)
		control_end(c, 1, "the store cannot be written: %s", err_text(err));
	else
		control_end(c, 0,
			    "what is saved on this node from now on%s is held here until zonefsctl "
			    "release, or discard",
			    h.n ? " under these patterns" : "");
}

struct hold_job {
	struct before before;
	json_t *request;
};

/* What is saved before and while a set is released goes with that one. */
static void hold_round(struct client *c)
{
	struct hold_job *j = c->job;

	if (j->before.over && !core_releasing(c->node->core))
		hold(c, j->request);
}

static void hold_start(struct client *c, const json_t *request)
{
	struct hold_job *j = calloc(1, sizeof(*j));

	c->job = j;
	if (j)
		j->request = json_deep_copy(request);
	if (!j || !j->request)
		control_end(c, 1, "out of memory");
	else if (held_before(c, request, &j->before))
		hold_round(c);
}

static int64_t hold_wake(const struct client *c)
{
	return held_before_wake(c, &((const struct hold_job *)c->job)->before);
}

static void hold_finish(struct client *c)
{
	struct hold_job *j = c->job;

	if (j->before.wait)
		node_wait_cancel(c->node, j->before.wait);
	json_decref(j->request);
	free(j);
}

const struct control_command control_hold = {.name = "hold",
					     .start = hold_start,
					     .round = hold_round,
					     .finish = hold_finish,
					     .wake = hold_wake};
