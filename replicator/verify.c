/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A listing has each path that is shown, in key order, with a digest of what people see there:
 * kind, mode, owner, group, content; not the mtime, which a node may have raised. A page covers all
 * keys from its cursor to its last path (the last page: to the end), so that what is missing on one
 * side is seen page by page, without holding the whole.
 */
#include "replicator/verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/log.h"
#include "base/path.h"
#include "replicator/peers.h"

struct lane {
	bool active;
	uint64_t request;
	int64_t until_msec;
	char *cursor;
	uint64_t paths;
	uint64_t differences;
};

struct verification {
	struct verification *next;
	uint64_t id;
	bool cancelled;
	struct verify_calls calls;
	bool identical;
	uint32_t left; /* peers that go on */
	struct lane lanes[CONF_PEERS_MAX];
};

struct verify {
	struct node *node;
	struct verification *first;
	uint32_t n;
	uint64_t next_id;
};

struct verify *verify_new(struct node *n)
{
	struct verify *v = calloc(1, sizeof(*v));

	if (v)
		v->node = n;
	return v;
}

static void verification_free(struct verification *k)
{
	for (int i = 0; i < CONF_PEERS_MAX; i++)
		free(k->lanes[i].cursor);
	free(k);
}

void verify_free(struct verify *v)
{
	if (!v)
		return;
	while (v->first) {
		struct verification *k = v->first;
		v->first = k->next;
		verification_free(k);
	}
	free(v);
}

/* ---- listings ---- */

static uint64_t digest(const char *path, const struct attrs *a)
{
	struct buf b;

	buf_init(&b, 3 * PATH_LEN_MAX);
	buf_str(&b, path);
	buf_u8(&b, (uint8_t)a->kind);
	buf_u32(&b, a->mode & SHARED_MODE_BITS);
	buf_str(&b, a->owner);
	buf_str(&b, a->group);
	if (!a->owner[0])
		buf_u32(&b, a->uid);
	if (!a->group[0])
		buf_u32(&b, a->gid);
	buf_raw(&b, a->hash.b, sizeof(a->hash.b));
	uint64_t d = XXH3_64bits(b.data, b.len);
	buf_fini(&b);
	return d;
}

static bool is_listed(const struct core_path *p)
{
	return p->shown && p->shown->attrs.kind != KIND_ABSENT && !p->shown->leftover &&
	       !p->unwanted;
}

#define LISTING_BYTES_MAX (WIRE_MESSAGE_MAX / 2)

struct filling {
	struct message *m;
	size_t bytes;
	bool full;
};

static bool fill(void *arg, const struct core_path *p)
{
	struct filling *f = arg;

	if (!is_listed(p))
		return true;
	if (f->m->listing.n == WIRE_LISTING_MAX || f->bytes > LISTING_BYTES_MAX) {
		f->full = true;
		return false;
	}
	struct wire_listed *l = &f->m->listing.p[f->m->listing.n];
	l->path = strdup(p->path);
	if (!l->path)
		return false;
	l->digest = digest(p->path, &p->shown->attrs);
	f->m->listing.n++;
	f->bytes += strlen(p->path) + 16;
	return true;
}

void verify_answer(struct node *n, uint32_t peer, const struct link_route *route,
		   const struct message *m)
{
	struct message back = {.type = WIRE_LISTING, .id = m->id};
	struct filling f = {.m = &back};
	char end[1] = "";

	back.listing.p = calloc(WIRE_LISTING_MAX, sizeof(*back.listing.p));
	if (!back.listing.p)
		return;
	core_each(n->core, m->list.cursor ? m->list.cursor : "", fill, &f);
	back.listing.next = f.full ? back.listing.p[back.listing.n - 1].path : end;
	peers_answer(n->peers, peer, route, &back);
	for (uint32_t i = 0; i < back.listing.n; i++)
		free(back.listing.p[i].path);
	free(back.listing.p);
}

/* ---- comparing ---- */

static void tell(struct verification *k, struct verify_report *r)
{
	struct lane *l = &k->lanes[r->peer];

	k->identical = false;
	if (++l->differences <= VERIFY_REPORTED_MAX && !k->cancelled)
		k->calls.report(k->calls.arg, r);
}

struct merging {
	struct verification *k;
	uint32_t peer;
	const struct message *m;
	uint32_t at;
	const char *last; /* the page reaches to here; NULL: to the end */
};

static void only_there(struct merging *g)
{
	struct verify_report r = {
	    .what = VERIFY_ONLY_THERE, .peer = g->peer, .path = g->m->listing.p[g->at++].path};

	tell(g->k, &r);
}

/* One of our paths against the page's rest. */
static bool merge(void *arg, const struct core_path *p)
{
	struct merging *g = arg;
	const struct message *m = g->m;
	struct verify_report r = {.peer = g->peer, .path = p->path};

	if (g->last && path_compare(p->path, g->last) > 0)
		return false;
	if (!is_listed(p))
		return true;
	g->k->lanes[g->peer].paths++;
	while (g->at < m->listing.n && path_compare(m->listing.p[g->at].path, p->path) < 0)
		only_there(g);
	if (g->at == m->listing.n || strcmp(m->listing.p[g->at].path, p->path) != 0) {
		r.what = VERIFY_ONLY_HERE;
		tell(g->k, &r);
		return true;
	}
	if (m->listing.p[g->at++].digest != digest(p->path, &p->shown->attrs)) {
		r.what = VERIFY_DIFFERS;
		tell(g->k, &r);
	}
	return true;
}

static void end_lane(struct verification *k, uint32_t peer, const char *failed)
{
	struct lane *l = &k->lanes[peer];
	struct verify_report r = {
	    .what = failed ? VERIFY_PEER_FAILED : VERIFY_PEER_DONE,
	    .peer = peer,
	    .paths = l->paths,
	    .differences = l->differences,
	    .words = failed,
	};

	l->active = false;
	if (failed)
		k->identical = false;
	if (!k->cancelled)
		k->calls.report(k->calls.arg, &r);
	k->left--;
}

static bool ask(struct verify *v, struct verification *k, uint32_t peer)
{
	struct lane *l = &k->lanes[peer];
	struct message m = {.type = WIRE_LIST, .id = peers_next_id(v->node->peers)};

	m.list.cursor = l->cursor;
	l->request = m.id;
	l->until_msec = v->node->now_msec + VERIFY_ANSWER_MSEC;
	return peers_request(v->node->peers, peer, &m) == 0;
}

void verify_take(struct verify *v, uint32_t peer, const struct message *m)
{
	struct verification *k = v->first;

	while (k && !(k->lanes[peer].active && k->lanes[peer].request == m->id))
		k = k->next;
	if (!k)
		return;
	bool last = !m->listing.next || !m->listing.next[0];
	struct lane *l = &k->lanes[peer];
	struct merging g = {.k = k, .peer = peer, .m = m, .last = last ? NULL : m->listing.next};

	core_each(v->node->core, l->cursor, merge, &g);
	while (g.at < m->listing.n)
		only_there(&g);
	if (last || k->cancelled) {
		end_lane(k, peer, NULL);
		return;
	}
	if (path_compare(m->listing.next, l->cursor) <= 0) {
		end_lane(k, peer, "its listing does not go on");
		return;
	}
	free(l->cursor);
	l->cursor = strdup(m->listing.next);
	if (!l->cursor || !ask(v, k, peer))
		end_lane(k, peer, "it could not be asked");
}

/* ---- starting and ending ---- */

int node_verify(struct node *n, const struct verify_calls *calls, uint64_t *id)
{
	struct verify *v = n->verify;
	struct verification *k = v->n < VERIFY_MAX ? calloc(1, sizeof(*k)) : NULL;

	if (!k)
		return -EAGAIN;
	k->id = ++v->next_id;
	k->calls = *calls;
	k->identical = true;
	k->next = v->first;
	v->first = k;
	v->n++;
	for (uint32_t i = 0; i < n->peers->n; i++) {
		struct lane *l = &k->lanes[i];
		l->cursor = strdup("");
		if (!n->peers->p[i].reachable || !l->cursor)
			continue;
		l->active = true;
		k->left++;
		if (!ask(v, k, i))
			l->until_msec = 0;
	}
	*id = k->id;
	return 0;
}

void node_verify_cancel(struct node *n, uint64_t id)
{
	for (struct verification *k = n->verify->first; k; k = k->next)
		if (k->id == id)
			k->cancelled = true;
}

void verify_peer_lost(struct verify *v, uint32_t peer)
{
	for (struct verification *k = v->first; k; k = k->next)
		if (k->lanes[peer].active)
			k->lanes[peer].until_msec = 0;
}

static void end(struct verify *v, struct verification *k)
{
	struct verification **at = &v->first;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	v->n--;
	if (!k->cancelled)
		k->calls.done(k->calls.arg, k->identical);
	verification_free(k);
}

void verify_tick(struct verify *v)
{
	struct verification *next;

	for (struct verification *k = v->first; k; k = next) {
		next = k->next;
		for (uint32_t i = 0; i < CONF_PEERS_MAX; i++)
			if (k->lanes[i].active && k->lanes[i].until_msec <= v->node->now_msec)
				end_lane(k, i, "it did not answer");
		if (k->left == 0)
			end(v, k);
	}
}

int64_t verify_wake(const struct verify *v)
{
	int64_t wake = INT64_MAX;

	for (const struct verification *k = v->first; k; k = k->next) {
		if (k->left == 0)
			return 0;
		for (int i = 0; i < CONF_PEERS_MAX; i++)
			if (k->lanes[i].active && k->lanes[i].until_msec < wake)
				wake = k->lanes[i].until_msec;
	}
	return wake;
}
