/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Another user's identity: looked up in the user database before a fork, taken on after it with
 * system calls only, since a child of a threaded process may do nothing else.
 *
 * Where identities cannot be changed (an ordinary user, also one who is root in a user namespace
 * of a single id, as `unshare -r` makes it) an account is the caller's own, whatever the name.
 */
#ifndef FS_ACCOUNT_H
#define FS_ACCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

#define ACCOUNT_GROUPS_MAX 1024
#define ACCOUNT_HOME_MAX 256

struct account {
	bool fixed; /* the caller's own */
	uid_t uid;
	gid_t gid;
	size_t ngroups;
	gid_t groups[ACCOUNT_GROUPS_MAX];
	char home[ACCOUNT_HOME_MAX];
};

/* Identities cannot be changed here. */
bool account_fixed(void);
/* 0, ERR_UNKNOWN (no such user), ERR_LIMIT (in more groups than fit), or -errno. Safe from several
 * threads. */
int account_find(struct account *a, const char *name);
/* Takes on user, group and groups for good, and gives up every capability that belongs to another
 * user. For a child after fork. 0 or -errno. */
int account_become(const struct account *a);
/* Likewise, but for one capability, which the next program has as well and, with what it starts, no
 * other ever: no_new_privs is set. Where identities are fixed too. */
int account_become_keeping(const struct account *a, int capability);

#endif
