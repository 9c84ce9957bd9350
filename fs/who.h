/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who makes a change: asked while the request is being answered, since at its RELEASE the process
 * may be gone.
 */
#ifndef FS_WHO_H
#define FS_WHO_H

#include <sys/types.h>

#include "base/item.h"

/* `tid`: a thread's id as FUSE gives it, 0: not known. Fills in what can be found. */
void who_find(struct who *w, pid_t tid, uid_t uid);

#endif
