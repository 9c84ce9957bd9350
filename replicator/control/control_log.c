/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "log": the newest versions that were asked for, in the order of time, in pages as the
 * client takes them, and where something is missing between them; with "follow" then those that come,
 * in the order in which this node learns them, and what becomes known of those already told. What is
 * fetched from the logs of others meanwhile is no news: it is not followed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/control/control_internal.h"
#include "replicator/control/control_log.h"
#include "replicator/control/control_rename.h"

#define LAST_DEFAULT 50
#define LAST_MAX 100000
#define PAGE_RECORDS 200
#define FOLLOW_MSEC 100 /* between two looks at the store */
#define JUDGED_MSEC 2000 /* as long a save that is being judged is waited for, before it is told so */

struct log_job {
	char *path;
	char *origin;
	struct past_filter past;
	struct past_place place; /* told up to there */
	struct log_start start;
	bool starting; /* the place is being looked for */
	struct log_holes holes;
	struct log_filter filter; /* follow: for going on */
	int64_t left;             /* that may still be told; follow: without end */
	bool follow;
	bool caught_up;
	bool waits; /* follow: a save is being judged, and not told yet */
	uint64_t seen;          /* node->changes when it was looked at last */
	int64_t next_msec;      /* not before */
	struct renames renames; /* of the op that was told last */
	struct log_watch watched; /* follow */
	struct client *client;
	uint32_t told; /* in this page */
	uint32_t told_before;
};

/* ---- renames ---- */

static int find_names(void *arg, const struct past_record *r)
{
	return renames_add(arg, r->path, r->version);
}

static void find_renames(struct log_job *j, struct dot dot)
{
	if (dot_same(j->renames.dot, dot))
		return;
	renames_fini(&j->renames);
	renames_init(&j->renames, dot);
	if (store_past_op(j->client->node->store, dot, find_names, &j->renames) < 0) {
		renames_fini(&j->renames);
		j->renames.dot = dot;
	}
	renames_pair(&j->renames);
}

static void add_rename(struct log_job *j, json_t *o, const char *path, const struct version *v)
{
	const char *other;

	if (v->import || (version_live(v) && !(v->changed & (CHANGED_KIND | CHANGED_CONTENT))))
		return;
	find_renames(j, v->dot);
	other = renames_other(&j->renames, path);
	if (other)
		control_add_path(o, version_live(v) ? "renamed_from" : "renamed_to", other);
}

/* ---- versions ---- */

/* A save that the gate is still looking at; `what` begins with "held". */
static void say_judged(json_t *o)
{
	json_array_set_new(json_object_get(o, "what"), 0, json_string("being judged"));
	control_add_bool(o, "judged", true);
}

static int tell_version(void *arg, const struct past_record *r)
{
	struct log_job *j = arg;
	struct node *n = j->client->node;
	CLEANUP_FREE char *words = NULL;
	enum log_draft draft = log_draft(n, r, &words);

	if (draft == LOG_TOLD) {
		j->told++;
		return 0;
	}
	json_t *o = json_object();
	uint32_t outcomes;

	control_add_text(o, "type", "version");
	control_add_number(o, "id", r->id);
	control_add_text(o, "node", r->node);
	control_add_bool(o, "own", r->own);
	control_add_number(o, "learned", r->wall_msec);
	control_add_path(o, "path", r->path);
	control_add_version(o, r->version);
	if (draft == LOG_JUDGED)
		say_judged(o);
	if (words)
		control_add_text(o, "words", words);
	/* What was taken in has no time of its own. */
	if (r->version->stamp >> 16 == 0)
		control_add_number(o, "time", r->wall_msec);
	add_rename(j, o, r->path, r->version);
	if (r->history)
		control_add_bool(o, "history", true);
	if (r->fetched)
		control_add_bool(o, "fetched", true);
	json_object_set_new(o, "outcomes", log_outcomes(n, r, &outcomes));
	if (!control_line(j->client, o))
		return 1;
	if (j->follow)
		log_watch(&j->watched, r, outcomes);
	j->told++;
	return control_has_room(j->client) ? 0 : 1;
}

/* ---- all that is there ---- */

static int tell_past(void *arg, const struct past_record *r)
{
	struct log_job *j = arg;

	if (!log_holes_tell(&j->holes, j->client, r->made_msec))
		return 1;
	int rc = tell_version(j, r);
	if (rc && j->told == j->told_before)
		return rc;
	j->told_before = j->told;
	j->place.made_msec = r->made_msec;
	j->place.dot = r->version->dot;
	snprintf(j->place.path, sizeof(j->place.path), "%s", r->path);
	return rc;
}

static int newest(void *arg, const struct log_record *r)
{
	*(int64_t *)arg = r->id;
	return 1;
}

static int64_t newest_id(struct node *n)
{
	struct log_filter all = {.last = 1};
	int64_t id = 0;

	return store_log(n->store, &all, newest, &id) < 0 ? 0 : id;
}

/* One page; true if there may be more. */
static bool tell_page(struct log_job *j, int *err)
{
	uint32_t page = j->left < PAGE_RECORDS ? (uint32_t)j->left : PAGE_RECORDS;

	j->told = j->told_before = 0;
	int rc = page == 0
		     ? 0
		     : store_past(j->client->node->store, &j->past, &j->place, page, tell_past, j);
	if (rc < 0) {
		*err = rc;
		return false;
	}
	j->left -= j->told;
	if (rc > 0 || (j->told == page && j->left > 0))
		return true;
	return !log_holes_tell(&j->holes, j->client, INT64_MAX);
}

/* ---- following ---- */

static int tell_new(void *arg, const struct log_record *r)
{
	struct log_job *j = arg;
	const struct past_record record = {.wall_msec = r->wall_msec,
					   .path = r->path,
					   .version = r->version,
					   .node = r->node,
					   .id = r->id,
					   .own = r->own,
					   .history = r->history};
	uint32_t before = j->told;

	/* In a moment it is known what becomes of it. */
	j->waits = j->client->node->wall_msec - r->wall_msec < JUDGED_MSEC &&
		   log_draft(j->client->node, &record, NULL) == LOG_JUDGED;
	if (j->waits)
		return 1;
	int rc = tell_version(j, &record);

	if (j->told > before)
		j->filter.after_id = r->id;
	return rc;
}

/* Likewise. */
static bool tell_news(struct log_job *j, int *err)
{
	struct node *n = j->client->node;
	int64_t id = newest_id(n); /* up to there the filter will have looked */

	j->told = 0;
	j->waits = false;
	j->filter.last = PAGE_RECORDS;
	int rc = store_log(n->store, &j->filter, tell_new, j);
	if (rc < 0) {
		*err = rc;
		return false;
	}
	if (j->waits)
		return false;
	if (rc > 0 || j->told == PAGE_RECORDS)
		return true;
	if (id > j->filter.after_id)
		j->filter.after_id = id;
	return false;
}

static int start_round(struct log_job *j, struct node *n)
{
	int rc = log_start_page(&j->start, n, &j->past, &j->place);

	if (rc != 0)
		return rc;
	j->starting = false;
	j->left = j->start.rows;
	j->holes.origin = j->origin;
	j->holes.since_msec = j->place.made_msec;
	if (j->past.since_msec > j->holes.since_msec)
		j->holes.since_msec = j->past.since_msec;
	return log_holes_find(&j->holes, n);
}

static void log_round(struct client *c)
{
	struct log_job *j = c->job;
	struct node *n = c->node;
	int err = 0;

	if (j->starting) {
		err = start_round(j, n);
		if (err < 0)
			control_end(c, 1, "the log cannot be read: %s", err_text(err));
		return;
	}
	if (j->caught_up && ((j->seen == n->changes && !j->waits) || n->now_msec < j->next_msec))
		return;
	uint64_t changes = n->changes;
	if (j->caught_up ? tell_news(j, &err) : tell_page(j, &err))
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
		log_watched_tell(&j->watched, j->client);
	j->caught_up = true;
	j->seen = changes;
	j->next_msec = n->now_msec + FOLLOW_MSEC;
}

static int64_t log_wake(const struct client *c)
{
	const struct log_job *j = c->job;

	if (!j->caught_up)
		return c->node->now_msec;
	return j->seen == c->node->changes && !j->waits ? INT64_MAX : j->next_msec;
}

static void log_finish(struct client *c)
{
	struct log_job *j = c->job;

	log_watch_fini(&j->watched);
	renames_fini(&j->renames);
	free(j->holes.list);
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

/* What is told now, and what is followed then, meet at the newest that is there. */
static int begin(struct log_job *j, struct node *n, const struct log_request *q)
{
	const char *path = j->path[0] ? j->path : NULL;
	int64_t id = newest_id(n);

	j->past = (struct past_filter){
	    .path = path, .node = j->origin, .since_msec = q->since, .until_id = id};
	j->filter = (struct log_filter){
	    .path = path, .node = j->origin, .since_msec = q->since, .after_id = id, .first = true};
	if (q->last == 0)
		return 0;
	j->starting = true;
	return log_start_begin(&j->start, n, &j->past, (uint32_t)q->last, &j->place);
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
	err = begin(j, c->node, &q);
	if (err < 0)
		control_end(c, 1, "the log cannot be read: %s", err_text(err));
}

const struct control_command control_log = {.name = "log",
					    .stopped = true,
					    .start = log_start,
					    .round = log_round,
					    .finish = log_finish,
					    .wake = log_wake};
