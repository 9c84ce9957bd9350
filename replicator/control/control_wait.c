/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "wait": has every peer that can be reached what is on this disk now? The peers that
 * cannot be reached are named, too: nobody waits for them. Of the nodes behind the peers it is known,
 * by what the peers tell of them, whether they have heard of it (durably): with "all" that is waited for.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "replicator/control/control_internal.h"

#define LIMIT_DEFAULT_MSEC 30000
#define LIMIT_MAX_MSEC (3600 * 1000)
#define FAR_LOOK_MSEC 200
#define FAR_SILENCE_MSEC 120000 /* of a node that nobody waits for */

struct wait_job {
	uint64_t id; /* 0: over */
	bool served;
	uint32_t reached;
	uint32_t lagging;
	bool self; /* this node has told */
	bool all;  /* those who are no peers, too */
	int64_t until_msec; /* all; monotonic */
	bool far;           /* the peers have it: now for those behind them */
	struct vv vector;   /* what they have to have heard of */
};

static void say_peer(struct client *c, const char *name, bool self, const struct wait_report *r)
{
	json_t *o = json_object();

	control_add_text(o, "type", "reached");
	if (self)
		control_add_bool(o, "self", true);
	control_add_text(o, "peer", name);
	control_add_bool(o, "reached", r->reached);
	control_add_text(o, "words", r->words);
	control_line(c, o);
}

static void say_writer(struct client *c, const struct wait_report *r)
{
	json_t *o = json_object();

	control_add_text(o, "type", "writer");
	control_add_number(o, "pid", r->pid);
	control_add_text(o, "command", r->command);
	control_line(c, o);
}

static void wait_report(void *arg, const struct wait_report *r)
{
	struct client *c = arg;
	struct wait_job *j = c->job;

	switch (r->what) {
	case WAIT_WRITER:
		say_writer(c, r);
		return;
	case WAIT_SELF:
		j->self = r->reached;
		say_peer(c, c->node->conf->node, true, r);
		return;
	case WAIT_PEER:
		if (r->reached)
			j->reached++;
		else
			j->lagging++;
		say_peer(c, c->node->conf->peers[r->peer].name, false, r);
		return;
	}
}

/* Those that nobody has asked. */
static uint32_t say_unreachable(struct client *c)
{
	struct wait_report r = {.what = WAIT_PEER};
	struct peer_status p;
	uint32_t n = 0;

	for (uint32_t i = 0; i < node_peers(c->node); i++) {
		node_peer(c->node, i, &p);
		if (p.reachable && !p.paused)
			continue;
		r.words = p.reachable ? "replication is paused there: not waited for"
				      : "cannot be reached: not waited for";
		say_peer(c, p.name, false, &r);
		n++;
	}
	return n;
}

/* Calls back with each node that is no peer: whether it has heard of it, and is there at all. False:
 * one that is there has not. */
static bool each_far(struct client *c, void (*each)(struct client *c, const char *name, bool knows,
						     bool there))
{
	struct wait_job *j = c->job;
	CLEANUP_FREE struct core_node *known = calloc(NODES_KNOWN_MAX, sizeof(*known));
	uint32_t n = known ? node_known(c->node, known) : 0;
	bool all = true;

	for (uint32_t i = 0; i < n; i++) {
		bool there = c->node->wall_msec - known[i].heard_msec < FAR_SILENCE_MSEC;
		bool knows = node_knows(c->node, known[i].name, &j->vector);

		if (known[i].peer != UINT32_MAX || known[i].forgotten)
			continue;
		all &= knows || !there;
		if (each)
			each(c, known[i].name, knows, there);
	}
	return all;
}

static void say_far(struct client *c, const char *name, bool knows, bool there)
{
	const struct wait_job *j = c->job;
	struct wait_report r = {.what = WAIT_PEER};
	json_t *o = json_object();

	r.words = !j->all  ? "is no peer of this node: not waited for"
		  : knows  ? "is no peer of this node; it has heard of it"
		  : !there ? "is no peer of this node, and was not heard lately: not waited for"
			   : "is no peer of this node, and is not known to have heard of it";
	control_add_text(o, "type", "reached");
	control_add_bool(o, "far", true);
	control_add_text(o, "peer", name);
	control_add_bool(o, "reached", false);
	control_add_bool(o, "heard_of_it", knows);
	control_add_text(o, "words", r.words);
	control_line(c, o);
}

/* Also of those behind the peers. */
static void end_well(struct client *c)
{
	struct wait_job *j = c->job;
	bool all = each_far(c, say_far);
	const char *verb = j->served ? "serve" : "have";

	if (j->all && !all)
		control_end(c, 1,
			    "all peers that can be reached (%" PRIu32 " of %u) %s it; not all nodes behind "
			    "them are known to have heard of it",
			    j->reached, node_peers(c->node), verb);
	else
		control_end(c, 0, "all peers that can be reached (%" PRIu32 " of %u) %s it",
			    j->reached, node_peers(c->node), verb);
}

static void wait_done(void *arg, bool reached)
{
	struct client *c = arg;
	struct wait_job *j = c->job;
	uint32_t unreachable = say_unreachable(c);
	const char *verb = j->served ? "serve" : "have";

	j->id = 0;
	vv_copy(&j->vector, core_vector(c->node->core));
	if (!j->self || !reached)
		each_far(c, say_far);
	if (!j->self)
		control_end(c, 1,
			    j->served ? "it is not served here, and so not asked for elsewhere"
				      : "this node has not told the change");
	else if (!reached)
		control_end(c, 1,
			    "%" PRIu32 " peer%s %s it, %" PRIu32 " lag%s behind, %" PRIu32
			    " cannot be reached",
			    j->reached, j->reached == 1 ? "" : "s", verb, j->lagging,
			    j->lagging == 1 ? "s" : "", unreachable);
	else if (j->all)
		j->far = true;
	else
		end_well(c);
}

static void wait_round(struct client *c)
{
	struct wait_job *j = c->job;

	if (j->far && (c->node->now_msec >= j->until_msec || each_far(c, NULL)))
		end_well(c);
}

static int64_t wait_wake(const struct client *c)
{
	const struct wait_job *j = c->job;

	return j->far ? c->node->now_msec + FAR_LOOK_MSEC : INT64_MAX;
}

static bool read_request(struct client *c, const json_t *request, struct wait_spec *spec, bool *all,
			 char path[PATH_LEN_MAX + 1])
{
	const char *text = "";
	int64_t limit = LIMIT_DEFAULT_MSEC;

	*spec = (struct wait_spec){.path = path};
	if (!control_get_text(request, "path", &text) || control_path(text, path) < 0) {
		control_end(c, 1, "\"path\" is not a path of the tree");
		return false;
	}
	if (!control_get_serial(request, "serial", &spec->serial)) {
		control_end(c, 1, "\"serial\" is not a number in a string");
		return false;
	}
	if (!control_get_bool(request, "served", &spec->served)) {
		control_end(c, 1, "\"served\" is neither true nor false");
		return false;
	}
	if (!control_get_number(request, "limit_ms", 0, LIMIT_MAX_MSEC, &limit)) {
		control_end(c, 1, "\"limit_ms\" is not a number up to %d", LIMIT_MAX_MSEC);
		return false;
	}
	if (!control_get_bool(request, "all", all)) {
		control_end(c, 1, "\"all\" is neither true nor false");
		return false;
	}
	spec->limit_msec = (uint32_t)limit;
	return true;
}

static void wait_start(struct client *c, const json_t *request)
{
	struct wait_calls calls = {.report = wait_report, .done = wait_done, .arg = c};
	char path[PATH_LEN_MAX + 1];
	struct wait_spec spec;
	struct wait_job *j;
	bool all = false;

	if (!read_request(c, request, &spec, &all, path))
		return;
	c->job = j = calloc(1, sizeof(*j));
	if (!j) {
		control_end(c, 1, "out of memory");
		return;
	}
	j->served = spec.served;
	j->all = all;
	j->until_msec = c->node->now_msec + spec.limit_msec;
	if (node_wait(c->node, &spec, &calls, &j->id) < 0)
		control_end(c, 1, "too many are waiting at once: try again");
}

static void wait_finish(struct client *c)
{
	struct wait_job *j = c->job;

	if (j->id)
		node_wait_cancel(c->node, j->id);
	vv_fini(&j->vector);
	free(j);
}

const struct control_command control_wait = {
    .name = "wait",
    .start = wait_start,
    .round = wait_round,
    .finish = wait_finish,
    .wake = wait_wake};
