/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Pairs of names. Equal numbers alone prove nothing (a deletion and a creation may share an op), so
 * two names make a pair only if what was under the old one is what is under the new one now.
 */
#include "replicator/control/control_rename.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"

void renames_init(struct renames *r, struct dot dot)
{
	*r = (struct renames){.dot = dot};
}

void renames_fini(struct renames *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		free(r->p[i].path);
	free(r->p);
	*r = (struct renames){0};
}

int renames_add(struct renames *r, const char *path, const struct version *v)
{
	bool came = version_live(v) && (v->changed & CHANGED_KIND || hash_none(v->replaced));
	bool moved_over = version_live(v) && v->changed & CHANGED_CONTENT;

	if (!dot_same(r->dot, v->dot) || r->n == RENAME_NAMES_MAX)
		return 0;
	if (version_live(v) && !came && !moved_over)
		return 0;
	struct rename_name *p = realloc(r->p, (r->n + 1) * sizeof(*p));
	if (!p)
		return -ENOMEM;
	r->p = p;
	p[r->n] = (struct rename_name){.path = strdup(path),
				       .gone = !version_live(v),
				       .hash = version_live(v) ? v->attrs.hash : v->replaced,
				       .other = UINT32_MAX};
	if (!p[r->n].path)
		return -ENOMEM;
	r->n++;
	return 0;
}

static int by_path(const void *a, const void *b)
{
	const struct rename_name *x = a, *y = b;

	return path_compare(x->path, y->path);
}

static void pair(struct renames *r, uint32_t gone, uint32_t came)
{
	r->p[gone].other = came;
	r->p[came].other = gone;
}

/* The next name of that sort from `at` on; r->n: none. */
static uint32_t next(const struct renames *r, uint32_t at, bool gone)
{
	while (at < r->n && r->p[at].gone != gone)
		at++;
	return at;
}

static bool pair_in_order(struct renames *r)
{
	uint32_t g, c;

	for (g = next(r, 0, true), c = next(r, 0, false); g < r->n && c < r->n;
	     g = next(r, g + 1, true), c = next(r, c + 1, false))
		if (!hash_same(r->p[g].hash, r->p[c].hash))
			return false;
	if (g < r->n || c < r->n)
		return false;
	for (g = next(r, 0, true), c = next(r, 0, false); g < r->n && c < r->n;
	     g = next(r, g + 1, true), c = next(r, c + 1, false))
		pair(r, g, c);
	return true;
}

/* The only name of that sort with that content; UINT32_MAX: there is none, or there are more. */
static uint32_t only(const struct renames *r, bool gone, struct hash hash)
{
	uint32_t found = UINT32_MAX;

	for (uint32_t i = 0; i < r->n; i++) {
		if (r->p[i].gone != gone || !hash_same(r->p[i].hash, hash))
			continue;
		if (found != UINT32_MAX)
			return UINT32_MAX;
		found = i;
	}
	return found;
}

/* All names of that sort lie at or below the first one of them. */
static bool is_top(const struct renames *r, uint32_t top, bool gone)
{
	for (uint32_t i = next(r, top + 1, gone); i < r->n; i = next(r, i + 1, gone))
		if (!path_below(r->p[i].path, r->p[top].path))
			return false;
	return true;
}

/* A renamed directory, below which names came or went meanwhile. */
static void pair_tops(struct renames *r)
{
	uint32_t g = next(r, 0, true), c = next(r, 0, false);

	if (g < r->n && c < r->n && hash_none(r->p[g].hash) && hash_none(r->p[c].hash) &&
	    is_top(r, g, true) && is_top(r, c, false))
		pair(r, g, c);
}

void renames_pair(struct renames *r)
{
	if (r->n < 2)
		return;
	qsort(r->p, r->n, sizeof(*r->p), by_path);
	if (pair_in_order(r))
		return;
	pair_tops(r);
	if (r->n > 64)
		return;
	for (uint32_t i = 0; i < r->n; i++) {
		if (!r->p[i].gone || hash_none(r->p[i].hash))
			continue;
		uint32_t came = only(r, false, r->p[i].hash);
		if (came != UINT32_MAX && only(r, true, r->p[i].hash) == i)
			pair(r, i, came);
	}
}

const char *renames_other(const struct renames *r, const char *path)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (strcmp(r->p[i].path, path) == 0)
			return r->p[i].other < r->n ? r->p[r->p[i].other].path : NULL;
	return NULL;
}
