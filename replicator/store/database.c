/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SQLite in use: its results as errors of ours, statements, values in and out, transactions and
 * checkpoints. The tables and how they are opened are in database_schema.c, the statements' texts in
 * database_sql.c.
 */
#include "replicator/store/internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"

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
		int rc = sqlite3_prepare_v3(s->db, database_sql(which), -1,
					    SQLITE_PREPARE_PERSISTENT, st, NULL);
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

void database_bound_log(struct store *s)
{
	sqlite3_wal_hook(s->db, committed, s);
}

void database_checkpoint(struct store *s, bool truncate)
{
	crash_point("checkpoint");
	checkpoint(s, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE);
	crash_point("checkpointed");
	s->wal_pages = 0;
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
