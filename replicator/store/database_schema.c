/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tables, and opening them: what is not a store of this schema is refused, in words.
 *
 * Every version that this node knows is a row of `version`, in the order in which it was learned:
 * the current ones (1) are the entries, what is held here (2) no node knows of, all together are the
 * history. Rows of `past` are what else the log has: versions that the history keeps no longer, and
 * those that were fetched from the logs of others; `gap` says of which this node has never heard,
 * though its vector covers them. Paths are blobs: any bytes, in byte order. Contents are referred to
 * by the `hash` of versions.
 */
#include "replicator/store/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
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

/* Few rows of many, and younger than the schema. A path may have thousands of old versions. */
static const char younger_indexes[] =
    "CREATE INDEX IF NOT EXISTS version_draft ON version(current) WHERE current = 2;"
    "CREATE INDEX IF NOT EXISTS version_entry ON version(path) WHERE current <> 0";

/* ---- the head ---- */

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

/* ---- opening ---- */

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
		err = execute(s, younger_indexes, "opening it");
	if (!err && !s->readonly)
		database_bound_log(s);
	return err;
}
