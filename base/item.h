/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What can be at a path, and how it is recognised.
 */
#ifndef BASE_ITEM_H
#define BASE_ITEM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"

enum kind {
	KIND_ABSENT = 0,
	KIND_FILE = 1,
	KIND_DIR = 2,
	KIND_LINK = 3,
	KIND_OTHER = 4, /* device, socket, FIFO: always local */
};

const char *kind_text(enum kind kind);
enum kind kind_of_mode(mode_t mode);

/* A kernel file handle (name_to_handle_at(2)): the inode *and* its generation. len 0: none. */
#define FHANDLE_MAX 128
struct fhandle {
	uint8_t len;
	int32_t type;
	uint8_t bytes[FHANDLE_MAX];
};

bool fhandle_same(const struct fhandle *a, const struct fhandle *b); /* both present and equal */
void buf_fhandle(struct buf *b, const struct fhandle *h);
void rd_fhandle(struct rd *r, struct fhandle *h);

/* The identity of what is at a path: a cookie that fs makes and the replicator only keeps, compares
 * and gives back. Two parts: a stable one, valid across restarts (handle, and for files and links
 * size, mtime, ctime; for directories mode and owner, never size or times), and a change count of
 * one life of the worker (a coarse ctime alone would miss two changes within one tick). An all-zero
 * identity stands for "absent". */
struct ident {
	struct fhandle handle;
	uint64_t a;     /* file, link: size;  directory: mode */
	int64_t b;      /* file, link: mtime; directory: uid */
	int64_t c;      /* file, link: ctime; directory: gid */
	uint64_t life;  /* of the worker that made it; 0 in an identity that was never filled in */
	uint64_t count; /* changes that this life has seen of the inode */
};

bool ident_absent(const struct ident *i);
/* Same: stable parts equal, and counts too where both come from the same life. */
bool ident_same(const struct ident *i, const struct ident *j);
void buf_ident(struct buf *b, const struct ident *i);
void rd_ident(struct rd *r, struct ident *i);
/* From a stat and a handle; life and count are the caller's. */
void ident_make(struct ident *i, const struct fhandle *h, const struct stat *st, uint64_t life,
		uint64_t count);

/* Who made a change, as seen when it was made. */
struct who {
	uint32_t uid;       /* effective */
	uint32_t login_uid; /* audit's loginuid, (uint32_t)-1: none */
	int32_t pid;        /* of the process (thread group); 0: not known */
	char command[16];   /* the process's name, "" if not known */
	char tty[32];       /* "pts/3", "" if none */
};

void buf_who(struct buf *b, const struct who *w);
void rd_who(struct rd *r, struct who *w);

#endif
