/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The port: the messages between the fs worker (root, owns the tree) and the replicator (no rights,
 * owns the versions), over a SOCK_SEQPACKET pair with descriptors passed along. fs treats the other
 * side as possibly hostile. This header is the whole grammar:
 *
 *   packet  = u8 PORT_VERSION, u8 type, u32 id, body        at most PORT_PACKET_MAX bytes
 *
 * Requests (from the replicator) carry an id of its choice; the answer has the same id and the type
 * with PORT_ANSWER set, and starts with an i32 status: 0 or a negative error. Answers may come in any
 * order. HINTS and ACK are one-way. Strings and numbers: base/buf.h.
 *
 *   fs -> replicator
 *     HELLO    life u64, ctime tick ms u32, mark           first packet on a new port
 *     HINTS    n u16, n * hint
 *     hint   = serial u64, what u8, flags u8, path, from, who
 *              CHANGED  this path may have changed; `from` != "": it was renamed from there
 *              FREE     a writer (or the wait after ESTALE, or a mount) that made an INSTALL or REMOVE
 *                       BUSY, or MOUNTED, has ended there
 *              RESCAN   hints were more than could be kept: everything may have changed
 *   replicator -> fs
 *     ACK      n u16, n * serial u64       the hint is dealt with: what it led to is durable
 *     LIST     path, cursor u64            -> next cursor u64 (0: the end), n u16, n * (kind u8, name)
 *     LOOK     path                        -> look; a regular file's read-only descriptor is passed.
 *                                             LOOK may go on with 1 u8: then after the look comes u8,
 *                                             and if it is 1, the content bytes, of up to
 *                                             PORT_LOOK_MAX, instead of a descriptor
 *     STAGE    size u64, content bytes     -> handle, and for size > PORT_INLINE_MAX (content then
 *                                             empty) a descriptor to write into, to be closed before
 *                                             INSTALL. May go on with mode u32, uid u32,
 *                                             gid u32, mtime u64: INSTALL with the same then needs
 *                                             no fsync
 *     INSTALL  install                     -> look (without descriptor): what is there now
 *     REMOVE   path, expected ident        -> nothing
 *     HOOK     name, verb, input bytes     -> exit i32, signal i32, timed out u8, run time u32 (ms),
 *                                             output bytes (cut at PORT_HOOK_OUTPUT_MAX)
 *     ALERT    begins u8, what, since i64 (wall ms), path, peer, hook ("": none), words, input bytes
 *                                          -> as HOOK
 *     MARK     mark                        -> nothing: the tree has it now (a node's store is older than
 *                                             its tree where the tree's mark has counted further)
 *     mark   = store u64, count u64        all 0: none
 *     CHECK    check (base/port_check.h)   -> exit i32, signal i32, timed out u8, run time u32 (ms),
 *                                             output bytes (cut at PORT_OUTPUT_MAX), version,
 *                                             n u16, n * path: files that it depends on.
 *                                             CHECK_MAP, exit 0: a descriptor with all the output
 *     UNSTAGE  handle                      -> nothing: that content is not needed (any more)
 *     CHECK_END id u32                     -> nothing: the CHECK with that id is not waited for; if it
 *                                             has not been answered yet, its program is killed
 *     WAIT     path ("": all), serial u64, time limit u32 (ms)
 *                                          -> n u16, n * (pid i32, command): who has it open for
 *                                             writing (status ERR_TIMEOUT), else none
 *     INFO                                 -> hints waiting u32, hints unacknowledged u32, rescan u8,
 *                                             hint serial u64, n u16, n * (pid i32, command): processes
 *                                             that live in the directory beneath the mount
 *
 * LOOK's `busy`: content must not be taken now (a writer that created or truncated it, or one that
 * changed it in place and has not been quiet for `settle`); a hint follows when that ends. After
 * reading, LOOK again: another identity discards what was read.
 *
 * INSTALL: without INSTALL_INPLACE it puts a new inode in place of what `expected` says (absent:
 * all zero) in one atomic step; with it, only mode, owner and mtime of what is there are changed.
 * Parents are never made. Where content is staged, `handle` names the staged inode.
 */
#ifndef BASE_PORT_H
#define BASE_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/item.h"

#define PORT_VERSION 1
#define PORT_PACKET_MAX (128 * 1024)
#define PORT_INLINE_MAX (64 * 1024)
#define PORT_OUTPUT_MAX (16 * 1024)
#define PORT_HOOK_OUTPUT_MAX (96 * 1024) /* of a hook, with a line for each of 1,000 zones */
#define PORT_INPUT_MAX (96 * 1024)
#define PORT_XATTRS_MAX (16 * 1024)
#define PORT_TARGET_MAX 4095
#define PORT_LOOK_MAX 16384 /* of a content that comes with a LOOK */
#define PORT_WORDS_MAX 1024 /* of an alert */
#define PORT_HINTS_MAX 65536 /* kept in fs; more become RESCAN */

enum port_type {
	PORT_HELLO = 1,
	PORT_HINTS = 2,
	PORT_ACK = 3,
	PORT_LIST = 4,
	PORT_LOOK = 5,
	PORT_STAGE = 6,
	PORT_INSTALL = 7,
	PORT_REMOVE = 8,
	PORT_HOOK = 9,
	PORT_WAIT = 10,
	PORT_INFO = 11,
	PORT_ALERT = 12,
	PORT_MARK = 13,
	PORT_CHECK = 14,
	PORT_UNSTAGE = 15,
	PORT_CHECK_END = 16, /* the last */
	PORT_ANSWER = 0x80,
};

enum hint_what { HINT_CHANGED = 1, HINT_FREE = 2, HINT_RESCAN = 3 };

enum {
	HINT_TREE = 1,    /* a directory came or went with all that is below it (rename) */
	HINT_CREATED = 2, /* `who` created the name that is at `path` now */
	HINT_NAMES = 4,   /* a name came or went (not only content or attributes) */
};

struct hint {
	uint64_t serial; /* 1, 2, ... in one life of the worker */
	enum hint_what what;
	uint8_t flags;
	const char *path; /* borrowed */
	const char *from; /* borrowed; "" if not a rename */
	struct who who;
};

/* Which store the tree belongs to, and how far that had come at the least. */
struct tree_mark {
	uint64_t store; /* 0: there is no mark */
	uint64_t count;
};

/* What LOOK found. In a decoded message, target and xattrs point into the packet. */
struct look {
	enum kind kind;
	bool busy;
	bool writer;   /* some process has it open for writing (busy or not) */
	uint32_t mode; /* permission bits, set-id and sticky: 07777 */
	uint32_t uid;
	uint32_t gid;
	uint32_t nlink;
	uint64_t size;
	int64_t mtime_nsec;
	struct ident ident;
	const char *target;    /* symbolic link's; "" otherwise */
	const uint8_t *xattrs; /* room for later; empty in version 1 */
	size_t xattrs_len;
};

enum { INSTALL_INPLACE = 1, INSTALL_HAS_CONTENT = 2 };

struct install {
	const char *path;
	enum kind kind; /* FILE (with content), LINK (with target), DIR */
	uint8_t flags;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	int64_t mtime_nsec; /* files and links; of directories ignored */
	struct fhandle handle;
	const char *target;
	struct ident expected;
	const uint8_t *xattrs;
	size_t xattrs_len;
};

/* A packet's head, and where its body starts. */
struct port_head {
	uint8_t type;
	uint32_t id;
};

/* Starts a packet in an empty buffer of max PORT_PACKET_MAX; fields follow with buf_*. */
void port_begin(struct buf *b, uint8_t type, uint32_t id);
/* 0, ERR_PROTOCOL (another version), ERR_FORMAT; then *r stands at the body. */
int port_parse(struct rd *r, const void *packet, size_t len, struct port_head *head);

void buf_hint(struct buf *b, const struct hint *h);
/* path and from go into the caller's buffers of PATH_LEN_MAX + 1 bytes; both are checked. */
void rd_hint(struct rd *r, struct hint *h, char *path, char *from);
void buf_tree_mark(struct buf *b, const struct tree_mark *m);
void rd_tree_mark(struct rd *r, struct tree_mark *m);
void buf_look(struct buf *b, const struct look *l);
/* target goes into the caller's buffer of PORT_TARGET_MAX + 1 bytes. */
void rd_look(struct rd *r, struct look *l, char *target);
void buf_install(struct buf *b, const struct install *i);
/* path and target go into the caller's buffers. Kind, flags and path are checked, mode is masked
 * with 07777. */
void rd_install(struct rd *r, struct install *i, char *path, char *target);

/* Sends one packet with up to one descriptor (-1: none; borrowed). 0, -EAGAIN (full, if the socket
 * is nonblocking), ERR_CLOSED, or -errno. */
int port_send(int sock, const struct buf *b, int fd);
/* Receives one packet into p[PORT_PACKET_MAX]; *fd is a descriptor that came along (close-on-exec,
 * the caller's) or -1. Returns its length, -EAGAIN, ERR_CLOSED, ERR_LIMIT (was longer), or -errno.
 */
long port_receive(int sock, void *p, int *fd);

#endif
