/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The log in the order of time. It has all versions of the history, what the history keeps no longer
 * (without contents), and what was fetched from the logs of others.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crash.h"
#include "base/err.h"
#include "base/path.h"
#include "replicator/store/internal.h"

int64_t store_made(const struct version *v, int64_t wall_msec)
{
	int64_t made = (int64_t)(v->stamp >> 16);

	return made ? made : wall_msec;
}

/* ---- writing ---- */

static void bind_dot(sqlite3_stmt *st, int at, struct dot d)
{
	sqlite3_bind_int64(st, at, (int64_t)d.origin);
	sqlite3_bind_int64(st, at + 1, (int64_t)d.seq);
}

int do_past(struct store *s, const struct record *r, const void *path, const void *data)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_PAST_ADD, &err);

	if (!st)
		return err;
	bind_bytes(st, 1, path, r->path_len);
	bind_dot(st, 2, r->dot);
	sqlite3_bind_int64(st, 4, r->number);
	sqlite3_bind_int64(st, 5, r->made);
	bind_bytes(st, 6, data, r->data_len);
	return database_run(s, st);
}

int store_past_add(struct store *s, const char *path, const struct version *v, int64_t wall_msec)
{
	struct record r = {.kind = RECORD_PAST,
			   .dot = v->dot,
			   .number = wall_msec,
			   .made = store_made(v, wall_msec)};
	struct buf data;

	buf_init(&data, RECORDS_BYTES_MAX);
	buf_version(&data, v);
	int err = data.err ? data.err : record_add(s, &r, path, &data);
	buf_fini(&data);
	return err;
}

int past_keep(struct store *s, int64_t id)
{
	static const enum statement steps[] = {SQL_PAST_KEEP, SQL_PRUNE_VERSION};
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(steps) && !err; i++) {
		sqlite3_stmt *st = database_statement(s, steps[i], &err);

		if (!st)
			return err;
		if (i > 0)
			crash_point("past-kept");
		sqlite3_bind_int64(st, 1, id);
		err = database_run(s, st);
	}
	return err;
}

static int drop_gaps(struct store *s, int64_t before_msec)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_GAP_OLD, &err);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, before_msec);
	return database_run(s, st);
}

int past_prune(struct store *s, int64_t before_msec)
{
	int64_t ids[PRUNE_PIECE];
	int n = 0, rows = 0, err = s->prune.id == 0 ? drop_gaps(s, before_msec) : 0;
	sqlite3_stmt *st = err ? NULL : database_statement(s, SQL_PAST_OLD, &err);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, s->prune.id);
	sqlite3_bind_int(st, 2, PRUNE_PIECE);
	while (rows < PRUNE_PIECE && sqlite3_step(st) == SQLITE_ROW) {
		int64_t at = sqlite3_column_int64(st, 1), made = sqlite3_column_int64(st, 2);

		s->prune.id = sqlite3_column_int64(st, 0);
		rows++;
		if (sqlite3_column_int(st, 3) && made < at)
			at = made; /* fetched: it is as old as where it came from */
		if (at < before_msec)
			ids[n++] = s->prune.id;
	}
	sqlite3_reset(st);
	st = database_statement(s, SQL_PAST_DROP, &err);
	for (int i = 0; i < n && !err; i++) {
		sqlite3_bind_int64(st, 1, ids[i]);
		err = database_run(s, st);
	}
	return err ? err : rows == PRUNE_PIECE;
}

/* ---- reading ---- */

enum {
	BIND_MADE = 1,
	BIND_ORIGIN,
	BIND_SEQ,
	BIND_PLACE,
	BIND_SINCE,
	BIND_UNTIL,
	BIND_NODE,
	BIND_PATH,
	BIND_BELOW,
	BIND_BEYOND,
	BIND_MAX
};

#define CONDITIONS                                                                                 \
	" WHERE (made, origin, seq, path) > (?1, ?2, ?3, ?4) AND wall >= ?5%s%s%s"                 \
	" ORDER BY made %s, origin %s, seq %s, path %s LIMIT ?11"

/* The newest (or the first) of both tables, each by its index, then those of the two. */
static sqlite3_stmt *prepare(struct store *s, const struct past_filter *f, bool newest, int *err)
{
	const char *way = newest ? "DESC" : "ASC";
	const char *path =
	    f->path && f->path[0] ? " AND (path = ?8 OR (path > ?9 AND path < ?10))" : "";
	const char *node =
	    f->node ? " AND origin IN (SELECT origin FROM origin WHERE node = ?7)" : "";
	char sql[2048];
	sqlite3_stmt *st;

	snprintf(
	    sql, sizeof(sql),
	    "SELECT r.*, o.node FROM (SELECT * FROM (SELECT made, origin, seq, path, wall, own,"
	    " current, 0 AS fetched, id, %s AS data FROM version" CONDITIONS ")"
	    " UNION ALL SELECT * FROM (SELECT made, origin, seq, path, wall, own, 0, fetched, 0,"
	    " %s FROM past" CONDITIONS ")) r LEFT JOIN origin o ON o.origin = r.origin"
	    " ORDER BY 1 %s, 2 %s, 3 %s, 4 %s LIMIT ?11",
	    newest ? "NULL" : "data", path, node, " AND id <= ?6", way, way, way, way,
	    newest ? "NULL" : "data", path, node, "", way, way, way, way, way, way, way, way);
	*err = database_error(s, sqlite3_prepare_v2(s->db, sql, -1, &st, NULL), "reading the log");
	return *err ? NULL : st;
}

struct bounds {
	char below[PATH_LEN_MAX + 2], beyond[PATH_LEN_MAX + 2];
};

static void bind_filter(sqlite3_stmt *st, const struct past_filter *f,
			const struct past_place *from, uint32_t max, struct bounds *b)
{
	sqlite3_bind_int64(st, BIND_MADE, from->made_msec);
	bind_dot(st, BIND_ORIGIN, from->dot);
	bind_path(st, BIND_PLACE, from->path);
	sqlite3_bind_int64(st, BIND_SINCE, f->since_msec ? f->since_msec : INT64_MIN);
	sqlite3_bind_int64(st, BIND_UNTIL, f->until_id);
	if (f->node)
		sqlite3_bind_text(st, BIND_NODE, f->node, -1, SQLITE_STATIC);
	if (f->path && f->path[0]) {
		snprintf(b->below, sizeof(b->below), "%s/", f->path);
		snprintf(b->beyond, sizeof(b->beyond), "%s%c", f->path, '/' + 1);
		bind_path(st, BIND_PATH, f->path);
		bind_path(st, BIND_BELOW, b->below);
		bind_path(st, BIND_BEYOND, b->beyond);
	}
	sqlite3_bind_int64(st, BIND_MAX, max);
}

static struct version *column_version(sqlite3_stmt *st, int at)
{
	struct rd r;

	rd_init(&r, sqlite3_column_blob(st, at), (size_t)sqlite3_column_bytes(st, at));
	struct version *v = rd_version(&r);
	if (v && rd_end(&r) != 0) {
		version_put(v);
		v = NULL;
	}
	return v;
}

static int give(sqlite3_stmt *st, int (*each)(void *arg, const struct past_record *r), void *arg)
{
	const char *node = (const char *)sqlite3_column_text(st, 10);
	struct version *v = column_version(st, 9);
	int err;
	struct past_record record = {
	    .made_msec = sqlite3_column_int64(st, 0),
	    .path = column_path(st, 3, &err),
	    .wall_msec = sqlite3_column_int64(st, 4),
	    .own = sqlite3_column_int(st, 5),
	    .history = !sqlite3_column_int(st, 6),
	    .fetched = sqlite3_column_int(st, 7),
	    .id = sqlite3_column_int64(st, 8),
	    .version = v,
	    .node = node ? node : "",
	};

	err = err || !v ? ERR_CORRUPT : each(arg, &record);
	version_put(v);
	return err;
}

int store_past(struct store *s, const struct past_filter *f, const struct past_place *from,
	       uint32_t max, int (*each)(void *arg, const struct past_record *r), void *arg)
{
	int err, rc = SQLITE_DONE;
	struct bounds b;
	sqlite3_stmt *st = prepare(s, f, false, &err);

	if (!st)
		return err;
	bind_filter(st, f, from, max, &b);
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW)
		err = give(st, each, arg);
	if (!err)
		err = database_error(s, rc, "reading the log");
	sqlite3_finalize(st);
	return err;
}

/* The one before the last of those that were asked for. */
long store_past_start(struct store *s, const struct past_filter *f, uint32_t last,
		      struct past_place *from)
{
	int err, rc;
	long n = 0;
	struct bounds b;
	sqlite3_stmt *st = prepare(s, f, true, &err);

	if (!st)
		return err;
	memset(from, 0, sizeof(*from));
	bind_filter(st, f, from, last + 1, &b);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && n < last)
		n++;
	if (rc == SQLITE_ROW) {
		from->made_msec = sqlite3_column_int64(st, 0);
		from->dot.origin = (uint64_t)sqlite3_column_int64(st, 1);
		from->dot.seq = (uint64_t)sqlite3_column_int64(st, 2);
		snprintf(from->path, sizeof(from->path), "%s", column_path(st, 3, &err));
	}
	err = database_error(s, rc, "reading the log");
	sqlite3_finalize(st);
	return err ? err : n;
}

static int rows_of(struct store *s, enum statement which, uint64_t origin, uint64_t first,
		   uint64_t last, int (*each)(void *arg, const struct past_record *r), void *arg)
{
	int at = which == SQL_PAST_RANGE, err, rc = SQLITE_DONE;
	sqlite3_stmt *st = database_statement(s, which, &err);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, (int64_t)origin);
	sqlite3_bind_int64(st, 2, (int64_t)first);
	sqlite3_bind_int64(st, 3, (int64_t)last);
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct version *v = column_version(st, at + 1);
		struct past_record r = {.path = column_path(st, at, &err), .version = v};

		err = err || !v ? ERR_CORRUPT : each(arg, &r);
		version_put(v);
	}
	if (!err)
		err = database_error(s, rc, "reading the log");
	sqlite3_reset(st);
	return err;
}

int store_past_op(struct store *s, struct dot dot,
		  int (*each)(void *arg, const struct past_record *r), void *arg)
{
	return rows_of(s, SQL_PAST_OF, dot.origin, dot.seq, dot.seq, each, arg);
}

int store_past_range(struct store *s, uint64_t origin, uint64_t first, uint64_t last,
		     int (*each)(void *arg, const struct past_record *r), void *arg)
{
	return rows_of(s, SQL_PAST_RANGE, origin, first, last, each, arg);
}
