/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Of several that come to the point at once, the one that removes the file dies.
 */
#include "base/crash.h"

#ifdef CRASH
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LABEL_MAX 64
#define FILE_MAX 256
#define POLL_NSEC 1000000

static void stall(const char *file, const char *label)
{
	struct timespec pause = {.tv_nsec = POLL_NSEC};
	char wait[FILE_MAX];
	char here[FILE_MAX];

	snprintf(wait, sizeof(wait), "%s.%s", file, label);
	snprintf(here, sizeof(here), "%s.%s.here", file, label);
	int fd = access(wait, F_OK) == 0 ? open(here, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
					 : -1;
	if (fd < 0)
		return; /* nobody wants it, or another thread is there */
	close(fd);
	while (access(wait, F_OK) == 0)
		nanosleep(&pause, NULL);
	unlink(here);
}

void crash_point(const char *label)
{
	const char *file = getenv("ZONEFS_CRASH");
	char wanted[LABEL_MAX + 1];
	int saved = errno;
	int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		ssize_t len = read(fd, wanted, LABEL_MAX);

		close(fd);
		wanted[len > 0 ? len : 0] = '\0';
		wanted[strcspn(wanted, "\n")] = '\0';
		if (strcmp(wanted, label) == 0 && unlink(file) == 0)
			kill(getpid(), SIGKILL);
	}
	if (file)
		stall(file, label);
	errno = saved;
}
#endif
