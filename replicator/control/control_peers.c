/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The commands "peers" and "start-alone".
 */
#include "replicator/control/control_peers.h"

#include <errno.h>

#include "base/err.h"
#include "replicator/control/control_internal.h"

const char *control_peer_state(const struct peer_status *p)
{
	if (p->reachable)
		return p->paused ? "paused" : p->joining ? "joining" : "reachable";
	return p->connected ? "silent" : "unreachable";
}

/* What it said of itself. */
static void add_heard(json_t *o, const struct peer_status *p)
{
	control_add_bool(o, "joining", p->joining);
	control_add_bool(o, "paused", p->paused);
	control_add_number(o, "ops", (int64_t)p->ops);
	control_add_number(o, "behind", (int64_t)p->behind);
	control_add_number(o, "ahead", (int64_t)p->ahead);
	control_add_number(o, "pending", p->pending);
	control_add_number(o, "lag_ms", p->lag_msec);
	control_add_bool(o, "identical", p->identical);
	control_add_bool(o, "same_knowledge", p->same_knowledge);
	control_add_number(o, "hooks_failing", p->hooks_failing);
	control_add_number(o, "conflicts", p->conflicts);
	control_add_number(o, "clock_offset_ms", p->offset_msec);
	control_add_bool(o, "patterns_differ", p->patterns_differ);
	control_add_bool(o, "refusing", p->refusing);
}

/* What this node takes from it. */
static json_t *transfer(const struct core_transfer *t)
{
	json_t *o = json_object();

	control_add_number(o, "since", t->since_msec);
	control_add_bool(o, "comparing", t->comparing);
	control_add_number(o, "taken", (int64_t)t->taken);
	if (t->of)
		control_add_number(o, "of", (int64_t)t->of);
	return o;
}

json_t *control_peer_line(const struct peer_status *p)
{
	json_t *o = json_object();

	control_add_text(o, "type", "peer");
	control_add_text(o, "peer", p->name);
	control_add_text(o, "address", p->address);
	control_add_text(o, "key", p->key);
	control_add_text(o, "state", control_peer_state(p));
	control_add_bool(o, "connected", p->connected);
	control_add_bool(o, "reachable", p->reachable);
	if (p->heard_msec)
		control_add_number(o, "heard", p->heard_msec);
	if (p->heard)
		add_heard(o, p);
	if (p->transfer.asking)
		json_object_set_new(o, "catching_up", transfer(&p->transfer));
	if (p->asked)
		control_add_number(o, "contents_asked", p->asked);
	control_add_bool(o, "receive_only", p->receive_only);
	control_add_number(o, "refused", (int64_t)p->refused);
	control_add_bool(o, "limited", p->limited);
	control_add_number(o, "outside", p->outside);
	control_add_number(o, "bytes_in", (int64_t)p->bytes_in);
	control_add_number(o, "bytes_out", (int64_t)p->bytes_out);
	control_add_number(o, "bad_messages", (int64_t)p->bad_messages);
	control_add_text(o, "last_error", p->last_error);
	return o;
}

static void peers_start(struct client *c, const json_t *request)
{
	uint32_t npeers = node_peers(c->node), reachable = 0;
	struct peer_status p;

	(void)request;
	for (uint32_t i = 0; i < npeers; i++) {
		node_peer(c->node, i, &p);
		reachable += p.reachable;
		control_line(c, control_peer_line(&p));
	}
	control_end(c, 0, "%u of %u peers can be reached", reachable, npeers);
}

const struct control_command control_peers = {.name = "peers", .start = peers_start};

static void start_alone_start(struct client *c, const json_t *request)
{
	int err = node_start_alone(c->node);

	(void)request;
	if (err == 0)
		control_end(c, 0,
			    "this node waits for its peers no longer: it publishes what it has; "
			    "whoever joins later takes this tree");
	else if (err == -EALREADY)
		control_end(c, 1, "this node is not waiting for anybody: there is nothing to do");
	else
		control_end(c, 1, "that is not possible: %s", err_text(err));
}

const struct control_command control_start_alone = {.name = "start-alone",
						    .start = start_alone_start};
