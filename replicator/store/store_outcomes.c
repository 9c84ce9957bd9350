/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What became of versions on this node and on others, and which of it their authors have yet to
 * hear.
 */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "replicator/store/internal.h"
#include "replicator/wire/message.h"

#define OUTCOME_BYTES_MAX (64 * 1024)

/* Where, and what: an install, or a certain hook's run. A later outcome of the same replaces it, so
 * that a hook that fails for a week leaves one row a version. */
static struct hash about(const struct outcome *o)
{
	struct hash none = {{0}};
	struct buf b;

	buf_init(&b, OUTCOME_BYTES_MAX);
	buf_str(&b, o->node);
	buf_u8(&b, o->hook != NULL);
	buf_str(&b, o->hook);
	struct hash h = b.err ? none : content_hash(b.data, b.len);
	buf_fini(&b);
	return h;
}

int store_outcome(struct store *s, const struct outcome *o, bool told)
{
	struct record r = {.kind = RECORD_OUTCOME,
			   .own = told,
			   .dot = o->dot,
			   .hash = about(o),
			   .number = clock_wall_msec()};
	struct buf data;

	buf_init(&data, OUTCOME_BYTES_MAX);
	buf_outcome(&data, o);
	int err = data.err ? data.err : record_add(s, &r, o->path, &data);
	buf_fini(&data);
	return err;
}

int store_told(struct store *s, int64_t id)
{
	struct record r = {.kind = RECORD_TOLD, .number = id};

	return record_add(s, &r, NULL, NULL);
}

static int read_outcome(sqlite3_stmt *st, int at, struct outcome *o)
{
	struct rd r;

	*o = (struct outcome){0};
	rd_init(&r, sqlite3_column_blob(st, at), (size_t)sqlite3_column_bytes(st, at));
	rd_outcome(&r, o);
	return rd_end(&r) ? ERR_CORRUPT : 0;
}

int store_untold(struct store *s, const char *node, uint32_t max,
		 int (*each)(void *arg, int64_t id, const struct outcome *o), void *arg)
{
	int err, rc = SQLITE_DONE;
	sqlite3_stmt *st = database_statement(s, SQL_OUTCOME_UNTOLD, &err);
	struct outcome o;

	if (!st)
		return err;
	sqlite3_bind_text(st, 1, node, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, max);
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		err = read_outcome(st, 1, &o);
		if (!err)
			err = each(arg, sqlite3_column_int64(st, 0), &o);
		outcome_fini(&o);
	}
	if (!err)
		err = database_error(s, rc, "reading outcomes");
	sqlite3_reset(st);
	return err;
}

int store_outcomes(struct store *s, struct dot dot, const char *path,
		   int (*each)(void *arg, const struct outcome *o), void *arg)
{
	int err, rc = SQLITE_DONE;
	sqlite3_stmt *st = database_statement(s, SQL_OUTCOME_FIND, &err);
	struct outcome o;

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, (int64_t)dot.origin);
	sqlite3_bind_int64(st, 2, (int64_t)dot.seq);
	bind_path(st, 3, path);
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		err = read_outcome(st, 0, &o);
		if (!err)
			err = each(arg, &o);
		outcome_fini(&o);
	}
	if (!err)
		err = database_error(s, rc, "reading outcomes");
	sqlite3_reset(st);
	return err;
}
