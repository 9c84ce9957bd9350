/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How much room the store's past takes, and the bound on it. Counted are bytes as they were saved,
 * in pieces, by going through all versions once a round:
 *
 *   current  contents that a current version refers to
 *   history  contents that only versions of the past refer to
 *   log      what is known of versions of the past, and of what became of versions
 *
 * Over the bound the oldest go, whatever path they are of: first of what only the log knows, then
 * versions of the past. What is current, or
 * in conflict, is neither counted against it nor ever dropped.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "replicator/store/internal.h"

#define ROW_BYTES 64 /* what a row takes beside its path and its data, about */

static uint64_t row_bytes(sqlite3_stmt *st, int path, int data)
{
	return (uint64_t)(sqlite3_column_bytes(st, path) + sqlite3_column_bytes(st, data)) +
	       ROW_BYTES;
}

/* The size of the content that the version in this column refers to. */
static uint64_t content_size_of(sqlite3_stmt *st, int data)
{
	struct rd r;

	rd_init(&r, sqlite3_column_blob(st, data), (size_t)sqlite3_column_bytes(st, data));
	struct version *v = rd_version(&r);
	uint64_t size = v && v->attrs.kind == KIND_FILE ? v->attrs.size : 0;
	version_put(v);
	return size;
}

/* ---- counting ---- */

/* The number that a question about a content is answered with; 0: there is no row. */
static int ask(struct store *s, enum statement question, const struct hash *hash, int64_t *answer)
{
	int err;
	sqlite3_stmt *st = database_statement(s, question, &err);

	if (!st)
		return err;
	bind_hash(st, 1, hash);
	int rc = sqlite3_step(st);
	err = database_error(s, rc, "reading");
	*answer = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return err;
}

static int count_row(struct store *s, sqlite3_stmt *st, struct room *room)
{
	int64_t first, current, id = sqlite3_column_int64(st, 0);
	struct hash hash;

	if (!sqlite3_column_int(st, 1))
		room->log += row_bytes(st, 2, 3);
	if (!column_hash(st, 4, &hash))
		return 0;
	/* Counted where it is referred to first: of all the others, which may be very many, no more is
	 * asked. */
	int err = ask(s, SQL_ROOM_FIRST, &hash, &first);
	if (err || first != id)
		return err;
	err = ask(s, SQL_ROOM_CURRENT, &hash, &current);
	if (err)
		return err;
	*(current ? &room->current : &room->history) += content_size_of(st, 3);
	return 0;
}

int room_count(struct store *s)
{
	int rows = 0, err;
	sqlite3_stmt *st = database_statement(s, SQL_ROOM_VERSIONS, &err);

	if (!st)
		return err;
	if (s->prune.id == 0)
		s->counting = (struct room){0};
	sqlite3_bind_int64(st, 1, s->prune.id);
	sqlite3_bind_int(st, 2, PRUNE_PIECE);
	while (!err && rows < PRUNE_PIECE && sqlite3_step(st) == SQLITE_ROW) {
		s->prune.id = sqlite3_column_int64(st, 0);
		rows++;
		err = count_row(s, st, &s->counting);
	}
	sqlite3_reset(st);
	return err ? err : rows == PRUNE_PIECE;
}

/* A piece of the rows that are of the log alone: id, path, data. 1: there is more; 0; an error. */
static int count_log(struct store *s, enum statement which)
{
	int rows = 0, err;
	sqlite3_stmt *st = database_statement(s, which, &err);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, s->prune.id);
	sqlite3_bind_int(st, 2, PRUNE_PIECE);
	while (rows < PRUNE_PIECE && sqlite3_step(st) == SQLITE_ROW) {
		s->prune.id = sqlite3_column_int64(st, 0);
		s->counting.log += row_bytes(st, 1, 2);
		rows++;
	}
	sqlite3_reset(st);
	return rows == PRUNE_PIECE;
}

int room_count_past(struct store *s)
{
	return count_log(s, SQL_PAST_ROOM);
}

int room_count_outcomes(struct store *s)
{
	int more = count_log(s, SQL_ROOM_OUTCOMES);

	if (more == 0) {
		s->counting.known = true;
		s->room = s->counting;
	}
	return more;
}

/* ---- dropping ---- */

struct past {
	int64_t id;
	struct dot dot;
	char *path;
	bool has_content;
	struct hash hash;
	uint64_t bytes, size; /* of its row, of its content */
};

static void take_away(uint64_t *from, uint64_t bytes)
{
	*from -= bytes < *from ? bytes : *from;
}

static int drop_one(struct store *s, const struct past *p)
{
	int64_t first = 0;
	int err = prune_version(s, p->id, p->dot, p->path);

	if (err)
		return err;
	take_away(&s->room.log, p->bytes);
	if (p->has_content)
		err = ask(s, SQL_ROOM_FIRST, &p->hash, &first);
	if (!err && first == 0)
		take_away(&s->room.history, p->size);
	return err;
}

/* The oldest after the round's id: how many, or an error. */
static int find_past(struct store *s, struct past past[PRUNE_PIECE])
{
	int n = 0, err, bad = 0;
	sqlite3_stmt *st = database_statement(s, SQL_ROOM_PAST, &err);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, s->prune.id);
	sqlite3_bind_int(st, 2, PRUNE_PIECE);
	while (n < PRUNE_PIECE && !bad && sqlite3_step(st) == SQLITE_ROW) {
		struct past *p = &past[n++];

		*p = (struct past){
		    .id = sqlite3_column_int64(st, 0),
		    .dot = {(uint64_t)sqlite3_column_int64(st, 4),
			    (uint64_t)sqlite3_column_int64(st, 5)},
		    .bytes = row_bytes(st, 1, 2),
		};
		p->has_content = column_hash(st, 3, &p->hash);
		p->size = p->has_content ? content_size_of(st, 2) : 0;
		p->path = strdup(column_path(st, 1, &bad));
		bad = p->path ? bad : -ENOMEM;
	}
	sqlite3_reset(st);
	return bad ? bad : n;
}

static bool is_over(const struct store *s, uint64_t keep_bytes)
{
	return keep_bytes && s->room.known && s->room.history + s->room.log > keep_bytes;
}

/* The oldest rows that only the log has: how many went, or an error. */
static int drop_records(struct store *s, uint64_t keep_bytes)
{
	int64_t ids[PRUNE_PIECE];
	uint64_t bytes[PRUNE_PIECE];
	int n = 0, gone = 0, err;
	sqlite3_stmt *st = database_statement(s, SQL_PAST_OLDEST, &err);

	if (!st)
		return err;
	sqlite3_bind_int(st, 1, PRUNE_PIECE);
	while (n < PRUNE_PIECE && sqlite3_step(st) == SQLITE_ROW) {
		ids[n] = sqlite3_column_int64(st, 0);
		bytes[n++] = row_bytes(st, 1, 2);
	}
	sqlite3_reset(st);
	st = database_statement(s, SQL_PAST_DROP, &err);
	for (; st && gone < n && !err && is_over(s, keep_bytes); gone++) {
		sqlite3_bind_int64(st, 1, ids[gone]);
		err = database_run(s, st);
		take_away(&s->room.log, bytes[gone]);
	}
	return err ? err : gone;
}

int room_make(struct store *s, uint64_t keep_bytes)
{
	struct past past[PRUNE_PIECE] = {0};
	int dropped = is_over(s, keep_bytes) ? drop_records(s, keep_bytes) : 0;

	if (dropped != 0)
		return dropped < 0 ? dropped : is_over(s, keep_bytes);
	int n = is_over(s, keep_bytes) ? find_past(s, past) : 0, err = 0;

	for (int i = 0; i < n && !err && s->room.history + s->room.log > keep_bytes; i++) {
		err = drop_one(s, &past[i]);
		s->prune.id = past[i].id;
	}
	for (int i = 0; i < PRUNE_PIECE; i++)
		free(past[i].path);
	if (err || n < 0)
		return err ? err : n;
	return n == PRUNE_PIECE && s->room.history + s->room.log > keep_bytes;
}
