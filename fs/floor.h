/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The mtime floor of names that are gone: what a name has shown is remembered for a while after it
 * went (the worker: FLOOR_KEEP_MSEC), so that a file that comes back under it shows a later mtime:
 * an editor moves the old one away first, and people, who take longer, put a copy in its place. While
 * a name exists its file's own mtime is the memory.
 *
 * Safe from several threads. At most FLOOR_MAX names; beyond, the oldest are forgotten early.
 */
#ifndef FS_FLOOR_H
#define FS_FLOOR_H

#include <stdint.h>

#define FLOOR_MAX 8192
#define FLOOR_KEEP_MSEC (60 * 60 * 1000)

struct floor;

struct floor *floor_new(int keep_msec);
void floor_free(struct floor *f);
/* The name `name` in the directory with this handle hash went, having shown `mtime_nsec`. A higher
 * floor that is still remembered stays. */
void floor_note(struct floor *f, uint64_t dir_hash, const char *name, int64_t mtime_nsec,
		int64_t now_msec);
/* What a name has shown up to; 0: nothing is remembered. */
int64_t floor_find(struct floor *f, uint64_t dir_hash, const char *name, int64_t now_msec);

#endif
