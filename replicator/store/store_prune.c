/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Cutting what nobody needs any more, in rounds of small pieces:
 *
 *   paths     versions of a path beyond the last `keep`: what is said of them stays in the log
 *   old       versions of the history, older than that many days
 *   outcomes  likewise
 *   past      what else the log has, likewise
 *   count     how much room is taken (store_room.c)
 *   room      the oldest versions of the history, while it is more than it may be
 *   contents  in the database, that no version refers to
 *   objects   likewise
 *   pack      large ones are compressed (object_pack.c)
 *
 * A content may be here before the version that refers to it. So in one life of the process only
 * what has been here for an hour is swept, and nothing that store_has has affirmed lately.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/err.h"
#include "base/path.h"
#include "replicator/store/internal.h"

#define PACK_DIRECTORIES 32
#define DAY_MSEC (INT64_C(24) * 60 * 60 * 1000)
#define SETTLE_MSEC (60 * 60 * 1000)

/* ---- one version ---- */

struct old {
	int64_t id;
	struct dot dot;
};

int prune_version(struct store *s, int64_t id, struct dot dot, const char *path)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_PRUNE_OUTCOMES_OF, &err);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, (int64_t)dot.origin);
	sqlite3_bind_int64(st, 2, (int64_t)dot.seq);
	bind_path(st, 3, path);
	err = database_run(s, st);
	crash_point("cut-version");
	if (!err)
		st = database_statement(s, SQL_PRUNE_VERSION, &err);
	if (err)
		return err;
	sqlite3_bind_int64(st, 1, id);
	return database_run(s, st);
}

static struct old column_old(sqlite3_stmt *st)
{
	return (struct old){
	    .id = sqlite3_column_int64(st, 0),
	    .dot = {(uint64_t)sqlite3_column_int64(st, 1), (uint64_t)sqlite3_column_int64(st, 2)}};
}

/* ---- paths ---- */

/* At most `max` of them: how many, or an error. */
static int prune_path(struct store *s, const char *path, int max)
{
	struct old olds[PRUNE_PIECE];
	int n = 0, err;
	sqlite3_stmt *st = database_statement(s, SQL_PRUNE_PATH, &err);

	if (!st)
		return err;
	bind_path(st, 1, path);
	sqlite3_bind_int(st, 2, max);
	while (n < PRUNE_PIECE && sqlite3_step(st) == SQLITE_ROW)
		olds[n++] = column_old(st);
	sqlite3_reset(st);
	for (int i = 0; i < n && !err; i++)
		err = past_keep(s, olds[i].id);
	return err ? err : n;
}

/* The next path after the cursor of which there are more than `keep` versions, or the last one looked
 * at, each at the cost of one of `left`; NULL if there is none, or if memory is (`err`). */
static char *next_path(struct store *s, uint32_t keep, int *left, int64_t *beyond, int *err)
{
	sqlite3_stmt *st = database_statement(s, SQL_PRUNE_PATHS, err);
	char *path = NULL;

	*beyond = 0;
	if (!st)
		return NULL;
	bind_path(st, 1, s->prune.cursor ? s->prune.cursor : "");
	sqlite3_bind_int(st, 2, *left);
	while (*beyond <= 0 && !*err && sqlite3_step(st) == SQLITE_ROW) {
		free(path);
		path = strdup(column_path(st, 0, err));
		*beyond = sqlite3_column_int64(st, 1) - keep;
		*err = path ? *err : -ENOMEM;
		--*left;
	}
	sqlite3_reset(st);
	return path;
}

/* A piece of paths and of what is cut of them; the cursor stays before one that may have more of it:
 * 1 if there are more, 0, or an error. */
static int prune_paths(struct store *s, uint32_t keep)
{
	int left = PRUNE_PIECE, err = 0;

	while (left > 0) {
		int64_t beyond;
		CLEANUP_FREE char *path = next_path(s, keep, &left, &beyond, &err);

		if (err || !path)
			return err;
		if (beyond > 0) {
			int cut = prune_path(s, path, beyond < left ? (int)beyond : left);

			if (cut < 0)
				return cut;
			left -= cut;
			if (left == 0)
				return 1;
		}
		char *passed = s->prune.cursor;
		s->prune.cursor = path;
		path = passed;
	}
	return 1;
}

/* ---- by age ---- */

static int prune_old(struct store *s, int64_t before_msec)
{
	struct old olds[PRUNE_PIECE];
	char *paths[PRUNE_PIECE];
	int n = 0, rows = 0, err;
	sqlite3_stmt *st = database_statement(s, SQL_PRUNE_OLD, &err);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, s->prune.id);
	sqlite3_bind_int(st, 2, PRUNE_PIECE);
	while (n < PRUNE_PIECE && sqlite3_step(st) == SQLITE_ROW &&
	       sqlite3_column_int64(st, 4) < before_msec) {
		s->prune.id = sqlite3_column_int64(st, 0);
		rows++;
		if (sqlite3_column_int(st, 5))
			continue;
		olds[n] = column_old(st);
		paths[n] = strdup(column_path(st, 3, &err));
		if (!paths[n] || err)
			break;
		n++;
	}
	sqlite3_reset(st);
	for (int i = 0; i < n; i++) {
		if (!err)
			err = prune_version(s, olds[i].id, olds[i].dot, paths[i]);
		free(paths[i]);
	}
	return err ? err : rows == PRUNE_PIECE;
}

/* Steps through (id, something) after the round's id, and deletes by id what `gone` says. */
static int prune_ids(struct store *s, sqlite3_stmt *st, enum statement delete_by_id,
		     bool (*gone)(struct store *s, sqlite3_stmt *st, int64_t limit), int64_t limit)
{
	int64_t ids[PRUNE_PIECE];
	int n = 0, rows = 0, err = 0;

	while (rows < PRUNE_PIECE && sqlite3_step(st) == SQLITE_ROW) {
		s->prune.id = sqlite3_column_int64(st, 0);
		rows++;
		if (gone(s, st, limit))
			ids[n++] = s->prune.id;
	}
	sqlite3_reset(st);
	st = database_statement(s, delete_by_id, &err);
	for (int i = 0; i < n && !err; i++) {
		sqlite3_bind_int64(st, 1, ids[i]);
		err = database_run(s, st);
		crash_point(delete_by_id == SQL_PRUNE_CONTENT ? "cut-content" : "cut-outcome");
	}
	return err ? err : rows == PRUNE_PIECE;
}

static bool outcome_gone(struct store *s, sqlite3_stmt *st, int64_t before_msec)
{
	(void)s;
	return sqlite3_column_int64(st, 1) < before_msec;
}

static int prune_outcomes(struct store *s, int64_t before_msec)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_PRUNE_OUTCOMES, &err);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, s->prune.id);
	sqlite3_bind_int(st, 2, PRUNE_PIECE);
	return prune_ids(s, st, SQL_PRUNE_OUTCOME, outcome_gone, before_msec);
}

/* ---- contents ---- */

static bool content_gone(struct store *s, sqlite3_stmt *st, int64_t unused)
{
	struct hash hash;

	(void)unused;
	return column_hash(st, 1, &hash) && !content_needed(s, hash);
}

static int prune_contents(struct store *s)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_PRUNE_CONTENTS, &err);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, s->prune.id);
	sqlite3_bind_int64(st, 2, s->prune.sweep_to);
	sqlite3_bind_int(st, 3, PRUNE_PIECE);
	return prune_ids(s, st, SQL_PRUNE_CONTENT, content_gone, 0);
}

/* ---- rounds ---- */

static void start_round(struct store *s)
{
	int64_t now = clock_monotonic_msec(), last;

	s->prune.due = false;
	s->prune.phase = PRUNE_PATHS;
	s->prune.id = 0;
	s->prune.directory = 0;
	free(s->prune.cursor);
	s->prune.cursor = NULL;
	if (s->prune.settled_msec && now - s->prune.settled_msec < SETTLE_MSEC)
		return;
	if (database_number(s, SQL_CONTENT_LAST, &last))
		return;
	s->prune.sweep_to = s->prune.settled;
	s->prune.settled = last;
	s->prune.settled_msec = now;
}

/* On to the next directory of objects; false: there is none. */
static bool next_directory(struct store *s)
{
	if (s->prune.directory == 0)
		objects_directories(s, s->prune.directories);
	while (s->prune.directory < 256 && !s->prune.directories[s->prune.directory])
		s->prune.directory++;
	return s->prune.directory < 256;
}

static int sweep_piece(struct store *s)
{
	if (!next_directory(s))
		return 0;
	objects_sweep(s, s->prune.directory);
	return ++s->prune.directory < 256;
}

/* A block, or a look for the next object in some of the directories. */
static int pack_piece(struct store *s)
{
	for (int i = 0; i < PACK_DIRECTORIES && next_directory(s); i++) {
		int more = objects_pack(s, s->prune.directory);

		if (more)
			return more;
		s->prune.directory++;
	}
	return s->prune.directory < 256;
}

/* A piece of the phase's work: 1 if the phase has more, 0, or an error. */
static int piece(struct store *s, const struct store_keep *keep, int64_t before_msec)
{
	switch (s->prune.phase) {
	case PRUNE_PATHS:
		return prune_paths(s, keep->versions ? keep->versions : 1);
	case PRUNE_OLD:
		return prune_old(s, before_msec);
	case PRUNE_OUTCOMES:
		return prune_outcomes(s, before_msec);
	case PRUNE_PAST:
		return past_prune(s, before_msec);
	case PRUNE_COUNT:
		return room_count(s);
	case PRUNE_COUNT_PAST:
		return room_count_past(s);
	case PRUNE_COUNT_OUTCOMES:
		return room_count_outcomes(s);
	case PRUNE_ROOM:
		return room_make(s, keep->bytes);
	case PRUNE_CONTENTS:
		return prune_contents(s);
	case PRUNE_OBJECTS:
		return sweep_piece(s);
	case PRUNE_PACK:
		return pack_piece(s);
	case PRUNE_REST:
		break;
	}
	return 0;
}

static void next_phase(struct store *s)
{
	s->prune.id = 0;
	s->prune.directory = 0;
	s->prune.phase = s->prune.phase == PRUNE_PACK ? PRUNE_REST : s->prune.phase + 1;
}

/* Phases in which there is nothing to cut make one piece with the next. */
static int piece_in_transaction(struct store *s, const struct store_keep *keep, int64_t before_msec)
{
	int err = database_begin(s);

	if (err)
		return err;
	int64_t changes = sqlite3_total_changes64(s->db);
	int more = piece(s, keep, before_msec);
	while (more == 0 && s->prune.phase + 1 < PRUNE_OBJECTS &&
	       sqlite3_total_changes64(s->db) == changes) {
		next_phase(s);
		more = piece(s, keep, before_msec);
	}
	err = more < 0 ? more : database_do(s, SQL_COMMIT);
	if (err) {
		database_rollback(s);
		return err;
	}
	s->open_transaction = false;
	return more;
}

bool store_prune(struct store *s, const struct store_keep *keep)
{
	int64_t before_msec = clock_wall_msec() - keep->days * DAY_MSEC;

	if (s->readonly || store_dirty(s))
		return false;
	if (s->wal_pages > WAL_PAGES_IDLE)
		database_checkpoint(s, false);
	if (s->prune.phase == PRUNE_REST) {
		if (!s->prune.due)
			return false;
		start_round(s);
	}
	crash_point("prune");
	int more = s->prune.phase >= PRUNE_OBJECTS ? piece(s, keep, before_msec)
						   : piece_in_transaction(s, keep, before_msec);
	crash_point("pruned");
	if (more < 0) {
		s->prune.phase = PRUNE_REST;
		s->prune.due = true;
		return false;
	}
	if (more == 0)
		next_phase(s);
	return s->prune.phase != PRUNE_REST;
}

/* ---- how much it is ---- */

static uint64_t file_size(const struct store *s, const char *name)
{
	struct stat st;

	return fstatat(s->dir_fd, name, &st, 0) == 0 ? (uint64_t)st.st_size : 0;
}

int store_usage(struct store *s, struct store_usage *u)
{
	struct statvfs vfs;
	int64_t versions, paths;
	int err = database_number(s, SQL_COUNT_VERSIONS, &versions);

	if (!err)
		err = database_number(s, SQL_COUNT_PATHS, &paths);
	if (err)
		return err;
	if (fstatvfs(s->dir_fd, &vfs) < 0)
		return -errno;
	*u = (struct store_usage){
	    .database_bytes = file_size(s, "zonefs.db") + file_size(s, "zonefs.db-wal"),
	    .objects_bytes = objects_size(s),
	    .free_bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize,
	    .versions = (uint64_t)versions,
	    .paths = (uint64_t)paths,
	    .counted = s->room.known,
	    .current_bytes = s->room.current,
	    .history_bytes = s->room.history,
	    .log_bytes = s->room.log,
	};
	return 0;
}
