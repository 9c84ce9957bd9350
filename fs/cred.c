/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * setfsuid and setfsgid as raw system calls: the C library's wrappers are per thread too, but raw
 * ones say so. No setgroups, which libraries would carry to all threads.
 */
#include "fs/cred.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"

int cred_thread_init(void)
{
	if (unshare(CLONE_FS) < 0)
		return -errno;
	umask(0);
	int bits = prctl(PR_GET_SECUREBITS);
	/* An ordinary user who is root in a namespace of one id has no other user to be. */
	if (bits < 0 || prctl(PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP) < 0)
		log_limited(LOG_LEVEL_NOTICE, "capabilities cannot be kept (%s)", err_text(-errno));
	return 0;
}

void cred_become(uid_t uid, gid_t gid, mode_t mask)
{
	umask(mask & 0777);
	if (gid != 0)
		syscall(SYS_setfsgid, gid);
	if (uid != 0)
		syscall(SYS_setfsuid, uid);
}

void cred_restore(void)
{
	int saved = errno;

	syscall(SYS_setfsuid, 0);
	syscall(SYS_setfsgid, 0);
	umask(0);
	errno = saved;
}

void cred_drop(void)
{
	static const int unneeded[] = {CAP_NET_BIND_SERVICE, CAP_NET_BROADCAST, CAP_NET_ADMIN,
				       CAP_NET_RAW,          CAP_SYS_MODULE,    CAP_SYS_RAWIO,
				       CAP_SYS_PACCT,        CAP_SYS_BOOT,      CAP_SYS_TIME,
				       CAP_SYS_TTY_CONFIG,   CAP_SYS_RESOURCE,  CAP_SYSLOG,
				       CAP_IPC_LOCK,         CAP_IPC_OWNER};
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(unneeded); i++) {
		uint32_t mask = ~CAP_TO_MASK((unsigned)unneeded[i]);
		struct __user_cap_data_struct *word = &data[CAP_TO_INDEX((unsigned)unneeded[i])];
		word->effective &= mask;
		word->permitted &= mask;
		word->inheritable &= mask;
	}
	if (syscall(SYS_capset, &head, data) < 0)
		log_warning("capabilities cannot be given up: %s", err_text(-errno));
}
