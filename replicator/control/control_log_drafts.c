/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the gate looks at before it is told is a draft first, and then a version: people made one save.
 */
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

/* ---- has it become a version? ---- */

static bool same_hands(const struct version *a, const struct version *b)
{
	return a->who.uid == b->who.uid && a->who.pid == b->who.pid &&
	       strcmp(a->who.command, b->who.command) == 0;
}

static int is_same(void *arg, const struct log_record *r)
{
	const struct version *draft = arg, *v = r->version;

	return r->own && !v->draft && v->attrs.kind == draft->attrs.kind &&
	       hash_same(v->attrs.hash, draft->attrs.hash) && same_hands(v, draft);
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
