/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is mounted inside our mount. Invalidating a name would unmount what is mounted there or
 * below, so INSTALL and REMOVE are refused at such places.
 */
#ifndef FS_MOUNTS_H
#define FS_MOUNTS_H

#include <stdbool.h>

struct mounts;

/* `mount` is borrowed. NULL: out of memory or no /proc. */
struct mounts *mounts_new(const char *mount);
void mounts_free(struct mounts *m);
/* Something is mounted at this path of the tree or below it. Safe from several threads. */
bool mounts_at(struct mounts *m, const char *path);
/* To be polled for POLLPRI: what is mounted where has changed. */
int mounts_fd(const struct mounts *m);

#endif
