/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The simulated store. Linear searches: a history has a few dozen paths.
 */
#include "tests/sim/storage.h"

#include <stdlib.h>
#include <string.h>

static void *grow(void *p, uint32_t n, size_t size)
{
	if ((n & (n - 1)) != 0) /* doubles at powers of two */
		return p;
	p = realloc(p, (n ? 2 * (size_t)n : 1) * size);
	if (!p)
		abort();
	return p;
}

static struct stored_path *path_of(struct storage *s, const char *path)
{
	for (uint32_t i = 0; i < s->npaths; i++)
		if (strcmp(s->paths[i].path, path) == 0)
			return &s->paths[i];
	s->paths = grow(s->paths, s->npaths, sizeof *s->paths);
	s->paths[s->npaths] = (struct stored_path){.path = strdup(path)};
	return &s->paths[s->npaths++];
}

const struct stored_path *storage_find(const struct storage *s, const char *path)
{
	for (uint32_t i = 0; i < s->npaths; i++)
		if (strcmp(s->paths[i].path, path) == 0)
			return &s->paths[i];
	return NULL;
}

static void version_add(struct version ***list, uint32_t *n, struct version *v)
{
	for (uint32_t i = 0; i < *n; i++)
		if (dot_same((*list)[i]->dot, v->dot))
			return;
	*list = grow(*list, *n, sizeof **list);
	(*list)[(*n)++] = version_get(v);
}

static void supersede(struct stored_path *p, struct dot d)
{
	if (p->draft && dot_same(p->draft->dot, d)) {
		version_add(&p->history, &p->nhistory, p->draft);
		version_put(p->draft);
		p->draft = NULL;
	}
	for (uint32_t i = 0; i < p->n; i++) {
		if (!dot_same(p->entry[i]->dot, d))
			continue;
		version_add(&p->history, &p->nhistory, p->entry[i]);
		version_put(p->entry[i]);
		p->entry[i] = p->entry[--p->n];
		return;
	}
}

static void store_origin(struct storage *s, const struct origin *o)
{
	for (uint32_t i = 0; i < s->norigins; i++) {
		if (s->origins[i].origin == o->origin) {
			s->origins[i] = *o;
			return;
		}
	}
	s->origins = grow(s->origins, s->norigins, sizeof *s->origins);
	s->origins[s->norigins++] = *o;
}

static void store_meta(struct storage *s, const char *name, const uint8_t *bytes, size_t len)
{
	struct stored_meta *m = NULL;

	for (uint32_t i = 0; i < s->nmeta; i++)
		if (strcmp(s->meta[i].name, name) == 0)
			m = &s->meta[i];
	if (!m) {
		s->meta = grow(s->meta, s->nmeta, sizeof *s->meta);
		m = &s->meta[s->nmeta++];
		*m = (struct stored_meta){.name = strdup(name)};
	}
	free(m->bytes);
	m->bytes = malloc(len + 1);
	if (!m->bytes)
		abort();
	if (len)
		memcpy(m->bytes, bytes, len);
	m->len = len;
}

bool storage_has_meta(const struct storage *s, const char *name)
{
	for (uint32_t i = 0; i < s->nmeta; i++)
		if (strcmp(s->meta[i].name, name) == 0)
			return true;
	return false;
}

bool storage_meta_is(const struct storage *s, const char *name, uint8_t byte)
{
	for (uint32_t i = 0; i < s->nmeta; i++)
		if (strcmp(s->meta[i].name, name) == 0)
			return s->meta[i].len == 1 && s->meta[i].bytes[0] == byte;
	return false;
}

static void forget_meta(struct storage *s, const char *name)
{
	for (uint32_t i = 0; i < s->nmeta; i++) {
		if (strcmp(s->meta[i].name, name) != 0)
			continue;
		free(s->meta[i].name);
		free(s->meta[i].bytes);
		s->meta[i] = s->meta[--s->nmeta];
		return;
	}
}

static void note_highest(struct stored_path *p)
{
	if (!p->shown)
		p->highest = 0;
	else if (p->shown->attrs.kind == KIND_FILE && p->shown->attrs.mtime_nsec >= p->highest) {
		p->highest = p->shown->attrs.mtime_nsec;
		p->highest_hash = p->shown->attrs.hash;
	}
}

static void make_durable(struct storage *s, const struct effect *e)
{
	struct stored_path *p;

	switch (e->store.what) {
	case STORE_VERSION:
		p = path_of(s, e->path);
		version_add(&p->entry, &p->n, e->store.version);
		break;
	case STORE_SUPERSEDED:
		supersede(path_of(s, e->path), e->store.dot);
		break;
	case STORE_SHOWN:
		p = path_of(s, e->path);
		shown_free(p->shown);
		p->shown = e->store.shown ? shown_copy(e->store.shown) : NULL;
		note_highest(p);
		break;
	case STORE_INTENT:
		p = path_of(s, e->path);
		intent_free(p->intent);
		p->intent = e->store.intent ? intent_copy(e->store.intent) : NULL;
		break;
	case STORE_VECTOR:
		vv_raise(&s->vector, e->store.dot);
		break;
	case STORE_ORIGIN:
		store_origin(s, e->store.origin);
		break;
	case STORE_META:
		if (e->store.forget)
			forget_meta(s, e->path);
		else
			store_meta(s, e->path, e->store.bytes, e->store.len);
		break;
	case STORE_HISTORY:
		p = path_of(s, e->path);
		version_add(&p->history, &p->nhistory, e->store.version);
		break;
	case STORE_DRAFT:
		p = path_of(s, e->path);
		version_put(p->draft);
		p->draft = version_get(e->store.version);
		break;
	}
}

void storage_apply(struct storage *s, const struct effect *e)
{
	s->tx = grow(s->tx, s->ntx, sizeof *s->tx);
	effect_copy(&s->tx[s->ntx++], e);
}

static bool hash_in(const struct hash *list, uint32_t n, struct hash h)
{
	for (uint32_t i = 0; i < n; i++)
		if (hash_same(list[i], h))
			return true;
	return false;
}

void storage_put(struct storage *s, struct hash h)
{
	if (storage_has(s, h))
		return;
	s->tx_contents = grow(s->tx_contents, s->ntx_contents, sizeof h);
	s->tx_contents[s->ntx_contents++] = h;
}

bool storage_has(const struct storage *s, struct hash h)
{
	return storage_durable(s, h) || hash_in(s->tx_contents, s->ntx_contents, h);
}

bool storage_durable(const struct storage *s, struct hash h)
{
	return hash_in(s->contents, s->ncontents, h);
}

bool storage_dirty(const struct storage *s)
{
	return s->ntx > 0 || s->ntx_contents > 0;
}

void storage_commit(struct storage *s)
{
	for (uint32_t i = 0; i < s->ntx; i++)
		make_durable(s, &s->tx[i]);
	for (uint32_t i = 0; i < s->ntx_contents; i++) {
		s->contents = grow(s->contents, s->ncontents, sizeof *s->contents);
		s->contents[s->ncontents++] = s->tx_contents[i];
	}
	storage_crash(s);
}

void storage_crash(struct storage *s)
{
	for (uint32_t i = 0; i < s->ntx; i++)
		effect_fini(&s->tx[i]);
	free(s->tx);
	s->tx = NULL;
	s->ntx = 0;
	free(s->tx_contents);
	s->tx_contents = NULL;
	s->ntx_contents = 0;
}

void storage_fini(struct storage *s)
{
	storage_crash(s);
	for (uint32_t i = 0; i < s->npaths; i++) {
		struct stored_path *p = &s->paths[i];

		for (uint32_t k = 0; k < p->n; k++)
			version_put(p->entry[k]);
		for (uint32_t k = 0; k < p->nhistory; k++)
			version_put(p->history[k]);
		free(p->entry);
		free(p->history);
		shown_free(p->shown);
		intent_free(p->intent);
		version_put(p->draft);
		free(p->path);
	}
	for (uint32_t i = 0; i < s->nmeta; i++) {
		free(s->meta[i].name);
		free(s->meta[i].bytes);
	}
	free(s->paths);
	free(s->meta);
	free(s->origins);
	free(s->contents);
	vv_fini(&s->vector);
	*s = (struct storage){0};
}

static void *dup_array(const void *p, uint32_t n, size_t size)
{
	uint32_t cap = 1; /* room as grow() expects it */
	void *to;

	while (cap < n)
		cap *= 2;
	to = calloc(cap, size);
	if (!to)
		abort();
	if (n)
		memcpy(to, p, n * size);
	return to;
}

static void versions_copy(struct version ***to, struct version *const *from, uint32_t n)
{
	*to = dup_array(from, n, sizeof **to);
	for (uint32_t i = 0; i < n; i++)
		version_get((*to)[i]);
}

void storage_copy(struct storage *to, const struct storage *from)
{
	*to = (struct storage){.npaths = from->npaths,
			       .norigins = from->norigins,
			       .nmeta = from->nmeta,
			       .ncontents = from->ncontents};
	vv_copy(&to->vector, &from->vector);
	to->paths = dup_array(from->paths, from->npaths, sizeof *to->paths);
	to->origins = dup_array(from->origins, from->norigins, sizeof *to->origins);
	to->meta = dup_array(from->meta, from->nmeta, sizeof *to->meta);
	to->contents = dup_array(from->contents, from->ncontents, sizeof *to->contents);
	for (uint32_t i = 0; i < to->npaths; i++) {
		const struct stored_path *p = &from->paths[i];
		struct stored_path *c = &to->paths[i];

		c->path = strdup(p->path);
		versions_copy(&c->entry, p->entry, p->n);
		versions_copy(&c->history, p->history, p->nhistory);
		c->shown = p->shown ? shown_copy(p->shown) : NULL;
		c->intent = p->intent ? intent_copy(p->intent) : NULL;
		c->draft = p->draft ? version_get(p->draft) : NULL;
	}
	for (uint32_t i = 0; i < to->nmeta; i++) {
		to->meta[i].name = strdup(from->meta[i].name);
		to->meta[i].bytes = dup_array(from->meta[i].bytes, (uint32_t)from->meta[i].len, 1);
	}
}

/* As the real store would give it back: from its bytes. */
static struct version *through_bytes(const struct version *v)
{
	struct version *copy;
	struct buf b;
	struct rd r;

	buf_init(&b, 1024 * 1024);
	buf_version(&b, v);
	if (b.err)
		abort();
	rd_init(&r, b.data, b.len);
	copy = rd_version(&r);
	if (!copy || rd_end(&r) != 0)
		abort();
	buf_fini(&b);
	return copy;
}

void storage_load(const struct storage *s, struct core *c)
{
	for (uint32_t i = 0; i < s->norigins; i++)
		core_load_origin(c, &s->origins[i]);
	for (uint32_t i = 0; i < s->vector.n; i++)
		core_load_vector(c, s->vector.p[i]);
	for (uint32_t i = 0; i < s->nmeta; i++)
		core_load_meta(c, s->meta[i].name, s->meta[i].bytes, s->meta[i].len);
	for (uint32_t i = 0; i < s->npaths; i++) {
		const struct stored_path *p = &s->paths[i];

		for (uint32_t k = 0; k < p->n; k++) {
			struct version *v = through_bytes(p->entry[k]);

			core_load_version(c, p->path, v);
			version_put(v);
		}
		if (p->shown)
			core_load_shown(c, p->path, p->shown);
		if (p->intent)
			core_load_intent(c, p->path, p->intent);
		if (p->draft) {
			struct version *v = through_bytes(p->draft);

			core_load_draft(c, p->path, v);
			version_put(v);
		}
	}
}
