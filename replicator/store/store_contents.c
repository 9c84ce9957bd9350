/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Contents: small ones wait in memory (the stash) until the version that refers to them is written,
 * and go into the same transaction. They are read from wherever they are: stash, database, object.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/log.h"
#include "replicator/store/internal.h"

struct hash content_hash(const void *p, size_t len)
{
	XXH128_canonical_t canonical;
	struct hash h;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits(len ? p : "", len));
	memcpy(h.b, canonical.digest, sizeof(h.b));
	return h;
}

/* ---- the stash ---- */

static struct stashed **bucket(struct store *s, struct hash hash)
{
	return &s->stash[(hash.b[0] << 8 | hash.b[1]) & (STASH_BUCKETS - 1)];
}

struct stashed *stash_find(struct store *s, struct hash hash)
{
	struct stashed *c = *bucket(s, hash);

	while (c && !hash_same(c->hash, hash))
		c = c->next;
	return c;
}

void stash_name(struct store *s, struct hash hash)
{
	struct stashed *c = stash_find(s, hash);

	if (c)
		c->named = true;
}

void stash_clear(struct store *s)
{
	for (size_t i = 0; i < STASH_BUCKETS && s->stash_bytes; i++) {
		struct stashed *c = s->stash[i];

		s->stash[i] = NULL;
		while (c) {
			struct stashed *next = c->next;

			free(c);
			c = next;
		}
	}
	s->stash_bytes = 0;
}

int store_stash(struct store *s, struct hash hash, const void *p, size_t len)
{
	size_t size = sizeof(struct stashed) + len;

	if (stash_find(s, hash))
		return 0;
	if (len > STORE_SMALL_MAX || size > STASH_BYTES_MAX - s->stash_bytes)
		return ERR_LIMIT;
	struct stashed *c = malloc(size);
	if (!c)
		return -ENOMEM;
	c->hash = hash;
	c->named = false;
	c->len = len;
	if (len)
		memcpy(c->p, p, len);
	struct stashed **at = bucket(s, hash);
	c->next = *at;
	*at = c;
	s->stash_bytes += size;
	return 0;
}

int store_put(struct store *s, struct hash hash, const void *p, size_t len)
{
	struct record r = {.kind = RECORD_CONTENT, .hash = hash};
	int err = store_stash(s, hash, p, len);

	if (err)
		return err;
	content_affirm(s, hash);
	stash_name(s, hash);
	return record_add(s, &r, NULL, NULL);
}

/* ---- who was told what ---- */

void content_affirm(struct store *s, struct hash hash)
{
	s->affirmed[s->affirmed_next] = hash;
	s->affirmed_next = (s->affirmed_next + 1) % AFFIRMED_MAX;
	if (s->naffirmed < AFFIRMED_MAX)
		s->naffirmed++;
}

bool content_needed(struct store *s, struct hash hash)
{
	int err;

	for (uint32_t i = 0; i < s->naffirmed; i++)
		if (hash_same(s->affirmed[i], hash))
			return true;
	sqlite3_stmt *st = database_statement(s, SQL_HASH_USED, &err);
	if (!st)
		return true;
	bind_hash(st, 1, &hash);
	int rc = sqlite3_step(st);
	sqlite3_reset(st);
	return rc != SQLITE_DONE; /* in doubt, yes */
}

/* ---- reading ---- */

static bool in_database(struct store *s, struct hash hash)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_CONTENT_HAS, &err);

	if (!st)
		return false;
	bind_hash(st, 1, &hash);
	bool found = sqlite3_step(st) == SQLITE_ROW;
	sqlite3_reset(st);
	return found;
}

bool store_has(struct store *s, struct hash hash)
{
	const struct stashed *c = stash_find(s, hash);

	if (c && c->named)
		return true;
	if (!in_database(s, hash) && !object_has(s, hash))
		return false;
	content_affirm(s, hash);
	return true;
}

/* The part of content[len] that is asked for. */
static long cut(const uint8_t *content, size_t len, uint64_t offset, void *p, size_t max,
		uint64_t *total)
{
	size_t n = 0;

	if (offset < len) {
		n = len - (size_t)offset;
		if (n > max)
			n = max;
		memcpy(p, content + offset, n);
	}
	*total = len;
	return (long)n;
}

/* From the database: -ENOENT where it is not there. */
static long database_read(struct store *s, struct hash hash, uint64_t offset, void *p, size_t max,
			  uint64_t *total)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_CONTENT_GET, &err);
	long n = -ENOENT;

	if (!st)
		return err;
	bind_hash(st, 1, &hash);
	int rc = sqlite3_step(st);
	err = database_error(s, rc, "reading a content");
	if (err) {
		n = err;
	} else if (rc == SQLITE_ROW) {
		const void *data = sqlite3_column_blob(st, 0);
		size_t len = (size_t)sqlite3_column_bytes(st, 0);

		n = ERR_CORRUPT;
		if (hash_same(content_hash(data, len), hash))
			n = cut(data, len, offset, p, max, total);
	}
	sqlite3_reset(st);
	return n;
}

long store_read(struct store *s, struct hash hash, uint64_t offset, void *p, size_t max,
		uint64_t *total)
{
	const struct stashed *c = stash_find(s, hash);

	if (c)
		return cut(c->p, c->len, offset, p, max, total);
	long n = database_read(s, hash, offset, p, max, total);
	if (n == -ENOENT)
		n = object_read(s, hash, offset, p, max, total);
	if (n == ERR_CORRUPT) {
		char text[HASH_TEXT];

		hash_text(text, hash);
		log_limited(LOG_LEVEL_ERROR, "%s: the content %s is damaged", s->dir, text);
	}
	return n;
}
