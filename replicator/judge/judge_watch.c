/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Pairs of what is looked at and the item for which it is. Few: only of what is held.
 */
#include "replicator/judge/judge_watch.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "replicator/judge/judge_internal.h"

#define TOLD_MAX 1000 /* while a judgement is under way; more count as all there is */

struct watch {
	char *path, *item;
	bool due;
};

struct watches {
	struct watch *list;
	size_t n;
	bool due; /* some are */
};

struct watches *watches_new(void)
{
	return calloc(1, sizeof(struct watches));
}

static void fini(struct watch *one)
{
	free(one->path);
	free(one->item);
}

void watches_free(struct watches *w)
{
	if (!w)
		return;
	while (w->n > 0)
		fini(&w->list[--w->n]);
	free(w->list);
	free(w);
}

static bool is_at(const char *pattern, const char *path)
{
	return strcmp(pattern, path) == 0 || fnmatch(pattern, path, FNM_PATHNAME) == 0;
}

/* ---- while it is under way ---- */

static void put(char ***list, size_t *n, size_t most, const char *path)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp((*list)[i], path) == 0)
			return;
	char **grown = *n < most ? reallocarray(*list, *n + 1, sizeof(*grown)) : NULL;
	if (grown)
		*list = grown;
	if (grown && (grown[*n] = strdup(path)))
		(*n)++;
}

void watch_look(struct judgement *j, const char *path)
{
	if (!judge_is_item(j, path))
		put(&j->looked, &j->nlooked, WATCH_MAX, path);
}

void watch_told_during(struct judgement *j, const char *path)
{
	if (j->ntold < TOLD_MAX)
		put(&j->told, &j->ntold, TOLD_MAX, path);
}

void watch_forget(struct judgement *j)
{
	while (j->nlooked > 0)
		free(j->looked[--j->nlooked]);
	while (j->ntold > 0)
		free(j->told[--j->ntold]);
	free(j->looked);
	free(j->told);
}

/* ---- when it is over ---- */

bool watch_late(const struct judgement *j)
{
	if (j->ntold == TOLD_MAX)
		return true;
	for (size_t i = 0; i < j->ntold; i++)
		for (size_t k = 0; k < j->nzones && !judge_is_item(j, j->told[i]); k++)
			if (judge_zone_has(j->zones[k], j->told[i]))
				return true;
	return false;
}

static void drop_item(struct watches *w, const char *item)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->n; i++) {
		if (strcmp(w->list[i].item, item) == 0)
			fini(&w->list[i]);
		else
			w->list[kept++] = w->list[i];
	}
	w->n = kept;
}

static void add(struct watches *w, const char *path, const char *item, bool due)
{
	struct watch *grown =
	    w->n < WATCH_MAX ? reallocarray(w->list, w->n + 1, sizeof(*grown)) : NULL;
	struct watch one = {.due = due};

	if (!grown)
		return;
	w->list = grown;
	one.path = strdup(path);
	one.item = strdup(item);
	if (!one.path || !one.item) {
		fini(&one);
		return;
	}
	w->list[w->n++] = one;
	w->due |= due;
}

void watch_end(struct watches *w, const struct judgement *j, bool held)
{
	if (j->trial->n == 0)
		return;
	drop_item(w, j->trial->items[0].path);
	for (size_t i = 0; held && i < j->nlooked; i++) {
		bool other = j->ntold == TOLD_MAX;

		for (size_t k = 0; k < j->ntold; k++)
			other |= is_at(j->looked[i], j->told[k]);
		add(w, j->looked[i], j->trial->items[0].path, other);
	}
}

void watch_told(struct watches *w, const char *path)
{
	for (size_t i = 0; i < w->n; i++) {
		if (!is_at(w->list[i].path, path))
			continue;
		w->list[i].due = true;
		w->due = true;
	}
}

/* Whether it is to be watched further is found when it has been judged again. */
void watches_work(struct watches *w, struct node *n)
{
	while (w->due) {
		char *item = NULL;

		w->due = false;
		for (size_t i = 0; i < w->n && !item; i++)
			if (w->list[i].due)
				item = strdup(w->list[i].item);
		if (!item)
			return;
		const char *paths[] = {item};
		struct event e = {.type = EVENT_REJUDGE, .rejudge = {.paths = paths, .n = 1}};
		drop_item(w, item);
		w->due = true; /* there may be more */
		node_event(n, &e);
		free(item);
	}
}

bool watches_due(const struct watches *w)
{
	return w->due;
}
