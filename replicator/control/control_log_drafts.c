/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the gate looks at before it is told is a draft first, and then a version: people made one save.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "replicator/control/control_internal.h"
#include "replicator/control/control_log.h"

#define NEXT_MAX 64 /* versions of a path in which the one that it became is looked for */

/* ---- is it being judged? ---- */

struct finding {
	const char *path;
	struct dot dot;
	bool judged;
	char *words;
};

static bool is_this(void *arg, const struct core_path *p)
{
	struct finding *f = arg;

	if (strcmp(p->path, f->path) != 0)
		return true;
	if (dot_same(p->draft->dot, f->dot)) {
		f->judged = core_judging(p);
		f->words = p->words ? strdup(p->words) : NULL;
	}
	return false;
}

static bool is_judged(struct node *n, const struct past_record *r, char **words)
{
	const struct version *now = n->stopped ? NULL : core_draft(n->core, r->path);
	struct finding f = {.path = r->path, .dot = r->version->dot};
	struct decision about = {.paths = &r->path, .n = 1};

	if (now && dot_same(now->dot, f.dot))
		node_held(n, &about, is_this, &f);
	*words = f.words;
	return f.judged;
}

/* ---- has it become a version, or given way to what the gate has made of it? ---- */

static bool same_hands(const struct version *a, const struct version *b)
{
	return a->who.uid == b->who.uid && a->who.pid == b->who.pid &&
	       strcmp(a->who.command, b->who.command) == 0;
}

static int is_same(void *arg, const struct log_record *r)
{
	const struct version *draft = arg, *v = r->version;

	return r->own && v->attrs.kind == draft->attrs.kind && same_hands(v, draft) &&
	       hash_same(v->draft ? v->replaced : v->attrs.hash, draft->attrs.hash);
}

static bool is_told(struct node *n, const struct past_record *r)
{
	struct log_filter after = {
	    .path = r->path, .exact = true, .after_id = r->id, .last = NEXT_MAX, .first = true};

	return r->history &&
	       store_log(n->store, &after, is_same, (void *)(uintptr_t)r->version) == 1;
}

enum log_draft log_draft(struct node *n, const struct past_record *r, char **to)
{
	CLEANUP_FREE char *words = NULL;

	if (to)
		*to = NULL;
	if (core_held_by(r->version->draft ? r->version : NULL) != HELD_GATE || !r->own)
		return LOG_AS_IT_IS;
	if (is_judged(n, r, &words))
		return LOG_JUDGED;
	if (words && to) {
		*to = words;
		words = NULL;
		return LOG_AS_IT_IS;
	}
	return is_told(n, r) ? LOG_TOLD : LOG_AS_IT_IS;
}

/* ---- where to begin ---- */

#define PAGE_COUNTED 500

struct counting {
	struct node *node;
	struct log_start *start;
};

static int count(void *arg, const struct past_record *r)
{
	struct counting *c = arg;
	struct log_start *s = c->start;

	s->untold += log_draft(c->node, r, NULL) == LOG_TOLD;
	s->to_count--;
	s->at.made_msec = r->made_msec;
	s->at.dot = r->version->dot;
	snprintf(s->at.path, sizeof(s->at.path), "%s", r->path);
	return 0;
}

static int begin_at(struct log_start *s, struct node *n, const struct past_filter *f, uint32_t last,
		    struct past_place *place)
{
	long rows = store_past_start(n->store, f, last, place);

	if (rows < 0)
		return (int)rows;
	s->to_count = rows > s->rows ? (uint32_t)rows - s->rows : 0;
	s->rows = (uint32_t)rows;
	s->untold = 0;
	s->at = *place;
	return 0;
}

int log_start_begin(struct log_start *s, struct node *n, const struct past_filter *f, uint32_t last,
		    struct past_place *place)
{
	*s = (struct log_start){0};
	return begin_at(s, n, f, last, place);
}

int log_start_page(struct log_start *s, struct node *n, const struct past_filter *f,
		   struct past_place *place)
{
	struct counting c = {.node = n, .start = s};
	uint32_t page = s->to_count < PAGE_COUNTED ? s->to_count : PAGE_COUNTED;
	uint32_t left = s->to_count - page;
	int err = page ? store_past(n->store, f, &s->at, page, count, &c) : 0;

	if (err < 0)
		return err;
	if (s->to_count > left) /* some have gone meanwhile */
		s->to_count = 0;
	if (s->to_count)
		return 1;
	/* As many more as are not told, some of which may not be, either. */
	if (s->untold)
		err = begin_at(s, n, f, s->rows + s->untold, place);
	return err < 0 ? err : s->to_count > 0;
}
