/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "verify": path by path, is what this node shows what the peers show? A peer that
 * cannot be asked counts as a failure: nothing is known of it.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "replicator/control/control_internal.h"

struct verify_job {
	uint64_t id; /* 0: over */
	uint32_t compared;
	uint32_t failed;
	uint64_t paths;
	uint64_t differences;
	uint64_t listed; /* of the differences: the others are only counted */
};

static const char *difference_text(const struct verify_report *r)
{
	switch (r->what) {
	case VERIFY_ONLY_HERE:
		return "only here";
	case VERIFY_ONLY_THERE:
		return "only there";
	default:
		return "differs";
	}
}

static void say_difference(struct client *c, const struct verify_report *r)
{
	struct verify_job *j = c->job;
	json_t *o = json_object();

	control_add_text(o, "type", "difference");
	control_add_text(o, "peer", c->node->conf->peers[r->peer].name);
	control_add_text(o, "difference", difference_text(r));
	control_add_path(o, "path", r->path);
	if (control_line(c, o))
		j->listed++;
}

static void say_failed(struct client *c, const char *peer, const char *words)
{
	struct verify_job *j = c->job;
	json_t *o = json_object();

	j->failed++;
	control_add_text(o, "type", "compared");
	control_add_text(o, "peer", peer);
	control_add_text(o, "failed", words);
	control_line(c, o);
}

static void say_compared(struct client *c, const struct verify_report *r)
{
	struct verify_job *j = c->job;
	json_t *o = json_object();

	j->compared++;
	j->differences += r->differences;
	if (r->paths > j->paths)
		j->paths = r->paths;
	control_add_text(o, "type", "compared");
	control_add_text(o, "peer", c->node->conf->peers[r->peer].name);
	control_add_number(o, "paths", (int64_t)r->paths);
	control_add_number(o, "differences", (int64_t)r->differences);
	control_line(c, o);
}

static void verify_report(void *arg, const struct verify_report *r)
{
	struct client *c = arg;

	if (r->what == VERIFY_PEER_DONE)
		say_compared(c, r);
	else if (r->what == VERIFY_PEER_FAILED)
		say_failed(c, c->node->conf->peers[r->peer].name, r->words);
	else
		say_difference(c, r);
}

static void verify_done(void *arg, bool identical)
{
	struct client *c = arg;
	struct verify_job *j = c->job;
	uint32_t npeers = node_peers(c->node);

	j->id = 0;
	if (npeers == 0)
		control_end(c, 0, "no peers are configured: there is nothing to compare");
	else if (j->differences > j->listed)
		control_end(c, 1,
			    "NOT identical: %" PRIu64 " differences, %" PRIu64
			    " of them listed; %" PRIu32 " of %" PRIu32 " peers compared",
			    j->differences, j->listed, j->compared, npeers);
	else if (j->differences > 0)
		control_end(c, 1,
			    "NOT identical: %" PRIu64 " difference%s; %" PRIu32 " of %" PRIu32
			    " peers compared",
			    j->differences, j->differences == 1 ? "" : "s", j->compared, npeers);
	else if (j->failed > 0 || !identical)
		control_end(c, 1, "not known: %" PRIu32 " of %" PRIu32 " peers could not be asked",
			    j->failed, npeers);
	else
		control_end(c, 0, "identical: %" PRIu64 " paths on %" PRIu32 " peer%s", j->paths,
			    npeers, npeers == 1 ? "" : "s");
}

static void verify_start(struct client *c, const json_t *request)
{
	struct verify_calls calls = {.report = verify_report, .done = verify_done, .arg = c};
	struct verify_job *j = calloc(1, sizeof(*j));
	struct peer_status p;

	(void)request;
	c->job = j;
	if (!j) {
		control_end(c, 1, "out of memory");
		return;
	}
	for (uint32_t i = 0; i < node_peers(c->node); i++) {
		node_peer(c->node, i, &p);
		if (!p.reachable)
			say_failed(c, p.name, "it cannot be reached");
	}
	if (node_verify(c->node, &calls, &j->id) < 0)
		control_end(c, 1, "too many are comparing at once: try again");
}

static void verify_finish(struct client *c)
{
	struct verify_job *j = c->job;

	if (j->id)
		node_verify_cancel(c->node, j->id);
	free(j);
}

const struct control_command control_verify = {
    .name = "verify", .start = verify_start, .finish = verify_finish};
