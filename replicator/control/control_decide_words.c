/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How "release", "approve", "discard", "edit" and "set-aside" end, in words.
 */
#include "replicator/control/control_decide.h"

#include <stdio.h>

#include "replicator/control/control_summary.h"

void decide_nothing(struct client *c)
{
	const struct decide_job *j = c->job;

	if (j->ended)
		control_end(c, 0, "the change set has ended: nothing was saved under it");
	else if (j->type == EVENT_SET_ASIDE)
		control_end(c, 0, "nothing that is held lies in the tree");
	else if (j->type == EVENT_EDIT)
		control_end(c, 1, "nothing is set aside there: zonefsctl held lists what is");
	else if (j->npaths)
		control_end(c, 1, "nothing is held there: zonefsctl held lists what is");
	else if (j->type == EVENT_RELEASE && core_held(c->node->core))
		control_end(c, 1,
			    "nothing of a change set is held: zonefsctl approve is for what the "
			    "safety brake holds, or the gate in doubt; release --force PATH lets "
			    "go what is wrong");
	else
		control_end(c, 1, "nothing is held: there is nothing to do");
}

static bool say_aside(void *arg, const struct core_path *p)
{
	struct client *c = arg;
	json_t *o = json_object();

	control_add_text(o, "type", "held");
	control_add_path(o, "path", p->path);
	control_add_bool(o, "aside", p->draft->aside && !p->waiting);
	control_line(c, o);
	return control_has_room(c);
}

static void end_aside(struct client *c, uint32_t done, uint32_t left)
{
	const struct decide_job *j = c->job;
	struct decision d = decide_decision(j);
	bool edit = j->type == EVENT_EDIT;

	if (!edit)
		node_held(c->node, &d, say_aside, c);
	if (left)
		control_end(c, 1, "%u path%s %s, %u %s: zonefsctl held", done, control_plural(done),
			    edit ? "brought back, to be edited" : "set aside", left,
			    edit ? "yet to be" : "left as it was saved here");
	else if (edit)
		control_end(c, 0, "%u path%s: brought back into the tree, and held as before", done,
			    control_plural(done));
	else
		control_end(c, 0,
			    "%u held path%s set aside: what was released last is there; zonefsctl "
			    "held lists what is held, zonefsctl held --edit brings it back",
			    done, control_plural(done));
}

/* What was saved after that stays: told, or held. */
static void end_discard(struct client *c, uint32_t left)
{
	const struct decide_job *j = c->job;
	uint32_t told = core_saved_anew(c->node->core) - j->saved_anew;
	uint32_t done = j->n > left + told ? j->n - left - told : 0;
	char held[128] = "", saved[128] = "";

	if (left)
		snprintf(held, sizeof held,
			 ", %u saved since or still being written, and held as it is (zonefsctl "
			 "held)",
			 left);
	if (told)
		snprintf(saved, sizeof saved, ", %u saved anew meanwhile, which the peers are told",
			 told);
	if (left || told)
		control_end(c, 1, "%u path%s put back as the peers have it%s%s", done,
			    control_plural(done), held, saved);
	else if (core_putting_back(c->node->core))
		control_end(
		    c, 1,
		    "%u path%s: not held any more, and about to be put back as the peers have it: "
		    "zonefsctl status says what that waits for",
		    j->n, control_plural(j->n));
	else
		control_end(c, 0, "%u path%s: put back as the peers have it", j->n,
			    control_plural(j->n));
}

void decide_end(struct client *c, uint32_t left)
{
	const struct decide_job *j = c->job;
	uint32_t done = j->n > left ? j->n - left : 0;

	struct core_set set = {0};
	bool refused = left && core_set(c->node->core, &set) && set.words &&
		       set.verdict != VERDICT_NONE && set.verdict != VERDICT_GOOD;

	if (j->type == EVENT_SET_ASIDE || j->type == EVENT_EDIT)
		end_aside(c, done, left);
	else if (j->asking)
		asking_over(c, j->asking, done, refused ? set.words : NULL);
	else if (refused && decide_releases(j))
		control_end(c, 1, "nothing is released, since the set does not pass the gate%s: %s",
			    set.verdict == VERDICT_DOUBT ? " (zonefsctl approve lets it go)" : "",
			    set.words);
	else if (j->type == EVENT_DISCARD)
		end_discard(c, left);
	else if (left)
		control_end(c, 1,
			    "nothing is released: a path is still being written (the log says "
			    "which): zonefsctl held");
	else
		control_end(c, 0, "%u path%s: %s", j->n, control_plural(j->n),
			    j->force ? "let go, whatever the gate says"
			    : j->gated && j->type == EVENT_APPROVE
				? "approved, and goes to the peers"
			    : j->type == EVENT_APPROVE ? "the removal goes to the peers"
						       : "released, as one change");
}
