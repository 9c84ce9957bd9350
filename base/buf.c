/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Writing and reading of bounded bytes. The integers are put together byte by byte: the formats
 * don't depend on the machine, and compilers make single loads and stores of it.
 */
#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define STR_MAX UINT16_MAX

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_fini(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->err = 0;
}

/* Room for `n` more bytes, or NULL with the error set. */
static uint8_t *extend(struct buf *b, size_t n)
{
	if (b->err)
		return NULL;
	if (n > b->max - b->len) {
		b->err = ERR_LIMIT;
		return NULL;
	}
	if (n > b->cap - b->len) {
		size_t cap = b->cap ? b->cap : 256;

		while (cap < b->len + n)
			cap = cap > b->max / 2 ? b->max : cap * 2;
		uint8_t *data = realloc(b->data, cap);
		if (!data) {
			b->err = -ENOMEM;
			return NULL;
		}
		b->data = data;
		b->cap = cap;
	}
	uint8_t *at = b->data + b->len;
	b->len += n;
	return at;
}

static void store(uint8_t *at, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		at[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t load(const uint8_t *at, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)at[i] << (8 * i);
	return v;
}

static void put(struct buf *b, uint64_t v, size_t n)
{
	uint8_t *at = extend(b, n);

	if (at)
		store(at, v, n);
}

void buf_u8(struct buf *b, uint8_t v)
{
	put(b, v, 1);
}

void buf_u16(struct buf *b, uint16_t v)
{
	put(b, v, 2);
}

void buf_u32(struct buf *b, uint32_t v)
{
	put(b, v, 4);
}

void buf_u64(struct buf *b, uint64_t v)
{
	put(b, v, 8);
}

void buf_i64(struct buf *b, int64_t v)
{
	put(b, (uint64_t)v, 8);
}

void buf_raw(struct buf *b, const void *p, size_t len)
{
	if (len == 0)
		return;
	uint8_t *at = extend(b, len);

	if (at)
		memcpy(at, p, len);
}

void buf_bytes(struct buf *b, const void *p, size_t len)
{
	if (len > UINT32_MAX) {
		if (!b->err)
			b->err = ERR_LIMIT;
		return;
	}
	buf_u32(b, (uint32_t)len);
	buf_raw(b, p, len);
}

void buf_str(struct buf *b, const char *s)
{
	size_t len = s ? strlen(s) : 0;

	if (len > STR_MAX) {
		if (!b->err)
			b->err = ERR_LIMIT;
		return;
	}
	buf_u16(b, (uint16_t)len);
	buf_raw(b, s, len);
}

void buf_put_u32_at(struct buf *b, size_t at, uint32_t v)
{
	if (b->err)
		return;
	assert(at <= b->len && b->len - at >= 4);
	store(b->data + at, v, 4);
}

void rd_init(struct rd *r, const void *p, size_t len)
{
	static const uint8_t nothing[1];

	r->p = p ? p : nothing;
	r->end = r->p + (p ? len : 0);
	r->err = 0;
}

void rd_fail(struct rd *r)
{
	if (!r->err)
		r->err = ERR_FORMAT;
}

size_t rd_left(const struct rd *r)
{
	return r->err ? 0 : (size_t)(r->end - r->p);
}

const uint8_t *rd_raw(struct rd *r, size_t len)
{
	if (r->err)
		return NULL;
	if (len > (size_t)(r->end - r->p)) {
		rd_fail(r);
		return NULL;
	}
	const uint8_t *at = r->p;
	r->p += len;
	return at;
}

static uint64_t get(struct rd *r, size_t n)
{
	const uint8_t *at = rd_raw(r, n);

	return at ? load(at, n) : 0;
}

uint8_t rd_u8(struct rd *r)
{
	return (uint8_t)get(r, 1);
}

uint16_t rd_u16(struct rd *r)
{
	return (uint16_t)get(r, 2);
}

uint32_t rd_u32(struct rd *r)
{
	return (uint32_t)get(r, 4);
}

uint64_t rd_u64(struct rd *r)
{
	return get(r, 8);
}

int64_t rd_i64(struct rd *r)
{
	return (int64_t)get(r, 8);
}

const uint8_t *rd_bytes(struct rd *r, size_t *len, size_t max)
{
	size_t n = rd_u32(r);

	*len = 0;
	if (n > max)
		rd_fail(r);
	const uint8_t *at = rd_raw(r, n);
	if (at)
		*len = n;
	return at;
}

/* A string's bytes in place; NULL on error. */
static const char *string_in_place(struct rd *r, size_t *len, size_t max)
{
	size_t n = rd_u16(r);

	if (n > max)
		rd_fail(r);
	const uint8_t *at = rd_raw(r, n);
	if (at && memchr(at, 0, n)) {
		rd_fail(r);
		at = NULL;
	}
	*len = at ? n : 0;
	return (const char *)at;
}

char *rd_str(struct rd *r, size_t max)
{
	size_t len;
	const char *at = string_in_place(r, &len, max);

	if (!at)
		return NULL;
	char *s = malloc(len + 1);
	if (!s) {
		r->err = -ENOMEM;
		return NULL;
	}
	memcpy(s, at, len);
	s[len] = '\0';
	return s;
}

void rd_strbuf(struct rd *r, char *dst, size_t size)
{
	size_t len;

	assert(size > 0);
	const char *at = string_in_place(r, &len, size - 1);
	if (at)
		memcpy(dst, at, len);
	dst[len] = '\0';
}

int rd_end(const struct rd *r)
{
	if (r->err)
		return r->err;
	return r->p == r->end ? 0 : ERR_FORMAT;
}
