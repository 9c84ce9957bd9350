/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "restore-at": what was visible at a time is to be there again. Path by path, by the
 * versions that are kept here: of those made until then the one that would have been shown. A path
 * whose first known version was made later and created it is deleted; one that is older than all
 * that is known of it is left alone, and that is said. First the whole plan, then the
 * serials of its zones (judge_forward.h), then one order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/pattern.h"
#include "replicator/control/control_history.h"
#include "replicator/judge/judge_forward.h"

#define PATHS_ROUND 200
#define TELL_ROUND 500
#define FORWARD_ROUND 20 /* each may be a large file */
#define PLAN_MAX 100000
#define VERSIONS_MAX 10000

struct planned {
	char *path;
	struct version *version; /* NULL: nothing is to be there */
	struct dot now;          /* what was visible when it was planned; origin 0: nothing */
	const char *left;        /* why it is left alone; NULL: it is not */
	struct attrs attrs;      /* of `version`, once its serial goes forward; its `words` say so */
	char *words;
	bool report; /* it does not */
	bool beside; /* only for its serial: it includes what is restored */
};

struct restore_job {
	int64_t at_msec;
	bool dry_run;
	char *path;                /* "": all */
	struct patterns *patterns; /* NULL: none */
	struct who who;
	char *user;

	char *cursor; /* the last path looked at */
	bool planned;
	size_t forward;            /* of these the serials have been looked at */
	size_t raised;
	struct planned *p;
	size_t n, cap;
	size_t told;
	int error;
};

static const struct attrs absent = {.kind = KIND_ABSENT};

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

static int plan(struct client *c, const char *path, struct version *then, const char *left)
{
	struct restore_job *j = c->job;
	const struct version *now = core_visible(c->node->core, path);
	bool implied = !now && core_is_dir(c->node->core, path);

	if (!left && then && !version_live(then))
		then = NULL;
	if (!left && (implied ? then && then->attrs.kind == KIND_DIR : is_so_already(now, then)))
		return 0;
	if (j->n == PLAN_MAX)
		return ERR_LIMIT;
	if (j->n == j->cap) {
		size_t cap = j->cap ? j->cap * 2 : 256;
		struct planned *p = realloc(j->p, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		j->p = p;
		j->cap = cap;
	}
	struct planned *to = &j->p[j->n];
	*to = (struct planned){.path = strdup(path), .left = left};
	if (!to->path)
		return -ENOMEM;
	if (then)
		to->version = version_get(then);
	if (now)
		to->now = now->dot;
	if (!left)
		to->left = why_not(c->node, then);
	j->n++;
	return 0;
}

static bool is_meant(const struct restore_job *j, const char *path)
{
	if (j->patterns)
		return patterns_match(j->patterns, path, false) ||
		       patterns_match(j->patterns, path, true);
	return !j->path[0] || strcmp(path, j->path) == 0 || path_below(path, j->path);
}

static int plan_path(struct client *c, const char *path)
{
	struct restore_job *j = c->job;
	struct past past = {.at_msec = j->at_msec};
	struct log_filter filter = {.path = path, .exact = true, .last = VERSIONS_MAX};

	if (!is_meant(j, path) || core_local(c->node->core, path, false))
		return 0;
	int err = store_log(c->node->store, &filter, add_past, &past);
	if (err == 0 && past.n > 0)
		err = plan(c, path, shown_then(&past), NULL);
	else if (err == 0 && past.first && was_created(past.first))
		err = plan(c, path, NULL, NULL);
	else if (err == 0 && past.first)
		err = plan(c, path, NULL, "what it was then is not known any more");
	past_fini(&past);
	return err;
}

/* ---- the plan ---- */

static int take_path(void *arg, const char *path)
{
	struct client *c = arg;
	struct restore_job *j = c->job;

	free(j->cursor);
	j->cursor = strdup(path);
	return j->cursor ? plan_path(c, path) : -ENOMEM;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct planned *)a)->path, ((const struct planned *)b)->path);
}

struct leaving {
	const struct restore_job *job;
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
	found = bsearch(&probe, l->job->p, l->job->n, sizeof(probe), by_path);
	l->stays = !found || found->version || found->left;
	return !l->stays;
}

/* What is in a directory that goes must go by the plan itself. */
static void keep_directories(struct client *c)
{
	struct restore_job *j = c->job;

	for (size_t i = j->n; i-- > 0;) { /* the deeper ones first */
		struct planned *p = &j->p[i];
		struct leaving l = {.job = j, .dir = p->path};

		if (p->left || (p->version && p->version->attrs.kind == KIND_DIR))
			continue;
		core_each(c->node->core, p->path, look_leaving, &l);
		if (l.stays)
			p->left = "it is a directory with something in it that stays";
	}
}

/* ---- serials ---- */

static void add_zone(void *arg, const char *zone_path)
{
	struct client *c = arg;
	struct restore_job *j = c->job;
	struct planned *to;

	for (size_t i = 0; i < j->n; i++)
		if (strcmp(j->p[i].path, zone_path) == 0)
			return;
	if (!core_settled(c->node->core, zone_path) || j->n == PLAN_MAX ||
	    !(to = reallocarray(j->p, j->n + 1, sizeof(*to))))
		return;
	const struct version *now = core_visible(c->node->core, zone_path);
	j->p = to;
	if (j->cap < j->n + 1)
		j->cap = j->n + 1;
	to = &j->p[j->n];
	*to = (struct planned){.path = strdup(zone_path), .now = now->dot, .beside = true};
	if (!to->path)
		return;
	to->version = version_get((struct version *)(uintptr_t)now);
	j->n++;
}

/* A zone whose file stays, and which includes what does not, is added to the plan. */
static void look_forward(struct client *c, size_t at)
{
	struct restore_job *j = c->job;
	struct planned *p = &j->p[at];
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
	forward_users(c->node, p->path, &j->p[at].version->attrs, add_zone, c);
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

	for (size_t i = 0; i < j->n; i++) {
		const struct planned *p = &j->p[i];
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
	if (!p->version)
		return &absent;
	return p->version->attrs.kind == KIND_FILE ? &p->attrs : &p->version->attrs;
}

static void give(struct client *c)
{
	struct restore_job *j = c->job;
	CLEANUP_FREE struct order_item *items = calloc(j->n ? j->n : 1, sizeof(*items));
	struct order o = {.items = items, .who = &j->who, .user = j->user};
	size_t restored = 0, deleted = 0, left = 0, changed = 0;
	char warnings[CONTROL_WORDS_MAX / 2] = "";

	if (!items) {
		control_end(c, 1, "out of memory");
		return;
	}
	for (size_t i = 0; i < j->n; i++) {
		const struct planned *p = &j->p[i];

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
				    PLAN_MAX);
		else if (found < 0)
			control_end(c, 1, "the history cannot be read: %s", err_text(found));
		else if (found < PATHS_ROUND) {
			if (j->n > 0)
				qsort(j->p, j->n, sizeof(*j->p), by_path);
			keep_directories(c);
			j->planned = true;
		}
		return;
	}
	for (int i = 0; i < FORWARD_ROUND && j->forward < j->n; i++)
		look_forward(c, j->forward++);
	if (j->forward < j->n)
		return;
	for (int i = 0; i < TELL_ROUND && j->told < j->n && control_has_room(c); i++)
		tell_planned(c, &j->p[j->told++]);
	if (j->told == j->n)
		give(c);
}

static int64_t restore_wake(const struct client *c)
{
	return c->node->now_msec;
}

static void restore_finish(struct client *c)
{
	struct restore_job *j = c->job;

	for (size_t i = 0; i < j->n; i++) {
		free(j->p[i].path);
		free(j->p[i].words);
		version_put(j->p[i].version);
	}
	free(j->p);
	patterns_free(j->patterns);
	free(j->path);
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
	j->patterns = patterns_new();
	if (j->patterns && patterns_add(j->patterns, pattern, &why) == 0)
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
	if (!control_get_number(request, "at", 1, c->node->wall_msec, &j->at_msec) || !j->at_msec) {
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
	j->path = strdup(path);
	j->user = strdup(user);
	if (!j->path || !j->user)
		control_end(c, 1, "out of memory");
}

const struct control_command control_restore_at = {.name = "restore-at",
						   .start = restore_start,
						   .round = restore_round,
						   .finish = restore_finish,
						   .wake = restore_wake};
