/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Errors: 0 or more is success; -errno, or one of the codes below, is not.
 * They are turned into words, exit codes and FUSE replies at the borders only.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

enum {
	ERR_BUSY =
	    -1001, /* a local process has it open for writing, or ESTALE was just answered there */
	ERR_CHANGED = -1002,  /* not what the decision was made on: look again */
	ERR_MOUNTED = -1003,  /* something is mounted there */
	ERR_FORMAT = -1004,   /* bytes that are not a message of this kind */
	ERR_PROTOCOL = -1005, /* another protocol version */
	ERR_LIMIT = -1006,    /* over a stated maximum */
	ERR_CONFIG = -1007,   /* a mistake in the configuration, already reported */
	ERR_CORRUPT = -1008,  /* the store is damaged */
	ERR_DENIED = -1009,   /* not allowed by the configuration */
	ERR_UNKNOWN = -1010,  /* no such hook, peer, version, ... */
	ERR_CLOSED = -1011,   /* the other side is gone */
	ERR_TIMEOUT = -1012,
};

/* The sentence for a code (a negative errno or one of the above). Never NULL; static or
 * thread-local. */
const char *err_text(int code);

/* With this (a negative errno) a read says that the medium has not kept what was written: EIO, and what block
 * devices and file systems say of lost sectors and wrong checksums (block/blk-core.c, blk_errors; EUCLEAN and
 * EBADMSG are EFSCORRUPTED and EFSBADCRC). */
bool err_unreadable(int code);

#endif
