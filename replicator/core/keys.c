/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table of paths: for each its entry (the versions that no other known
 * version has seen), what this node shows, and what the entries together make
 * visible, which is a function of them alone.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY /* the state on the stack */
#include <xxhash.h>

#include "base/path.h"
#include "replicator/core/parts.h"

static int key_order(struct key *a, struct key *b)
{
	return path_compare(a->path, b->path);
}

TREE(keys, key, link, key_order)
TREE(live_keys, key, live_link, key_order)

struct key *key_find(const struct core *c, const char *path)
{
	struct key probe;

	probe.path = (char *)(uintptr_t)path;
	return RB_FIND(keys, (struct keys *)(uintptr_t)&c->keys, &probe);
}

struct key *key_get(struct core *c, const char *path)
{
	struct key *k = key_find(c, path);

	if (k)
		return k;
	k = core_alloc(sizeof(*k));
	k->path = core_strdup(path);
	RB_INSERT(keys, &c->keys, k);
	return k;
}

struct key *key_parent(const struct core *c, const struct key *k)
{
	char path[PATH_LEN_MAX + 1];
	struct key *parent = NULL;

	strcpy(path, k->path);
	for (size_t len = path_parent_len(path); len && !parent; len = path_parent_len(path)) {
		path[len] = 0;
		parent = key_find(c, path);
	}
	return parent;
}

struct key *key_first(const struct core *c, const char *after)
{
	struct key probe, *k;

	probe.path = (char *)(uintptr_t)after;
	k = RB_NFIND(keys, (struct keys *)(uintptr_t)&c->keys, &probe);
	if (k && after[0] && strcmp(k->path, after) == 0)
		k = key_next(k);
	return k;
}

struct key *key_next(const struct key *k)
{
	return RB_NEXT(keys, NULL, (struct key *)(uintptr_t)k);
}

/* The keys below a directory follow it in the order of keys. */
struct key *key_next_below(const struct core *c, const char *dir, const struct key *after)
{
	struct key *k = after ? key_next(after) : key_first(c, dir);

	return k && path_below(k->path, dir) ? k : NULL;
}

struct key *key_next_live_below(const struct core *c, const char *dir, const struct key *after)
{
	struct key probe, *k;

	if (after) {
		k = RB_NEXT(live_keys, NULL, (struct key *)(uintptr_t)after);
	} else {
		probe.path = (char *)(uintptr_t)dir;
		k = RB_NFIND(live_keys, (struct live_keys *)(uintptr_t)&c->live, &probe);
		if (k && strcmp(k->path, dir) == 0)
			k = RB_NEXT(live_keys, NULL, k);
	}
	return k && path_below(k->path, dir) ? k : NULL;
}

bool key_live_below(const struct core *c, const char *path)
{
	return key_next_live_below(c, path, NULL);
}

static bool key_idle(const struct key *k)
{
	return !k->n && !k->nrefused && !k->shown && !k->intent && !k->flight && !k->looking &&
	       !k->delay && !k->opwait && !k->opwait_absent && !k->unsettled && !k->ready &&
	       !k->hinted.n && !k->looked.n && !k->changed && !k->freed && !k->edited &&
	       !k->late && !k->held && !k->draft && !k->putting_back && !k->local &&
	       !k->hearing && !k->admission;
}

static void key_free(struct core *c, struct key *k)
{
	RB_REMOVE(keys, &c->keys, k);
	for (uint32_t i = 0; i < k->n; i++)
		version_put(k->entry[i]);
	free(k->entry);
	refused_free(k);
	if (k->shown)
		vv_fini(&k->shown->context);
	free(k->shown);
	if (k->intent)
		vv_fini(&k->intent->context);
	free(k->intent);
	vv_fini(&k->decided.context);
	version_put(k->placing);
	version_put(k->shown_once);
	version_put(k->found_over);
	version_put(k->draft);
	serials_free(&k->hinted);
	serials_free(&k->looked);
	if (k->changed)
		k->changed->key = NULL;
	if (k->freed)
		k->freed->key = NULL;
	free(k->user);
	free(k->path);
	free(k);
}

/* Directories above may remember it as what is still in them. */
static void forget_blocker(struct core *c, struct key *k)
{
	for (struct key *up = key_parent(c, k); up; up = key_parent(c, up)) {
		if (up->blocker == k)
			up->blocker = NULL;
	}
}

void key_scratch(struct core *c, struct key *k)
{
	if (k->scratch)
		return;
	k->scratch = true;
	GROW(c->scratch, c->nscratch, c->cap_scratch);
	c->scratch[c->nscratch++] = k;
}

void keys_forget_scratch(struct core *c)
{
	const struct scan *s = STAILQ_FIRST(&c->scans);
	uint64_t scan = s && s->running ? s->step : 0;

	if (scan != c->scratch_scan)
		c->kept_scratch = 0;
	c->scratch_scan = scan;
	uint32_t kept = c->kept_scratch;
	for (uint32_t i = kept; i < c->nscratch; i++) {
		struct key *k = c->scratch[i];

		if (scan && k->touched >= scan) {
			c->scratch[kept++] = k; /* the scan may still tell of it what was before */
			continue;
		}
		k->scratch = false;
		if (key_idle(k)) {
			forget_blocker(c, k);
			key_free(c, k);
		}
	}
	c->nscratch = kept;
	c->kept_scratch = kept;
}

void keys_free(struct core *c)
{
	struct key *k;

	while ((k = RB_MIN(keys, &c->keys)))
		key_free(c, k);
	free(c->scratch);
}

bool key_present(const struct key *k)
{
	return k->shown && k->shown->attrs.kind != KIND_ABSENT;
}

struct shown *key_shown(struct key *k)
{
	if (!k->shown)
		k->shown = core_alloc(sizeof(*k->shown));
	return k->shown;
}

/* Of two contents with the same time only the later one may have it again. */
bool shown_floor_of(struct shown *s, const struct attrs *a)
{
	if (a->kind != KIND_FILE && a->kind != KIND_LINK)
		return false;
	if (a->mtime_nsec < s->floor_nsec)
		return false;
	/* Two contents had the latest time: neither may have it again. */
	if (a->mtime_nsec == s->floor_nsec && s->floor_nsec && !hash_same(s->floor_hash, a->hash))
		s->floor_hash = (struct hash){0};
	else
		s->floor_hash = a->hash;
	s->floor_nsec = a->mtime_nsec;
	return true;
}

void shown_floor(struct shown *s)
{
	shown_floor_of(s, &s->attrs);
}

/* Of a directory its contents decide, version or not; and where nothing ever was, nothing was found. */
bool shown_found(const struct shown *s)
{
	if (!s || s->dot.origin || s->attrs.kind == KIND_DIR)
		return false;
	return s->attrs.kind != KIND_ABSENT || s->context.n;
}

/* What a path adds to the tree's digest. Modification times are left out: they
 * may be raised locally. */
static uint64_t shown_digest(const struct key *k)
{
	const struct attrs *a = &k->shown->attrs;
	uint32_t mode = a->mode & SHARED_MODE_BITS;
	uint8_t head[16] = {(uint8_t)a->kind};
	XXH3_state_t state;

	memcpy(head + 1, &mode, sizeof(mode));
	XXH3_64bits_reset(&state);
	XXH3_64bits_update(&state, head, sizeof(head));
	XXH3_64bits_update(&state, k->path, strlen(k->path) + 1);
	if (a->owner[0])
		XXH3_64bits_update(&state, a->owner, strlen(a->owner));
	else
		XXH3_64bits_update(&state, &a->uid, sizeof(a->uid));
	XXH3_64bits_update(&state, "/", 1);
	if (a->group[0])
		XXH3_64bits_update(&state, a->group, strlen(a->group));
	else
		XXH3_64bits_update(&state, &a->gid, sizeof(a->gid));
	if (a->kind == KIND_FILE || a->kind == KIND_LINK)
		XXH3_64bits_update(&state, a->hash.b, sizeof(a->hash.b));
	return XXH3_64bits_digest(&state);
}

static void key_count(struct core *c, struct key *k)
{
	if (k->counted) {
		c->tree_digest ^= k->digest;
		c->ncounted--;
	}
	k->counted = key_present(k) && !k->shown->leftover;
	if (!k->counted)
		return;
	k->digest = shown_digest(k);
	c->tree_digest ^= k->digest;
	c->ncounted++;
}

/* Others wait for a directory to be there, or for what is in it to go. */
static void tell_relatives(struct core *c, struct key *k)
{
	bool present = key_present(k) && !k->shown->leftover;
	bool dir = present && k->shown->attrs.kind == KIND_DIR;

	if (dir && !k->was_dir)
		place_below(c, k);
	if (!present && k->was_present)
		place_above(c, k);
	k->was_dir = dir;
	k->was_present = present;
}

void key_forget_found_over(struct key *k)
{
	version_put(k->found_over);
	k->found_over = NULL;
}

void key_shown_changed(struct core *c, struct key *k)
{
	k->touched = c->step;
	if (k->shown_once && !dot_same(k->shown_once->dot, k->shown->dot)) {
		version_put(k->shown_once);
		k->shown_once = NULL;
	}
	if (!shown_found(k->shown))
		key_forget_found_over(k);
	key_count(c, k);
	if (c->started)
		store_shown(c, k);
	if (c->gate.n)
		gate_shown(c, k);
	tell_relatives(c, k);
}

void key_forget_shown(struct core *c, struct key *k)
{
	key_scratch(c, k);
	version_put(k->shown_once);
	k->shown_once = NULL;
	key_forget_found_over(k);
	if (!k->shown)
		return;
	vv_fini(&k->shown->context);
	free(k->shown);
	k->shown = NULL;
	key_count(c, k);
	store_shown(c, k);
	tell_relatives(c, k);
}

void key_settled(struct core *c, struct key *k)
{
	k->block = BLOCK_NONE;
	k->error = 0;
	k->retry_msec = 0;
	c->nputting_back -= k->putting_back;
	k->putting_back = false;
	hearing_leave(c, k->admission, k);
	if (!k->unsettled)
		return;
	k->unsettled = false;
	TAILQ_REMOVE(&c->unsettled, k, unsettled_link);
	c->nunsettled--;
	key_scratch(c, k);
}

void key_unsettled(struct core *c, struct key *k)
{
	if (k->unsettled)
		return;
	k->unsettled = true;
	k->below_asked = false;
	k->since_msec = c->now;
	TAILQ_INSERT_TAIL(&c->unsettled, k, unsettled_link);
	c->nunsettled++;
}

/* Same content under another author is no conflict; neither are two deletes. */
static bool entry_conflict(const struct key *k)
{
	for (uint32_t i = 1; i < k->n; i++) {
		uint8_t diff = attrs_compare(&k->entry[0]->attrs, &k->entry[i]->attrs);

		if (diff & ~CHANGED_MTIME)
			return true;
	}
	return false;
}

/* A file where others have put something below: what is there is a directory. */
static bool entry_hidden(const struct core *c, const struct key *k)
{
	return k->is_live && k->entry[0]->attrs.kind != KIND_DIR && key_live_below(c, k->path);
}

static void count_conflict(struct core *c, struct key *k)
{
	bool conflict = entry_conflict(k) || entry_hidden(c, k);

	if (conflict != k->conflict)
		c->nconflicts += conflict ? 1 : (uint32_t)-1;
	k->conflict = conflict;
}

static void entry_changed(struct core *c, struct key *k)
{
	bool live = k->n && version_live(k->entry[0]), was_live = k->is_live;

	if (live && !was_live)
		RB_INSERT(live_keys, &c->live, k);
	else if (!live && was_live)
		RB_REMOVE(live_keys, &c->live, k);
	k->is_live = live;
	count_conflict(c, k);
	if (live == was_live)
		return;
	for (struct key *p = key_parent(c, k); p; p = key_parent(c, p))
		if (p->is_live && p->entry[0]->attrs.kind != KIND_DIR)
			count_conflict(c, p);
}

static void entry_insert(struct key *k, struct version *v)
{
	uint32_t at = 0;

	GROW(k->entry, k->n, k->cap);
	while (at < k->n && version_rank(k->entry[at], v) < 0)
		at++;
	memmove(k->entry + at + 1, k->entry + at, (k->n - at) * sizeof(*k->entry));
	k->entry[at] = version_get(v);
	k->n++;
}

void entry_load(struct core *c, struct key *k, struct version *v)
{
	entry_insert(k, v);
	entry_changed(c, k);
}

const struct version *entry_shown(const struct key *k)
{
	if (!k->shown)
		return NULL;
	for (uint32_t i = 0; i < k->n; i++)
		if (dot_same(k->entry[i]->dot, k->shown->dot))
			return k->entry[i];
	return k->shown_once && dot_same(k->shown_once->dot, k->shown->dot) ? k->shown_once : NULL;
}

/* Another one has taken its place; what is made of what is on disk still comes from it. */
static void entry_leave(struct key *k, struct version *v)
{
	if (k->shown && dot_same(k->shown->dot, v->dot)) {
		version_put(k->shown_once);
		k->shown_once = version_get(v);
	}
	version_put(v);
}

/* The author of v knows by its own earlier version what that had seen, and has collected it: v does
 * not tell it any more, and here it is gone with the one that v takes the place of. */
static void keep_what_was_seen(struct core *c, const struct version *v, const struct version *old)
{
	if (vv_reaches(&v->context, &old->context))
		return;
	vv_join(&c->floor, &old->context);
	nodes_store_floor(c);
}

enum merge entry_merge(struct core *c, struct key *k, struct version *v, bool own)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < k->n; i++)
		if (vv_covers(&k->entry[i]->context, v->dot))
			return MERGE_DROPPED; /* it is there, or one that has seen it is */
	if (!refused_release(c, k, v->dot) && vv_covers(&c->vector, v->dot))
		return MERGE_DROPPED; /* known once, and superseded since */
	refused_seen(c, k, &v->context);
	store_version(c, k, v, own);
	k->fetched = false;
	for (uint32_t i = 0; i < k->n; i++) {
		if (vv_covers(&v->context, k->entry[i]->dot)) {
			keep_what_was_seen(c, v, k->entry[i]);
			store_superseded(c, k, k->entry[i]->dot);
			entry_leave(k, k->entry[i]);
		} else {
			k->entry[kept++] = k->entry[i];
		}
	}
	k->n = kept;
	entry_insert(k, v);
	entry_changed(c, k);
	return MERGE_ADDED;
}

void entry_drop(struct core *c, struct key *k, struct dot d)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < k->n; i++) {
		if (dot_same(k->entry[i]->dot, d)) {
			store_superseded(c, k, d);
			version_put(k->entry[i]);
		} else {
			k->entry[kept++] = k->entry[i];
		}
	}
	k->n = kept;
	entry_changed(c, k);
}

void entry_context(const struct key *k, struct vv *to)
{
	for (uint32_t i = 0; i < k->n; i++)
		vv_join(to, &k->entry[i]->context);
}

struct visible key_visible(const struct core *c, const struct key *k)
{
	struct visible v = {KIND_ABSENT, NULL};

	if (k->n) {
		v.version = k->entry[0];
		v.kind = v.version->attrs.kind;
	}
	if (v.kind == KIND_DIR || !key_live_below(c, k->path))
		return v;
	/* Something lives below: a directory, with the attributes of its best version
	 * as one, if any. */
	v.kind = KIND_DIR;
	v.version = NULL;
	for (uint32_t i = 0; i < k->n && !v.version; i++)
		if (k->entry[i]->attrs.kind == KIND_DIR)
			v.version = k->entry[i];
	return v;
}
