/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Acting as the caller: a file is created with the caller's user, group and umask in one step,
 * never given away afterwards. The kernel has checked the permissions already
 * (default_permissions).
 */
#ifndef FS_CRED_H
#define FS_CRED_H

#include <sys/types.h>

/* For each thread that creates: a umask of its own, and capabilities that outlive a change of the
 * file system user (a member of a supplementary group would get EACCES otherwise). 0 or -errno. */
int cred_thread_init(void);
/* From here to cred_restore, this thread creates as that user. */
void cred_become(uid_t uid, gid_t gid, mode_t mask);
void cred_restore(void);
/* Gives up, in this thread and those it makes from now on, what serving files needs no root for:
 * network, modules, raw devices, and the privilege to exceed quotas. Programs that are run as root
 * still have it. */
void cred_drop(void);

#endif
