/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * User database before the fork, raw system calls after it: glibc's setuid and friends signal all
 * threads of the process they were started in, which in a child no longer exist.
 */
#include "fs/account.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

bool account_fixed(void)
{
	if (geteuid() != 0)
		return true;
	FILE *f CLEANUP_FCLOSE = fopen("/proc/self/uid_map", "re");
	if (!f)
		return false;
	unsigned long long ids = 0, first, outside, count;
	while (fscanf(f, "%llu %llu %llu", &first, &outside, &count) == 3)
		ids += count;
	return ids == 1;
}

static void set_home(struct account *a, const char *home)
{
	int n = snprintf(a->home, sizeof(a->home), "%s", home);
	if (n <= 0 || (size_t)n >= sizeof(a->home))
		snprintf(a->home, sizeof(a->home), "/");
}

static int set_groups(struct account *a, const char *name)
{
	int n = ACCOUNT_GROUPS_MAX;
	if (getgrouplist(name, a->gid, a->groups, &n) < 0)
		return ERR_LIMIT;
	a->ngroups = (size_t)n;
	return 0;
}

int account_find(struct account *a, const char *name)
{
	memset(a, 0, sizeof(*a));
	a->fixed = account_fixed();

	size_t size = 64 * 1024;
	char *text CLEANUP_FREE = malloc(size);
	if (!text)
		return -ENOMEM;
	struct passwd entry, *found = NULL;
	int rc = a->fixed ? getpwuid_r(geteuid(), &entry, text, size, &found)
			  : getpwnam_r(name, &entry, text, size, &found);
	if (!found && a->fixed) {
		a->uid = geteuid();
		a->gid = getegid();
		set_home(a, "/");
		return 0;
	}
	/* What these calls say of a user that is not there differs between name services. */
	if (!found)
		return rc == 0 || rc == ENOENT || rc == ESRCH || rc == EPERM ? ERR_UNKNOWN : -rc;
	a->uid = entry.pw_uid;
	a->gid = entry.pw_gid;
	set_home(a, entry.pw_dir);
	return a->fixed ? 0 : set_groups(a, name);
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, none) < 0 ? -errno : 0;
}

int account_become(const struct account *a)
{
	if (a->fixed)
		return 0;
	/* A thread that creates files as their callers has bits set that would keep root's
	 * capabilities across what follows. */
	if (prctl(PR_GET_SECUREBITS) != SECUREBITS_DEFAULT &&
	    prctl(PR_SET_SECUREBITS, SECUREBITS_DEFAULT) < 0)
		return -errno;
	if (syscall(SYS_setgroups, a->ngroups, a->groups) < 0 ||
	    syscall(SYS_setresgid, a->gid, a->gid, a->gid) < 0 ||
	    syscall(SYS_setresuid, a->uid, a->uid, a->uid) < 0)
		return -errno;
	return a->uid == 0 ? 0 : drop_capabilities();
}

/* None but `capability` is left in any set. */
static int keep_capability(int capability)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{0}};
	uint32_t bit = UINT32_C(1) << capability % 32;

	sets[capability / 32] = (struct __user_cap_data_struct){bit, bit, bit};
	if (syscall(SYS_capset, &head, sets) < 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int account_become_keeping(const struct account *a, int capability)
{
	if (prctl(PR_GET_SECUREBITS) != SECUREBITS_DEFAULT &&
	    prctl(PR_SET_SECUREBITS, SECUREBITS_DEFAULT) < 0)
		return -errno;
	for (int c = 0; c <= CAP_LAST_CAP; c++)
		if (c != capability && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0 && errno != EINVAL)
			return -errno;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	if (!a->fixed && (syscall(SYS_setgroups, a->ngroups, a->groups) < 0 ||
			  syscall(SYS_setresgid, a->gid, a->gid, a->gid) < 0 ||
			  syscall(SYS_setresuid, a->uid, a->uid, a->uid) < 0))
		return -errno;
	return keep_capability(capability);
}
