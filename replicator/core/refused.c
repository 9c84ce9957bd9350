/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Versions that were not taken, since they lie outside what is accepted from their author: kept beside
 * the entry of their path, whose versions they neither supersede nor conflict with. They are kept at
 * all because this node's vector covers them: a version that it covers and does not have is dead, for
 * everybody. So they are told on to whoever asks, marked; who has them from elsewhere unmarked takes
 * them. Without their contents, and never installed.
 *
 * One is taken after all when somebody who is not limited tells it unmarked (for that, such peers are
 * asked as if it were not known), or when after a start more is accepted from its author.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/path.h"
#include "replicator/core/parts.h"

#define META_REFUSED "refused/"
#define NAME_MAX_LEN 80
#define BYTES_MAX (1024 * 1024)

/* The path may be longer than a name in the store: it is in the value. */
static void name_of(char to[NAME_MAX_LEN], const struct key *k, struct dot d)
{
	snprintf(to, NAME_MAX_LEN, META_REFUSED "%" PRIx64 ".%" PRIx64 ".%" PRIx64, d.origin, d.seq,
		 (uint64_t)XXH3_64bits(k->path, strlen(k->path)));
}

static void keep(struct core *c, const struct key *k, const struct version *v)
{
	char name[NAME_MAX_LEN];
	struct buf b;

	name_of(name, k, v->dot);
	buf_init(&b, BYTES_MAX);
	buf_str(&b, k->path);
	buf_version(&b, v);
	if (!b.err) /* else it lasts as long as this life */
		store_meta(c, name, b.data, b.len);
	buf_fini(&b);
}

static void insert(struct core *c, struct key *k, struct version *v)
{
	GROW(k->refused, k->nrefused, k->cap_refused);
	k->refused[k->nrefused++] = v;
	c->nrefused++;
}

static void take_away(struct core *c, struct key *k, uint32_t at)
{
	char name[NAME_MAX_LEN];

	name_of(name, k, k->refused[at]->dot);
	store_meta_forget(c, name);
	version_put(k->refused[at]);
	k->refused[at] = k->refused[--k->nrefused];
	c->nrefused--;
	key_scratch(c, k);
}

struct version *refused_find(const struct key *k, struct dot d)
{
	for (uint32_t i = 0; i < k->nrefused; i++)
		if (dot_same(k->refused[i]->dot, d))
			return k->refused[i];
	return NULL;
}

bool refused_release(struct core *c, struct key *k, struct dot d)
{
	for (uint32_t i = 0; i < k->nrefused; i++) {
		if (!dot_same(k->refused[i]->dot, d))
			continue;
		take_away(c, k, i);
		return true;
	}
	return false;
}

void refused_seen(struct core *c, struct key *k, const struct vv *context)
{
	for (uint32_t i = k->nrefused; i > 0; i--)
		if (vv_covers(context, k->refused[i - 1]->dot))
			take_away(c, k, i - 1);
}

/* Taken, dead, or superseded. */
static bool is_known(const struct core *c, const struct key *k, const struct version *v)
{
	for (uint32_t i = 0; i < key_versions(k); i++)
		if (vv_covers(&key_version(k, i)->context, v->dot))
			return true;
	return vv_covers(&c->vector, v->dot);
}

bool refused_add(struct core *c, struct key *k, const struct version *v)
{
	struct version *copy;

	if (is_known(c, k, v))
		return false;
	refused_seen(c, k, &v->context);
	copy = version_copy(v);
	copy->refused = true;
	insert(c, k, copy);
	keep(c, k, copy);
	return true;
}

void refused_cap(const struct core *c, struct vv *v)
{
	for (const struct key *k = c->nrefused ? key_first(c, "") : NULL; k; k = key_next(k))
		for (uint32_t i = 0; i < k->nrefused; i++)
			vv_lower(v, k->refused[i]->dot);
}

void refused_free(struct key *k)
{
	for (uint32_t i = 0; i < k->nrefused; i++)
		version_put(k->refused[i]);
	free(k->refused);
}

void refused_load(struct core *c, const char *name, const uint8_t *p, size_t len)
{
	struct version *v;
	struct rd r;

	if (strncmp(name, META_REFUSED, strlen(META_REFUSED)) != 0)
		return;
	rd_init(&r, p, len);
	CLEANUP_FREE char *path = rd_str(&r, PATH_LEN_MAX);
	v = rd_version(&r);
	if (v && path && path_valid(path))
		insert(c, key_get(c, path), v);
	else
		version_put(v);
}

/* What a start with other patterns lets in, as if it had come just now. */
void refused_start(struct core *c)
{
	struct key *k = c->nrefused ? key_first(c, "") : NULL;

	for (; k; k = key_next(k)) {
		for (uint32_t i = k->nrefused; i > 0; i--) {
			struct version *v = k->refused[i - 1];
			uint32_t author = place_teller(c, v);

			if (author == UINT32_MAX || !limits_accept(c, author, k))
				continue;
			struct item item = {k->path, version_copy(v)};
			bool have = false;

			item.version->refused = false;
			merge_items(c, author, false, &item, &have, 1);
			version_put(item.version);
		}
	}
}

/* ---- questions ---- */

/* It would make a difference here. */
static bool differs(const struct core *c, const struct key *k, const struct version *v)
{
	struct visible now = key_visible(c, k);
	struct attrs here = {.kind = KIND_ABSENT};

	if (now.version && now.kind == now.version->attrs.kind)
		here = now.version->attrs;
	else if (now.kind == KIND_DIR)
		place_implied(c, k, &here);
	return attrs_compare(&here, &v->attrs) & ~CHANGED_MTIME;
}

uint32_t core_refused(const struct core *c, bool (*each)(void *arg, const struct core_refused *r),
		      void *arg)
{
	const struct key *k = c->nrefused ? key_first(c, "") : NULL;
	uint32_t n = 0;

	for (; k; k = key_next(k)) {
		for (uint32_t i = 0; i < k->nrefused; i++) {
			const struct version *v = k->refused[i];
			struct core_refused r = {k->path, v, core_origin_node(c, v->dot.origin)};

			if (!differs(c, k, v))
				continue;
			n++;
			if (each && !each(arg, &r))
				return n;
		}
	}
	return n;
}
