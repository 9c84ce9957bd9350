/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SQLite: the schema, the statements in one table (prepared at first use, then kept), and its
 * results as errors of ours. Opening refuses what is not a store of this schema, in words.
 *
 * Every version that this node knows is a row of `version`, in the order in which it was learned:
 * the current ones (1) are the entries, what is held here (2) no node knows of, all together are the
 * history. Rows of `past` are what else the
 * log has: versions that the history keeps no longer, and those that were fetched from the logs of
 * others; `gap` says of which this node has never heard, though its vector covers them. Paths are
 * blobs: any bytes, in byte order. Contents are referred to by the `hash` of versions.
 */
#include "replicator/store/internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crash.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "replicator/store/seal.h"

#define APPLICATION_ID 0x5a6f4653 /* "ZoFS" */
#define SCHEMA_UNSEALED 1

static const char schema[] =
    "CREATE TABLE version(id INTEGER PRIMARY KEY, path BLOB NOT NULL, origin INTEGER NOT NULL,"
    " seq INTEGER NOT NULL, current INTEGER NOT NULL, wall INTEGER NOT NULL, made INTEGER NOT NULL,"
    " own INTEGER NOT NULL, hash BLOB, data BLOB NOT NULL);"
    "CREATE INDEX version_path ON version(path);"
    "CREATE INDEX version_current ON version(current) WHERE current = 1;"
    "CREATE INDEX version_hash ON version(hash) WHERE hash IS NOT NULL;"
    "CREATE INDEX version_dot ON version(origin, seq);"
    "CREATE INDEX version_made ON version(made, origin, seq);"
    "CREATE TABLE past(id INTEGER PRIMARY KEY, path BLOB NOT NULL, origin INTEGER NOT NULL,"
    " seq INTEGER NOT NULL, wall INTEGER NOT NULL, made INTEGER NOT NULL, own INTEGER NOT NULL,"
    " fetched INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE UNIQUE INDEX past_dot ON past(origin, seq, path);"
    "CREATE INDEX past_made ON past(made, origin, seq);"
    "CREATE TABLE gap(origin INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
    " wall INTEGER NOT NULL, PRIMARY KEY(origin, first)) WITHOUT ROWID;"
    "CREATE TABLE content(id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, data BLOB NOT NULL);"
    "CREATE TABLE shown(path BLOB PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE intent(path BLOB PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE vector(origin INTEGER PRIMARY KEY, seq INTEGER NOT NULL);"
    "CREATE TABLE origin(origin INTEGER PRIMARY KEY, node TEXT NOT NULL);"
    "CREATE TABLE meta(name BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE value(name BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE outcome(id INTEGER PRIMARY KEY, origin INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " path BLOB NOT NULL, about BLOB NOT NULL, wall INTEGER NOT NULL, told INTEGER NOT NULL,"
    " data BLOB NOT NULL);"
    "CREATE UNIQUE INDEX outcome_version ON outcome(origin, seq, path, about);"
    "CREATE INDEX outcome_untold ON outcome(origin) WHERE told = 0;";

static const char *const statements[SQL_MAX] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_VERSION_ADD] = "INSERT INTO version(path, origin, seq, current, wall, own, hash, data, made)"
			" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [SQL_DRAFT_FORGET] = "DELETE FROM version INDEXED BY version_path"
			 " WHERE path = ?1 AND origin = ?2 AND seq = ?3 AND current = 2",
    [SQL_VERSION_SUPERSEDE] = "UPDATE version INDEXED BY version_path SET current = 0"
			      " WHERE path = ?1 AND origin = ?2 AND seq = ?3 AND current <> 0",
    [SQL_SHOWN_SET] = "REPLACE INTO shown(path, data) VALUES(?1, ?2)",
    [SQL_SHOWN_FORGET] = "DELETE FROM shown WHERE path = ?1",
    [SQL_INTENT_SET] = "REPLACE INTO intent(path, data) VALUES(?1, ?2)",
    [SQL_INTENT_FORGET] = "DELETE FROM intent WHERE path = ?1",
    [SQL_VECTOR_RAISE] = "INSERT INTO vector(origin, seq) VALUES(?1, ?2)"
			 " ON CONFLICT(origin) DO UPDATE SET seq = max(seq, excluded.seq)",
    [SQL_ORIGIN_SET] = "REPLACE INTO origin(origin, node) VALUES(?1, ?2)",
    [SQL_META_SET] = "REPLACE INTO meta(name, value) VALUES(?1, ?2)",
    [SQL_META_FORGET] = "DELETE FROM meta WHERE name = ?1",
    [SQL_VALUE_SET] = "REPLACE INTO value(name, value) VALUES(?1, ?2)",
    [SQL_VALUE_FORGET] = "DELETE FROM value WHERE name = ?1",
    [SQL_VALUE_GET] = "SELECT value FROM value WHERE name = ?1",
    [SQL_VALUE_EACH] = "SELECT name, value FROM value WHERE name >= ?1 ORDER BY name",
    [SQL_CONTENT_ADD] = "INSERT OR IGNORE INTO content(hash, data) VALUES(?1, ?2)",
    [SQL_CONTENT_GET] = "SELECT data FROM content WHERE hash = ?1",
    [SQL_CONTENT_HAS] = "SELECT 1 FROM content WHERE hash = ?1",
    [SQL_OUTCOME_ADD] = "INSERT OR REPLACE INTO outcome(origin, seq, path, wall, told, data, about)"
			" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_OUTCOME_TELL] = "UPDATE outcome SET told = 1 WHERE id = ?1",
    [SQL_OUTCOME_UNTOLD] = "SELECT id, data FROM outcome WHERE told = 0 AND origin IN"
			   " (SELECT origin FROM origin WHERE node = ?1) ORDER BY id LIMIT ?2",
    [SQL_OUTCOME_FIND] = "SELECT data FROM outcome WHERE origin = ?1 AND seq = ?2 AND path = ?3"
			 " ORDER BY id",
    [SQL_LOAD_META] = "SELECT name, value FROM meta",
    [SQL_LOAD_ORIGINS] = "SELECT origin, node FROM origin",
    [SQL_LOAD_VECTOR] = "SELECT origin, seq FROM vector",
    [SQL_LOAD_VERSIONS] = "SELECT path, data FROM version WHERE current = 1 ORDER BY id",
    [SQL_LOAD_DRAFTS] = "SELECT path, data FROM version WHERE current = 2 ORDER BY id",
    [SQL_LOAD_SHOWN] = "SELECT path, data FROM shown",
    [SQL_LOAD_INTENTS] = "SELECT path, data FROM intent",
    [SQL_DOTS] = "SELECT id, origin, seq FROM version WHERE path = ?1 ORDER BY id",
    [SQL_PRUNE_PATHS] = "SELECT path, count(*) FROM version WHERE path > ?1 GROUP BY path LIMIT ?2",
    [SQL_PRUNE_PATH] = "SELECT id, origin, seq, path FROM version WHERE path = ?1 AND current = 0"
		       " ORDER BY id LIMIT ?2",
    [SQL_PRUNE_OLD] = "SELECT id, origin, seq, path, wall, current FROM version WHERE id > ?1"
		      " ORDER BY id LIMIT ?2",
    [SQL_PRUNE_VERSION] = "DELETE FROM version WHERE id = ?1 AND current = 0",
    [SQL_PAST_ADD] = "INSERT OR IGNORE INTO past(path, origin, seq, wall, made, own, fetched, data)"
		     " SELECT ?1, ?2, ?3, ?4, ?5, 0, 1, ?6 WHERE NOT EXISTS (SELECT 1 FROM version"
		     " WHERE origin = ?2 AND seq = ?3 AND path = ?1)",
    [SQL_PAST_KEEP] = "INSERT OR IGNORE INTO past(path, origin, seq, wall, made, own, fetched, data)"
		      " SELECT path, origin, seq, wall, made, own, 0, data FROM version"
		      " WHERE id = ?1 AND current = 0",
    [SQL_PAST_OF] = "SELECT path, data FROM version WHERE origin = ?1 AND seq BETWEEN ?2 AND ?3"
		    " UNION ALL SELECT path, data FROM past WHERE origin = ?1 AND seq BETWEEN ?2 AND ?3",
    [SQL_PAST_RANGE] = "SELECT seq, path, data FROM version WHERE origin = ?1 AND seq BETWEEN ?2 AND ?3"
		       " UNION ALL SELECT seq, path, data FROM past"
		       " WHERE origin = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY 1, 2",
    [SQL_PAST_OLD] = "SELECT id, wall, made, fetched FROM past WHERE id > ?1 ORDER BY id LIMIT ?2",
    [SQL_PAST_DROP] = "DELETE FROM past WHERE id = ?1",
    [SQL_PAST_ROOM] = "SELECT id, path, data FROM past WHERE id > ?1 ORDER BY id LIMIT ?2",
    [SQL_PAST_OLDEST] = "SELECT id, path, data FROM past ORDER BY made, origin, seq LIMIT ?1",
    [SQL_GAP_ADD] = "REPLACE INTO gap(origin, first, last, wall) VALUES(?1, ?2, ?3, ?4)",
    [SQL_GAP_DROP] = "DELETE FROM gap WHERE origin = ?1 AND first = ?2",
    [SQL_GAP_FIND] = "SELECT first, last, wall FROM gap WHERE origin = ?1 AND first <= ?3 AND last >= ?2"
		     " LIMIT 1",
    [SQL_GAP_COUNT] = "SELECT count(*) FROM gap",
    [SQL_GAP_OLD] = "DELETE FROM gap WHERE wall < ?1",
    [SQL_GAPS] = "SELECT origin, first, last, wall FROM gap ORDER BY wall DESC, origin, first",
    [SQL_HOLE_SEQS] = "SELECT seq, min(made) FROM (SELECT seq, made FROM version"
		      " WHERE origin = ?1 AND seq BETWEEN ?2 AND ?3 UNION ALL SELECT seq, made FROM past"
		      " WHERE origin = ?1 AND seq BETWEEN ?2 AND ?3) GROUP BY seq ORDER BY seq",
    [SQL_HOLE_AFTER] = "SELECT made FROM (SELECT * FROM (SELECT made, seq FROM version"
		       " WHERE origin = ?1 AND seq > ?2 ORDER BY seq LIMIT 1) UNION ALL"
		       " SELECT * FROM (SELECT made, seq FROM past"
		       " WHERE origin = ?1 AND seq > ?2 ORDER BY seq LIMIT 1)) ORDER BY seq LIMIT 1",
    [SQL_HOLE_BEFORE] = "SELECT max(made) FROM (SELECT * FROM (SELECT made FROM version"
			" WHERE made <= ?2 AND origin IN (SELECT origin FROM origin WHERE node = ?1)"
			" AND NOT (origin = ?3 AND seq > ?4) ORDER BY made DESC LIMIT 1) UNION ALL"
			" SELECT * FROM (SELECT made FROM past"
			" WHERE made <= ?2 AND origin IN (SELECT origin FROM origin WHERE node = ?1)"
			" AND NOT (origin = ?3 AND seq > ?4) ORDER BY made DESC LIMIT 1))",
    [SQL_WHOSE_ORIGIN] = "SELECT node FROM origin WHERE origin = ?1",
    [SQL_PRUNE_OUTCOMES_OF] = "DELETE FROM outcome WHERE origin = ?1 AND seq = ?2 AND path = ?3",
    [SQL_PRUNE_OUTCOMES] = "SELECT id, wall FROM outcome WHERE id > ?1 ORDER BY id LIMIT ?2",
    [SQL_PRUNE_OUTCOME] = "DELETE FROM outcome WHERE id = ?1",
    [SQL_PRUNE_CONTENTS] = "SELECT id, hash FROM content WHERE id > ?1 AND id <= ?2"
			   " ORDER BY id LIMIT ?3",
    [SQL_PRUNE_CONTENT] = "DELETE FROM content WHERE id = ?1",
    [SQL_HASH_USED] = "SELECT 1 FROM version WHERE hash = ?1 LIMIT 1",
    [SQL_CONTENT_DROP] = "DELETE FROM content WHERE hash = ?1",
    [SQL_WHOSE] = "SELECT path, data FROM version WHERE hash = ?1 ORDER BY current DESC LIMIT 1",
    [SQL_CHECK_CONTENTS] = "SELECT id, hash, data FROM content WHERE id > ?1 ORDER BY id LIMIT ?2",
    [SQL_CONTENT_LAST] = "SELECT max(id) FROM content",
    [SQL_ROOM_VERSIONS] = "SELECT id, current, path, data, hash FROM version WHERE id > ?1"
			  " ORDER BY id LIMIT ?2",
    [SQL_ROOM_FIRST] = "SELECT id FROM version WHERE hash = ?1 ORDER BY id LIMIT 1",
    [SQL_ROOM_CURRENT] = "SELECT 1 FROM version WHERE hash = ?1 AND current <> 0 LIMIT 1",
    [SQL_ROOM_OUTCOMES] = "SELECT id, path, data FROM outcome WHERE id > ?1 ORDER BY id LIMIT ?2",
    [SQL_ROOM_PAST] = "SELECT id, path, data, hash, origin, seq FROM version"
		      " WHERE id > ?1 AND current = 0 ORDER BY id LIMIT ?2",
    [SQL_COUNT_VERSIONS] = "SELECT count(*) FROM version",
    [SQL_COUNT_PATHS] = "SELECT count(DISTINCT path) FROM version",
};

/* ---- results ---- */

static int error_of(struct store *s, int rc)
{
	int os = s->db ? sqlite3_system_errno(s->db) : 0;

	if (rc == SQLITE_IOERR_DATA) /* a page whose seal is broken, or that cannot be read */
		return ERR_CORRUPT;
	if (rc == SQLITE_IOERR_CORRUPTFS || (rc == SQLITE_IOERR_READ && err_unreadable(-os)))
		return ERR_CORRUPT; /* likewise its log */
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return os == ENOSPC || os == EDQUOT || os == EACCES || os == EPERM ? -os : -EIO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_CORRUPT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/* Whoever opens it next is to look at all of it. */
static void suspect(struct store *s)
{
	if (s->damaged || s->readonly || s->dir_fd < 0)
		return;
	int fd = openat(s->dir_fd, STORE_SUSPECT, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	s->damaged = true;
}

int database_error(struct store *s, int rc, const char *doing)
{
	if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE)
		return 0;
	int err = error_of(s, rc);
	if (err == ERR_CORRUPT)
		suspect(s);
	log_limited(LOG_LEVEL_ERROR, "%s/zonefs.db: %s: %s (%s, SQLite code %d)", s->dir, doing,
		    err_text(err), s->db ? sqlite3_errmsg(s->db) : "no memory", rc);
	return err;
}

/* ---- statements ---- */

sqlite3_stmt *database_statement(struct store *s, enum statement which, int *err)
{
	sqlite3_stmt **st = &s->statements[which];

	if (!*st) {
		int rc = sqlite3_prepare_v3(s->db, statements[which], -1, SQLITE_PREPARE_PERSISTENT,
					    st, NULL);
		*err = database_error(s, rc, "preparing a statement");
		if (*err)
			return NULL;
	}
	*err = 0;
	return *st;
}

int database_run(struct store *s, sqlite3_stmt *st)
{
	int err = database_error(s, sqlite3_step(st), "writing");

	sqlite3_reset(st);
	return err;
}

int database_do(struct store *s, enum statement which)
{
	int err;
	sqlite3_stmt *st = database_statement(s, which, &err);

	return st ? database_run(s, st) : err;
}

int database_number(struct store *s, enum statement which, int64_t *out)
{
	int err;
	sqlite3_stmt *st = database_statement(s, which, &err);

	if (!st)
		return err;
	int rc = sqlite3_step(st);
	err = database_error(s, rc, "reading");
	if (!err)
		*out = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return err;
}

void bind_bytes(sqlite3_stmt *st, int at, const void *p, size_t len)
{
	sqlite3_bind_blob64(st, at, len ? p : "", len, SQLITE_STATIC);
}

void bind_hash(sqlite3_stmt *st, int at, const struct hash *h)
{
	if (hash_none(*h))
		sqlite3_bind_null(st, at);
	else
		bind_bytes(st, at, h->b, sizeof(h->b));
}

void bind_path(sqlite3_stmt *st, int at, const char *path)
{
	bind_bytes(st, at, path, strlen(path));
}

const char *column_path(sqlite3_stmt *st, int at, int *err)
{
	/* As text SQLite puts a NUL behind it; a blob's bytes stay as they are. */
	const char *path = (const char *)sqlite3_column_text(st, at);
	int len = sqlite3_column_bytes(st, at);

	*err = 0;
	if (!path)
		path = "";
	if (len > PATH_LEN_MAX || strlen(path) != (size_t)len)
		*err = ERR_CORRUPT;
	return path;
}

bool column_hash(sqlite3_stmt *st, int at, struct hash *h)
{
	const void *p = sqlite3_column_blob(st, at);

	if (!p || sqlite3_column_bytes(st, at) != (int)sizeof(h->b))
		return false;
	memcpy(h->b, p, sizeof(h->b));
	return true;
}

/* ---- transactions ---- */

int database_begin(struct store *s)
{
	if (s->open_transaction)
		return 0;
	int err = database_do(s, SQL_BEGIN);
	s->open_transaction = err == 0;
	return err;
}

void database_rollback(struct store *s)
{
	/* SQLite may have done so itself. */
	if (s->open_transaction && !sqlite3_get_autocommit(s->db))
		database_do(s, SQL_ROLLBACK);
	s->open_transaction = false;
}

static void checkpoint(struct store *s, int mode)
{
	int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, mode, NULL, NULL);

	if (rc != SQLITE_BUSY && rc != SQLITE_LOCKED) /* somebody reads: later */
		database_error(s, rc, "moving its log");
}

/* Called after each commit. Checkpoints are left to quiet moments (store_prune), but not for ever.
 */
static int committed(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct store *s = arg;

	(void)name;
	(void)db;
	s->wal_pages = pages;
	if (pages >= WAL_PAGES_MAX)
		checkpoint(s, SQLITE_CHECKPOINT_PASSIVE);
	return SQLITE_OK;
}

void database_checkpoint(struct store *s, bool truncate)
{
	crash_point("checkpoint");
	checkpoint(s, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE);
	crash_point("checkpointed");
	s->wal_pages = 0;
}

/* ---- opening ---- */

static int pragma_number(struct store *s, const char *sql, int64_t *out)
{
	sqlite3_stmt *st;
	int err =
	    database_error(s, sqlite3_prepare_v2(s->db, sql, -1, &st, NULL), "reading its head");

	if (err)
		return err;
	int rc = sqlite3_step(st);
	err = database_error(s, rc, "reading its head");
	if (!err)
		*out = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_finalize(st);
	return err;
}

static int execute(struct store *s, const char *sql, const char *doing)
{
	return database_error(s, sqlite3_exec(s->db, sql, NULL, NULL, NULL), doing);
}

/* Few rows of many, and younger than the schema. */
static const char draft_index[] =
    "CREATE INDEX IF NOT EXISTS version_draft ON version(current) WHERE current = 2";

static int make_schema(struct store *s)
{
	char *sql = sqlite3_mprintf("BEGIN IMMEDIATE; %s PRAGMA application_id = %d;"
				    " PRAGMA user_version = %d; COMMIT",
				    schema, APPLICATION_ID, STORE_SCHEMA);

	if (!sql)
		return -ENOMEM;
	int err = execute(s, sql, "making it");
	sqlite3_free(sql);
	return err;
}

/* A database from before there were seals: its pages are written anew. */
static int seal_pages(struct store *s)
{
	int err = database_error(s, seal_request(s->db), "sealing its pages");

	log_notice("%s/zonefs.db was made by an earlier version: its pages are sealed now", s->dir);
	if (!err)
		err = execute(s, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)", "sealing its pages");
	if (!err) {
		char sql[64];

		snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", STORE_SCHEMA);
		err = execute(s, sql, "sealing its pages");
	}
	return err;
}

/* A store of our schema, or an empty file that becomes one. */
static int check_schema(struct store *s)
{
	int64_t application, number, tables;
	int err = pragma_number(s, "PRAGMA application_id", &application);

	if (!err)
		err = pragma_number(s, "PRAGMA user_version", &number);
	if (!err)
		err = pragma_number(s, "SELECT count(*) FROM sqlite_master", &tables);
	if (err)
		return err;
	if (application == 0 && number == 0 && tables == 0 && !s->readonly)
		return make_schema(s);
	if (application != APPLICATION_ID) {
		log_error("%s/zonefs.db is not a store of zonefs", s->dir);
		return ERR_CORRUPT;
	}
	if (number == SCHEMA_UNSEALED)
		return s->readonly ? 0 : seal_pages(s);
	if (number != STORE_SCHEMA) {
		log_error("%s/zonefs.db has the format %lld and this zonefs knows %d only: it was"
			  " written by %s version; install that one",
			  s->dir, (long long)number, STORE_SCHEMA,
			  number > STORE_SCHEMA ? "a later" : "an earlier");
		return ERR_PROTOCOL;
	}
	return 0;
}

int store_check_database(struct store *s)
{
	sqlite3_stmt *st;
	int err;
	int rc = sqlite3_prepare_v2(s->db, "PRAGMA integrity_check(1)", -1, &st, NULL);

	if (rc != SQLITE_OK)
		return database_error(s, rc, "checking it");
	rc = sqlite3_step(st);
	err = database_error(s, rc, "checking it");
	if (rc == SQLITE_ROW) {
		const char *words = (const char *)sqlite3_column_text(st, 0);

		if (!words || strcmp(words, "ok") != 0) {
			log_error("%s/zonefs.db is damaged: %s", s->dir, words ? words : "?");
			err = ERR_CORRUPT;
		}
	}
	sqlite3_finalize(st);
	return err;
}

/* Each page is looked at when it is read; all at once where it is suspected. */
static int check_pages(struct store *s)
{
	if (faccessat(s->dir_fd, STORE_SUSPECT, F_OK, 0) < 0)
		return 0;
	int err = store_check_database(s);
	if (!err && !s->readonly)
		unlinkat(s->dir_fd, STORE_SUSPECT, 0);
	return err;
}

/* What SQLite would take for a new one: a file that was cut off to nothing. */
static int check_length(const struct store *s)
{
	struct stat st, log;

	if (fstatat(s->dir_fd, "zonefs.db", &st, 0) < 0 || st.st_size > 0)
		return 0;
	if (fstatat(s->dir_fd, "zonefs.db-wal", &log, 0) == 0 && log.st_size > 0)
		return 0;
	log_error("%s/zonefs.db is empty", s->dir);
	return ERR_CORRUPT;
}

int database_open(struct store *s)
{
	int flags =
	    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
	    (s->readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
	char file[4200];

	if (snprintf(file, sizeof(file), "%s/zonefs.db", s->dir) >= (int)sizeof(file))
		return -ENAMETOOLONG;
	int err = check_length(s);
	if (err)
		return err;
	err = database_error(s, seal_register(), "opening it");
	if (!err)
		err =
		    database_error(s, sqlite3_open_v2(file, &s->db, flags, SEAL_VFS), "opening it");
	if (err)
		return err;
	sqlite3_busy_timeout(s->db, 200);
	if (!s->readonly)
		err = database_error(s, seal_request(s->db), "opening it");
	if (!err && !s->readonly)
		err = execute(s,
			      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			      " PRAGMA journal_size_limit = 67108864",
			      "opening it");
	if (!err)
		err = execute(s,
			      "PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY;"
			      " PRAGMA cache_size = -16384; PRAGMA trusted_schema = OFF",
			      "opening it");
	if (!err)
		err = check_schema(s);
	if (!err)
		err = check_pages(s);
	if (!err && !s->readonly)
		err = execute(s, draft_index, "opening it");
	if (!err && !s->readonly)
		sqlite3_wal_hook(s->db, committed, s);
	return err;
}

void database_close(struct store *s)
{
	if (!s->db)
		return;
	database_rollback(s);
	for (int i = 0; i < SQL_MAX; i++) {
		sqlite3_finalize(s->statements[i]);
		s->statements[i] = NULL;
	}
	int rc = sqlite3_close(s->db);
	assert(rc == SQLITE_OK);
	(void)rc;
	s->db = NULL;
}
