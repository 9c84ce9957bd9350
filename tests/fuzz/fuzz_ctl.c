/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What zonefsctl reads: an input is the words of a command, up to the first newline, then what the
 * node answers. The connection is a pair of sockets, in which the answer already stands.
 */
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/zonefsctl.h"

#define ARGS_MAX 8

static const uint8_t *answer;
static size_t answer_len;
static int dial_end = -1;

/* The system's is not called: the node is this. */
int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	int pair[2], room = 256 * 1024;

	(void)address;
	(void)len;
	fuzz_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (answer_len > 0)
		(void)!send(pair[1], answer, answer_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(pair[1], SHUT_WR);
	fuzz_check(dup3(pair[0], fd, O_CLOEXEC) == fd);
	close(pair[0]);
	if (dial_end >= 0)
		close(dial_end);
	dial_end = pair[1]; /* what is asked goes there, and nobody reads it */
	return 0;
}

static char conf_file[64];

static void clean(void)
{
	unlink(conf_file);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char text[] = "node = \"n\"\nmount = \"/\"\nstate = \"/var/lib/x\"\n"
				   "listen = \"tcp://127.0.0.1:7740\"\nkey-file = \"/etc/x\"\n";
	const char *tmp = getenv("TMPDIR");

	(void)argc;
	(void)argv;
	snprintf(conf_file, sizeof(conf_file), "%.40s/zonefs-fuzz-XXXXXX", tmp ? tmp : "/tmp");
	int fd = mkstemp(conf_file);
	fuzz_check(fd >= 0 && write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1);
	close(fd);
	atexit(clean);
	client_use_file(conf_file);
	return 0;
}

static void run(char *words)
{
	static char empty[] = "";
	char *argv[ARGS_MAX + 1] = {empty}, *word;
	int argc = 0;

	while (argc < ARGS_MAX && (word = strsep(&words, " ")))
		argv[argc++] = word;
	argv[argc] = NULL;
	for (const struct ctl_command *c = ctl_commands; c->name; c++) {
		if (strcmp(c->name, argv[0]) != 0 || strcmp(c->name, "keygen") == 0)
			continue;
		int status = c->run(argc, argv);
		fuzz_check(status == CTL_OK || status == CTL_FAILED || status == CTL_USAGE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = size ? memchr(data, '\n', size) : NULL;

	if (!line)
		return 0;
	size_t len = (size_t)(line - data);
	char *words = strndup((const char *)data, len);
	answer = line + 1;
	answer_len = size - len - 1;
	opterr = 0;
	run(words);
	free(words);
	return 0;
}
