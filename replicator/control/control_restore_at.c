/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "restore-at": what was visible at a time is to be there again. First the whole plan, then
 * the serials of its zones (judge_forward.h), then one order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/control/control_history.h"
#include "replicator/control/control_restore_plan.h"
#include "replicator/judge/judge_forward.h"

#define PATHS_ROUND 200
#define TELL_ROUND 500
#define FORWARD_ROUND 20 /* each may be a large file */

struct restore_job {
	struct restore_plan plan;
	bool dry_run;
	struct who who;
	char *user;

	char *cursor; /* the last path looked at */
	bool planned;
	size_t forward; /* of these the serials have been looked at */
	size_t raised;
	size_t told;
};

/* ---- the plan ---- */

static int take_path(void *arg, const char *path)
{
	struct client *c = arg;
	struct restore_job *j = c->job;

	free(j->cursor);
	j->cursor = strdup(path);
	return j->cursor ? restore_plan_path(c->node, &j->plan, path) : -ENOMEM;
}

/* ---- serials ---- */

static void add_zone(void *arg, const char *zone_path)
{
	struct client *c = arg;
	struct restore_job *j = c->job;

	for (size_t i = 0; i < j->plan.n; i++)
		if (strcmp(j->plan.p[i].path, zone_path) == 0)
			return;
	if (core_settled(c->node->core, zone_path))
		restore_plan_beside(&j->plan, zone_path, core_visible(c->node->core, zone_path));
}

/* A zone whose file stays, and which includes what does not, is added to the plan. */
static void look_forward(struct client *c, size_t at)
{
	struct restore_job *j = c->job;
	struct planned *p = &j->plan.p[at];
	char words[FORWARD_WORDS];
	enum forward what;

	if (!p->version || p->left || p->version->attrs.kind != KIND_FILE)
		return;
	p->attrs = p->version->attrs;
	what = p->beside
		   ? forward_beside(c->node, p->path, &p->attrs, j->dry_run, words)
		   : forward_make(c->node, p->path, &p->attrs, j->dry_run, words);
	if (what != FORWARD_FINE)
		p->words = strdup(words);
	p->report = what == FORWARD_TWICE;
	j->raised += what == FORWARD_RAISED;
	forward_users(c->node, p->path, &j->plan.p[at].version->attrs, add_zone, c);
}

static void tell_planned(struct client *c, const struct planned *p)
{
	char id[CONTROL_ID_TEXT];
	json_t *o = json_object();

	control_add_text(o, "type", "planned");
	control_add_path(o, "path", p->path);
	control_add_text(o, "action", p->left ? "left" : p->version ? "restore" : "delete");
	if (p->left)
		control_add_text(o, "words", p->left);
	else if (p->words)
		control_add_text(o, "words", p->words);
	if (p->version) {
		control_id_text(id, p->version->dot);
		control_add_text(o, "id", id);
	}
	control_line(c, o);
}

/* ---- the order ---- */

static void end_in_words(struct client *c, size_t restored, size_t deleted, size_t left,
			 size_t changed, const char *warnings)
{
	const struct restore_job *j = c->job;
	const char *verb = j->dry_run ? "would be " : "";
	char serials[128] = "";

	if (j->raised > 0)
		snprintf(serials, sizeof(serials), "; %zu serial%s %sraised", j->raised,
			 j->raised == 1 ? "" : "s", verb);
	if (restored + deleted + left + changed == 0)
		control_end(c, 0, "nothing to do: it is as it was then");
	else
		control_end(c, left + changed > 0,
			    "%zu %srestored, %zu %sdeleted, %zu left alone%s%s%s", restored, verb,
			    deleted, verb, left + changed,
			    changed ? " (some were changed meanwhile)" : "", serials, warnings);
}

static bool changed_meanwhile(const struct client *c, const struct planned *p)
{
	const struct version *now = core_visible(c->node->core, p->path);

	return !dot_same(now ? now->dot : (struct dot){0}, p->now);
}

/* What is not mended is reported, of what has been ordered, and said, as much as there is room for. */
static void heed(struct client *c, char *warnings, size_t size)
{
	const struct restore_job *j = c->job;

	for (size_t i = 0; i < j->plan.n; i++) {
		const struct planned *p = &j->plan.p[i];
		const struct version *now = core_visible(c->node->core, p->path);
		size_t len = strlen(warnings);

		if (!p->report || p->left || !p->words ||
		    (!j->dry_run && (!now || !hash_same(now->attrs.hash, p->attrs.hash))))
			continue;
		if (!j->dry_run)
			forward_report(c->node->forwards, p->path, p->attrs.hash, p->words);
		if (len + strlen(p->path) + strlen(p->words) + 16 < size)
			snprintf(warnings + len, size - len, "\nwarning: /%s: %s", p->path, p->words);
	}
}

static const struct attrs *attrs_of(const struct planned *p)
{
	static const struct attrs absent = {.kind = KIND_ABSENT};

	if (!p->version)
		return &absent;
	return p->version->attrs.kind == KIND_FILE ? &p->attrs : &p->version->attrs;
}

static void give(struct client *c)
{
	struct restore_job *j = c->job;
	CLEANUP_FREE struct order_item *items = calloc(j->plan.n ? j->plan.n : 1, sizeof(*items));
	struct order o = {.items = items, .who = &j->who, .user = j->user};
	size_t restored = 0, deleted = 0, left = 0, changed = 0;
	char warnings[CONTROL_WORDS_MAX / 2] = "";

	if (!items) {
		control_end(c, 1, "out of memory");
		return;
	}
	for (size_t i = 0; i < j->plan.n; i++) {
		const struct planned *p = &j->plan.p[i];

		if (p->left) {
			left++;
			continue;
		}
		if (changed_meanwhile(c, p)) {
			changed += !p->beside;
			continue;
		}
		items[o.n++] = (struct order_item){p->path, attrs_of(p),
						   p->version ? p->version->target : NULL};
		if (!p->beside)
			*(p->version ? &restored : &deleted) += 1;
	}
	int err = j->dry_run || o.n == 0 ? 0 : node_order(c->node, &o);
	if (err < 0)
		control_end(c, 1, "the store cannot be written: %s", err_text(err));
	if (err < 0)
		return;
	heed(c, warnings, sizeof(warnings));
	end_in_words(c, restored, deleted, left, changed, warnings);
}

static void restore_round(struct client *c)
{
	struct restore_job *j = c->job;

	if (!j->planned) {
		int found = store_paths(c->node->store, j->cursor, PATHS_ROUND, take_path, c);

		if (found == ERR_LIMIT)
			control_end(c, 1, "more than %d paths would change: give a path or pattern",
				    RESTORE_PLAN_MAX);
		else if (found < 0)
			control_end(c, 1, "the history cannot be read: %s", err_text(found));
		else if (found < PATHS_ROUND) {
			restore_plan_end(c->node, &j->plan);
			j->planned = true;
		}
		return;
	}
	for (int i = 0; i < FORWARD_ROUND && j->forward < j->plan.n; i++)
		look_forward(c, j->forward++);
	if (j->forward < j->plan.n)
		return;
	for (int i = 0; i < TELL_ROUND && j->told < j->plan.n && control_has_room(c); i++)
		tell_planned(c, &j->plan.p[j->told++]);
	if (j->told == j->plan.n)
		give(c);
}

static int64_t restore_wake(const struct client *c)
{
	return c->node->now_msec;
}

static void restore_finish(struct client *c)
{
	struct restore_job *j = c->job;

	restore_plan_fini(&j->plan);
	free(j->user);
	free(j->cursor);
	free(j);
}

/* ---- the request ---- */

static bool read_pattern(struct client *c, const json_t *request)
{
	struct restore_job *j = c->job;
	const char *pattern = NULL, *why = "";

	if (!control_get_text(request, "pattern", &pattern)) {
		control_end(c, 1, "\"pattern\" is not a pattern");
		return false;
	}
	if (!pattern)
		return true;
	j->plan.patterns = patterns_new();
	if (j->plan.patterns && patterns_add(j->plan.patterns, pattern, &why) == 0)
		return true;
	control_end(c, 1, "%.256s: %s", pattern, why);
	return false;
}

static void restore_start(struct client *c, const json_t *request)
{
	struct restore_job *j = calloc(1, sizeof(*j));
	const char *text = "", *user;
	char path[PATH_LEN_MAX + 1];

	c->job = j;
	if (!j || !(j->cursor = strdup(""))) {
		control_end(c, 1, "out of memory");
		return;
	}
	if (core_joining(c->node->core)) {
		control_end(c, 1, "this node is joining: wait until it has its peers' tree");
		return;
	}
	if (!control_get_number(request, "at", 1, c->node->wall_msec, &j->plan.at_msec) ||
	    !j->plan.at_msec) {
		control_end(c, 1, "\"at\" is not a time of the past in milliseconds");
		return;
	}
	if (!control_get_text(request, "path", &text) || control_path(text, path) < 0) {
		control_end(c, 1, "\"path\" is not a path of the tree");
		return;
	}
	if (!control_get_bool(request, "dry_run", &j->dry_run)) {
		control_end(c, 1, "\"dry_run\" is neither true nor false");
		return;
	}
	if (!read_pattern(c, request))
		return;
	order_who(c, request, &j->who, &user);
	j->plan.path = strdup(path);
	j->user = strdup(user);
	if (!j->plan.path || !j->user)
		control_end(c, 1, "out of memory");
}

const struct control_command control_restore_at = {.name = "restore-at",
						   .start = restore_start,
						   .round = restore_round,
						   .finish = restore_finish,
						   .wake = restore_wake};
