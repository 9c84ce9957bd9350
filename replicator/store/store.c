/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Opening and closing a store, and giving all that it knows to a new core.
 */
#include "replicator/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "replicator/store/internal.h"

/* ---- the folder ---- */

static int folder(const struct store *s, const char *name)
{
	if (mkdirat(s->dir_fd, name, 0700) < 0 && errno != EEXIST) {
		int err = -errno;

		log_error("%s/%s: cannot make it: %s", s->dir, name, err_text(err));
		return err;
	}
	int fd = openat(s->dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		fd = -errno;
		log_error("%s/%s: cannot open it: %s", s->dir, name, err_text(fd));
	}
	return fd;
}

/* Nobody else may look into it: zones that are not public lie there. */
static int make_private(const struct store *s)
{
	struct stat st;

	if (fstat(s->dir_fd, &st) < 0)
		return -errno;
	if ((st.st_mode & 077) == 0)
		return 0;
	if (st.st_uid == geteuid() && fchmod(s->dir_fd, 0700) == 0)
		return 0;
	log_error("%s: others may open it (mode %o): chmod 700", s->dir, st.st_mode & 07777u);
	return -EPERM;
}

static int take_lock(struct store *s)
{
	s->lock_fd = openat(s->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0 || flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		int err = errno == EWOULDBLOCK ? -EBUSY : -errno;

		if (err == -EBUSY)
			log_error("%s: in use by another zonefs-replicator", s->dir);
		else
			log_error("%s/lock: %s", s->dir, err_text(err));
		return err;
	}
	return 0;
}

static int open_folders(struct store *s)
{
	if (!s->readonly && mkdir(s->dir, 0700) < 0 && errno != EEXIST)
		log_error("%s: cannot make it: %s", s->dir, err_text(-errno));
	s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir_fd < 0) {
		int err = -errno;

		log_error("%s: cannot open it: %s", s->dir, err_text(err));
		return err;
	}
	if (s->readonly) {
		s->objects_fd = openat(s->dir_fd, "objects", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return 0;
	}
	int err = make_private(s);
	if (!err)
		err = take_lock(s);
	if (err)
		return err;
	s->objects_fd = folder(s, "objects");
	s->incoming_fd = folder(s, "incoming");
	if (s->objects_fd < 0)
		return s->objects_fd;
	return s->incoming_fd < 0 ? s->incoming_fd : 0;
}

static struct store *store_new(const char *dir, bool readonly)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->dir = strdup(dir);
	s->readonly = readonly;
	s->dir_fd = s->objects_fd = s->incoming_fd = s->lock_fd = -1;
	s->objects_bytes = -1;
	buf_init(&s->arena, RECORDS_BYTES_MAX);
	if (!s->dir) {
		free(s);
		return NULL;
	}
	return s;
}

int store_open(struct store **out, const char *state_dir, bool readonly)
{
	struct store *s = store_new(state_dir, readonly);

	if (!s) {
		log_error("%s: out of memory", state_dir);
		return -ENOMEM;
	}
	int err = open_folders(s);
	if (!err)
		err = database_open(s);
	if (!err && !readonly) {
		incoming_clean(s);
		/* Nothing is on its way yet: what no version refers to now, nobody will ask for. */
		err = database_number(s, SQL_CONTENT_LAST, &s->prune.sweep_to);
		s->prune.settled = s->prune.sweep_to;
		s->prune.due = true;
	}
	if (err) {
		store_close(s);
		return err;
	}
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	pack_end(s);
	database_close(s);
	stash_clear(s);
	free(s->records);
	buf_fini(&s->arena);
	free(s->prune.cursor);
	int fds[] = {s->objects_fd, s->incoming_fd, s->lock_fd, s->dir_fd};
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(s->dir);
	free(s);
}

/* ---- loading ---- */

/* Each gives one row to the core: 0 or ERR_CORRUPT. */
typedef int load_row(sqlite3_stmt *st, struct core *c);

static struct rd reader(sqlite3_stmt *st, int at)
{
	struct rd r;

	rd_init(&r, sqlite3_column_blob(st, at), (size_t)sqlite3_column_bytes(st, at));
	return r;
}

static int load_meta(sqlite3_stmt *st, struct core *c)
{
	int err;
	const char *name = column_path(st, 0, &err);

	if (!err)
		core_load_meta(c, name, sqlite3_column_blob(st, 1),
			       (size_t)sqlite3_column_bytes(st, 1));
	return err;
}

static int load_origin(sqlite3_stmt *st, struct core *c)
{
	struct origin o = {.origin = (uint64_t)sqlite3_column_int64(st, 0)};
	const char *node = (const char *)sqlite3_column_text(st, 1);

	if (!node || strlen(node) >= sizeof(o.node) || o.origin < 1 || o.origin > INT64_MAX)
		return ERR_CORRUPT;
	strcpy(o.node, node);
	core_load_origin(c, &o);
	return 0;
}

static int load_dot(sqlite3_stmt *st, struct core *c)
{
	int64_t origin = sqlite3_column_int64(st, 0), seq = sqlite3_column_int64(st, 1);

	if (origin < 1 || seq < 1)
		return ERR_CORRUPT;
	core_load_vector(c, (struct dot){(uint64_t)origin, (uint64_t)seq});
	return 0;
}

static int load_version_as(sqlite3_stmt *st, struct core *c,
			   void (*give)(struct core *c, const char *path, struct version *v))
{
	int err;
	const char *path = column_path(st, 0, &err);
	struct rd r = reader(st, 1);
	struct version *v = rd_version(&r);

	if (err || !path_valid(path) || rd_end(&r)) {
		version_put(v);
		return ERR_CORRUPT;
	}
	give(c, path, v);
	version_put(v);
	return 0;
}

static int load_version(sqlite3_stmt *st, struct core *c)
{
	return load_version_as(st, c, core_load_version);
}

static int load_draft(sqlite3_stmt *st, struct core *c)
{
	return load_version_as(st, c, core_load_draft);
}

static int load_shown(sqlite3_stmt *st, struct core *c)
{
	int err;
	const char *path = column_path(st, 0, &err);
	struct rd r = reader(st, 1);
	struct shown shown;

	rd_shown(&r, &shown);
	if (!err && path_valid(path) && rd_end(&r) == 0)
		core_load_shown(c, path, &shown);
	else
		err = ERR_CORRUPT;
	vv_fini(&shown.context);
	return err;
}

static int load_intent(sqlite3_stmt *st, struct core *c)
{
	int err;
	const char *path = column_path(st, 0, &err);
	struct rd r = reader(st, 1);
	struct intent intent;

	rd_intent(&r, &intent);
	if (!err && path_valid(path) && rd_end(&r) == 0)
		core_load_intent(c, path, &intent);
	else
		err = ERR_CORRUPT;
	vv_fini(&intent.context);
	return err;
}

static int load(struct store *s, struct core *c, enum statement which, const char *what,
		load_row *row)
{
	int err, rc;
	sqlite3_stmt *st = database_statement(s, which, &err);

	if (!st)
		return err;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && !err)
		err = row(st, c);
	if (err)
		log_error("%s/zonefs.db is damaged: %s that cannot be read", s->dir, what);
	else
		err = database_error(s, rc, "loading");
	sqlite3_reset(st);
	return err;
}

int store_load(struct store *s, struct core *c)
{
	static const struct {
		enum statement which;
		const char *what;
		load_row *row;
	} steps[] = {
	    {SQL_LOAD_META, "a setting", load_meta},
	    {SQL_LOAD_ORIGINS, "an origin", load_origin},
	    {SQL_LOAD_VECTOR, "a vector", load_dot},
	    {SQL_LOAD_VERSIONS, "a version", load_version},
	    {SQL_LOAD_DRAFTS, "a version", load_draft},
	    {SQL_LOAD_SHOWN, "what is shown", load_shown},
	    {SQL_LOAD_INTENTS, "an intent", load_intent},
	};
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(steps) && !err; i++)
		err = load(s, c, steps[i].which, steps[i].what, steps[i].row);
	return err;
}
