/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the log lacks. A gap is noted in the same transaction as the vector that jumped over it, and
 * gets smaller with what is heard of the past; what is left of it is a hole.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "replicator/store/internal.h"

#define HOLES_MAX 1000 /* told at once */

/* ---- writing ---- */

static int add_gap(struct store *s, const struct gap *g)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_GAP_ADD, &err);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, (int64_t)g->origin);
	sqlite3_bind_int64(st, 2, (int64_t)g->first);
	sqlite3_bind_int64(st, 3, (int64_t)g->last);
	sqlite3_bind_int64(st, 4, g->wall_msec);
	return database_run(s, st);
}

static int drop_gap(struct store *s, uint64_t origin, uint64_t first)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_GAP_DROP, &err);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, (int64_t)origin);
	sqlite3_bind_int64(st, 2, (int64_t)first);
	return database_run(s, st);
}

/* One that has any of them: 1 and *g, 0, or an error. */
static int find_gap(struct store *s, uint64_t origin, uint64_t first, uint64_t last, struct gap *g)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_GAP_FIND, &err);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, (int64_t)origin);
	sqlite3_bind_int64(st, 2, (int64_t)first);
	sqlite3_bind_int64(st, 3, (int64_t)last);
	int rc = sqlite3_step(st);
	*g = (struct gap){.origin = origin,
			  .first = (uint64_t)sqlite3_column_int64(st, 0),
			  .last = (uint64_t)sqlite3_column_int64(st, 1),
			  .wall_msec = sqlite3_column_int64(st, 2)};
	err = database_error(s, rc, "reading what the log lacks");
	sqlite3_reset(st);
	return err ? err : rc == SQLITE_ROW;
}

int do_gap(struct store *s, const struct record *r)
{
	const struct gap g = {r->dot.origin, r->first, r->dot.seq, r->number};
	int64_t n;
	int err = database_number(s, SQL_GAP_COUNT, &n);

	return err || n >= STORE_GAPS_MAX ? err : add_gap(s, &g);
}

/* Leaves what is not in first..last; of too many pieces only the later one. */
static int cut_gap(struct store *s, const struct gap *g, uint64_t first, uint64_t last)
{
	struct gap left = *g, right = *g;
	int64_t n;
	int err = drop_gap(s, g->origin, g->first);

	left.last = first - 1;
	right.first = last + 1;
	if (!err)
		err = database_number(s, SQL_GAP_COUNT, &n);
	if (!err && right.first <= right.last)
		err = add_gap(s, &right);
	if (!err && left.first <= left.last && n + 1 < STORE_GAPS_MAX)
		err = add_gap(s, &left);
	return err;
}

int do_heard(struct store *s, const struct record *r)
{
	struct gap g;
	int found;

	while ((found = find_gap(s, r->dot.origin, r->first, r->dot.seq, &g)) > 0) {
		int err = cut_gap(s, &g, r->first, r->dot.seq);

		if (err)
			return err;
	}
	return found;
}

int store_heard(struct store *s, uint64_t origin, uint64_t first, uint64_t last)
{
	struct record r = {.kind = RECORD_HEARD, .dot = {origin, last}, .first = first};

	return record_add(s, &r, NULL, NULL);
}

/* ---- reading ---- */

int store_gaps(struct store *s, int (*each)(void *arg, const struct gap *g), void *arg)
{
	int err, rc = SQLITE_DONE;
	sqlite3_stmt *st = database_statement(s, SQL_GAPS, &err);

	if (!st)
		return err;
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct gap g = {(uint64_t)sqlite3_column_int64(st, 0),
				(uint64_t)sqlite3_column_int64(st, 1),
				(uint64_t)sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3)};

		err = each(arg, &g);
	}
	if (!err)
		err = database_error(s, rc, "reading what the log lacks");
	sqlite3_reset(st);
	return err;
}

/* ---- holes ---- */

struct holes {
	struct store *store;
	int64_t after_msec;
	uint32_t n;
	int (*each)(void *arg, const struct hole *h);
	void *arg;
};

/* A statement's only column: 1 and *out, 0 where there is none, or an error. */
static int one_number(struct store *s, sqlite3_stmt *st, int64_t *out)
{
	int rc = sqlite3_step(st);
	int err = database_error(s, rc, "reading what the log lacks");
	bool is = rc == SQLITE_ROW && sqlite3_column_type(st, 0) != SQLITE_NULL;

	if (is)
		*out = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return err ? err : is;
}

static int time_after(struct store *s, const struct gap *g, int64_t *until_msec)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_HOLE_AFTER, &err);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, (int64_t)g->origin);
	sqlite3_bind_int64(st, 2, (int64_t)g->last);
	*until_msec = g->wall_msec;
	err = one_number(s, st, until_msec);
	return err < 0 ? err : 0;
}

static int time_before(struct store *s, struct hole *h)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_HOLE_BEFORE, &err);

	if (!st)
		return err;
	sqlite3_bind_text(st, 1, h->node, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, h->until_msec);
	sqlite3_bind_int64(st, 3, (int64_t)h->origin);
	sqlite3_bind_int64(st, 4, (int64_t)h->last);
	return one_number(s, st, &h->since_msec);
}

static int tell(struct holes *all, struct hole *h)
{
	h->n = h->last - h->first + 1;
	if (h->until_msec <= all->after_msec || all->n == HOLES_MAX)
		return 0;
	int found = time_before(all->store, h);
	if (found <= 0)
		return found;
	all->n++;
	return all->each(all->arg, h);
}

/* What is known in the middle of it, since some of it came with a page, parts it. */
static int part(struct holes *all, const struct gap *g, const char *node, sqlite3_stmt *seqs)
{
	struct hole h = {.node = node, .origin = g->origin, .first = g->first};
	int err = 0, rc = SQLITE_DONE;

	while (!err && (rc = sqlite3_step(seqs)) == SQLITE_ROW) {
		h.last = (uint64_t)sqlite3_column_int64(seqs, 0) - 1;
		h.until_msec = sqlite3_column_int64(seqs, 1);
		if (h.first <= h.last)
			err = tell(all, &h);
		h.first = h.last + 2;
	}
	if (!err)
		err = database_error(all->store, rc, "reading what the log lacks");
	h.last = g->last;
	if (err || h.first > h.last)
		return err;
	err = time_after(all->store, g, &h.until_msec);
	return err ? err : tell(all, &h);
}

static int each_gap(void *arg, const struct gap *g)
{
	struct holes *all = arg;
	char node[NODE_NAME_MAX] = "";
	int err;
	sqlite3_stmt *st = database_statement(all->store, SQL_WHOSE_ORIGIN, &err);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, (int64_t)g->origin);
	if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_text(st, 0))
		snprintf(node, sizeof(node), "%s", (const char *)sqlite3_column_text(st, 0));
	sqlite3_reset(st);
	st = database_statement(all->store, SQL_HOLE_SEQS, &err);
	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, (int64_t)g->origin);
	sqlite3_bind_int64(st, 2, (int64_t)g->first);
	sqlite3_bind_int64(st, 3, (int64_t)g->last);
	err = part(all, g, node, st);
	sqlite3_reset(st);
	return err;
}

int store_holes(struct store *s, int64_t after_msec, int (*each)(void *arg, const struct hole *h),
		void *arg)
{
	struct holes all = {s, after_msec, 0, each, arg};

	return store_gaps(s, each_gap, &all);
}
