/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A wait that is started here goes: fs says that the path has no writer and its hint is dealt with
 * (so the version exists and is durable, or is held here: then the wait fails) -> this
 * node tells (is not joining, and has told what it found at its start; with `served`: its own hooks
 * have run) -> every peer that can be reached is asked for what this node's vector covers, and answers
 * when it shows it.
 */
#include "replicator/waits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "replicator/askers.h"
#include "replicator/peers.h"
#include "replicator/portal.h"
#include "replicator/runs.h"

#define GRACE_MSEC 2000 /* for an answer that was sent at the limit */

enum wait_state { WAIT_FS, WAIT_HERE, WAIT_PEERS };

/* Ours. */
struct wait {
	struct wait *next;
	struct node *node;
	uint64_t id;
	enum wait_state state;
	char *path;
	bool served;
	bool only_here;
	bool cancelled; /* nobody listens any more: ends with the answer of fs */
	int64_t until_msec;
	struct wait_calls calls;
	uint64_t peers; /* bit i: asked, not answered */
	uint64_t request[CONF_PEERS_MAX];
	bool reached;
};

struct waits {
	struct node *node;
	struct askers *askers; /* what peers ask */
	struct wait *first;
	uint32_t n;
	uint64_t next_id;
	uint64_t seen; /* node->changes when it was looked at last */
};

struct waits *waits_new(struct node *n)
{
	struct waits *w = calloc(1, sizeof(*w));
	struct askers *askers = askers_new(n);

	if (!w || !askers) {
		free(w);
		askers_free(askers);
		return NULL;
	}
	w->node = n;
	w->askers = askers;
	return w;
}

static void wait_free(struct wait *k)
{
	free(k->path);
	free(k);
}

void waits_free(struct waits *w)
{
	if (!w)
		return;
	askers_free(w->askers);
	while (w->first) {
		struct wait *k = w->first;
		w->first = k->next;
		wait_free(k);
	}
	free(w);
}

void waits_asked(struct waits *w, uint32_t peer, const struct link_route *route,
		 const struct message *m)
{
	askers_take(w->askers, peer, route, m);
}

static void report(struct wait *k, const struct wait_report *r)
{
	if (!k->cancelled)
		k->calls.report(k->calls.arg, r);
}

static void end(struct waits *w, struct wait *k, bool reached)
{
	struct wait **at = &w->first;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	w->n--;
	if (!k->cancelled)
		k->calls.done(k->calls.arg, reached);
	wait_free(k);
}

static void say_self(struct wait *k, bool reached, const char *words)
{
	struct wait_report r = {.what = WAIT_SELF, .reached = reached, .words = words};

	report(k, &r);
}

static void say_peer(struct wait *k, uint32_t peer, bool reached, const char *words)
{
	struct wait_report r = {
	    .what = WAIT_PEER, .peer = peer, .reached = reached, .words = words};

	if (!reached)
		k->reached = false;
	report(k, &r);
}

static void ask_peers(struct waits *w, struct wait *k)
{
	struct node *n = w->node;
	int64_t left = k->until_msec - n->now_msec;
	struct message m = {.type = WIRE_WAITFOR};

	k->state = WAIT_PEERS;
	k->reached = true;
	say_self(k, true, "");
	m.waitfor.vector = *core_vector(n->core);
	m.waitfor.path = k->path;
	m.waitfor.served = k->served;
	m.waitfor.limit_msec = left > 0 ? (uint32_t)left : 0;
	for (uint32_t i = 0; i < n->peers->n; i++) {
		if (!n->peers->p[i].open)
			continue;
		m.id = k->request[i] = peers_next_id(n->peers);
		if (peers_request(n->peers, i, &m) == 0)
			k->peers |= 1ull << i;
		else
			say_peer(k, i, false, "it could not be asked");
	}
	if (k->peers == 0)
		end(w, k, k->reached);
}

struct holding {
	uint32_t braked;
	uint32_t judged; /* told in a moment, or held */
};

static bool count_holding(void *arg, const struct core_path *p)
{
	struct holding *h = arg;

	h->braked += core_held_by(p->draft) == HELD_BRAKE;
	h->judged += core_judging(p);
	return true;
}

/* What is held is told to nobody, however long one waits. True: the wait has ended. `*judged`: it may
 * yet be told. */
static bool held(struct waits *w, struct wait *k, bool *judged)
{
	const char *path = k->path;
	struct decision d = {.paths = &path, .n = path[0] != '\0'};
	struct holding h = {0};
	uint32_t n = node_held(w->node, &d, count_holding, &h) - h.judged;
	char words[WIRE_WORDS_MAX];

	*judged = h.judged > 0;
	if (n == 0)
		return false;
	if (h.braked == n)
		snprintf(words, sizeof(words),
			 "the safety brake holds %u removal%s, which no peer has: zonefsctl held",
			 n, n == 1 ? "" : "s");
	else
		snprintf(words, sizeof(words),
			 "%u path%s held, and told to no peer: zonefsctl held", n,
			 n == 1 ? " is" : "s are");
	say_self(k, false, words);
	end(w, k, false);
	return true;
}

/* This node's own part, after fs has said that nothing is on its way. True: the wait has ended. */
static bool here(struct waits *w, struct wait *k)
{
	struct node *n = w->node;
	bool pending = k->served && runs_pending(n->runs), judged;
	char words[WIRE_WORDS_MAX] = "";

	if (held(w, k, &judged))
		return true;
	pending |= judged;
	if (n->paused_msec) {
		say_self(k, false, "replication is paused here: zonefsctl resume");
		end(w, k, false);
		return true;
	}
	if (n->looked_through && !pending && !runner_blocked(n->runner)) {
		uint32_t before = w->n;
		ask_peers(w, k);
		return w->n < before;
	}
	if (n->now_msec < k->until_msec)
		return false;
	if (runner_blocked(n->runner))
		snprintf(words, sizeof(words), "the store cannot be written: %s",
			 err_text(runner_blocked(n->runner)));
	else if (core_joining(n->core))
		snprintf(words, sizeof(words), "this node is joining and tells nothing yet");
	else if (!n->looked_through)
		snprintf(words, sizeof(words),
			 "the whole tree is being looked at since the start, and what is found is not told yet");
	else if (judged)
		snprintf(words, sizeof(words), "what was saved is still being checked here");
	else
		runs_words(n->runs, words, sizeof(words));
	say_self(k, false, words);
	end(w, k, false);
	return true;
}

static void fs_done(struct node *n, void *arg, int status, struct rd *r, int *fd)
{
	struct wait *k = arg;
	uint16_t writers = rd_u16(r);

	(void)fd;
	if (k->cancelled) {
		end(n->waits, k, false);
		return;
	}
	for (; status == ERR_TIMEOUT && writers > 0 && !r->err; writers--) {
		char command[16];
		struct wait_report writer = {.what = WAIT_WRITER, .command = command};

		writer.pid = (int32_t)rd_u32(r);
		rd_strbuf(r, command, sizeof(command));
		if (!r->err)
			report(k, &writer);
	}
	if (status < 0) {
		say_self(k, false,
			 status != ERR_TIMEOUT   ? err_text(status)
			 : core_joining(n->core) ? "this node is joining and tells nothing yet"
						 : "what was changed here is not told yet");
		end(n->waits, k, false);
		return;
	}
	if (k->only_here) {
		say_self(k, true, "");
		end(n->waits, k, true);
		return;
	}
	k->state = WAIT_HERE;
	here(n->waits, k);
}

int node_wait(struct node *n, const struct wait_spec *spec, const struct wait_calls *calls,
	      uint64_t *id)
{
	struct waits *w = n->waits;
	struct wait *k = w->n < WAITS_MAX ? calloc(1, sizeof(*k)) : NULL;
	uint32_t limit = spec->limit_msec;

	if (!k || !(k->path = strdup(spec->path))) {
		free(k);
		return -EAGAIN;
	}
	if (limit > WAITS_LIMIT_MAX_MSEC)
		limit = WAITS_LIMIT_MAX_MSEC;
	k->node = n;
	k->id = ++w->next_id;
	k->served = spec->served;
	k->only_here = spec->only_here;
	k->until_msec = n->now_msec + limit;
	k->calls = *calls;
	struct buf *b = portal_begin(n->portal, PORT_WAIT);
	buf_str(b, k->path);
	buf_u64(b, spec->serial);
	buf_u32(b, limit);
	if (portal_send(n->portal, fs_done, k) < 0) {
		wait_free(k);
		return -EAGAIN;
	}
	k->next = w->first;
	w->first = k;
	w->n++;
	*id = k->id;
	return 0;
}

void node_wait_cancel(struct node *n, uint64_t id)
{
	for (struct wait *k = n->waits->first; k; k = k->next) {
		if (k->id != id || k->cancelled)
			continue;
		k->cancelled = true;
		if (k->state != WAIT_FS)
			end(n->waits, k, false);
		return;
	}
}

void waits_answered(struct waits *w, uint32_t peer, const struct message *m)
{
	for (struct wait *k = w->first; k; k = k->next) {
		if (!(k->peers >> peer & 1) || k->request[peer] != m->id)
			continue;
		k->peers &= ~(1ull << peer);
		say_peer(k, peer, m->done.reached, m->done.words ? m->done.words : "");
		if (k->peers == 0)
			end(w, k, k->reached);
		return;
	}
}

static void lose(struct waits *w, struct wait *k, uint32_t peer, const char *words)
{
	k->peers &= ~(1ull << peer);
	say_peer(k, peer, false, words);
	if (k->peers == 0)
		end(w, k, k->reached);
}

void waits_peer_lost(struct waits *w, uint32_t peer)
{
	struct wait *next;

	for (struct wait *k = w->first; k; k = next) {
		next = k->next;
		if (k->peers >> peer & 1)
			lose(w, k, peer, "it is not reachable any more");
	}
	askers_peer_lost(w->askers, peer);
}

/* ---- time ---- */

static void late(struct waits *w, struct wait *k)
{
	uint64_t peers = k->peers;

	for (uint32_t i = 0; i < CONF_PEERS_MAX; i++)
		if (peers >> i & 1)
			lose(w, k, i, "it did not answer");
}

/* fs's own limit is over. Its answer, should it come, finds a wait that nobody listens to. */
static void no_answer(struct waits *w, struct wait *k)
{
	if (k->cancelled)
		return;
	say_self(k, false,
		 runner_blocked(w->node->runner) ? "the store cannot be written"
						 : "the file system's worker does not answer");
	k->calls.done(k->calls.arg, false);
	k->cancelled = true;
}

void waits_tick(struct waits *w)
{
	struct node *n = w->node;
	bool news = w->seen != n->changes;
	struct wait *next;

	w->seen = n->changes;
	askers_tick(w->askers, news);
	for (struct wait *k = w->first; k; k = next) {
		next = k->next;
		if (k->state == WAIT_HERE && (news || n->now_msec >= k->until_msec))
			here(w, k);
		else if (k->state == WAIT_PEERS && n->now_msec >= k->until_msec + GRACE_MSEC)
			late(w, k);
		else if (k->state == WAIT_FS && n->now_msec >= k->until_msec + GRACE_MSEC)
			no_answer(w, k);
	}
}

int64_t waits_wake(const struct waits *w)
{
	int64_t wake = askers_wake(w->askers);

	for (const struct wait *k = w->first; k; k = k->next) {
		int64_t at = k->until_msec + (k->state == WAIT_HERE ? 0 : GRACE_MSEC);
		if (!k->cancelled && at < wake)
			wake = at;
	}
	return wake;
}
