/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * File systems write names before data: a file that was made right before the power went is often there
 * and empty. Of a path that the store knows, damage.c puts the last version back. Of one that it does not
 * know, nothing can be put back, and telling it would tell damage; but an empty file may also be what
 * somebody made, fsynced even, or made beneath before the start. So it is neither told nor removed.
 *
 * What is found so after an unclean stop is remembered, so that the next start does not tell it either,
 * until a hint says that somebody saved or touched it: then it is told as it is. Should a peer have saved
 * the path, or do so now, the core puts that in its place: what nobody saved is in nobody's way.
 */
#include "replicator/hollow.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"

#define VALUE "hollow"
#define BYTES_MAX (1024 * 1024)
#define PIECE (64 * 1024)

struct hollow {
	struct node *node;
	char *paths[HOLLOW_MAX];
	uint32_t n;
};

/* ---- the list ---- */

static void load(struct hollow *h)
{
	uint8_t *bytes CLEANUP_FREE = malloc(BYTES_MAX);
	long len = bytes ? store_value_get(h->node->store, VALUE, bytes, BYTES_MAX) : 0;
	struct rd r;

	if (len <= 0 || len > BYTES_MAX)
		return;
	rd_init(&r, bytes, (size_t)len);
	while (rd_left(&r) && h->n < HOLLOW_MAX) {
		char path[PATH_LEN_MAX + 1];

		rd_strbuf(&r, path, sizeof(path));
		if (!path_valid(path) || !(h->paths[h->n] = strdup(path)))
			return;
		h->n++;
	}
}

static void keep(struct hollow *h)
{
	struct buf b;

	buf_init(&b, BYTES_MAX);
	for (uint32_t i = 0; i < h->n; i++)
		buf_str(&b, h->paths[i]);
	if (!b.err)
		store_value_put(h->node->store, VALUE, b.data, b.len);
	buf_fini(&b);
}

struct hollow *hollow_new(struct node *n)
{
	struct hollow *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->node = n;
	load(h);
	return h;
}

void hollow_free(struct hollow *h)
{
	if (!h)
		return;
	for (uint32_t i = 0; i < h->n; i++)
		free(h->paths[i]);
	free(h);
}

static uint32_t place_of(const struct hollow *h, const char *path)
{
	uint32_t i = 0;

	while (i < h->n && strcmp(h->paths[i], path) != 0)
		i++;
	return i;
}

static void add(struct hollow *h, const char *path)
{
	log_warning(
	    "/%s is new, and empty or full of NULs after an unclean stop: it is not told; save "
	    "it again, touch it, or remove it",
	    path);
	if (h->n == HOLLOW_MAX || !(h->paths[h->n] = strdup(path)))
		return;
	h->n++;
	keep(h);
}

void hollow_gone(struct hollow *h, const char *path)
{
	uint32_t i = place_of(h, path);

	if (i == h->n)
		return;
	free(h->paths[i]);
	h->paths[i] = h->paths[--h->n];
	keep(h);
}

uint32_t hollow_count(const struct hollow *h)
{
	return h->n;
}

void hollow_each(const struct hollow *h, bool (*each)(void *arg, const char *path), void *arg)
{
	for (uint32_t i = 0; i < h->n; i++)
		if (!each(arg, h->paths[i]))
			return;
}

/* ---- what it looks like ---- */

static bool is_nuls(struct node *n, const struct attrs *found)
{
	static uint8_t piece[PIECE];
	uint64_t total;

	for (uint64_t at = 0; at < found->size; at += PIECE) {
		long len = store_read(n->store, found->hash, at, piece, PIECE, &total);

		if (len <= 0 || piece[0] || memcmp(piece, piece + 1, (size_t)len - 1) != 0)
			return false;
	}
	return true;
}

void hollow_hinted(struct hollow *h, const char *path, bool tree)
{
	for (uint32_t i = h->n; i-- > 0;) {
		const char *at = h->paths[i];

		if (strcmp(at, path) == 0 || (tree && path_below(at, path)))
			hollow_gone(h, at);
	}
}

bool hollow_found(struct hollow *h, const char *path, const struct attrs *found)
{
	struct node *n = h->node;
	bool listed = place_of(h, path) < h->n;

	if (!listed && !core_suspects(n->core, path))
		return false;
	if (found->kind != KIND_FILE || core_shown(n->core, path) || !is_nuls(n, found)) {
		hollow_gone(h, path);
		return false;
	}
	if (!listed)
		add(h, path);
	return true;
}
