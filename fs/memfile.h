/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Content for another process, in a file that has no name: read from its beginning, never changed.
 */
#ifndef FS_MEMFILE_H
#define FS_MEMFILE_H

#include <stddef.h>

/* A descriptor (close-on-exec) that stands at the beginning, or -errno. `name` is for /proc only.
 */
int memfile_new(const char *name, const void *content, size_t len);

#endif
