/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "release" with "everywhere": a line {"type":"node"} for what each other node says, as soon
 * as it says so, and {"type":"again"} when the question has become another one.
 */
#include "replicator/control/control_held.h"

#include <stdlib.h>

#include "replicator/control/control_summary.h"
#include "replicator/everywhere.h"

#define SAID_MAX (CONF_PEERS_MAX + NODES_KNOWN_MAX)

struct asking {
	bool only_reachable;
	bool begun;
	uint32_t questions;
	enum everywhere_state said[SAID_MAX];
};

bool asking_read(struct client *c, const json_t *request, struct asking **to)
{
	bool everywhere = false, reachable = false;

	*to = NULL;
	if (!control_get_bool(request, "everywhere", &everywhere) ||
	    !control_get_bool(request, "reachable", &reachable) || (reachable && !everywhere)) {
		control_end(c, 1,
			    "\"everywhere\" and, only with it, \"reachable\" are true or false");
		return false;
	}
	if (!everywhere)
		return true;
	*to = calloc(1, sizeof(**to));
	if (!*to) {
		control_end(c, 1, "out of memory");
		return false;
	}
	(*to)->only_reachable = reachable;
	return true;
}

bool asking_begin(struct client *c, struct asking *a)
{
	if (everywhere_begin(c->node->everywhere, a->only_reachable) < 0) {
		control_end(c, 1,
			    "the nodes are being asked already, by another zonefsctl release");
		return false; /* and it has been freed */
	}
	a->begun = true;
	return true;
}

void asking_free(struct client *c, struct asking *a)
{
	if (a && a->begun)
		everywhere_end(c->node->everywhere);
	free(a);
}

/* ---- what they say ---- */

static const char *const states[] = {
    [EVERYWHERE_NEW] = NULL,
    [EVERYWHERE_ASKED] = NULL,
    [EVERYWHERE_YES] = "agreed",
    [EVERYWHERE_NO] = "refuses",
    [EVERYWHERE_COULD_NOT] = "could-not",
    [EVERYWHERE_AWAY] = "waited-for",
    [EVERYWHERE_LEFT_OUT] = "left-out",
};

static void say(struct client *c, const struct everywhere_node *one)
{
	json_t *o = json_object();

	control_add_text(o, "type", "node");
	control_add_text(o, "node", one->name);
	control_add_text(o, "state", states[one->state]);
	control_add_text(o, "words", one->words);
	control_line(c, o);
}

void asking_round(struct client *c, struct asking *a)
{
	const struct everywhere *e = c->node->everywhere;
	struct everywhere_node one;
	uint32_t n = everywhere_nodes(e), questions = everywhere_questions(e);

	if (questions > 1 && questions != a->questions) {
		json_t *o = json_object();

		control_add_text(o, "type", "again");
		control_line(c, o);
		for (uint32_t i = 0; i < SAID_MAX; i++)
			a->said[i] = EVERYWHERE_NEW;
	}
	a->questions = questions;
	for (uint32_t i = 0; i < n && i < SAID_MAX; i++) {
		everywhere_node(e, i, &one);
		if (a->said[i] != one.state && states[one.state])
			say(c, &one);
		a->said[i] = one.state;
	}
}

void asking_over(struct client *c, const struct asking *a, uint32_t n, const char *words)
{
	enum everywhere_end over = everywhere_over(c->node->everywhere);
	bool all = true;

	for (uint32_t i = 0; i < SAID_MAX; i++)
		all &= a->said[i] != EVERYWHERE_LEFT_OUT;
	if (over == EVERYWHERE_GOES)
		control_end(c, 0, "%u path%s: released, as one change; %s", n, control_plural(n),
			    all ? "all nodes have agreed"
				: "the nodes that could be asked have agreed");
	else if (words)
		control_end(c, 1, "nothing is released, on no node: %s", words);
	else
		control_end(
		    c, 1,
		    "nothing is released by this: it has been decided otherwise meanwhile, or "
		    "a path is still being written: zonefsctl held");
}
