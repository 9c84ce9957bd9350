/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The port's bytes. What reads checks everything: kinds, flags, paths, lengths; whatever is out of
 * range makes the reader fail, so that nobody behind it has to ask again.
 *
 *   look    = kind u8, busy u8, writer u8, mode u32, uid u32, gid u32, nlink u32, size u64, mtime
 * i64, ident, target, xattrs install = path, kind u8, flags u8, mode u32, uid u32, gid u32, mtime
 * i64, fhandle, target, expected ident, xattrs
 */
#include "base/port.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/path.h"

void port_begin(struct buf *b, uint8_t type, uint32_t id)
{
	assert(b->len == 0);
	buf_u8(b, PORT_VERSION);
	buf_u8(b, type);
	buf_u32(b, id);
}

static bool type_known(uint8_t type)
{
	if (type & PORT_ANSWER)
		return (type & ~PORT_ANSWER) >= PORT_LIST && (type & ~PORT_ANSWER) <= PORT_CHECK_END;
	return type >= PORT_HELLO && type <= PORT_CHECK_END;
}

int port_parse(struct rd *r, const void *packet, size_t len, struct port_head *head)
{
	uint8_t version;

	*head = (struct port_head){0};
	rd_init(r, packet, len);
	version = rd_u8(r);
	if (!r->err && version != PORT_VERSION) {
		rd_fail(r);
		return ERR_PROTOCOL;
	}
	uint8_t type = rd_u8(r);
	uint32_t id = rd_u32(r);
	if (len > PORT_PACKET_MAX || !type_known(type))
		rd_fail(r);
	if (r->err)
		return r->err;
	*head = (struct port_head){.type = type, .id = id};
	return 0;
}

static uint8_t rd_upto(struct rd *r, uint8_t max)
{
	uint8_t v = rd_u8(r);

	if (v <= max)
		return v;
	rd_fail(r);
	return 0;
}

static void rd_path(struct rd *r, char *path, bool (*valid)(const char *))
{
	rd_strbuf(r, path, PATH_LEN_MAX + 1);
	if (r->err || !valid(path)) {
		rd_fail(r);
		path[0] = '\0';
	}
}

void buf_hint(struct buf *b, const struct hint *h)
{
	buf_u64(b, h->serial);
	buf_u8(b, (uint8_t)h->what);
	buf_u8(b, h->flags);
	buf_str(b, h->path);
	buf_str(b, h->from);
	buf_who(b, &h->who);
}

void rd_hint(struct rd *r, struct hint *h, char *path, char *from)
{
	*h = (struct hint){.path = path, .from = from};
	h->serial = rd_u64(r);
	h->what = rd_upto(r, HINT_RESCAN);
	h->flags = rd_upto(r, HINT_TREE | HINT_CREATED | HINT_NAMES);
	rd_path(r, path, path_valid_or_root);
	rd_path(r, from, path_valid_or_root);
	rd_who(r, &h->who);
	if (h->what < HINT_CHANGED || h->serial == 0)
		rd_fail(r);
}

void buf_tree_mark(struct buf *b, const struct tree_mark *m)
{
	buf_u64(b, m->store);
	buf_u64(b, m->count);
}

void rd_tree_mark(struct rd *r, struct tree_mark *m)
{
	m->store = rd_u64(r);
	m->count = rd_u64(r);
}

void buf_look(struct buf *b, const struct look *l)
{
	buf_u8(b, (uint8_t)l->kind);
	buf_u8(b, l->busy);
	buf_u8(b, l->writer);
	buf_u32(b, l->mode);
	buf_u32(b, l->uid);
	buf_u32(b, l->gid);
	buf_u32(b, l->nlink);
	buf_u64(b, l->size);
	buf_i64(b, l->mtime_nsec);
	buf_ident(b, &l->ident);
	buf_str(b, l->target);
	buf_bytes(b, l->xattrs, l->xattrs_len);
}

void rd_look(struct rd *r, struct look *l, char *target)
{
	*l = (struct look){.target = target};
	l->kind = rd_upto(r, KIND_OTHER);
	l->busy = rd_upto(r, 1);
	l->writer = rd_upto(r, 1);
	l->mode = rd_u32(r);
	l->uid = rd_u32(r);
	l->gid = rd_u32(r);
	l->nlink = rd_u32(r);
	l->size = rd_u64(r);
	l->mtime_nsec = rd_i64(r);
	rd_ident(r, &l->ident);
	rd_strbuf(r, target, PORT_TARGET_MAX + 1);
	l->xattrs = rd_bytes(r, &l->xattrs_len, PORT_XATTRS_MAX);
	if (l->mode > 07777 || l->size > INT64_MAX)
		rd_fail(r);
	if (l->kind != KIND_LINK && target[0])
		rd_fail(r);
	if ((l->kind == KIND_ABSENT) != ident_absent(&l->ident))
		rd_fail(r);
}

void buf_install(struct buf *b, const struct install *i)
{
	buf_str(b, i->path);
	buf_u8(b, (uint8_t)i->kind);
	buf_u8(b, i->flags);
	buf_u32(b, i->mode);
	buf_u32(b, i->uid);
	buf_u32(b, i->gid);
	buf_i64(b, i->mtime_nsec);
	buf_fhandle(b, &i->handle);
	buf_str(b, i->target);
	buf_ident(b, &i->expected);
	buf_bytes(b, i->xattrs, i->xattrs_len);
}

void rd_install(struct rd *r, struct install *i, char *path, char *target)
{
	*i = (struct install){.path = path, .target = target};
	rd_path(r, path, path_valid);
	i->kind = rd_upto(r, KIND_LINK);
	i->flags = rd_upto(r, INSTALL_INPLACE | INSTALL_HAS_CONTENT);
	i->mode = rd_u32(r) & 07777;
	i->uid = rd_u32(r);
	i->gid = rd_u32(r);
	i->mtime_nsec = rd_i64(r);
	rd_fhandle(r, &i->handle);
	rd_strbuf(r, target, PORT_TARGET_MAX + 1);
	rd_ident(r, &i->expected);
	i->xattrs = rd_bytes(r, &i->xattrs_len, PORT_XATTRS_MAX);
	if (i->kind == KIND_ABSENT)
		rd_fail(r);
	if ((i->flags & INSTALL_HAS_CONTENT) && (i->kind != KIND_FILE || i->handle.len == 0))
		rd_fail(r);
	if (i->kind != KIND_LINK && target[0])
		rd_fail(r);
}

/* Room for exactly one descriptor, aligned. */
union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int port_send(int sock, const struct buf *b, int fd)
{
	union control control = {0};
	struct iovec iov = {.iov_base = b->data, .iov_len = b->len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t sent;

	if (b->err)
		return b->err;
	assert(b->len > 0);
	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_LEN(sizeof fd);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	do
		sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	return errno == EPIPE || errno == ECONNRESET ? ERR_CLOSED : -errno;
}

/* The first descriptor that came along, or -1; any others are closed. */
static int take_descriptor(struct msghdr *msg)
{
	int taken = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (taken < 0)
				taken = fd;
			else
				close(fd);
		}
	}
	return taken;
}

long port_receive(int sock, void *p, int *fd)
{
	union control control;
	struct iovec iov = {.iov_base = p, .iov_len = PORT_PACKET_MAX};
	/* CMSG_LEN: CMSG_SPACE's padding would have room for a second descriptor. */
	struct msghdr msg = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = CMSG_LEN(sizeof(int)),
	};
	ssize_t got;

	*fd = -1;
	do
		got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == ECONNRESET ? ERR_CLOSED : -errno;
	int taken = take_descriptor(&msg);
	if (got == 0 || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		if (taken >= 0)
			close(taken);
		return got == 0 ? ERR_CLOSED : ERR_LIMIT;
	}
	*fd = taken;
	return got;
}
