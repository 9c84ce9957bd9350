/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A content is named by its hash, so damage can be told, and any copy will do. Where this host's
 * tree shows it, it is read again from there; else any peer that can be reached is asked, until one
 * has it. Meanwhile it is missing, which the core can live with: nothing of it is installed.
 */
#include "replicator/repair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "replicator/contents.h"
#include "replicator/taker.h"

#define LOOK_AGAIN_MSEC 500
#define PATHS_A_ROUND 500

struct missing {
	struct hash hash;
	char *path; /* of a version that has it */
};

struct repair {
	struct node *node;
	struct missing list[REPAIR_LISTED_MAX];
	uint32_t n;
	int64_t look_msec;  /* whether they are back */
	uint32_t found;     /* in this life */
	int64_t found_msec; /* wall clock, of the last */

	struct store_check *check; /* under way */
	bool paths;                /* ... and at its end: what current versions need */
	char *after;
	struct check_calls calls;
	uint64_t contents, bad;
};

struct repair *repair_new(struct node *n)
{
	struct repair *r = calloc(1, sizeof(*r));

	if (r)
		r->node = n;
	return r;
}

static void end_check(struct repair *r)
{
	store_check_free(r->check);
	r->check = NULL;
	free(r->after);
	r->after = NULL;
	r->paths = false;
	r->contents = r->bad = 0;
}

void repair_free(struct repair *r)
{
	if (!r)
		return;
	end_check(r);
	for (uint32_t i = 0; i < r->n; i++)
		free(r->list[i].path);
	free(r);
}

/* ---- one content ---- */

static bool listed(const struct repair *r, struct hash hash)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (hash_same(r->list[i].hash, hash))
			return true;
	return false;
}

/* Lists it, and has it brought. */
static void bring(struct repair *r, struct hash hash, const char *path, uint64_t size,
		  const char *what)
{
	struct node *n = r->node;
	const struct shown *shown = core_shown(n->core, path);
	char text[HASH_TEXT];

	if (listed(r, hash))
		return;
	hash_text(text, hash);
	r->found++;
	r->found_msec = n->wall_msec;
	log_error("%s: the content %s of /%s %s; it is got again from this host's tree or from the "
		  "peers",
		  n->conf->state, text, path, what);
	if (r->n < REPAIR_LISTED_MAX) {
		char *copy = strdup(path);

		if (copy)
			r->list[r->n++] = (struct missing){hash, copy};
	}
	r->look_msec = n->now_msec + LOOK_AGAIN_MSEC;
	contents_fetch(n->contents, hash, size, UINT32_MAX);
	if (shown && shown->attrs.kind == KIND_FILE && hash_same(shown->attrs.hash, hash))
		taker_refill(n->taker, path);
}

void repair_content(struct repair *r, struct hash hash)
{
	char path[PATH_LEN_MAX + 1];
	uint64_t size;

	if (store_drop(r->node->store, hash) < 0)
		return;
	if (store_whose(r->node->store, hash, path, &size) == 0)
		bring(r, hash, path, size, "was damaged");
}

/* ---- what the entries need ---- */

static bool needed(const struct node *n, const struct core_path *p, const struct version *v)
{
	return v->attrs.kind == KIND_FILE && !p->unwanted &&
	       v->attrs.size <= (uint64_t)n->conf->max_file_size;
}

static bool look_at_size(void *arg, const struct core_path *p)
{
	struct repair *r = arg;

	for (uint32_t i = 0; i < p->n; i++) {
		const struct attrs *a = &p->entry[i]->attrs;
		long size;

		if (!needed(r->node, p, p->entry[i]) || a->size <= STORE_SMALL_MAX)
			continue;
		size = store_size(r->node->store, a->hash);
		if (size == -ENOENT && p->shown && hash_same(p->shown->attrs.hash, a->hash))
			bring(r, a->hash, p->path, a->size, "is missing"); /* it was here once */
		else if (size != -ENOENT && size != (long)a->size)
			repair_content(r, a->hash);
	}
	return true;
}

void repair_start(struct repair *r)
{
	core_each(r->node->core, "", look_at_size, r);
}

/* ---- all of them ---- */

static void tell(struct repair *r, struct hash hash, const char *path, bool missing)
{
	r->bad++;
	if (r->calls.report)
		r->calls.report(r->calls.arg, path, hash, missing);
}

static void checked(void *arg, struct hash hash, bool whole)
{
	struct repair *r = arg;
	char path[PATH_LEN_MAX + 1];
	uint64_t size;

	r->contents++;
	if (whole)
		return;
	if (store_whose(r->node->store, hash, path, &size) == 0)
		tell(r, hash, path, false);
	repair_content(r, hash);
}

struct looking {
	struct repair *repair;
	uint32_t n;
};

static bool look_for(void *arg, const struct core_path *p)
{
	struct looking *l = arg;
	struct repair *r = l->repair;

	for (uint32_t i = 0; i < p->n; i++) {
		const struct attrs *a = &p->entry[i]->attrs;

		if (!needed(r->node, p, p->entry[i]) || store_has(r->node->store, a->hash) ||
		    listed(r, a->hash))
			continue;
		tell(r, a->hash, p->path, true);
		bring(r, a->hash, p->path, a->size, "is missing");
	}
	free(r->after);
	r->after = strdup(p->path);
	return ++l->n < PATHS_A_ROUND && r->after;
}

/* 1 there is more, 0 all has been looked at. */
static int look_at_paths(struct repair *r)
{
	struct looking l = {r, 0};

	core_each(r->node->core, r->after ? r->after : "", look_for, &l);
	return l.n == PATHS_A_ROUND;
}

int repair_check(struct repair *r)
{
	end_check(r);
	r->check = store_check_new(r->node->store);
	return r->check ? 0 : -ENOMEM;
}

int node_check(struct node *n, const struct check_calls *calls)
{
	struct repair *r = n->repair;
	int err = r->calls.done ? -EBUSY : repair_check(r);

	if (err == 0)
		r->calls = *calls;
	return err;
}

void node_check_cancel(struct node *n, void *arg)
{
	if (n->repair->calls.arg == arg)
		n->repair->calls = (struct check_calls){0};
}

static void check_done(struct repair *r, int err)
{
	struct check_calls calls = r->calls;
	uint64_t contents = r->contents, bad = r->bad;

	r->calls = (struct check_calls){0};
	end_check(r);
	log_notice("%llu contents of the store have been read: %llu damaged or missing",
		   (unsigned long long)contents, (unsigned long long)bad);
	if (calls.done)
		calls.done(calls.arg, contents, bad, err);
}

static void look_if_back(struct repair *r)
{
	struct node *n = r->node;

	if (r->n == 0 || n->now_msec < r->look_msec)
		return;
	r->look_msec = n->now_msec + LOOK_AGAIN_MSEC;
	for (uint32_t i = 0; i < r->n;) {
		if (!store_has(n->store, r->list[i].hash)) {
			i++;
			continue;
		}
		log_notice("the content of /%s is in the store again", r->list[i].path);
		free(r->list[i].path);
		r->list[i] = r->list[--r->n];
	}
}

bool repair_work(struct repair *r)
{
	int more;

	look_if_back(r);
	if (!r->check)
		return false;
	more = r->paths ? look_at_paths(r) : store_check_go_on(r->check, checked, r);
	if (more == 0 && !r->paths) {
		r->paths = true;
		more = 1;
	}
	if (more <= 0)
		check_done(r, more);
	return more > 0;
}

int64_t repair_wake(const struct repair *r)
{
	return r->check ? 0 : r->n ? r->look_msec : INT64_MAX;
}

uint32_t repair_left(const struct repair *r)
{
	return r->n;
}

uint32_t repair_found(const struct repair *r, int64_t *last_msec)
{
	*last_msec = r->found_msec;
	return r->found;
}

void repair_each(const struct repair *r, bool (*each)(void *arg, const char *path), void *arg)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (!each(arg, r->list[i].path))
			return;
}
