/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Kinds, identities, and who: their comparison and their bytes.
 *
 *   fhandle = len u8, type u32, len bytes
 *   ident   = fhandle, a u64, b i64, c i64, life u64, count u64
 *   who     = uid u32, login uid u32, pid u32, command, tty
 */
#include "base/item.h"

#include <string.h>

#include "base/clock.h"

const char *kind_text(enum kind kind)
{
	switch (kind) {
	case KIND_ABSENT:
		return "absent";
	case KIND_FILE:
		return "file";
	case KIND_DIR:
		return "directory";
	case KIND_LINK:
		return "symbolic link";
	case KIND_OTHER:
		return "special file";
	}
	return "unknown kind";
}

enum kind kind_of_mode(mode_t mode)
{
	if (S_ISREG(mode))
		return KIND_FILE;
	if (S_ISDIR(mode))
		return KIND_DIR;
	if (S_ISLNK(mode))
		return KIND_LINK;
	return KIND_OTHER;
}

bool fhandle_same(const struct fhandle *a, const struct fhandle *b)
{
	return a->len > 0 && a->len == b->len && a->type == b->type &&
	       memcmp(a->bytes, b->bytes, a->len) == 0;
}

void buf_fhandle(struct buf *b, const struct fhandle *h)
{
	buf_u8(b, h->len);
	buf_u32(b, (uint32_t)h->type);
	buf_raw(b, h->bytes, h->len);
}

void rd_fhandle(struct rd *r, struct fhandle *h)
{
	uint8_t len = rd_u8(r);
	uint32_t type = rd_u32(r);
	const uint8_t *bytes;

	*h = (struct fhandle){0};
	if (len > FHANDLE_MAX)
		rd_fail(r);
	bytes = rd_raw(r, len);
	if (!bytes)
		return;
	h->len = len;
	h->type = (int32_t)type;
	memcpy(h->bytes, bytes, len);
}

bool ident_absent(const struct ident *i)
{
	return i->handle.len == 0 && i->a == 0 && i->b == 0 && i->c == 0;
}

bool ident_same(const struct ident *i, const struct ident *j)
{
	if (ident_absent(i) || ident_absent(j))
		return ident_absent(i) && ident_absent(j);
	if (!fhandle_same(&i->handle, &j->handle))
		return false;
	if (i->a != j->a || i->b != j->b || i->c != j->c)
		return false;
	return i->life == 0 || i->life != j->life || i->count == j->count;
}

void buf_ident(struct buf *b, const struct ident *i)
{
	buf_fhandle(b, &i->handle);
	buf_u64(b, i->a);
	buf_i64(b, i->b);
	buf_i64(b, i->c);
	buf_u64(b, i->life);
	buf_u64(b, i->count);
}

void rd_ident(struct rd *r, struct ident *i)
{
	rd_fhandle(r, &i->handle);
	i->a = rd_u64(r);
	i->b = rd_i64(r);
	i->c = rd_i64(r);
	i->life = rd_u64(r);
	i->count = rd_u64(r);
	if (r->err)
		*i = (struct ident){0};
}

void ident_make(struct ident *i, const struct fhandle *h, const struct stat *st, uint64_t life,
		uint64_t count)
{
	*i = (struct ident){.handle = *h, .life = life, .count = count};
	if (S_ISDIR(st->st_mode)) {
		i->a = st->st_mode & 07777;
		i->b = st->st_uid;
		i->c = st->st_gid;
	} else {
		i->a = (uint64_t)st->st_size;
		i->b = clock_nsec_of(&st->st_mtim);
		i->c = clock_nsec_of(&st->st_ctim);
	}
}

void buf_who(struct buf *b, const struct who *w)
{
	buf_u32(b, w->uid);
	buf_u32(b, w->login_uid);
	buf_u32(b, (uint32_t)w->pid);
	buf_str(b, w->command);
	buf_str(b, w->tty);
}

void rd_who(struct rd *r, struct who *w)
{
	uint32_t pid;

	w->uid = rd_u32(r);
	w->login_uid = rd_u32(r);
	pid = rd_u32(r);
	if (pid > INT32_MAX)
		rd_fail(r);
	w->pid = (int32_t)pid;
	rd_strbuf(r, w->command, sizeof w->command);
	rd_strbuf(r, w->tty, sizeof w->tty);
	if (r->err)
		*w = (struct who){0};
}
