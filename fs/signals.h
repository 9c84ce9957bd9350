/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A child's signals as at login: each with its default action, none blocked. The C library refuses
 * to touch the two that it keeps for its threads, but a child can inherit them ignored: so by
 * system call. For use between fork and exec.
 */
#ifndef FS_SIGNALS_H
#define FS_SIGNALS_H

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline void signals_as_at_login(void)
{
	unsigned long action[4]; /* the kernel's struct sigaction: all zero is the default */
	sigset_t none;

	memset(action, 0, sizeof(action));
	for (int s = 1; s < NSIG; s++)
		syscall(SYS_rt_sigaction, s, action, NULL, (size_t)8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

#endif
