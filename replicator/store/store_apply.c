/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Writing: records, the transaction that they are carried out in, and the commit. What fails in the
 * middle (the disk is full) rolls everything back to the last commit, and SQLite may do so by
 * itself; the records are still there, and the next commit begins with carrying all of them out
 * again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "replicator/store/internal.h"

/* ---- carrying out ---- */

static const uint8_t *record_path(const struct store *s, const struct record *r)
{
	return s->arena.data + r->path;
}

static const uint8_t *record_data(const struct store *s, const struct record *r)
{
	return s->arena.data + r->data;
}

static void bind_dot(sqlite3_stmt *st, int at, struct dot d)
{
	sqlite3_bind_int64(st, at, (int64_t)d.origin);
	sqlite3_bind_int64(st, at + 1, (int64_t)d.seq);
}

/* Content that is stashed, into the database. Nothing where it is not. */
static int do_content(struct store *s, const struct hash *hash)
{
	const struct stashed *c = hash_none(*hash) ? NULL : stash_find(s, *hash);
	int err;

	if (!c)
		return 0;
	sqlite3_stmt *st = database_statement(s, SQL_CONTENT_ADD, &err);
	if (!st)
		return err;
	bind_hash(st, 1, hash);
	bind_bytes(st, 2, c->p, c->len);
	return database_run(s, st);
}

static int do_version(struct store *s, const struct record *r)
{
	int err = do_content(s, &r->hash);
	sqlite3_stmt *st = err ? NULL : database_statement(s, SQL_VERSION_ADD, &err);

	if (!st)
		return err;
	bind_bytes(st, 1, record_path(s, r), r->path_len);
	bind_dot(st, 2, r->dot);
	sqlite3_bind_int(st, 4, r->kind == RECORD_VERSION ? 1 : r->kind == RECORD_DRAFT ? 2 : 0);
	sqlite3_bind_int64(st, 5, r->number);
	sqlite3_bind_int(st, 6, r->own);
	bind_hash(st, 7, &r->hash);
	bind_bytes(st, 8, record_data(s, r), r->data_len);
	sqlite3_bind_int64(st, 9, r->made);
	return database_run(s, st);
}

/* That is there already may have changed. */
static int do_draft(struct store *s, const struct record *r)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_DRAFT_FORGET, &err);

	if (!st)
		return err;
	bind_bytes(st, 1, record_path(s, r), r->path_len);
	bind_dot(st, 2, r->dot);
	err = database_run(s, st);
	return err ? err : do_version(s, r);
}

static int do_superseded(struct store *s, const struct record *r)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_VERSION_SUPERSEDE, &err);

	if (!st)
		return err;
	bind_bytes(st, 1, record_path(s, r), r->path_len);
	bind_dot(st, 2, r->dot);
	return database_run(s, st);
}

/* SHOWN, INTENT, META, VALUE, each a key and its value, or (`forget`) none. */
static int do_value(struct store *s, const struct record *r, enum statement set,
		    enum statement forget)
{
	int err;
	sqlite3_stmt *st = database_statement(s, r->forget ? forget : set, &err);

	if (!st)
		return err;
	bind_bytes(st, 1, record_path(s, r), r->path_len);
	if (!r->forget)
		bind_bytes(st, 2, record_data(s, r), r->data_len);
	return database_run(s, st);
}

static int do_vector(struct store *s, const struct record *r)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_VECTOR_RAISE, &err);

	if (!st)
		return err;
	bind_dot(st, 1, r->dot);
	return database_run(s, st);
}

static int do_origin(struct store *s, const struct record *r)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_ORIGIN_SET, &err);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, (int64_t)r->dot.origin);
	sqlite3_bind_text(st, 2, (const char *)record_path(s, r), (int)r->path_len, SQLITE_STATIC);
	return database_run(s, st);
}

static int do_outcome(struct store *s, const struct record *r)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_OUTCOME_ADD, &err);

	if (!st)
		return err;
	bind_dot(st, 1, r->dot);
	bind_bytes(st, 3, record_path(s, r), r->path_len);
	sqlite3_bind_int64(st, 4, r->number);
	sqlite3_bind_int(st, 5, r->own);
	bind_bytes(st, 6, record_data(s, r), r->data_len);
	bind_hash(st, 7, &r->hash);
	return database_run(s, st);
}

static int do_told(struct store *s, const struct record *r)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_OUTCOME_TELL, &err);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, r->number);
	return database_run(s, st);
}

static int carry_out(struct store *s, const struct record *r)
{
	switch (r->kind) {
	case RECORD_VERSION:
	case RECORD_HISTORY:
		return do_version(s, r);
	case RECORD_DRAFT:
		return do_draft(s, r);
	case RECORD_SUPERSEDED:
		return do_superseded(s, r);
	case RECORD_SHOWN:
		return do_value(s, r, SQL_SHOWN_SET, SQL_SHOWN_FORGET);
	case RECORD_INTENT:
		return do_value(s, r, SQL_INTENT_SET, SQL_INTENT_FORGET);
	case RECORD_META:
		return do_value(s, r, SQL_META_SET, SQL_META_FORGET);
	case RECORD_VALUE:
		return do_value(s, r, SQL_VALUE_SET, SQL_VALUE_FORGET);
	case RECORD_VECTOR:
		return do_vector(s, r);
	case RECORD_ORIGIN:
		return do_origin(s, r);
	case RECORD_CONTENT:
		return do_content(s, &r->hash);
	case RECORD_OUTCOME:
		return do_outcome(s, r);
	case RECORD_TOLD:
		return do_told(s, r);
	case RECORD_PAST:
		return do_past(s, r, record_path(s, r), record_data(s, r));
	case RECORD_GAP:
		return do_gap(s, r);
	case RECORD_HEARD:
		return do_heard(s, r);
	}
	return ERR_FORMAT;
}

/* ---- keeping ---- */

int store_stall(struct store *s, int err)
{
	database_rollback(s);
	s->stalled = err;
	return err;
}

static struct record *new_record(struct store *s)
{
	if (s->nrecords == RECORDS_MAX)
		return NULL;
	if (s->nrecords == s->records_cap) {
		uint32_t cap = s->records_cap ? s->records_cap * 2 : 256;
		struct record *records = realloc(s->records, cap * sizeof(*records));

		if (!records)
			return NULL;
		s->records = records;
		s->records_cap = cap;
	}
	return &s->records[s->nrecords];
}

int record_add(struct store *s, struct record *r, const char *path, const struct buf *data)
{
	size_t before = s->arena.len;
	struct record *kept = new_record(s);

	if (!kept)
		return s->nrecords == RECORDS_MAX ? ERR_LIMIT : -ENOMEM;
	r->path = before;
	r->path_len = path ? strlen(path) : 0;
	buf_raw(&s->arena, path, r->path_len);
	r->data = s->arena.len;
	r->data_len = data ? data->len : 0;
	buf_raw(&s->arena, data ? data->data : NULL, r->data_len);
	if (s->arena.err) {
		int err = s->arena.err;

		s->arena.err = 0;
		s->arena.len = before;
		return err;
	}
	*kept = *r;
	s->nrecords++;
	s->prune.due = true;
	if (s->stalled)
		return s->stalled;
	int err = database_begin(s);
	if (!err)
		err = carry_out(s, kept);
	return err ? store_stall(s, err) : 0;
}

static int add_version(struct store *s, const struct effect *e, int64_t wall_msec, struct buf *data)
{
	const struct version *v = e->store.version;
	struct record r = {
	    .kind = e->store.what == STORE_VERSION ? RECORD_VERSION
		    : e->store.what == STORE_DRAFT ? RECORD_DRAFT
						   : RECORD_HISTORY,
	    .own = e->store.own,
	    .dot = v->dot,
	    .number = wall_msec,
	    .made = store_made(v, wall_msec),
	};

	if (v->attrs.kind == KIND_FILE) {
		r.hash = v->attrs.hash;
		stash_name(s, r.hash);
	}
	buf_version(data, v);
	return data->err ? data->err : record_add(s, &r, e->path, data);
}

/* Together with the vector: what it covers and nobody told is known to be missing in the log. */
static int add_vector(struct store *s, struct record *r, uint64_t untold, int64_t wall_msec)
{
	struct record gap = {
	    .kind = RECORD_GAP, .dot = r->dot, .first = untold, .number = wall_msec};
	int err = record_add(s, r, NULL, NULL);

	if (untold == 0 || err == ERR_LIMIT || err == -ENOMEM)
		return err;
	return record_add(s, &gap, NULL, NULL);
}

static int add(struct store *s, const struct effect *e, int64_t wall_msec, struct buf *data)
{
	struct record r = {.dot = e->store.dot};

	switch (e->store.what) {
	case STORE_VERSION:
	case STORE_HISTORY:
	case STORE_DRAFT:
		return add_version(s, e, wall_msec, data);
	case STORE_SUPERSEDED:
		r.kind = RECORD_SUPERSEDED;
		break;
	case STORE_SHOWN:
		r.kind = RECORD_SHOWN;
		r.forget = !e->store.shown;
		if (e->store.shown)
			buf_shown(data, e->store.shown);
		break;
	case STORE_INTENT:
		r.kind = RECORD_INTENT;
		r.forget = !e->store.intent || e->store.intent->kind == INTENT_NONE;
		if (!r.forget)
			buf_intent(data, e->store.intent);
		break;
	case STORE_VECTOR:
		r.kind = RECORD_VECTOR;
		return add_vector(s, &r, e->store.untold, wall_msec);
	case STORE_ORIGIN:
		r.kind = RECORD_ORIGIN;
		r.dot.origin = e->store.origin->origin;
		return record_add(s, &r, e->store.origin->node, NULL);
	case STORE_META:
		r.kind = RECORD_META;
		r.forget = e->store.forget;
		buf_raw(data, e->store.bytes, e->store.len);
		break;
	}
	return data->err ? data->err : record_add(s, &r, e->path, data);
}

int store_apply(struct store *s, const struct effect *e, int64_t wall_msec)
{
	struct buf data;

	buf_init(&data, RECORDS_BYTES_MAX);
	int err = add(s, e, wall_msec, &data);
	buf_fini(&data);
	return err;
}

/* ---- committing ---- */

/* Carries out all records anew, in a transaction of their own. */
static int replay(struct store *s)
{
	/* What lies in the log moves to its place and the log's own space becomes free. */
	database_checkpoint(s, true);
	int err = database_begin(s);
	for (uint32_t i = 0; i < s->nrecords && !err; i++)
		err = carry_out(s, &s->records[i]);
	return err;
}

static void forget_records(struct store *s)
{
	s->nrecords = 0;
	if (s->arena.cap > 1024 * 1024) {
		buf_fini(&s->arena);
		buf_init(&s->arena, RECORDS_BYTES_MAX);
	}
	buf_reset(&s->arena);
	stash_clear(s);
}

bool store_dirty(const struct store *s)
{
	return s->nrecords > 0 || s->open_transaction;
}

int store_commit(struct store *s)
{
	int err = 0;

	if (!store_dirty(s))
		return 0;
	if (s->stalled)
		err = replay(s);
	if (!err)
		err = database_do(s, SQL_COMMIT);
	if (err)
		return store_stall(s, err);
	s->open_transaction = false;
	s->stalled = 0;
	forget_records(s);
	return 0;
}
