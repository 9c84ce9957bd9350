/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bounded byte buffers for every format of zonefs: integers little-endian, byte strings with their
 * length before them. Both directions have a sticky error, so that a codec is a straight list of
 * fields and looks at the error once, at its end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing buffer that never gets longer than `max`. Owns `data`. */
struct buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	size_t max;
	int err; /* 0, ERR_LIMIT or -ENOMEM; once set, writing is ignored */
};

void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);  /* frees; the buffer may be initialised again */
void buf_reset(struct buf *b); /* empties, keeps the memory, clears the error */

void buf_u8(struct buf *b, uint8_t v);
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
void buf_i64(struct buf *b, int64_t v);
void buf_raw(struct buf *b, const void *p, size_t len);   /* no length before it */
void buf_bytes(struct buf *b, const void *p, size_t len); /* u32 length, then the bytes */
void buf_str(struct buf *b, const char *s); /* u16 length, then the bytes; NULL is "" */
void buf_put_u32_at(struct buf *b, size_t at, uint32_t v); /* overwrites what is there */

/* Reads from memory that it does not own. */
struct rd {
	const uint8_t *p;
	const uint8_t *end;
	int err; /* 0 or ERR_FORMAT; once set, everything reads as 0 or empty */
};

void rd_init(struct rd *r, const void *p, size_t len);
size_t rd_left(const struct rd *r);
uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);
int64_t rd_i64(struct rd *r);
/* `len` bytes in place, NULL on error. Valid as long as the memory read from. */
const uint8_t *rd_raw(struct rd *r, size_t len);
/* What buf_bytes wrote, at most `max` long (longer is ERR_FORMAT). Sets *len to 0 on error. */
const uint8_t *rd_bytes(struct rd *r, size_t *len, size_t max);
/* What buf_str wrote, as a new string of at most `max` bytes that the caller frees. A NUL in it is
 * ERR_FORMAT. NULL on error (r->err says so; -ENOMEM too). */
char *rd_str(struct rd *r, size_t max);
/* Likewise into dst[size], NUL-terminated; longer is ERR_FORMAT and leaves "". */
void rd_strbuf(struct rd *r, char *dst, size_t size);
/* Marks the reader as failed. */
void rd_fail(struct rd *r);
/* 0 if all was well and everything was read, else ERR_FORMAT (or the error). */
int rd_end(const struct rd *r);

#endif
