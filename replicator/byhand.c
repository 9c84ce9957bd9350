/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The list of what is held is made anew when something has changed, and for every hook run. The name
 * server's clock has seconds, so a load in the second in which the draft came tells nothing by its time.
 */
#include "replicator/byhand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "replicator/judge/judge_gated.h"
#include "replicator/node_internal.h"
#include "replicator/runs.h"

#define AGAIN_MSEC 1000

struct entry {
	char *path;
	bool aside;    /* it is not on disk, */
	bool moving;   /* or is about to be there, or to go from there */
	bool judging;  /* it may be told in a moment */
	bool back;     /* it was brought back, and nobody has been asked since */
	int64_t since_msec; /* wall clock: when the first of the drafts that were there was saved */
};

struct byhand {
	struct node *node;
	struct entry *list; /* in order of path */
	size_t n;
	bool more; /* than there is room for */
	uint32_t held;
	uint64_t changes;      /* of the node, then */
	int64_t next_msec;     /* when hooks are asked by themselves */
	int64_t answered_msec; /* 0: never */
	bool asking;
};

struct byhand *byhand_new(struct node *n)
{
	struct byhand *b = calloc(1, sizeof(*b));

	if (b)
		b->node = n;
	return b;
}

static void clear(struct entry *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i].path);
	free(list);
}

void byhand_free(struct byhand *b)
{
	if (!b)
		return;
	clear(b->list, b->n);
	free(b);
}

/* ---- the list ---- */

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static struct entry *find(const struct byhand *b, const char *path)
{
	struct entry key = {.path = (char *)(uintptr_t)path};

	return b->n ? bsearch(&key, b->list, b->n, sizeof(*b->list), compare) : NULL;
}

struct making {
	struct byhand *b;
	struct entry like;
};

static void add(void *arg, const char *path)
{
	struct making *m = arg;
	struct byhand *b = m->b;

	if (b->n < BYHAND_PATHS_MAX && (m->like.path = strdup(path)))
		b->list[b->n++] = m->like;
	else
		b->more = true;
}

static bool add_held(void *arg, const struct core_path *p)
{
	struct making *m = arg;
	const struct version *v = p->draft;
	m->like = (struct entry){.aside = v->aside,
				 .moving = p->moving,
				 .judging = core_judging(p),
				 .since_msec = (int64_t)(v->stamp >> 16)};
	add(m, p->path);
	gated_users(m->b->node->gated, p->path, add, m);
	return !m->b->more;
}

/* Of several that concern one zone's file, what is least innocent. */
static void merge(struct byhand *b)
{
	size_t kept = 0;

	qsort(b->list, b->n, sizeof(*b->list), compare);
	for (size_t i = 0; i < b->n; i++) {
		struct entry *e = &b->list[i], *last = kept ? &b->list[kept - 1] : NULL;

		if (!last || strcmp(last->path, e->path) != 0) {
			b->list[kept++] = *e;
			continue;
		}
		last->aside &= e->aside;
		last->moving |= e->moving;
		last->judging &= e->judging;
		if (e->since_msec < last->since_msec)
			last->since_msec = e->since_msec;
		free(e->path);
	}
	b->n = kept;
}

static void make(struct byhand *b)
{
	struct byhand before = *b;
	const struct decision all = {0};
	struct making m = {.b = b};

	b->list = calloc(BYHAND_PATHS_MAX, sizeof(*b->list));
	b->n = 0;
	b->more = !b->list;
	if (b->list)
		node_held(b->node, &all, add_held, &m);
	if (b->n)
		merge(b);
	for (size_t i = 0; i < b->n; i++) {
		struct entry *e = &b->list[i], *old = find(&before, e->path);

		e->back = old && !e->aside && (old->aside || old->back);
		if (old && !old->aside && !old->judging && old->since_msec < e->since_msec)
			e->since_msec = old->since_msec;
		if (e->back && old->aside)
			b->next_msec = 0;
	}
	clear(before.list, before.n);
}

static void refresh(struct byhand *b)
{
	if (core_held(b->node->core) > 0) {
		make(b);
		return;
	}
	clear(b->list, b->n);
	b->list = NULL;
	b->n = 0;
	b->more = false;
}

/* ---- what hooks are told ---- */

static bool add_line(struct buf *to, size_t max, const char *path)
{
	char *escaped = malloc(PATH_ESCAPED_MAX);
	size_t len = 0;

	if (escaped) {
		path_escape(escaped, PATH_ESCAPED_MAX, path);
		len = strlen(escaped);
	}
	bool room = escaped && to->len + len + 6 <= max;
	if (room) {
		buf_raw(to, "held\t", 5);
		buf_raw(to, escaped, len);
		buf_raw(to, "\n", 1);
	}
	free(escaped);
	return room && !to->err;
}

void byhand_lines(struct byhand *b, const struct patterns *match, struct buf *to, size_t max)
{
	size_t start = to->len;
	bool all;

	refresh(b);
	all = b->more;
	for (size_t i = 0; i < b->n && !all; i++)
		if ((!b->list[i].aside || b->list[i].moving) &&
		    patterns_match(match, b->list[i].path, false))
			all = !add_line(to, start + max, b->list[i].path);
	if (all) {
		to->len = start;
		to->err = 0;
		buf_raw(to, "held\t\n", 6);
	}
}

/* ---- what they say ---- */

enum byhand_answer byhand_judge(const struct byhand *b, const struct proof *last, const struct proof *now)
{
	const struct entry *e = find(b, now->path);
	bool other_serial = last && last->has_serial && now->has_serial && last->serial != now->serial;
	bool other_time = now->has_loaded &&
			  !(last && last->has_loaded && last->loaded_sec == now->loaded_sec);

	if (!e || e->aside || e->judging)
		return BYHAND_NOTHING;
	if (last && last->state == PROOF_HELD)
		return other_serial || other_time ? BYHAND_LOADED : BYHAND_NOTHING;
	if (other_serial)
		return BYHAND_LOADED;
	if (!other_time)
		return BYHAND_NOTHING;
	if (e->back)
		return BYHAND_SAME;
	return now->loaded_sec * 1000 > e->since_msec ? BYHAND_LOADED : BYHAND_NOTHING;
}

/* ---- when they are asked ---- */

static bool can_ask(const struct byhand *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (!b->list[i].aside && !b->list[i].judging)
			return true;
	return b->more;
}

void byhand_ask(struct byhand *b)
{
	int64_t now = b->node->now_msec;

	refresh(b);
	if (b->answered_msec && now - b->answered_msec < AGAIN_MSEC)
		return;
	if (!b->asking && can_ask(b))
		b->asking = runs_ask(b->node->runs);
	b->next_msec = now + BYHAND_ASK_MSEC;
}

bool byhand_asking(const struct byhand *b)
{
	return b->asking;
}

static void answered(struct byhand *b)
{
	b->asking = false;
	b->answered_msec = b->node->now_msec;
	for (size_t i = 0; i < b->n; i++)
		b->list[i].back = false;
}

/* What is yet to be judged is held for good, or told, in a moment. */
static uint32_t settled(struct node *n)
{
	uint32_t held = core_held(n->core);
	struct core_gate g = {0};

	if (held > 0)
		core_gate(n->core, &g);
	return held > g.judging ? held - g.judging : 0;
}

void byhand_tick(struct byhand *b)
{
	uint32_t held = settled(b->node);

	if (b->asking && !runs_asking(b->node->runs))
		answered(b);
	if (held != b->held || (held > 0 && b->changes != b->node->changes)) {
		refresh(b);
		b->held = held;
		b->changes = b->node->changes;
	}
	if (held > 0 && b->node->now_msec >= b->next_msec) {
		b->answered_msec = 0;
		byhand_ask(b);
	}
}

int64_t byhand_wake(const struct byhand *b)
{
	return b->held > 0 ? b->next_msec : INT64_MAX;
}
