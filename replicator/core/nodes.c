/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The nodes that are known, and what their vectors cover: a table that spreads from node to node, so
 * that an acknowledgement reaches those who never talk to its node. By it tombstones are collected:
 * when every known node has seen them, they are shown here, and a day has passed. A node that is
 * never heard again is forgotten, by hand or in time, and holds up nothing any more; should it come
 * back, it compares in full (compare.c), since its vector does not reach the floor.
 *
 * Names and what was forgotten are kept in the store; vectors are heard again after a start.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/path.h"
#include "replicator/core/parts.h"

#define META_NODE "node/"
#define DAY_MSEC INT64_C(86400000)
#define COLLECT_MSEC 60000       /* between two times */
#define COLLECT_FIRST_MSEC 10000 /* after a start: all peers have told what they know */

/* ---- the table ---- */

static struct known_node *find(const struct core *c, const char *name)
{
	for (uint32_t i = 0; i < c->nodes.n; i++) {
		if (strcmp(c->nodes.p[i].name, name) == 0)
			return &c->nodes.p[i];
	}
	return NULL;
}

/* Makes it; NULL where there are too many. */
static struct known_node *get(struct core *c, const char *name)
{
	struct known_node *k = find(c, name);

	if (k)
		return k;
	if (c->nodes.n == NODES_KNOWN_MAX) {
		if (!c->nodes_too_many)
			effect_note(
			    c, LOG_LEVEL_WARNING,
			    "more than %d nodes are known: nothing deleted is forgotten until "
			    "some of them are, with `zonefsctl forget`",
			    NODES_KNOWN_MAX);
		c->nodes_too_many = true;
		return NULL;
	}
	GROW(c->nodes.p, c->nodes.n, c->cap_nodes);
	k = &c->nodes.p[c->nodes.n++];
	memset(k, 0, sizeof(*k));
	strncpy(k->name, name, sizeof(k->name) - 1);
	return k;
}

static bool is_forgotten(const struct known_node *k)
{
	return k->forgotten & 1;
}

static void keep(struct core *c, struct known_node *k)
{
	char name[sizeof(META_NODE) + NODE_NAME_MAX] = META_NODE;
	struct buf b;

	strcat(name, k->name);
	buf_init(&b, 64);
	buf_i64(&b, k->heard_msec);
	buf_u64(&b, k->forgotten);
	c->nodes_news++;
	store_meta(c, name, b.data, b.len);
	buf_fini(&b);
}

void nodes_load(struct core *c, const char *name, const uint8_t *p, size_t len)
{
	struct known_node *k;
	struct rd r;

	rd_init(&r, p, len);
	if (strcmp(name, CORE_META_FLOOR) == 0) {
		rd_vv(&r, &c->floor);
		return;
	}
	if (strncmp(name, META_NODE, strlen(META_NODE)) != 0 ||
	    strlen(name) >= strlen(META_NODE) + NODE_NAME_MAX)
		return;
	k = get(c, name + strlen(META_NODE));
	if (!k)
		return;
	k->heard_msec = rd_i64(&r);
	k->forgotten = rd_u64(&r);
}

static int64_t collect_every(const struct core *c)
{
	return c->conf.collect_every_msec ? c->conf.collect_every_msec : COLLECT_MSEC;
}

void nodes_start(struct core *c)
{
	for (uint32_t i = 0; i < c->conf.npeers; i++) {
		struct known_node *k = find(c, c->peers[i].name);

		if (k || !(k = get(c, c->peers[i].name)))
			continue;
		k->heard_msec = c->wall;
		keep(c, k);
	}
	c->collect_at = c->now + collect_every(c);
	if (c->collect_at > c->now + COLLECT_FIRST_MSEC)
		c->collect_at = c->now + COLLECT_FIRST_MSEC;
}

void nodes_free(struct core *c)
{
	known_nodes_fini(&c->nodes);
	vv_fini(&c->floor);
}

/* It lives. Stored once a day, and where that changes anything. */
static void heard(struct core *c, struct known_node *k, int64_t wall_msec)
{
	if (wall_msec > c->wall)
		wall_msec = c->wall;
	if (wall_msec <= k->heard_msec)
		return;
	bool store = wall_msec - k->heard_msec >= DAY_MSEC;

	k->heard_msec = wall_msec;
	if (store)
		keep(c, k);
}

void nodes_heard(struct core *c, uint32_t peer)
{
	struct known_node *k = get(c, c->peers[peer].name);

	if (!k)
		return;
	heard(c, k, c->wall);
	if (!is_forgotten(k))
		return;
	k->forgotten++;
	effect_note(c, LOG_LEVEL_NOTICE, "node %s was forgotten, and is back", k->name);
	keep(c, k);
}

/* What a peer knows of the nodes, itself among them. */
void nodes_told(struct core *c, const struct event *e)
{
	bool limited = c->peers[e->peer].limited;

	for (uint32_t i = 0; i < e->nodes->n; i++) {
		const struct known_node *told = &e->nodes->p[i];
		bool self = strcmp(told->name, c->conf.node) == 0;
		struct known_node *k = find(c, told->name);
		bool news = !k;

		/* Of others it proves nothing, not even that they have been forgotten. */
		if (limited && (self || strcmp(told->name, c->peers[e->peer].name) != 0))
			continue;
		/* Nobody needs this node to know that it exists, but that it has been forgotten. */
		if (self && (k ? k->forgotten : 0) >= told->forgotten)
			continue;
		if (!k && !(k = get(c, told->name)))
			continue;
		if (!vv_reaches(&k->covers, &told->covers)) {
			vv_join(&k->covers, &told->covers);
			c->nodes_news++;
		}
		heard(c, k, told->heard_msec);
		if (told->forgotten > k->forgotten && !limited) {
			/* Also where whoever tells has heard it again since. */
			if (self)
				effect_note(c, LOG_LEVEL_NOTICE,
					    "the other nodes had forgotten this one: what they have "
					    "deleted since is deleted here, what was saved here "
					    "since is told");
			k->forgotten = told->forgotten + (self && (told->forgotten & 1));
			news = true;
			c->nodes_news++;
			c->collect_at = c->now; /* what was kept for it */
		}
		if (news)
			keep(c, k);
	}
}

void core_nodes(const struct core *c, struct nodes *to, int64_t wall_msec)
{
	uint32_t n = 0;

	to->n = 0;
	to->p = core_alloc((c->nodes.n + 1) * sizeof(*to->p));
	for (uint32_t i = 0; i <= c->nodes.n; i++) {
		const struct known_node *from = i < c->nodes.n ? &c->nodes.p[i] : NULL;
		bool self = !from || strcmp(from->name, c->conf.node) == 0;
		struct known_node *k = &to->p[n];

		if ((!from && find(c, c->conf.node)) || n == NODES_KNOWN_MAX)
			continue;
		if (from)
			*k = *from;
		else
			strncpy(k->name, c->conf.node, sizeof(k->name) - 1);
		memset(&k->covers, 0, sizeof(k->covers));
		vv_copy(&k->covers, self ? &c->vector : &from->covers);
		if (self)
			k->heard_msec = wall_msec;
		n++;
	}
	to->n = n;
}

uint64_t core_nodes_news(const struct core *c)
{
	return vv_digest(&c->vector) + c->nodes_news;
}

const struct vv *core_floor(const struct core *c)
{
	return &c->floor;
}

/* ---- forgetting ---- */

void nodes_forget(struct core *c, const char *name)
{
	struct known_node *k = find(c, name);

	if (!k || is_forgotten(k))
		return;
	k->forgotten++;
	c->nodes_news++;
	keep(c, k);
	effect_note(c, LOG_LEVEL_NOTICE,
		    "node %s is forgotten: what was deleted is kept for it no longer", name);
	c->collect_at = c->now;
}

static void forget_silent(struct core *c)
{
	for (uint32_t i = 0; i < c->nodes.n; i++) {
		struct known_node *k = &c->nodes.p[i];

		if (!c->conf.forget_after_msec || is_forgotten(k) ||
		    strcmp(k->name, c->conf.node) == 0 ||
		    c->wall - k->heard_msec <= c->conf.forget_after_msec)
			continue;
		k->forgotten++;
		keep(c, k);
		effect_note(c, LOG_LEVEL_WARNING,
			    "node %s is forgotten: nobody has heard it for %lld days", k->name,
			    (long long)((c->wall - k->heard_msec) / DAY_MSEC));
	}
}

/* ---- collecting tombstones ---- */

void nodes_store_floor(struct core *c)
{
	struct buf b;

	buf_init(&b, 4 + VV_MAX * sizeof(struct dot));
	buf_vv(&b, &c->floor);
	if (!b.err)
		store_meta(c, CORE_META_FLOOR, b.data, b.len);
	buf_fini(&b);
}

static bool is_old(const struct version *v, int64_t wall_msec)
{
	return !version_live(v) && (int64_t)(v->stamp >> 16) + DAY_MSEC < wall_msec;
}

static bool known_everywhere(const struct core *c, const struct vv *v)
{
	for (uint32_t i = 0; i < c->nodes.n; i++) {
		const struct known_node *k = &c->nodes.p[i];

		if (!is_forgotten(k) && strcmp(k->name, c->conf.node) != 0 &&
		    !vv_reaches(&k->covers, v))
			return false;
	}
	return vv_reaches(&c->vector, v);
}

static bool is_collectable(const struct core *c, const struct key *k, const struct version *v)
{
	if (!is_old(v, c->wall) || k->unsettled || k->flight || k->looking || k->delay ||
	    k->intent)
		return false;
	if (!k->unwanted && (!k->shown || !vv_reaches(&k->shown->context, &v->context)))
		return false;
	return known_everywhere(c, &v->context);
}

/* Where nothing is left to tell of a path, nothing is kept of it. */
static void forget_shown(struct core *c, struct key *k)
{
	if (k->n || !k->shown || key_present(k) || k->shown->leftover || k->looking)
		return;
	key_forget_shown(c, k);
}

static void collect(struct core *c, struct key *k)
{
	bool any = false;

	for (uint32_t i = 0; i < k->n;) {
		if (is_collectable(c, k, k->entry[i])) {
			entry_drop(c, k, k->entry[i]->dot);
			any = true;
		} else {
			i++;
		}
	}
	if (any)
		forget_shown(c, k);
}

/* First the floor takes in what they covered, durable before or with their end. */
static void collect_all(struct core *c)
{
	bool any = false;

	for (struct key *k = key_first(c, ""); k; k = key_next(k)) {
		for (uint32_t i = 0; i < k->n; i++) {
			if (!is_collectable(c, k, k->entry[i]))
				continue;
			vv_join(&c->floor, &k->entry[i]->context);
			any = true;
		}
	}
	if (!any)
		return;
	nodes_store_floor(c);
	for (struct key *k = key_first(c, ""); k; k = key_next(k))
		collect(c, k);
}

void nodes_due(struct core *c)
{
	if (c->now < c->collect_at || !c->started)
		return;
	c->collect_at = c->now + collect_every(c);
	if (core_joining(c) || c->nodes_too_many)
		return;
	forget_silent(c);
	collect_all(c);
}

/* ---- who is known, and what is kept for whom ---- */

static uint32_t peer_index(const struct core *c, const char *name)
{
	for (uint32_t i = 0; i < c->conf.npeers; i++) {
		if (strcmp(c->peers[i].name, name) == 0)
			return i;
	}
	return UINT32_MAX;
}

uint32_t core_known(const struct core *c, struct core_node *to, int64_t wall_msec)
{
	const struct known_node *of[NODES_KNOWN_MAX];
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->nodes.n; i++) {
		const struct known_node *k = &c->nodes.p[i];

		if (strcmp(k->name, c->conf.node) == 0)
			continue;
		of[n] = k;
		to[n++] = (struct core_node){.name = k->name,
					     .peer = peer_index(c, k->name),
					     .heard_msec = k->heard_msec,
					     .forgotten = is_forgotten(k)};
	}
	for (const struct key *k = key_first(c, ""); k; k = key_next(k)) {
		for (uint32_t i = 0; i < k->n; i++) {
			if (!is_old(k->entry[i], wall_msec))
				continue;
			for (uint32_t j = 0; j < n; j++)
				to[j].kept += !to[j].forgotten &&
					      !vv_reaches(&of[j]->covers, &k->entry[i]->context);
		}
	}
	return n;
}

bool core_node_knows(const struct core *c, const char *name, const struct vv *v)
{
	const struct known_node *k = find(c, name);

	return k && vv_reaches(&k->covers, v);
}

uint32_t core_tombstones(const struct core *c)
{
	uint32_t n = 0;

	for (const struct key *k = key_first(c, ""); k; k = key_next(k)) {
		for (uint32_t i = 0; i < k->n; i++)
			n += !version_live(k->entry[i]);
	}
	return n;
}
