/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Of the versions of a path that were made until then, the one that would have been shown is what is to
 * be there. A path whose first known version was made later and created it is deleted.
 */
#include "replicator/control/control_restore_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define VERSIONS_MAX 10000 /* of a path */

/* ---- one path ---- */

struct past {
	int64_t at_msec;
	struct version **p; /* made until then */
	size_t n, cap;
	struct version *first; /* of all */
};

static int add_past(void *arg, const struct log_record *r)
{
	struct past *past = arg;
	struct version *v = (struct version *)(uintptr_t)r->version;

	if (v->draft)
		return 0;
	if (!past->first || v->stamp < past->first->stamp) {
		version_put(past->first);
		past->first = version_get(v);
	}
	if ((int64_t)(v->stamp >> 16) > past->at_msec)
		return 0;
	if (past->n == past->cap) {
		size_t cap = past->cap ? past->cap * 2 : 16;
		struct version **p = realloc(past->p, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		past->p = p;
		past->cap = cap;
	}
	past->p[past->n++] = version_get(v);
	return 0;
}

static void past_fini(struct past *past)
{
	for (size_t i = 0; i < past->n; i++)
		version_put(past->p[i]);
	free(past->p);
	version_put(past->first);
}

/* The highest of those that no other one has seen. */
static struct version *shown_then(const struct past *past)
{
	struct version *best = NULL;

	for (size_t i = 0; i < past->n; i++) {
		bool seen = false;

		for (size_t k = 0; k < past->n && !seen; k++)
			seen = k != i && vv_covers(&past->p[k]->context, past->p[i]->dot);
		if (!seen && (!best || version_rank(past->p[i], best) < 0))
			best = past->p[i];
	}
	return best;
}

static bool was_created(const struct version *v)
{
	return !v->import && version_live(v) && (v->changed & CHANGED_KIND) &&
	       hash_none(v->replaced);
}

static bool is_so_already(const struct version *now, const struct version *then)
{
	static const struct attrs absent = {.kind = KIND_ABSENT};
	const struct attrs *a = now ? &now->attrs : &absent, *b = then ? &then->attrs : &absent;

	return !(attrs_compare(a, b) & ~CHANGED_MTIME);
}

static const char *why_not(struct node *n, const struct version *v)
{
	if (!v || v->attrs.kind != KIND_FILE)
		return NULL;
	if (v->attrs.size > (uint64_t)n->conf->max_file_size)
		return "it is larger than max-file-size";
	if (!store_has(n->store, v->attrs.hash))
		return "its content is not on this node";
	return NULL;
}

/* Another one, with its path. 0 and *to; ERR_LIMIT, -ENOMEM. */
static int add(struct restore_plan *j, const char *path, struct planned **to)
{
	if (j->n == RESTORE_PLAN_MAX)
		return ERR_LIMIT;
	if (j->n == j->cap) {
		size_t cap = j->cap ? j->cap * 2 : 256;
		struct planned *p = realloc(j->p, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		j->p = p;
		j->cap = cap;
	}
	struct planned *k = &j->p[j->n];
	*k = (struct planned){.path = strdup(path)};
	if (!k->path)
		return -ENOMEM;
	j->n++;
	*to = k;
	return 0;
}

static int plan(struct node *n, struct restore_plan *j, const char *path, struct version *then,
		const char *left)
{
	const struct version *now = core_visible(n->core, path);
	bool implied = !now && core_is_dir(n->core, path);
	struct planned *to;

	if (!left && then && !version_live(then))
		then = NULL;
	if (!left && (implied ? then && then->attrs.kind == KIND_DIR : is_so_already(now, then)))
		return 0;
	int err = add(j, path, &to);
	if (err < 0)
		return err;
	to->left = left;
	if (then)
		to->version = version_get(then);
	if (now)
		to->now = now->dot;
	if (!left)
		to->left = why_not(n, then);
	return 0;
}

static bool is_meant(const struct restore_plan *j, const char *path)
{
	if (j->patterns)
		return patterns_match(j->patterns, path, false) ||
		       patterns_match(j->patterns, path, true);
	return !j->path[0] || strcmp(path, j->path) == 0 || path_below(path, j->path);
}

int restore_plan_path(struct node *n, struct restore_plan *j, const char *path)
{
	struct past past = {.at_msec = j->at_msec};
	struct log_filter filter = {.path = path, .exact = true, .last = VERSIONS_MAX};

	if (!is_meant(j, path) || core_local(n->core, path, false))
		return 0;
	int err = store_log(n->store, &filter, add_past, &past);
	if (err == 0 && past.n > 0)
		err = plan(n, j, path, shown_then(&past), NULL);
	else if (err == 0 && past.first && was_created(past.first))
		err = plan(n, j, path, NULL, NULL);
	else if (err == 0 && past.first)
		err = plan(n, j, path, NULL, "what it was then is not known any more");
	past_fini(&past);
	return err;
}

/* ---- the whole ---- */

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct planned *)a)->path, ((const struct planned *)b)->path);
}

struct leaving {
	const struct restore_plan *plan;
	const char *dir;
	bool stays; /* something in it does */
};

static bool look_leaving(void *arg, const struct core_path *p)
{
	struct leaving *l = arg;
	struct planned probe = {.path = (char *)(uintptr_t)p->path}, *found;

	if (!path_below(p->path, l->dir))
		return false;
	if (p->n == 0 || !version_live(p->entry[0]))
		return true;
	found = bsearch(&probe, l->plan->p, l->plan->n, sizeof(probe), by_path);
	l->stays = !found || found->version || found->left;
	return !l->stays;
}

/* What is in a directory that goes must go by the plan itself. */
static void keep_directories(struct node *n, struct restore_plan *j)
{
	for (size_t i = j->n; i-- > 0;) { /* the deeper ones first */
		struct planned *p = &j->p[i];
		struct leaving l = {.plan = j, .dir = p->path};

		if (p->left || (p->version && p->version->attrs.kind == KIND_DIR))
			continue;
		core_each(n->core, p->path, look_leaving, &l);
		if (l.stays)
			p->left = "it is a directory with something in it that stays";
	}
}

void restore_plan_end(struct node *n, struct restore_plan *j)
{
	if (j->n > 0)
		qsort(j->p, j->n, sizeof(*j->p), by_path);
	keep_directories(n, j);
}

void restore_plan_beside(struct restore_plan *j, const char *zone_path, const struct version *now)
{
	struct planned *to;

	if (add(j, zone_path, &to) < 0)
		return;
	to->now = now->dot;
	to->beside = true;
	to->version = version_get((struct version *)(uintptr_t)now);
}

void restore_plan_fini(struct restore_plan *j)
{
	for (size_t i = 0; i < j->n; i++) {
		free(j->p[i].path);
		free(j->p[i].words);
		version_put(j->p[i].version);
	}
	free(j->p);
	patterns_free(j->patterns);
	free(j->path);
}
