/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which zones a judgement is about. Without a new configuration: those whose file, or a file that they
 * include, is among the items. With one also those that are new, or that named would check by other
 * rules; and what it names and is not there is needed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/judge/judge_gated.h"
#include "replicator/judge/judge_internal.h"

static bool is_static(const struct named_zone *z)
{
	return z->type == NAMED_PRIMARY && !z->dynamic && z->file;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_checks(const struct named_checks *a, const struct named_checks *b)
{
	return a->format == b->format && a->names == b->names && a->mx == b->mx &&
	       a->mx_cname == b->mx_cname && a->srv_cname == b->srv_cname &&
	       a->dup_records == b->dup_records && a->spf == b->spf && a->wildcard == b->wildcard &&
	       a->integrity == b->integrity && a->sibling == b->sibling &&
	       a->max_ttl == b->max_ttl && a->max_records == b->max_records &&
	       a->max_records_per_type == b->max_records_per_type &&
	       a->max_types_per_name == b->max_types_per_name;
}

/* A view whose check would be the same one is looked at with the other. */
static bool is_found(const struct judgement *j, const struct named_zone *z, const char *path)
{
	for (size_t i = 0; i < j->nzones; i++) {
		const struct judge_zone *f = j->zones[i];

		if (strcmp(f->path, path) == 0 && strcmp(f->name, z->name) == 0 &&
		    strcmp(f->zclass, z->zclass) == 0 && same_checks(&f->checks, &z->checks))
			return true;
	}
	return false;
}

static void add(struct judgement *j, const struct named_zone *z, const char *path)
{
	if (is_found(j, z, path))
		return;
	if (j->nzones == JUDGE_ZONES_MAX)
		j->left_out++;
	else if (!judge_zone_add(j, z, path))
		judge_say(j, VERDICT_UNKNOWN, "%s", err_text(-ENOMEM));
}

/* A configured zone would be without its file. True: so it is. */
static bool is_deletion(struct judgement *j, const struct named_zone *z, const char *path)
{
	const struct version *v = judge_item(j, path);

	if (!v || v->attrs.kind == KIND_FILE)
		return false;
	if (v->attrs.kind != KIND_ABSENT)
		judge_say(j, VERDICT_BAD, "%s: is no file, but zone %s has its records there", path,
			  z->name);
	else
		judge_say(j, VERDICT_DOUBT,
			  "%s: is deleted, and the configuration has zone %s there", path, z->name);
	return true;
}

/* What lies below a path makes it a directory, on all nodes. */
static void say_directory(struct judgement *j, const struct item *item, const char *above)
{
	if (version_live(item->version))
		judge_say(j, VERDICT_BAD,
			  "%s: lies below %s, which the name server reads as a file", item->path,
			  above);
}

/* ---- by the map that is ---- */

static void add_of_path(struct judgement *j, const char *path)
{
	struct zone_entry e;

	for (size_t i = 0; zones_of_path(j->node->zones, path, i, &e); i++)
		if (is_static(e.zone) && !is_deletion(j, e.zone, path))
			add(j, e.zone, path);
}

static void add_user(void *arg, const char *zone_path)
{
	add_of_path(arg, zone_path);
}

/* ---- by the one to come ---- */

static bool is_known(const struct judgement *j, const struct named_zone *z, const char *path)
{
	struct zone_entry e;

	for (size_t i = 0; zones_of_path(j->node->zones, path, i, &e); i++)
		if (strcmp(e.zone->name, z->name) == 0 && same_text(e.zone->view, z->view) &&
		    strcmp(e.zone->zclass, z->zclass) == 0 && is_static(e.zone) &&
		    same_checks(&e.zone->checks, &z->checks))
			return true;
	return false;
}

static bool includes_item(const struct judgement *j, const char *path)
{
	for (uint32_t i = 0; i < j->trial->n; i++)
		if (gated_includes(j->node->gated, path, j->trial->items[i].path))
			return true;
	return false;
}

/* Of a tree that is taken in: the name server has it so already. */
static bool all_imports(const struct judgement *j)
{
	for (uint32_t i = 0; i < j->trial->n; i++)
		if (!j->trial->items[i].version->import)
			return false;
	return true;
}

static void look_at(struct judgement *j, const struct named_zone *z)
{
	CLEANUP_FREE char *path = is_static(z) ? zones_path(j->node->conf, z->file) : NULL;
	struct judge_file f;

	if (!path || core_local(j->node->core, path, false) || is_deletion(j, z, path))
		return;
	for (uint32_t i = 0; i < j->trial->n; i++)
		if (path_below(j->trial->items[i].path, path))
			say_directory(j, &j->trial->items[i], path);
	if (!judge_file_now(j, path, &f)) {
		judge_say(j, VERDICT_UNKNOWN, "%s", err_text(-ENOMEM));
		return;
	}
	bool gone = f.gone;
	judge_file_fini(&f);
	if (gone && !is_known(j, z, path) && !all_imports(j)) {
		judge_say(j, VERDICT_BAD,
			  "%s: is not there, and the configuration has zone %s%s%s there: it waits "
			  "for it",
			  path, z->name, z->view ? " in view " : "", z->view ? z->view : "");
		judge_need(j, path);
	} else if (!gone &&
		   (judge_is_item(j, path) || !is_known(j, z, path) || includes_item(j, path))) {
		add(j, z, path);
	}
}

void judge_find_zones(struct judgement *j)
{
	const char *directory = j->has_conf ? j->conf.directory : zones_directory(j->node->zones);

	j->directory = strdup(directory ? directory : "/");
	if (!j->directory)
		judge_say(j, VERDICT_UNKNOWN, "%s", err_text(-ENOMEM));
	for (size_t i = 0; j->has_conf && i < j->conf.n; i++)
		look_at(j, &j->conf.list[i]);
	for (uint32_t i = 0; !j->has_conf && i < j->trial->n; i++) {
		const char *path = j->trial->items[i].path;
		char above[PATH_LEN_MAX + 1];

		if (gated_below(j->node->gated, path, above))
			say_directory(j, &j->trial->items[i], above);
		add_of_path(j, path);
		gated_users(j->node->gated, path, add_user, j);
	}
	if (j->left_out > 0)
		judge_say(j, VERDICT_GOOD, "%zu more zones were not looked at", j->left_out);
}
