/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "log": the newest versions that were asked for, oldest first, in pages as the client
 * takes them; with "follow" then those that come, and what becomes known of those already told.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/control_internal.h"
#include "replicator/control_rename.h"

#define LAST_DEFAULT 50
#define LAST_MAX 100000
#define PAGE_RECORDS 200
#define FOLLOW_MSEC 100 /* between two looks at the store */
#define WATCHED_MAX 64  /* of the versions told last, whose outcomes are watched */

/* Ids around a version among which its op's others are looked for. */
#define NEAR 16
#define FAR 1100

/* A version that has been told: how many of its outcomes have been, too. */
struct watched {
	struct dot dot;
	char *path;
	uint32_t outcomes;
};

struct log_job {
	char *path;
	char *origin;
	struct log_filter filter; /* for going on */
	int64_t left;             /* that may still be told; follow: without end */
	bool follow;
	bool caught_up;
	uint64_t seen;          /* node->changes when it was looked at last */
	int64_t next_msec;      /* not before */
	struct renames renames; /* of the op that was told last */
	struct watched watched[WATCHED_MAX];
	uint32_t nwatched; /* ever; the next one's place is this modulo WATCHED_MAX */
	struct client *client;
	uint32_t told; /* in this page */
};

/* ---- renames ---- */

struct finding {
	struct renames *renames;
	int64_t until_id;
	int64_t first_id; /* of the op's versions found */
	int64_t last_id;
};

static int find_names(void *arg, const struct log_record *r)
{
	struct finding *f = arg;

	if (r->id > f->until_id)
		return 1;
	if (!dot_same(r->version->dot, f->renames->dot))
		return 0;
	if (f->first_id == 0)
		f->first_id = r->id;
	f->last_id = r->id;
	return renames_add(f->renames, r->path, r->version);
}

static void find_around(struct log_job *j, const struct log_record *r, int64_t distance,
			struct finding *f)
{
	struct dot dot = r->version->dot;
	struct log_filter filter = {
	    .after_id = r->id > distance ? r->id - distance : 0,
	    .origin = dot.origin,
	    .last = (uint32_t)(2 * distance),
	    .first = true,
	};

	renames_fini(&j->renames);
	renames_init(&j->renames, dot);
	*f = (struct finding){.renames = &j->renames, .until_id = r->id + distance};
	if (store_log(j->client->node->store, &filter, find_names, f) < 0)
		renames_fini(&j->renames);
	j->renames.dot = dot;
}

/* All versions of an op were learned together, so their ids are close to each other. */
static void find_renames(struct log_job *j, const struct log_record *r)
{
	struct finding f;

	if (dot_same(j->renames.dot, r->version->dot))
		return;
	find_around(j, r, NEAR, &f);
	if (f.last_id - f.first_id >= NEAR)
		find_around(j, r, FAR, &f);
	renames_pair(&j->renames);
}

static void add_rename(struct log_job *j, json_t *o, const struct log_record *r)
{
	const struct version *v = r->version;
	const char *other;

	if (v->import || (version_live(v) && !(v->changed & (CHANGED_KIND | CHANGED_CONTENT))))
		return;
	find_renames(j, r);
	other = renames_other(&j->renames, r->path);
	if (other)
		control_add_path(o, version_live(v) ? "renamed_from" : "renamed_to", other);
}

/* ---- outcomes ---- */

/* "ZONE SERIAL" lines. */
static json_t *served_list(const char *served)
{
	json_t *list = json_array();

	while (*served) {
		size_t len = strcspn(served, "\n");
		char *line CLEANUP_FREE = strndup(served, len);

		if (line && len > 0)
			json_array_append_new(list, control_text(line));
		served += len + (served[len] == '\n');
	}
	return list;
}

static void add_outcome(json_t *o, const struct outcome *outcome)
{
	control_add_text(o, "node", outcome->node ? outcome->node : "");
	control_add_number(o, "time", outcome->wall_msec);
	if (outcome->after_msec >= 0)
		control_add_number(o, "after_ms", outcome->after_msec);
	if (outcome->hook)
		control_add_text(o, "hook", outcome->hook);
	control_add_number(o, "status", outcome->status);
	control_add_text(o, "words", outcome->words ? outcome->words : "");
	if (outcome->served && outcome->served[0])
		json_object_set_new(o, "served", served_list(outcome->served));
}

struct collecting {
	json_t *list;
	uint32_t n;
};

static int collect(void *arg, const struct outcome *outcome)
{
	struct collecting *c = arg;
	json_t *o = json_object();

	add_outcome(o, outcome);
	json_array_append_new(c->list, o);
	c->n++;
	return 0;
}

static void watch(struct log_job *j, const struct log_record *r, uint32_t outcomes)
{
	struct watched *w = &j->watched[j->nwatched % WATCHED_MAX];

	if (!j->follow)
		return;
	free(w->path);
	w->path = strdup(r->path);
	w->dot = r->version->dot;
	w->outcomes = outcomes;
	j->nwatched++;
}

/* An outcome that is told after its version. */
struct telling {
	struct client *client;
	struct watched *watched;
	uint32_t at;
};

static int tell_outcome(void *arg, const struct outcome *outcome)
{
	struct telling *t = arg;
	char dot[CONTROL_DOT_TEXT];

	if (t->at++ < t->watched->outcomes)
		return 0;
	json_t *o = json_object();
	control_add_text(o, "type", "outcome");
	control_dot_text(dot, t->watched->dot);
	control_add_text(o, "version", dot);
	control_add_path(o, "path", t->watched->path);
	add_outcome(o, outcome);
	if (!control_line(t->client, o))
		return 1;
	t->watched->outcomes++;
	return 0;
}

static void tell_new_outcomes(struct log_job *j)
{
	uint32_t n = j->nwatched < WATCHED_MAX ? j->nwatched : WATCHED_MAX;
	uint32_t start = j->nwatched - n;

	for (uint32_t i = 0; i < n; i++) {
		struct watched *w = &j->watched[(start + i) % WATCHED_MAX];
		struct telling t = {.client = j->client, .watched = w};

		if (w->path)
			store_outcomes(j->client->node->store, w->dot, w->path, tell_outcome, &t);
	}
}

/* ---- versions ---- */

static int tell_version(void *arg, const struct log_record *r)
{
	struct log_job *j = arg;
	struct node *n = j->client->node;
	json_t *o = json_object();
	struct collecting outcomes = {.list = json_array()};

	control_add_text(o, "type", "version");
	control_add_number(o, "id", r->id);
	control_add_text(o, "node", r->node);
	control_add_bool(o, "own", r->own);
	control_add_number(o, "learned", r->wall_msec);
	control_add_path(o, "path", r->path);
	control_add_version(o, r->version);
	/* What was taken in has no time of its own. */
	if (r->version->stamp >> 16 == 0)
		control_add_number(o, "time", r->wall_msec);
	add_rename(j, o, r);
	if (r->history)
		control_add_bool(o, "history", true);
	store_outcomes(n->store, r->version->dot, r->path, collect, &outcomes);
	json_object_set_new(o, "outcomes", outcomes.list);
	if (!control_line(j->client, o))
		return 1;
	watch(j, r, outcomes.n);
	j->filter.after_id = r->id;
	j->told++;
	return control_has_room(j->client) ? 0 : 1;
}

static int first_id(void *arg, const struct log_record *r)
{
	*(int64_t *)arg = r->id;
	return 1;
}

/* Finds where to begin: at the oldest of the newest `last` that match. */
static int find_start(struct log_job *j, struct node *n, uint32_t last)
{
	int64_t id = 0;
	int err;

	j->filter.last = last;
	err = store_log(n->store, &j->filter, first_id, &id);
	if (err < 0)
		return err;
	j->filter.after_id = id > 0 ? id - 1 : 0;
	j->filter.first = true;
	j->left = id > 0 ? last : 0;
	return 0;
}

/* What is newer than this has not been looked through by the filter yet. */
static int64_t newest_id(struct node *n)
{
	struct log_filter all = {.last = 1};
	int64_t id = 0;

	return store_log(n->store, &all, first_id, &id) < 0 ? 0 : id;
}

/* One page; true if there may be more. */
static bool tell_page(struct log_job *j, int *err)
{
	struct node *n = j->client->node;
	int64_t newest = newest_id(n);
	uint32_t page = PAGE_RECORDS;

	if (!j->caught_up && j->left < page)
		page = (uint32_t)j->left;
	j->told = 0;
	if (page == 0)
		return false;
	j->filter.last = page;
	int rc = store_log(n->store, &j->filter, tell_version, j);
	if (rc < 0) {
		*err = rc;
		return false;
	}
	if (!j->caught_up)
		j->left -= j->told;
	if (rc > 0 || j->told == page)
		return j->caught_up || j->left > 0;
	if (newest > j->filter.after_id)
		j->filter.after_id = newest;
	return false;
}

static void log_round(struct client *c)
{
	struct log_job *j = c->job;
	struct node *n = c->node;
	int err = 0;

	if (j->caught_up && (j->seen == n->changes || n->now_msec < j->next_msec))
		return;
	uint64_t changes = n->changes;
	if (tell_page(j, &err))
		return;
	if (err < 0) {
		control_end(c, 1, "the log cannot be read: %s", err_text(err));
		return;
	}
	if (!j->follow) {
		control_end(c, 0, "that is all");
		return;
	}
	if (j->caught_up)
		tell_new_outcomes(j);
	j->caught_up = true;
	j->seen = changes;
	j->next_msec = n->now_msec + FOLLOW_MSEC;
}

static int64_t log_wake(const struct client *c)
{
	const struct log_job *j = c->job;

	if (!j->caught_up)
		return c->node->now_msec;
	return j->seen == c->node->changes ? INT64_MAX : j->next_msec;
}

static void log_finish(struct client *c)
{
	struct log_job *j = c->job;

	for (uint32_t i = 0; i < WATCHED_MAX; i++)
		free(j->watched[i].path);
	renames_fini(&j->renames);
	free(j->path);
	free(j->origin);
	free(j);
}

/* ---- the request ---- */

struct log_request {
	const char *path;
	const char *origin;
	int64_t since;
	int64_t last;
	bool follow;
};

static bool read_request(struct client *c, const json_t *request, struct log_request *q,
			 char path[PATH_LEN_MAX + 1])
{
	*q = (struct log_request){.path = "", .last = LAST_DEFAULT};
	if (!control_get_text(request, "path", &q->path) || control_path(q->path, path) < 0) {
		control_end(c, 1, "\"path\" is not a path of the tree");
		return false;
	}
	if (!control_get_text(request, "origin", &q->origin)) {
		control_end(c, 1, "\"origin\" is not a node's name");
		return false;
	}
	if (!control_get_number(request, "since", 0, INT64_C(1) << 53, &q->since)) {
		control_end(c, 1, "\"since\" is not a time in milliseconds");
		return false;
	}
	if (!control_get_number(request, "last", 0, LAST_MAX, &q->last)) {
		control_end(c, 1, "\"last\" is not a number up to %d", LAST_MAX);
		return false;
	}
	if (!control_get_bool(request, "follow", &q->follow)) {
		control_end(c, 1, "\"follow\" is neither true nor false");
		return false;
	}
	if (q->follow && c->node->stopped) {
		control_end(c, 1, "this node is stopped: there is nothing to follow");
		return false;
	}
	return true;
}

static void log_start(struct client *c, const json_t *request)
{
	char path[PATH_LEN_MAX + 1];
	struct log_request q;
	struct log_job *j;
	int err = 0;

	if (!read_request(c, request, &q, path))
		return;
	c->job = j = calloc(1, sizeof(*j));
	if (!j || !(j->path = strdup(path)) || (q.origin && !(j->origin = strdup(q.origin)))) {
		control_end(c, 1, "out of memory");
		return;
	}
	j->client = c;
	j->follow = q.follow;
	j->filter.path = j->path[0] ? j->path : NULL;
	j->filter.node = j->origin;
	j->filter.since_msec = q.since;
	if (q.last > 0)
		err = find_start(j, c->node, (uint32_t)q.last);
	else
		j->filter.after_id = newest_id(c->node);
	if (err < 0)
		control_end(c, 1, "the log cannot be read: %s", err_text(err));
	j = c->job; /* the end has freed it */
	if (j)
		j->filter.first = true;
}

const struct control_command control_log = {
    .name = "log", .stopped = true, .start = log_start, .round = log_round, .finish = log_finish, .wake = log_wake};
