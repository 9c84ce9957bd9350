/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * accessed DIRECTORY: until SIGTERM, prints the name of each file in it that somebody reads from
 * (through whichever mount), one a line and each time. "watching" comes first.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

int main(int argc, char **argv)
{
	_Alignas(struct inotify_event) char events[65536];
	struct sigaction act = {.sa_handler = on_term};
	int fd = inotify_init1(IN_CLOEXEC);
	ssize_t n;

	sigaction(SIGTERM, &act, NULL);
	if (argc != 2 || fd < 0 || inotify_add_watch(fd, argv[1], IN_ACCESS) < 0) {
		perror("accessed");
		return 2;
	}
	puts("watching");
	fflush(stdout);
	while (!stop && (n = read(fd, events, sizeof events)) > 0) {
		const struct inotify_event *e;

		for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof *e + e->len)) {
			e = (const void *)(events + at);
			if (e->len > 0)
				puts(e->name);
		}
		fflush(stdout);
	}
	return 0;
}
