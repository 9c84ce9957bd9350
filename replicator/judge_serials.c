/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Named values of the store, "serial/VIEW/ZONE": four bytes.
 */
#include "replicator/judge_serials.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "replicator/judge_gated.h"
#include "replicator/judge_internal.h"
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

bool serials_highest(const struct node *n, const char *zone, const char *view, uint32_t *serial)
{
	char name[NAME_MAX_LEN];

	value_name(name, zone, view);
	return store_value_get(n->store, name, serial, sizeof(*serial)) == (long)sizeof(*serial);
}

/* One that says the same as another content is told. */
static void learn(struct node *n, const struct zone_entry *e, uint32_t serial, bool all)
{
	char name[NAME_MAX_LEN];
	uint32_t highest;
	const char *view = e->zone->view ? e->zone->view : "";
	bool known = serials_highest(n, e->zone->name, view, &highest);

	if (known &&
	    (serial == highest || (!all && serial_compare(serial, highest) != SERIAL_GREATER)))
		return;
	value_name(name, e->zone->name, view);
	store_value_put(n->store, name, &serial, sizeof(serial));
}

struct learning {
	struct node *node;
	uint32_t serial;
	bool all;
};

static void learn_path(void *arg, const char *path)
{
	const struct learning *l = arg;
	struct zone_entry e;

	for (size_t i = 0; zones_of_path(l->node->zones, path, i, &e); i++)
		if (e.zone->type == NAMED_PRIMARY && !e.zone->dynamic)
			learn(l->node, &e, l->serial, l->all);
}

/* ---- reading it ---- */

/* False: none is there, or it cannot be read. */
static bool read_serial(struct node *n, const struct attrs *a, uint32_t *serial)
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
	struct learning l = {.node = n, .all = all};

	if (!read_serial(n, a, &l.serial))
		return;
	learn_path(&l, path);
	gated_users(n->gated, path, learn_path, &l);
}

void serials_look(struct node *n, const char *path)
{
	const struct shown *s = core_shown(n->core, path);

	if (s)
		learn_of(n, path, &s->attrs, false);
}

/* ---- what becomes known ---- */

static void drop(struct serials *s, size_t i)
{
	free(s->list[i].path);
	version_put(s->list[i].version);
	memmove(s->list + i, s->list + i + 1, (--s->n - i) * sizeof(*s->list));
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

	for (size_t i = 0; i < s->n;) {
		const struct noted *one = &s->list[i];

		if (!store_has(n->store, one->version->attrs.hash)) {
			i++;
			continue;
		}
		learn_of(n, one->path, &one->version->attrs,
			 core_versions(n->core, one->path) == 1 &&
			     core_visible(n->core, one->path) == one->version);
		drop(s, i);
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
