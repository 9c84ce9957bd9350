/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which path of the tree an argument means: an absolute one leads through the mount; a relative one
 * starts at the working directory where that is in the mount, else at the tree's root.
 */
#ifndef ZONEFSCTL_PLACE_H
#define ZONEFSCTL_PLACE_H

#include "base/path.h"

/* Into `path` ("": the tree's root). `mount` and `cwd` are absolute and without symbolic links; cwd
 * may be NULL. Looks at no file: ".." takes a component away. 0, ERR_DENIED (it is not in the
 * mount), ERR_FORMAT (no path of a tree). Pure. */
int place_of(const char *mount, const char *cwd, const char *argument, char path[PATH_LEN_MAX + 1]);
/* Likewise for this process, with symbolic links on the way to the last component followed. */
int place_resolve(const char *mount, const char *argument, char path[PATH_LEN_MAX + 1]);

#endif
