/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The log: the versions that are stored, in the order in which this node learned them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "replicator/store/internal.h"

#define LAST_DEFAULT 1000
#define LAST_MAX 100000

enum {
	BIND_AFTER = 1,
	BIND_SINCE,
	BIND_PATH,
	BIND_BELOW,
	BIND_BEYOND,
	BIND_ORIGIN,
	BIND_NODE,
	BIND_LAST
};

/* The newest (or the first) that match, then those in their order. Everything that varies is bound.
 */
static sqlite3_stmt *prepare(struct store *s, const struct log_filter *f, int *err)
{
	char sql[1024];
	sqlite3_stmt *st;

	snprintf(
	    sql, sizeof(sql),
	    "SELECT * FROM (SELECT v.id AS id, v.wall, v.path, v.data, v.own, v.current, o.node"
	    " FROM version v LEFT JOIN origin o ON o.origin = v.origin"
	    " WHERE v.id > ?1 AND v.wall >= ?2%s%s%s ORDER BY v.id %s LIMIT ?8) ORDER BY id",
	    !f->path || !f->path[0] ? ""
	    : f->exact              ? " AND v.path = ?3"
				    : " AND (v.path = ?3 OR (v.path > ?4 AND v.path < ?5))",
	    f->origin ? " AND v.origin = ?6" : "", f->node ? " AND o.node = ?7" : "",
	    f->first ? "ASC" : "DESC");
	*err = database_error(s, sqlite3_prepare_v2(s->db, sql, -1, &st, NULL), "reading the log");
	return *err ? NULL : st;
}

/* `below` and `beyond` are where what lies below the path begins and ends. */
static void bind_filter(sqlite3_stmt *st, const struct log_filter *f, const char *below,
			const char *beyond)
{
	uint32_t last = f->last ? f->last : LAST_DEFAULT;

	sqlite3_bind_int64(st, BIND_AFTER, f->after_id);
	sqlite3_bind_int64(st, BIND_SINCE, f->since_msec ? f->since_msec : INT64_MIN);
	if (f->path && f->path[0]) {
		bind_path(st, BIND_PATH, f->path);
	}
	if (f->path && f->path[0] && !f->exact) {
		bind_path(st, BIND_BELOW, below);
		bind_path(st, BIND_BEYOND, beyond);
	}
	if (f->origin)
		sqlite3_bind_int64(st, BIND_ORIGIN, (int64_t)f->origin);
	if (f->node)
		sqlite3_bind_text(st, BIND_NODE, f->node, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, BIND_LAST, last > LAST_MAX ? LAST_MAX : last);
}

static int give(sqlite3_stmt *st, int (*each)(void *arg, const struct log_record *r), void *arg)
{
	const char *node = (const char *)sqlite3_column_text(st, 6);
	int err;
	struct rd r;
	struct log_record record = {
	    .id = sqlite3_column_int64(st, 0),
	    .wall_msec = sqlite3_column_int64(st, 1),
	    .path = column_path(st, 2, &err),
	    .node = node ? node : "",
	    .own = sqlite3_column_int(st, 4),
	    .history = !sqlite3_column_int(st, 5),
	    .held = sqlite3_column_int(st, 5) == 2,
	};

	rd_init(&r, sqlite3_column_blob(st, 3), (size_t)sqlite3_column_bytes(st, 3));
	struct version *v = rd_version(&r);
	if (!err && rd_end(&r) == 0) {
		record.version = v;
		err = each(arg, &record);
	} else {
		err = ERR_CORRUPT;
	}
	version_put(v);
	return err;
}

int store_log(struct store *s, const struct log_filter *f,
	      int (*each)(void *arg, const struct log_record *r), void *arg)
{
	char below[PATH_LEN_MAX + 2], beyond[PATH_LEN_MAX + 2];
	int err, rc = SQLITE_DONE;

	if (f->path && strlen(f->path) > PATH_LEN_MAX)
		return ERR_LIMIT;
	snprintf(below, sizeof(below), "%s/", f->path ? f->path : "");
	snprintf(beyond, sizeof(beyond), "%s%c", f->path ? f->path : "", '/' + 1);
	sqlite3_stmt *st = prepare(s, f, &err);
	if (!st)
		return err;
	bind_filter(st, f, below, beyond);
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW)
		err = give(st, each, arg);
	if (!err)
		err = database_error(s, rc, "reading the log");
	sqlite3_finalize(st);
	return err;
}

int store_dots(struct store *s, const char *path,
	       int (*each)(void *arg, int64_t id, struct dot dot), void *arg)
{
	int err, rc = SQLITE_DONE;
	sqlite3_stmt *st = database_statement(s, SQL_DOTS, &err);

	if (!st)
		return err;
	bind_path(st, 1, path);
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct dot dot = {(uint64_t)sqlite3_column_int64(st, 1),
				  (uint64_t)sqlite3_column_int64(st, 2)};

		err = each(arg, sqlite3_column_int64(st, 0), dot);
	}
	if (!err)
		err = database_error(s, rc, "reading the history");
	sqlite3_reset(st);
	return err;
}

int store_paths(struct store *s, const char *after, int max,
		int (*each)(void *arg, const char *path), void *arg)
{
	CLEANUP_FREE char **paths = calloc((size_t)max, sizeof(char *));
	int n = 0, err, result = 0;
	sqlite3_stmt *st = paths ? database_statement(s, SQL_PRUNE_PATHS, &err) : NULL;

	if (!st)
		return paths ? err : -ENOMEM;
	bind_path(st, 1, after);
	sqlite3_bind_int(st, 2, max);
	while (n < max && sqlite3_step(st) == SQLITE_ROW) {
		const char *path = column_path(st, 0, &err);

		paths[n] = err ? NULL : strdup(path);
		if (!paths[n])
			break;
		n++;
	}
	sqlite3_reset(st);
	for (int i = 0; i < n; i++) {
		if (!err && result == 0)
			result = each(arg, paths[i]);
		free(paths[i]);
	}
	return err ? err : result ? result : n;
}
