/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Pairs of an included file and the zone's file that it belongs to, sorted. After another map they are
 * made anew beside the old ones; a zone that has changed has its own replaced.
 */
#include "replicator/judge/judge_gated.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/named_include.h"
#include "replicator/core/core.h"
#include "replicator/judge/judge_internal.h"
#include "replicator/judge/judge_serials.h"
#include "replicator/store/store.h"

#define DEPTH_MAX 16
#define DIRTY_MAX 1000
#define ZONES_A_ROUND 50
#define BYTES_A_ROUND (8 * 1024 * 1024)

struct pair {
	char *path;
	char *zone;
};

struct pairs {
	struct pair *list;
	size_t n, cap;
};

struct gated {
	struct node *node;
	struct pairs pairs;
	struct pairs next;   /* being made */
	uint64_t generation; /* of the map that they are of */
	size_t at;           /* in the map */
	bool making;
	bool settling; /* what the zones of the map include is not known so far */
	char *dirty[DIRTY_MAX]; /* files of zones */
	size_t ndirty;
	size_t bytes; /* read in this round */
};

/* ---- pairs ---- */

static void add(struct pairs *p, const char *path, const char *zone)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 64;
		struct pair *grown = reallocarray(p->list, cap, sizeof(*grown));

		if (!grown)
			return;
		p->list = grown;
		p->cap = cap;
	}
	struct pair one = {strdup(path), strdup(zone)};
	if (one.path && one.zone) {
		p->list[p->n++] = one;
	} else {
		free(one.path);
		free(one.zone);
	}
}

static void clear(struct pairs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->list[i].path);
		free(p->list[i].zone);
	}
	free(p->list);
	*p = (struct pairs){0};
}

static int compare(const void *a, const void *b)
{
	const struct pair *p = a, *q = b;
	int order = strcmp(p->path, q->path);

	return order ? order : strcmp(p->zone, q->zone);
}

static void sort(struct pairs *p)
{
	if (p->n)
		qsort(p->list, p->n, sizeof(*p->list), compare);
}

static size_t first_of(const struct pairs *p, const char *path)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(p->list[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool has(const struct pairs *p, const char *path, const char *zone)
{
	const struct pair key = {(char *)(uintptr_t)path, (char *)(uintptr_t)zone};

	return p->n && bsearch(&key, p->list, p->n, sizeof(key), compare);
}

/* ---- what a zone includes ---- */

static char *read_shown(struct gated *g, const char *path, size_t *len)
{
	const struct shown *s = core_shown(g->node->core, path);
	uint64_t total = 0;

	*len = 0;
	if (!s || s->attrs.kind != KIND_FILE || s->attrs.size > JUDGE_TEXT_MAX)
		return NULL;
	char *text = malloc((size_t)s->attrs.size + 1);
	while (text && *len < s->attrs.size) {
		long n = store_read(g->node->store, s->attrs.hash, *len, text + *len,
				    (size_t)s->attrs.size - *len, &total);
		if (n <= 0)
			break;
		*len += (size_t)n;
	}
	g->bytes += *len;
	return text;
}

struct search {
	struct gated *g;
	struct pairs *to;
	const char *zone;
	unsigned depth;
};

static void search(struct search *s, const char *path);

static bool found(void *arg, const char *name, size_t line)
{
	struct search *s = arg;
	struct node *n = s->g->node;
	CLEANUP_FREE char *absolute = named_conf_absolute(zones_directory(n->zones), name);
	CLEANUP_FREE char *path = absolute ? zones_path(n->conf, absolute) : NULL;

	(void)line;
	if (!path || strcmp(path, s->zone) == 0)
		return true;
	for (size_t i = s->to->n; i > 0 && strcmp(s->to->list[i - 1].zone, s->zone) == 0; i--)
		if (strcmp(s->to->list[i - 1].path, path) == 0)
			return true;
	add(s->to, path, s->zone);
	search(s, path);
	return true;
}

static void search(struct search *s, const char *path)
{
	size_t len;

	if (s->depth == DEPTH_MAX)
		return;
	CLEANUP_FREE char *text = read_shown(s->g, path, &len);
	s->depth++;
	if (text)
		named_include_zone(text, len, found, s);
	s->depth--;
}

static bool is_static(const struct zone_entry *e)
{
	return e->path && e->zone->type == NAMED_PRIMARY && !e->zone->dynamic;
}

static bool is_zone(const struct gated *g, const char *path)
{
	struct zone_entry e;

	for (size_t i = 0; zones_of_path(g->node->zones, path, i, &e); i++)
		if (is_static(&e))
			return true;
	return false;
}

/* ---- keeping it ---- */

static void rejudge(struct gated *g)
{
	struct event e = {.type = EVENT_REJUDGE};

	node_event(g->node, &e);
}

/* Another map: from the beginning. */
static void begin(struct gated *g, const struct zones_status *s)
{
	clear(&g->next);
	g->generation = s->generation;
	g->at = 0;
	g->making = true;
}

static void settled(struct gated *g)
{
	g->settling = zones_changing(g->node->zones);
	if (!g->settling)
		rejudge(g);
}

static void go_on(struct gated *g)
{
	struct zone_entry e;
	bool more = true;

	for (int i = 0; i < ZONES_A_ROUND && g->bytes < BYTES_A_ROUND && more; i++) {
		more = zones_entry(g->node->zones, g->at++, &e);
		if (!more || !is_static(&e))
			continue;
		struct search s = {.g = g, .to = &g->next, .zone = e.path};
		if (e.zone->text)
			search(&s, e.path);
		serials_look(g->node, e.path);
	}
	if (more)
		return;
	sort(&g->next);
	clear(&g->pairs);
	g->pairs = g->next;
	g->next = (struct pairs){0};
	g->making = false;
	settled(g);
}

/* True: it includes other files than before. */
static bool look_again(struct gated *g, const char *zone)
{
	struct pairs found_now = {0};
	struct search s = {.g = g, .to = &found_now, .zone = zone};
	size_t kept = 0, before = g->pairs.n;
	bool changed = false;

	if (is_zone(g, zone))
		search(&s, zone);
	for (size_t i = 0; i < found_now.n; i++)
		changed |= !has(&g->pairs, found_now.list[i].path, zone);
	for (size_t i = 0; i < before; i++) {
		if (strcmp(g->pairs.list[i].zone, zone) != 0) {
			g->pairs.list[kept++] = g->pairs.list[i];
			continue;
		}
		free(g->pairs.list[i].path);
		free(g->pairs.list[i].zone);
	}
	changed |= before - kept != found_now.n;
	g->pairs.n = kept;
	for (size_t i = 0; i < found_now.n; i++)
		add(&g->pairs, found_now.list[i].path, zone);
	clear(&found_now);
	sort(&g->pairs);
	return changed;
}

static void mark(void *arg, const char *zone)
{
	struct gated *g = arg;

	for (size_t i = 0; i < g->ndirty; i++)
		if (strcmp(g->dirty[i], zone) == 0)
			return;
	if (g->ndirty == DIRTY_MAX)
		g->generation = 0; /* all of it */
	else if ((g->dirty[g->ndirty] = strdup(zone)))
		g->ndirty++;
}

void gated_changed(struct gated *g, const char *path)
{
	if (!g->node->conf->server)
		return;
	if (is_zone(g, path))
		mark(g, path);
	gated_users(g, path, mark, g);
}

bool gated_work(struct gated *g)
{
	struct zones_status s;
	bool changed = false;

	if (!g->node->conf->server)
		return false;
	g->bytes = 0;
	zones_status(g->node->zones, &s);
	if (zones_changing(g->node->zones))
		g->settling = true;
	if (s.generation != g->generation)
		begin(g, &s);
	else if (g->settling && !zones_changing(g->node->zones) && !g->making)
		settled(g);
	if (g->making) {
		go_on(g);
		return g->making;
	}
	while (g->ndirty > 0 && g->bytes < BYTES_A_ROUND) {
		CLEANUP_FREE char *zone = g->dirty[--g->ndirty];

		changed |= look_again(g, zone);
	}
	if (changed)
		rejudge(g);
	return g->ndirty > 0;
}

/* ---- questions ---- */

bool gated_settling(const struct gated *g)
{
	return zones_changing(g->node->zones) || g->settling;
}

static bool is_known(const struct gated *g, const char *path)
{
	size_t i = first_of(&g->pairs, path);

	return zones_is_conf(g->node->zones, path) || is_zone(g, path) ||
	       (i < g->pairs.n && strcmp(g->pairs.list[i].path, path) == 0);
}

bool gated_is(const struct gated *g, const char *path)
{
	return gated_settling(g) || is_known(g, path);
}

bool gated_below(const struct gated *g, const char *path, char above[PATH_LEN_MAX + 1])
{
	snprintf(above, PATH_LEN_MAX + 1, "%s", path);
	for (size_t len = path_parent_len(above); len > 0; len = path_parent_len(above)) {
		above[len] = '\0';
		if (is_known(g, above))
			return true;
	}
	return false;
}

bool gated_includes(const struct gated *g, const char *zone_path, const char *path)
{
	return has(&g->pairs, path, zone_path);
}

void gated_users(const struct gated *g, const char *path,
		 void (*each)(void *arg, const char *zone_path), void *arg)
{
	for (size_t i = first_of(&g->pairs, path);
	     i < g->pairs.n && strcmp(g->pairs.list[i].path, path) == 0; i++)
		each(arg, g->pairs.list[i].zone);
}

struct gated *gated_new(struct node *n)
{
	struct gated *g = calloc(1, sizeof(*g));
	struct zones_status s;

	if (!g)
		return NULL;
	g->node = n;
	zones_status(n->zones, &s);
	g->settling = n->conf->server && s.generation > 0;
	return g;
}

void gated_free(struct gated *g)
{
	if (!g)
		return;
	while (g->ndirty > 0)
		free(g->dirty[--g->ndirty]);
	clear(&g->pairs);
	clear(&g->next);
	free(g);
}
