/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "wait-zone": does every node that can be reached serve what is on this disk now, in each
 * view that has the zone? First fs says of each of the zone's files that what was saved is known here; then
 * the proofs that come are compared with that until all agree.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/control/control_serving.h"

#define LIMIT_DEFAULT_MSEC 30000
#define LIMIT_MAX_MSEC (3600 * 1000)
#define LOOK_MSEC 50 /* at the latest; what comes wakes the loop by itself */
#define WORDS_MAX 512

struct wait_zone {
	struct serving_rows rows;
	size_t next;     /* the row whose file fs is to be asked about */
	uint64_t id;     /* of that wait; 0: none */
	bool told;       /* all files are known here as they are */
	bool failed;     /* one is not, which has been said */
	uint64_t seen;   /* proofs_news */
	uint64_t stored; /* node->changes */
	int64_t until_msec;
};

static void say(struct client *c, const char *node, bool self, bool reached, const char *words)
{
	json_t *o = json_object();

	control_add_text(o, "type", "reached");
	if (self)
		control_add_bool(o, "self", true);
	control_add_text(o, "peer", node);
	control_add_bool(o, "reached", reached);
	control_add_text(o, "words", words);
	control_line(c, o);
}

/* ---- what was saved here is known ---- */

static void heard(void *arg, const struct wait_report *r)
{
	struct client *c = arg;
	struct wait_zone *w = c->job;

	if (r->what == WAIT_WRITER) {
		json_t *o = json_object();

		control_add_text(o, "type", "writer");
		control_add_number(o, "pid", r->pid);
		control_add_text(o, "command", r->command);
		control_line(c, o);
	} else if (r->what == WAIT_SELF && !r->reached) {
		w->failed = true;
		say(c, c->node->conf->node, true, false, r->words);
	}
}

static void known(void *arg, bool reached)
{
	struct client *c = arg;
	struct wait_zone *w = c->job;

	w->id = 0;
	w->failed |= !reached;
}

static uint32_t time_left(const struct client *c, const struct wait_zone *w)
{
	int64_t left = w->until_msec - c->node->now_msec;

	return left > 0 ? (uint32_t)left : 0;
}

/* Asks about the next file. */
static void ask_fs(struct client *c)
{
	struct wait_calls calls = {.report = heard, .done = known, .arg = c};
	struct wait_zone *w = c->job;

	while (w->next < w->rows.n && !w->rows.list[w->next].key.path[0])
		w->next++;
	if (w->next == w->rows.n) {
		w->told = true;
		return;
	}
	struct wait_spec spec = {.path = w->rows.list[w->next++].key.path,
				 .only_here = true,
				 .limit_msec = time_left(c, w)};
	if (node_wait(c->node, &spec, &calls, &w->id) < 0)
		control_end(c, 1, "too many are waiting at once: try again");
}

/* ---- what is proved ---- */

/* Why that node does not serve it, into words[WORDS_MAX]; false: it does. */
static bool lacks(struct client *c, uint32_t peer, char *words)
{
	const struct wait_zone *w = c->job;
	struct node *n = c->node;

	for (size_t i = 0; i < w->rows.n; i++) {
		const struct proof *key = &w->rows.list[i].key;
		const struct proof *proof = proofs_find(n->proofs, peer, key);
		const struct version *here =
		    key->path[0] ? core_visible(n->core, key->path) : NULL;
		enum serving s = proofs_standing(proof, here);
		const char *in = key->view[0] ? " in " : "";

		if (s == SERVING)
			continue;
		if (s == SERVING_FAILED)
			snprintf(words, WORDS_MAX, "%s%s%s: %s", key->zone, in, key->view,
				 proof->words);
		else if (s == SERVING_OTHER && proof->has_serial)
			snprintf(words, WORDS_MAX,
				 "%s%s%s: has last proved serial %" PRIu32 ", of another version",
				 key->zone, in, key->view, proof->serial);
		else
			snprintf(words, WORDS_MAX, "%s%s%s: %s", key->zone, in, key->view,
				 s == SERVING_UNKNOWN ? "nothing is proved of it"
				 : s == SERVING_WAITS ? "waits for the zone's file"
				 : s == SERVING_HELD  ? "serves what is held there, loaded by hand"
						      : "has last proved another version");
		return true;
	}
	return false;
}

struct holding {
	bool held;
	bool judged; /* it is not known yet whether it is */
};

static bool look_if_held(void *arg, const struct core_path *p)
{
	struct holding *h = arg;
	bool judged = core_judging(p);

	h->judged |= judged;
	h->held |= !judged;
	return true;
}

static struct holding look_at_held(struct client *c)
{
	const struct wait_zone *w = c->job;
	struct holding h = {0};

	for (size_t i = 0; i < w->rows.n; i++) {
		const char *path = w->rows.list[i].key.path;
		struct decision d = {.paths = &path, .n = 1};

		if (path[0])
			node_held(c->node, &d, look_if_held, &h);
	}
	return h;
}

static bool all_serve(struct client *c)
{
	char words[WORDS_MAX];
	struct peer_status p;

	if (lacks(c, PROOFS_SELF, words))
		return false;
	for (uint32_t i = 0; i < node_peers(c->node); i++) {
		node_peer(c->node, i, &p);
		if (p.reachable && !p.paused && lacks(c, i, words))
			return false;
	}
	return true;
}

static void end(struct client *c)
{
	struct node *n = c->node;
	uint32_t serve = 0, lag = 0, away = 0;
	char words[WORDS_MAX] = "";
	struct peer_status p;
	bool self = !lacks(c, PROOFS_SELF, words);

	say(c, n->conf->node, true, self, self ? "" : words);
	serve += self;
	lag += !self;
	for (uint32_t i = 0; i < node_peers(n); i++) {
		node_peer(n, i, &p);
		if (!p.reachable || p.paused) {
			away++;
			say(c, p.name, false, false,
			    p.paused ? "replication is paused there: not waited for"
				     : "cannot be reached: not waited for");
			continue;
		}
		bool serves = !lacks(c, i, words);
		say(c, p.name, false, serves, serves ? "" : words);
		serve += serves;
		lag += !serves;
	}
	control_end(c, lag > 0,
		    "%" PRIu32 " node%s serve%s it, %" PRIu32 " do%s not, %" PRIu32
		    " cannot be reached",
		    serve, serve == 1 ? "" : "s", serve == 1 ? "s" : "", lag, lag == 1 ? "es" : "",
		    away);
}

static void wait_zone_round(struct client *c)
{
	struct wait_zone *w = c->job;

	if (w->id)
		return;
	if (w->failed) {
		control_end(c, 1, "this node has not told the change");
		return;
	}
	if (!w->told) {
		ask_fs(c);
		return;
	}
	bool late = c->node->now_msec >= w->until_msec;
	uint64_t news = proofs_news(c->node->proofs), stored = c->node->changes;

	if (news == w->seen && stored == w->stored && !late)
		return;
	w->seen = news;
	w->stored = stored;
	struct holding h = look_at_held(c);
	if (h.judged && !h.held) {
		w->stored = UINT64_MAX; /* look again */
		if (!late)
			return;
		say(c, c->node->conf->node, true, false,
		    "what was saved is still being checked here");
		control_end(c, 1, "it is not known yet whether it is told");
	} else if (h.held) {
		say(c, c->node->conf->node, true, false,
		    "a change of it is held, and told to no peer: zonefsctl held");
		control_end(c, 1, "it is held here");
	} else if (late || all_serve(c)) {
		end(c);
	}
}

static int64_t wait_zone_wake(const struct client *c)
{
	const struct wait_zone *w = c->job;

	return w->id ? INT64_MAX : c->node->now_msec + (w->told ? LOOK_MSEC : 0);
}

static void wait_zone_start(struct client *c, const json_t *request)
{
	int64_t limit = LIMIT_DEFAULT_MSEC;
	const char *zone = NULL;
	struct wait_zone *w;

	if (!control_get_text(request, "zone", &zone) || !zone) {
		control_end(c, 1, "\"zone\" is not a name");
		return;
	}
	if (!control_get_number(request, "limit_ms", 0, LIMIT_MAX_MSEC, &limit)) {
		control_end(c, 1, "\"limit_ms\" is not a number up to %d", LIMIT_MAX_MSEC);
		return;
	}
	c->job = w = calloc(1, sizeof(*w));
	if (!w || serving_collect(c->node, zone, NULL, &w->rows) < 0) {
		control_end(c, 1, "%s", err_text(-ENOMEM));
		return;
	}
	w->until_msec = c->node->now_msec + limit;
	w->stored = UINT64_MAX;
	if (w->rows.n == 0)
		control_end(c, 1, "no such zone is known here, and no such file");
}

static void wait_zone_finish(struct client *c)
{
	struct wait_zone *w = c->job;

	c->job = NULL;
	if (!w)
		return;
	if (w->id)
		node_wait_cancel(c->node, w->id);
	serving_fini(&w->rows);
	free(w);
}

const struct control_command control_wait_zone = {.name = "wait-zone",
						  .start = wait_zone_start,
						  .round = wait_zone_round,
						  .finish = wait_zone_finish,
						  .wake = wait_zone_wake};
