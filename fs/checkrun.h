/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Runs a name server's checker, which reads what peers have sent and is trusted with nothing: in
 * namespaces of its own (mounts, network, processes, IPC) in which it is the first process, so that all
 * that it may start ends with it; as an ordinary user with CAP_SYS_CHROOT as its only capability and
 * none to come; with limits on time, memory, descriptors and output; standard input is empty, and of
 * the environment there is nothing but PATH and LANG.
 *
 * What it sees of the tree is the view's matter (fs/checkview.h).
 */
#ifndef FS_CHECKRUN_H
#define FS_CHECKRUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/account.h"

#define CHECKRUN_ARGS_MAX 40

struct checkrun {
	const char *argv[CHECKRUN_ARGS_MAX + 1]; /* NULL at the end */
	const struct account *account;
	int timeout_sec;
	int end_fd; /* readable: it is killed; -1: never */
	size_t output_max;
	/* Makes the view, in the process that will run the checker: root still, in namespaces of its own;
	 * system calls only. Leaves it in the directory that is to be current. 0 or -errno. */
	int (*view)(void *arg);
	void *arg;

	/* What came of it. */
	int exit_status; /* -1 where a signal ended it */
	int signal;      /* 0: none */
	bool timed_out;
	bool cut; /* there was more output */
	uint32_t run_msec;
	char *output; /* both outputs; a NUL stands behind it; the caller's to free */
	size_t output_len;
};

/* Blocks. 0, or an error where it could not be run at all: then output, which may be NULL, has the
 * words. Safe from several threads. */
int checkrun(struct checkrun *r);

#endif
