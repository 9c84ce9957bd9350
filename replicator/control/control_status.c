/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "status": asks fs how it is, and then says everything at once, so that what is said
 * belongs together.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/control/control_internal.h"
#include "replicator/control/control_peers.h"
#include "replicator/control/control_summary.h"
#include "replicator/control/control_zones.h"

#define TROUBLES_MAX 200 /* told one by one */

static json_t *fetching(const struct contents_progress *p)
{
	json_t *o = json_object();

	control_add_number(o, "contents", (int64_t)p->n);
	control_add_number(o, "bytes", (int64_t)p->bytes);
	control_add_number(o, "fetched", (int64_t)p->got);
	control_add_number(o, "fetched_bytes", (int64_t)p->got_bytes);
	control_add_number(o, "nowhere", (int64_t)p->resting);
	control_add_number(o, "since", p->since_msec);
	return o;
}

static json_t *store_room(const struct client *c, const struct store_usage *u)
{
	json_t *o = json_object();

	control_add_number(o, "database_bytes", (int64_t)u->database_bytes);
	control_add_number(o, "objects_bytes", (int64_t)u->objects_bytes);
	control_add_number(o, "free_bytes", (int64_t)u->free_bytes);
	if (u->counted) {
		control_add_number(o, "current_bytes", (int64_t)u->current_bytes);
		control_add_number(o, "history_bytes", (int64_t)u->history_bytes);
		control_add_number(o, "log_bytes", (int64_t)u->log_bytes);
		control_add_number(o, "keep_bytes", c->node->conf->keep_bytes);
	}
	control_add_number(o, "versions", (int64_t)u->versions);
	control_add_number(o, "paths", (int64_t)u->paths);
	return o;
}

static void say_node(struct client *c, const struct node_status *s)
{
	json_t *o = json_object();
	json_t *waits_for = json_array();

	control_add_text(o, "type", "node");
	control_add_text(o, "node", s->node);
	control_add_text(o, "mount", c->node->conf->mount);
	control_add_number(o, "started", s->started_msec);
	control_add_number(o, "now", c->node->wall_msec);
	control_add_bool(o, "joining", s->joining);
	control_add_bool(o, "looking", s->looking);
	for (uint32_t i = 0; i < c->node->conf->npeers; i++)
		if (s->joining && s->waits_for >> i & 1)
			json_array_append_new(waits_for,
					      control_text(c->node->conf->peers[i].name));
	json_object_set_new(o, "waits_for", waits_for);
	if (s->blocked < 0) {
		control_add_text(o, "blocked", err_text(s->blocked));
		control_add_number(o, "blocked_since", s->blocked_since_msec);
	}
	if (s->paused_msec) {
		control_add_number(o, "paused_since", s->paused_msec);
		control_add_text(o, "paused_by", s->paused_by);
	}
	control_add_number(o, "ops", (int64_t)s->ops);
	control_add_hex(o, "tree", s->tree);
	control_add_hex(o, "vector", s->digest);
	control_add_number(o, "pending", s->pending);
	control_add_number(o, "lag_ms", s->lag_msec);
	control_add_number(o, "conflicts", s->conflicts);
	control_add_number(o, "tombstones", s->tombstones);
	control_add_number(o, "judging", s->judging);
	control_add_number(o, "zones_checked", (int64_t)s->zones_checked);
	control_add_number(o, "held", s->held);
	control_add_number(o, "braked", s->braked);
	if (s->set_msec) {
		control_add_number(o, "set_since", s->set_msec);
		control_add_text(o, "set_user", s->set_user);
	}
	control_add_number(o, "damaged", s->damaged);
	control_add_number(o, "mended", s->mended);
	control_add_number(o, "hollow", s->hollow);
	control_add_number(o, "put_aside", s->put_aside_msec);
	control_add_number(o, "hooks_failing", s->hooks_failing);
	if (s->fetching.since_msec)
		json_object_set_new(o, "fetching", fetching(&s->fetching));
	control_add_number(o, "refused", (int64_t)s->refused_links);
	control_add_text(o, "refused_address", s->refused_address);
	json_object_set_new(o, "store", store_room(c, &s->usage));
	control_line(c, o);
}

static void say_hook(struct client *c, const struct hook_status *s)
{
	json_t *o = json_object();

	control_add_text(o, "type", "hook");
	control_add_text(o, "hook", s->name);
	control_add_bool(o, "running", s->running);
	control_add_bool(o, "failing", s->failing);
	control_add_number(o, "runs", (int64_t)s->runs);
	if (s->last_msec) {
		control_add_number(o, "last", s->last_msec);
		control_add_number(o, "run_ms", s->run_msec);
		control_add_number(o, "status", s->status);
		control_add_text(o, "words", s->words);
	}
	control_line(c, o);
}

static const char *trouble_text(enum trouble_kind kind)
{
	switch (kind) {
	case TROUBLE_WAITING:
		return "waiting";
	case TROUBLE_UNWANTED:
		return "unwanted";
	case TROUBLE_RAISED:
		return "raised";
	case TROUBLE_LEFTOVER:
		return "leftover";
	case TROUBLE_CONFLICT:
		return "conflict";
	case TROUBLE_SERIAL:
		return "serial";
	case TROUBLE_HELD:
		return "held";
	case TROUBLE_DAMAGED:
		return "damaged";
	case TROUBLE_MENDED:
		return "mended";
	case TROUBLE_OUTSIDE:
		return "outside";
	case TROUBLE_TOO_BIG:
		return "too big";
	case TROUBLE_HOLLOW:
		return "hollow";
	}
	return "unknown";
}

struct troubles {
	struct client *client;
	uint32_t said;
	uint64_t more;
};

static bool say_trouble(void *arg, const struct trouble *t)
{
	struct troubles *all = arg;
	const struct conf *conf = all->client->node->conf;

	if (all->said == TROUBLES_MAX) {
		all->more++;
		return true;
	}
	json_t *o = json_object();
	control_add_text(o, "type", "trouble");
	control_add_text(o, "trouble", trouble_text(t->kind));
	control_add_path(o, "path", t->path);
	control_add_text(o, "words", t->words);
	if (t->peer < conf->npeers)
		control_add_text(o, "peer", conf->peers[t->peer].name);
	if (control_line(all->client, o))
		all->said++;
	else
		all->more++;
	return true;
}

static void say_troubles(struct client *c)
{
	struct troubles all = {.client = c};

	node_troubles(c->node, say_trouble, &all);
	if (all.more == 0)
		return;
	json_t *o = json_object();
	control_add_text(o, "type", "trouble");
	control_add_text(o, "trouble", "more");
	control_add_number(o, "count", (int64_t)all.more);
	control_line(c, o);
}

static void say_fs(struct client *c, const struct fs_info *fs)
{
	json_t *o = json_object();

	control_add_text(o, "type", "fs");
	control_add_bool(o, "answers", fs->known && !fs->stale);
	control_add_number(o, "hints_waiting", fs->hints_waiting);
	control_add_number(o, "hints_unacknowledged", fs->hints_unacknowledged);
	control_add_bool(o, "rescan", fs->rescan);
	control_line(c, o);
	for (uint32_t i = 0; i < fs->nbeneath && i < ARRAY_SIZE(fs->beneath); i++) {
		o = json_object();
		control_add_text(o, "type", "beneath");
		control_add_number(o, "pid", fs->beneath[i].pid);
		control_add_text(o, "command", fs->beneath[i].command);
		control_line(c, o);
	}
}

static void say_known(struct client *c, const struct core_node *k)
{
	json_t *o = json_object();

	control_add_text(o, "type", "known");
	control_add_text(o, "node", k->name);
	control_add_bool(o, "peer", k->peer != UINT32_MAX);
	control_add_number(o, "heard", k->heard_msec);
	control_add_bool(o, "forgotten", k->forgotten);
	control_add_number(o, "kept", k->kept);
	control_line(c, o);
}

static void say_summary(struct client *c, const struct summary *s)
{
	json_t *o = json_object();

	control_add_text(o, "type", "summary");
	control_add_text(o, "state", summary_state_text(s->state));
	control_add_text(o, "words", s->words);
	control_line(c, o);
}

/* All that is needed at once, on the heap: it is some 30 KiB. */
struct everything {
	struct node_status node;
	struct peer_status peers[CONF_PEERS_MAX];
	struct hook_status hooks[CONF_HOOKS_MAX];
	const char *names[CONF_PEERS_MAX];
	struct core_node known[NODES_KNOWN_MAX];
	uint32_t nknown;
	struct summary summary;
};

static void gather(struct client *c, struct everything *e, const struct fs_info *fs)
{
	struct node *n = c->node;
	struct summary_facts facts = {
	    .node = &e->node,
	    .peer_names = e->names,
	    .peers = e->peers,
	    .npeers = node_peers(n),
	    .hooks = e->hooks,
	    .nhooks = node_hooks(n),
	    .known = e->known,
	    .nknown = node_known(n, e->known),
	    .fs = fs,
	    .wall_msec = n->wall_msec,
	};

	node_status(n, &e->node);
	for (uint32_t i = 0; i < facts.npeers; i++) {
		node_peer(n, i, &e->peers[i]);
		e->names[i] = e->peers[i].name;
	}
	for (uint32_t i = 0; i < facts.nhooks; i++)
		node_hook(n, i, &e->hooks[i]);
	e->nknown = facts.nknown;
	summary_make(&e->summary, &facts);
}

static void say_all(struct client *c, const struct fs_info *fs)
{
	struct everything *e CLEANUP_FREE = calloc(1, sizeof(*e));

	if (!e) {
		control_end(c, 1, "out of memory");
		return;
	}
	gather(c, e, fs);
	say_summary(c, &e->summary);
	say_node(c, &e->node);
	say_fs(c, fs);
	if (c->node->conf->server || conf_zones_by_file(c->node->conf))
		control_line(c, control_zones_line(c->node));
	for (uint32_t i = 0; i < node_hooks(c->node); i++)
		say_hook(c, &e->hooks[i]);
	for (uint32_t i = 0; i < node_peers(c->node); i++)
		control_line(c, control_peer_line(&e->peers[i]));
	for (uint32_t i = 0; i < e->nknown; i++)
		say_known(c, &e->known[i]);
	say_troubles(c);
	control_end(c, e->summary.state == SUMMARY_WELL ? 0 : 1, "%s", e->summary.words);
}

static void fs_answered(void *arg, const struct fs_info *info)
{
	struct client *c = arg;

	c->job = NULL;
	say_all(c, info);
}

static void status_start(struct client *c, const json_t *request)
{
	(void)request;
	c->job = c;
	if (node_fs_info(c->node, fs_answered, c) == 0)
		return;
	c->job = NULL;
	control_end(c, 1, "too many are asking for the status at once: try again");
}

/* The client has gone before fs answered. */
static void status_finish(struct client *c)
{
	node_fs_info_cancel(c->node, c);
}

const struct control_command control_status = {
    .name = "status", .start = status_start, .finish = status_finish};
