/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For tests of the store: effects in one line, and a stand-in for the core that notes what it is
 * given at start.
 */
#ifndef TESTS_STORE_HELP_H
#define TESTS_STORE_HELP_H

#include "tests/unit/scratch_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replicator/store/seal.h"

/* SQL, on the database of a store that is closed: by somebody who knows of seals, or does not. */
static inline void execute_by(const char *vfs, const char *dir, const char *sql)
{
	char file[300];
	sqlite3 *db;

	assert_int_equal(seal_register(), SQLITE_OK);
	snprintf(file, sizeof(file), "%s/zonefs.db", dir);
	assert_int_equal(
	    sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static inline void execute(const char *dir, const char *sql)
{
	execute_by(SEAL_VFS, dir, sql);
}

/* ---- effects ---- */

static inline struct version *a_version(struct dot dot, const char *content)
{
	struct version *v = version_new();

	v->dot = dot;
	vv_raise(&v->context, dot);
	v->stamp = 7;
	if (content) {
		size_t len = strlen(content);

		v->attrs = (struct attrs){.kind = KIND_FILE, .mode = 0644, .size = len};
		v->attrs.hash = content_hash(content, len);
	}
	return v;
}

static inline struct effect store_effect(enum store_what what, const char *path)
{
	struct effect e = {.type = EFFECT_STORE, .path = path};

	e.store.what = what;
	return e;
}

/* The version's reference is given back. */
static inline int apply_version(struct store *s, enum store_what what, const char *path,
				struct version *v, int64_t wall_msec)
{
	struct effect e = store_effect(what, path);

	e.store.version = v;
	e.store.own = true;
	int err = store_apply(s, &e, wall_msec);
	version_put(v);
	return err;
}

static inline int apply_dot(struct store *s, enum store_what what, const char *path, struct dot dot)
{
	struct effect e = store_effect(what, path);

	e.store.dot = dot;
	return store_apply(s, &e, 0);
}

static inline int apply_origin(struct store *s, uint64_t origin, const char *node)
{
	struct effect e = store_effect(STORE_ORIGIN, NULL);
	struct origin o = {.origin = origin};

	strcpy(o.node, node);
	e.store.origin = &o;
	return store_apply(s, &e, 0);
}

/* A file's version with its content, as a save makes it. */
static inline int save(struct store *s, const char *path, uint64_t seq, const char *content,
		       int64_t wall_msec)
{
	size_t len = strlen(content);
	int err = store_stash(s, content_hash(content, len), content, len);

	if (err)
		return err;
	return apply_version(s, STORE_VERSION, path, a_version((struct dot){1, seq}, content),
			     wall_msec);
}

static inline bool has_content(struct store *s, const char *content)
{
	return store_has(s, content_hash(content, strlen(content)));
}

/* ---- a stand-in for the core ---- */

#define LOADED_MAX 20000

static struct {
	struct item versions[LOADED_MAX];
	uint32_t nversions;
	char draft_path[256];
	struct dot draft;
	uint32_t ndrafts;
	char shown_path[256];
	struct shown shown;
	uint32_t nshown;
	char intent_path[256];
	struct intent intent;
	uint32_t nintents;
	struct vv vector;
	struct origin origin;
	uint32_t norigins;
	char meta_name[64];
	uint8_t meta[64];
	size_t meta_len;
} loaded;

static inline void loaded_forget(void)
{
	for (uint32_t i = 0; i < loaded.nversions; i++)
		item_fini(&loaded.versions[i]);
	vv_fini(&loaded.shown.context);
	vv_fini(&loaded.intent.context);
	vv_fini(&loaded.vector);
	memset(&loaded, 0, sizeof(loaded));
}

void core_load_version(struct core *c, const char *path, struct version *v)
{
	(void)c;
	assert_true(loaded.nversions < LOADED_MAX);
	loaded.versions[loaded.nversions++] = (struct item){strdup(path), version_get(v)};
}

void core_load_draft(struct core *c, const char *path, struct version *v)
{
	(void)c;
	snprintf(loaded.draft_path, sizeof(loaded.draft_path), "%s", path);
	loaded.draft = v->dot;
	loaded.ndrafts++;
}

void core_load_shown(struct core *c, const char *path, const struct shown *s)
{
	(void)c;
	vv_fini(&loaded.shown.context);
	loaded.shown = *s;
	loaded.shown.context = (struct vv){0};
	vv_copy(&loaded.shown.context, &s->context);
	snprintf(loaded.shown_path, sizeof(loaded.shown_path), "%s", path);
	loaded.nshown++;
}

void core_load_intent(struct core *c, const char *path, const struct intent *i)
{
	(void)c;
	vv_fini(&loaded.intent.context);
	loaded.intent = *i;
	loaded.intent.context = (struct vv){0};
	vv_copy(&loaded.intent.context, &i->context);
	snprintf(loaded.intent_path, sizeof(loaded.intent_path), "%s", path);
	loaded.nintents++;
}

void core_load_vector(struct core *c, struct dot d)
{
	(void)c;
	vv_raise(&loaded.vector, d);
}

void core_load_origin(struct core *c, const struct origin *o)
{
	(void)c;
	loaded.origin = *o;
	loaded.norigins++;
}

void core_load_meta(struct core *c, const char *name, const void *value, size_t len)
{
	(void)c;
	assert_true(len <= sizeof(loaded.meta));
	snprintf(loaded.meta_name, sizeof(loaded.meta_name), "%s", name);
	if (len)
		memcpy(loaded.meta, value, len);
	loaded.meta_len = len;
}

/* What a store would give a core now. */
static inline void load_from(struct store *s)
{
	loaded_forget();
	assert_int_equal(store_load(s, NULL), 0);
}

/* Closes, opens and loads. */
static inline struct store *reopened(struct store *s, const char *dir)
{
	store_close(s);
	s = store_at(dir);
	load_from(s);
	return s;
}

#endif
