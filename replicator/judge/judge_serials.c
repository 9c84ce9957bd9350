/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Named values of the store, "serial/VIEW/ZONE": four bytes, and the hash of the content that has it.
 */
#include "replicator/judge/judge_serials.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "replicator/judge/judge_forward.h"
#include "replicator/judge/judge_gated.h"
#include "replicator/judge/judge_internal.h"
#include "replicator/runner.h"
#include "replicator/store/store.h"
#include "replicator/zone/serial.h"

#define NOTED_MAX 4096   /* whose contents are still to come; the oldest are given up */
#define HEAD (64 * 1024) /* a serial stands at the beginning, as a rule */
#define NAME_MAX_LEN 2200

struct noted {
	char *path;
	struct version *version;
};

struct serials {
	struct node *node;
	struct noted list[NOTED_MAX];
	size_t n;
};

/* ---- what is known ---- */

static void value_name(char name[NAME_MAX_LEN], const char *zone, const char *view)
{
	int len = snprintf(name, NAME_MAX_LEN, "serial/%s/%s", view ? view : "", zone);

	for (char *p = name + 7 + strlen(view ? view : ""); len > 0 && *p; p++)
		*p = (char)tolower((unsigned char)*p);
}

/* Earlier ones have no hash. */
bool serials_known(const struct node *n, const char *zone, const char *view,
		   struct known_serial *known)
{
	char name[NAME_MAX_LEN];

	*known = (struct known_serial){0};
	value_name(name, zone, view);
	return store_value_get(n->store, name, known, sizeof(*known)) >=
	       (long)sizeof(known->serial);
}

bool serials_highest(const struct node *n, const char *zone, const char *view, uint32_t *serial)
{
	struct known_serial known;

	if (!serials_known(n, zone, view, &known))
		return false;
	*serial = known.serial;
	return true;
}

struct learning {
	struct node *node;
	struct known_serial is;
	bool all; /* it has seen all others */
};

static void learn(void *arg, const struct zone_entry *e)
{
	const struct learning *l = arg;
	struct known_serial known, is = l->is;
	char name[NAME_MAX_LEN];

	if (serials_known(l->node, e->zone->name, e->zone->view, &known)) {
		bool equal = is.serial == known.serial;

		if (!equal && !l->all && serial_compare(is.serial, known.serial) != SERIAL_GREATER)
			return;
		if (equal && hash_same(is.hash, known.hash))
			return;
		if (equal && !hash_none(known.hash))
			memset(&is.hash, 0xff, sizeof(is.hash)); /* nobody's: several have it */
		if (equal && hash_same(is.hash, known.hash))
			return;
	}
	value_name(name, e->zone->name, e->zone->view);
	store_value_put(l->node->store, name, &is, sizeof(is));
}

struct looking {
	struct node *node;
	void (*each)(void *arg, const struct zone_entry *e);
	void *arg;
};

static void look_at_path(void *arg, const char *path)
{
	const struct looking *l = arg;
	struct zone_entry e;

	for (size_t i = 0; zones_of_path(l->node->zones, path, i, &e); i++)
		if (e.zone->type == NAMED_PRIMARY && !e.zone->dynamic)
			l->each(l->arg, &e);
}

void serials_zones(struct node *n, const char *path,
		   void (*each)(void *arg, const struct zone_entry *e), void *arg)
{
	struct looking l = {n, each, arg};

	look_at_path(&l, path);
	gated_users(n->gated, path, look_at_path, &l);
}

/* ---- reading it ---- */

bool serials_read(struct node *n, const struct attrs *a, uint32_t *serial)
{
	struct serial_place place;
	const char *why;
	size_t size = a->size < HEAD ? (size_t)a->size : HEAD, len = 0;

	if (a->kind != KIND_FILE || a->size > JUDGE_TEXT_MAX)
		return false;
	for (;;) {
		CLEANUP_FREE char *text = malloc(size + 1);
		uint64_t total = 0;

		for (len = 0; text && len < size;) {
			long got =
			    store_read(n->store, a->hash, len, text + len, size - len, &total);
			if (got <= 0)
				break;
			len += (size_t)got;
		}
		if (!text || len != size)
			return false;
		if (serial_find(text, len, &place, &why) == 0 &&
		    (place.end < len || size == a->size)) {
			*serial = place.value;
			return true;
		}
		if (size == a->size)
			return false;
		size = (size_t)a->size;
	}
}

static void learn_of(struct node *n, const char *path, const struct attrs *a, bool all)
{
	struct learning l = {.node = n, .is.hash = a->hash, .all = all};

	if (serials_read(n, a, &l.is.serial))
		serials_zones(n, path, learn, &l);
}

void serials_look(struct node *n, const char *path)
{
	const struct shown *s = core_shown(n->core, path);

	if (s)
		learn_of(n, path, &s->attrs, false);
	forward_look(n, path);
}

/* ---- what becomes known ---- */

static void noted_fini(struct noted *one)
{
	free(one->path);
	version_put(one->version);
}

static struct noted take(struct serials *s, size_t i)
{
	struct noted one = s->list[i];

	memmove(s->list + i, s->list + i + 1, (--s->n - i) * sizeof(*s->list));
	return one;
}

static void drop(struct serials *s, size_t i)
{
	struct noted one = take(s, i);

	noted_fini(&one);
}

void serials_note(struct serials *s, const char *path, const struct version *v)
{
	if (!s->node->conf->server || v->attrs.kind != KIND_FILE || !gated_is(s->node->gated, path))
		return;
	if (s->n == NOTED_MAX)
		drop(s, 0);
	char *copy = strdup(path);
	if (copy)
		s->list[s->n++] = (struct noted){copy, version_get((struct version *)(uintptr_t)v)};
}

void serials_work(struct serials *s)
{
	struct node *n = s->node;

	for (size_t i = 0; i < s->n && runner_blocked(n->runner) == 0;) {
		if (!store_has(n->store, s->list[i].version->attrs.hash)) {
			i++;
			continue;
		}
		struct noted one = take(s, i); /* what follows notes more */
		learn_of(n, one.path, &one.version->attrs,
			 core_versions(n->core, one.path) == 1 &&
			     core_visible(n->core, one.path) == one.version);
		forward_look(n, one.path);
		noted_fini(&one);
	}
}

struct serials *serials_open(struct node *n)
{
	struct serials *s = calloc(1, sizeof(*s));

	if (s)
		s->node = n;
	return s;
}

void serials_close(struct serials *s)
{
	while (s && s->n > 0)
		drop(s, s->n - 1);
	free(s);
}
