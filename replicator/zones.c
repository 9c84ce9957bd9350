/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The map as it is taken over from the configuration, what stays local by it, and the questions to it.
 */
#include "replicator/zones_internal.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/cleanup.h"

/* ---- the map ---- */

char *zones_path(const struct conf *conf, const char *in_root)
{
	const char *root = strcmp(conf->server->root, "/") == 0 ? "" : conf->server->root;
	CLEANUP_FREE char *host = NULL;

	if (asprintf(&host, "%s%s", root, in_root) < 0 || !path_below(host, conf->mount) ||
	    !path_valid(host + strlen(conf->mount) + 1))
		return NULL;
	return strdup(host + strlen(conf->mount) + 1);
}

static int compare_placed(const void *a, const void *b)
{
	const struct placed *p = a, *q = b;
	int order = strcmp(p->path, q->path);

	return order ? order : p->zone < q->zone ? -1 : p->zone > q->zone;
}

static void drop_map(struct zones *z)
{
	for (size_t i = 0; z->paths && i < z->conf.n; i++)
		free(z->paths[i]);
	free(z->paths);
	free(z->by_path);
	named_conf_fini(&z->conf);
	z->paths = NULL;
	z->by_path = NULL;
	z->nplaced = 0;
}

int zones_take(struct zones *z, struct named_conf *conf)
{
	char **paths = calloc(conf->n + 1, sizeof(*paths));
	struct placed *by_path = calloc(conf->n + 1, sizeof(*by_path));

	if (!paths || !by_path) {
		free(paths);
		free(by_path);
		return -ENOMEM;
	}
	drop_map(z);
	z->conf = *conf;
	z->paths = paths;
	z->by_path = by_path;
	*conf = (struct named_conf){0};
	for (size_t i = 0; i < z->conf.n; i++) {
		const char *file = z->conf.list[i].file;

		if (file)
			paths[i] = z->node->conf->server ? zones_path(z->node->conf, file)
							 : strdup(file + 1);
		if (paths[i])
			by_path[z->nplaced++] = (struct placed){paths[i], (uint32_t)i};
	}
	qsort(by_path, z->nplaced, sizeof(*by_path), compare_placed);
	z->generation++;
	return 0;
}

/* ---- what stays local ---- */

static const char *const of_signing[] = {".signed", ".signed.jnl", ".jbk", ".jnl"};

/* What named makes beside a zone's file. */
static int add_made(struct locality *l, const char *path)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(of_signing) && err == 0; i++) {
		CLEANUP_FREE char *made = NULL;

		if (asprintf(&made, "%s%s", path, of_signing[i]) < 0)
			err = -ENOMEM;
		else if (path_valid(made))
			err = locality_file(l, made, true);
	}
	return err;
}

static bool is_own(const struct named_zone *zone)
{
	return zone->type == NAMED_SECONDARY || zone->type == NAMED_MIRROR ||
	       zone->type == NAMED_STUB || (zone->type == NAMED_PRIMARY && zone->dynamic);
}

/* In the order of the paths. A file that is both people's and named's is named's. */
int zones_locality(const struct zones *z, struct locality *l)
{
	int err = 0;

	for (size_t i = 0; i < z->nplaced && err == 0; i++) {
		const struct named_zone *zone = &z->conf.list[z->by_path[i].zone];

		if (is_own(zone))
			err = locality_file(l, z->by_path[i].path, true);
		if (err == 0 && (is_own(zone) || (zone->primary && zone->inline_signed)))
			err = add_made(l, z->by_path[i].path);
	}
	for (size_t i = 0; i < z->nplaced && err == 0; i++) {
		const struct named_zone *zone = &z->conf.list[z->by_path[i].zone];
		const char *path = z->by_path[i].path;

		if (zone->primary && !zone->dynamic && locality_local(l, path, false, NULL) &&
		    !locality_own(l, path) && !locality_said(l, path))
			err = locality_file(l, path, false);
	}
	return err;
}

bool zones_decide_otherwise(const struct zones *z)
{
	struct locality *now = locality_bare(z->node->conf->locality);
	bool otherwise = now && zones_locality(z, now) == 0 &&
			 !locality_files_same(now, z->node->conf->locality);

	locality_free(now);
	return otherwise;
}

/* ---- what it is from ---- */

uint64_t zones_hash(const struct zones *z, const char *text, size_t len)
{
	return XXH3_64bits_withSeed(text, len, named_version(z->version));
}

static bool is_pattern(const char *file)
{
	return strpbrk(file, "*?[");
}

static int compare_files(const void *a, const void *b)
{
	const char *const *p = a, *const *q = b;
	int order = is_pattern(*q) - is_pattern(*p);

	return order ? order : strcmp(*p, *q);
}

void zones_set_files(struct zones *z, char **files)
{
	for (size_t i = 0; i < z->nfiles; i++)
		free(z->files[i]);
	free(z->files);
	z->files = files;
	z->nfiles = z->npatterns = 0;
	for (; files && files[z->nfiles]; z->nfiles++)
		z->npatterns += is_pattern(files[z->nfiles]);
	if (files)
		qsort(files, z->nfiles, sizeof(*files), compare_files);
}

/* Asked of each path and of all above it: a configuration may consist of a thousand files. */
bool zones_is_conf(const struct zones *z, const char *path)
{
	size_t npaths = z->nfiles - z->npatterns;

	for (size_t i = 0; i < z->npatterns; i++)
		if (strcmp(z->files[i], path) == 0 || fnmatch(z->files[i], path, FNM_PATHNAME) == 0)
			return true;
	return npaths > 0 && !is_pattern(path) &&
	       bsearch(&path, z->files + z->npatterns, npaths, sizeof(*z->files), compare_files);
}

struct zones *zones_new(struct node *n)
{
	struct zones *z = calloc(1, sizeof(*z));

	if (!z)
		return NULL;
	z->node = n;
	z->due_msec = INT64_MAX;
	if (!n->conf->server && !conf_zones_by_file(n->conf))
		return z;
	z->state = ZONES_ASKING;
	z->due_msec = 0;
	if (n->conf->server)
		zones_load(z);
	return z;
}

void zones_free(struct zones *z)
{
	if (!z)
		return;
	drop_map(z);
	zones_set_files(z, NULL);
	free(z);
}

/* ---- questions ---- */

void zones_status(const struct zones *z, struct zones_status *s)
{
	*s = (struct zones_status){
	    .state = z->state,
	    .asking = z->asking || z->due_msec <= z->node->now_msec + ZONES_QUIET_MSEC,
	    .words = z->words,
	    .version = z->version,
	    .since_msec = z->since_msec,
	    .map_msec = z->map_msec,
	    .n = (uint32_t)z->conf.n,
	    .generation = z->generation,
	};
}

static enum zone_place place_of(const struct zones *z, const struct named_zone *zone,
				const char *path)
{
	if (!zone->file || zone->type == NAMED_IN_VIEW || zone->type == NAMED_OTHER)
		return ZONE_NO_FILE;
	if (!path)
		return ZONE_OUTSIDE;
	if (!core_local(z->node->core, path, false))
		return ZONE_REPLICATED;
	if (zone->type == NAMED_SECONDARY || zone->type == NAMED_MIRROR || zone->type == NAMED_STUB)
		return ZONE_SECONDARY;
	if (zone->dynamic)
		return ZONE_DYNAMIC;
	return ZONE_EXCLUDED;
}

bool zones_entry(const struct zones *z, size_t i, struct zone_entry *e)
{
	if (i >= z->conf.n)
		return false;
	e->zone = &z->conf.list[i];
	e->path = z->paths[i];
	e->place = place_of(z, e->zone, e->path);
	return true;
}

bool zones_of_path(const struct zones *z, const char *path, size_t i, struct zone_entry *e)
{
	size_t low = 0, high = z->nplaced;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(z->by_path[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low + i >= z->nplaced || strcmp(z->by_path[low + i].path, path) != 0)
		return false;
	return zones_entry(z, z->by_path[low + i].zone, e);
}

bool zones_changing(const struct zones *z)
{
	return z->changing;
}

const char *zones_directory(const struct zones *z)
{
	return z->conf.directory ? z->conf.directory : "/";
}

const char *const *zones_files(const struct zones *z)
{
	return (const char *const *)z->files;
}
