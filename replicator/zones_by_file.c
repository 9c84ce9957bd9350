/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The map where no name server can be asked: by sections `zone` of zonefs.conf that say where zones' files
 * are, the name being part of the path. Every such file that this node shows is a primary's, in no view.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replicator/zones_internal.h"

struct found {
	const struct zones *z;
	struct named_conf conf;
	size_t cap;
	bool failed;
};

static bool add(struct found *f, const char *name, const char *path)
{
	if (f->conf.n == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 64;
		struct named_zone *list = reallocarray(f->conf.list, cap, sizeof(*list));

		if (!list)
			return false;
		f->conf.list = list;
		f->cap = cap;
	}
	struct named_zone *zone = &f->conf.list[f->conf.n++];
	*zone = (struct named_zone){.name = strdup(name),
				    .zclass = strdup("IN"),
				    .type = NAMED_PRIMARY,
				    .primary = true,
				    .text = true};
	zone->file = malloc(strlen(path) + 2);
	if (!zone->name || !zone->zclass || !zone->file)
		return false;
	zone->file[0] = '/';
	strcpy(zone->file + 1, path);
	return true;
}

static bool look_at(void *arg, const struct core_path *p)
{
	struct found *f = arg;

	if (!p->shown || p->shown->attrs.kind != KIND_FILE || f->conf.n == NAMED_ZONES_MAX)
		return true;
	char *name = conf_zone_of_file(f->z->node->conf, p->path);
	f->failed = name && !add(f, name, p->path);
	free(name);
	return !f->failed;
}

static bool is_same(const struct zones *z, const struct named_conf *conf)
{
	if (z->generation == 0 || z->conf.n != conf->n)
		return false;
	for (size_t i = 0; i < conf->n; i++)
		if (strcmp(z->conf.list[i].file, conf->list[i].file) != 0 ||
		    strcmp(z->conf.list[i].name, conf->list[i].name) != 0)
			return false;
	return true;
}

void zones_find(struct zones *z)
{
	struct found f = {.z = z};

	z->due_msec = INT64_MAX;
	core_each(z->node->core, "", look_at, &f);
	if (f.failed || (!is_same(z, &f.conf) && zones_take(z, &f.conf) < 0))
		z->due_msec = z->node->now_msec + ZONES_RETRY_FIRST_MSEC;
	else
		z->map_msec = z->node->wall_msec;
	named_conf_fini(&f.conf);
	if (z->state != ZONES_GOOD)
		z->since_msec = z->node->wall_msec;
	z->state = ZONES_GOOD;
}
