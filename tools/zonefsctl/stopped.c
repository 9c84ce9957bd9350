/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The store is read by the program that writes it, so that there is one that knows its format:
 * zonefs-replicator -s, which is found as zonefs finds it.
 */
#include "tools/zonefsctl/stopped.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tools/zonefsctl/zonefsctl.h"

#define NAME "zonefs-replicator"
#define SOCKET_FD 3 /* of replicator/main.c */
#define CONF_FD 4
#define HIGH_FD 10 /* above both */

bool stopped_can(const char *command)
{
	static const char *const commands[] = {"log", "history", "content", "conflicts"};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i], command) == 0)
			return true;
	return false;
}

void stopped_program(char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	if (!slash || snprintf(path, PATH_MAX, "%s/%s", self, NAME) >= PATH_MAX ||
	    access(path, X_OK) < 0)
		snprintf(path, PATH_MAX, "%s/%s", LIBEXECDIR, NAME);
}

/* In the child. */
static void run(const char *program, const struct conf *c, int socket_fd, int conf_fd)
{
	socket_fd = fcntl(socket_fd, F_DUPFD, HIGH_FD);
	conf_fd = fcntl(conf_fd, F_DUPFD, HIGH_FD);
	if (socket_fd >= 0 && conf_fd >= 0 && dup2(socket_fd, SOCKET_FD) >= 0 &&
	    dup2(conf_fd, CONF_FD) >= 0) {
		close(socket_fd);
		close(conf_fd);
		execl(program, NAME, "-s", "-c", c->file, (char *)NULL);
	}
	ctl_fail("%s: %s", program, strerror(errno));
	_exit(127);
}

int stopped_dial(const struct conf *c, pid_t *pid)
{
	static bool said;
	char program[PATH_MAX];
	int pair[2];

	CLEANUP_CLOSE int conf_fd = open(c->file, O_RDONLY | O_CLOEXEC);
	if (conf_fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		ctl_fail("%s: %s", c->file, strerror(errno));
		return -1;
	}
	stopped_program(program);
	if (!said)
		fprintf(stderr,
			"zonefsctl: the node \"%s\" is stopped: this is from its store, %s\n",
			c->node, c->state);
	said = true;
	*pid = fork();
	if (*pid == 0)
		run(program, c, pair[1], conf_fd);
	close(pair[1]);
	if (*pid > 0)
		return pair[0];
	ctl_fail("no process can be started: %s", strerror(errno));
	close(pair[0]);
	return -1;
}
