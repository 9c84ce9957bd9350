/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Stands in for the replicator, installed under its name beside a zonefs: lends the port that the
 * keeper gave it (descriptor 3) to the first program that connects to the abstract socket
 * "zonefs-port/NODE", and stays until that program closes its connection. So a test can speak the
 * port itself, well or badly.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/conf.h"

enum { FD_PORT = 3, FD_CONF = 4 };

static void ignore(void *arg, const char *file, int line, const char *sentence)
{
	(void)arg;
	(void)file;
	(void)line;
	(void)sentence;
}

/* Its length, or 0. */
static size_t node_name(char *name, size_t size)
{
	static char text[CONF_SIZE_MAX];
	ssize_t n = read(FD_CONF, text, sizeof(text));
	struct conf *conf = n > 0 ? conf_parse("conf", text, (size_t)n, ignore, NULL) : NULL;
	int len = conf ? snprintf(name, size, "%s", conf->node) : 0;

	conf_free(conf);
	return len > 0 ? (size_t)len : 0;
}

static int listen_for(const char *node)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	int len =
	    snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "zonefs-port/%s", node);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
	if (sock < 0 || bind(sock, (void *)&address, size) < 0 || listen(sock, 1) < 0)
		return -1;
	return sock;
}

static int lend(int to)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.space = {0}};
	char byte = 'P';
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.space,
			     .msg_controllen = sizeof(control.space)};
	int fd = FD_PORT;

	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(to, &msg, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

int main(void)
{
	char node[64];
	char byte;

	int sock = node_name(node, sizeof(node)) > 0 ? listen_for(node) : -1;
	int client = sock < 0 ? -1 : accept(sock, NULL, NULL);
	if (client < 0 || lend(client) < 0) {
		perror("portlend");
		return 1;
	}
	/* The port's life is now that of the borrower's descriptor. */
	close(FD_PORT);
	while (read(client, &byte, 1) > 0)
		;
	return 0;
}
