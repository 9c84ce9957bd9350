/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 *   watch /DIRECTORY/FILE [USEC]
 *
 * Watches one file, and the names beside it, as fast as it can (or with pauses of USEC), until
 * SIGTERM. Of each new content it says at once "saw X"; at the end what it saw:
 *
 *   looks N          how often it looked
 *   absent N         times that the name was not there
 *   partial N        times that the content was not whole: "; version X" as the first line and
 *                    "; end X" as the last
 *   backwards N      times that the modification time was less than before
 *   errors N         anything else
 *   modes 0644 ...   permissions seen
 *   versions X ...   contents seen, in that order, repetitions left out
 *   names a b ...    names seen beside it
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CONTENT_MAX (64 * 1024 * 1024)
#define SEEN_MAX 256
#define NAMES_EVERY 4 /* looks */
#define PAUSE_NSEC 50000
#define PAUSE_MAX_USEC 999999

struct seen {
	char *list[SEEN_MAX];
	size_t n;
};

static volatile sig_atomic_t stop;
static unsigned long looks, absent, partial, backwards, errors;
static struct seen modes, versions, names;
static struct timespec last_mtime;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

/* True: for the first time, or in_order, not the same as last time. */
static bool see(struct seen *s, const char *what, bool in_order)
{
	for (size_t i = in_order && s->n > 0 ? s->n - 1 : 0; i < s->n; i++)
		if (strcmp(s->list[i], what) == 0)
			return false;
	if (s->n < SEEN_MAX)
		s->list[s->n++] = strdup(what);
	return true;
}

static void say(const char *name, const struct seen *s)
{
	fputs(name, stdout);
	for (size_t i = 0; i < s->n; i++)
		printf(" %s", s->list[i]);
	putchar('\n');
}

/* Whole: what stands after "; version " in the first line stands after "; end " in the last. */
static bool whole(const char *text, size_t len, char version[64])
{
	static const char first[] = "; version ";
	char last[128];
	size_t n;

	if (len < sizeof first || memcmp(text, first, sizeof first - 1) != 0)
		return false;
	n = strcspn(text + sizeof first - 1, "\n");
	if (n >= 64)
		return false;
	snprintf(version, 64, "%.*s", (int)n, text + sizeof first - 1);
	n = (size_t)snprintf(last, sizeof last, "\n; end %s\n", version);
	return len >= n && memcmp(text + len - n, last, n) == 0;
}

static void saw(const char *version)
{
	if (!see(&versions, version, true))
		return;
	printf("saw %s\n", version);
	fflush(stdout);
}

static void look_at_content(int fd, char *text)
{
	char version[64];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, CONTENT_MAX - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	if (n < 0)
		errors++;
	else if (whole(text, len, version))
		saw(version);
	else
		partial++;
}

static void look(const char *path, char *text)
{
	char mode[16];
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	looks++;
	if (fd < 0 || fstat(fd, &st) < 0) {
		absent += errno == ENOENT;
		errors += errno != ENOENT;
		if (errno != ENOENT)
			fprintf(stderr, "%s: %s\n", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	snprintf(mode, sizeof mode, "%04o", st.st_mode & 07777);
	see(&modes, mode, false);
	if (st.st_mtim.tv_sec < last_mtime.tv_sec ||
	    (st.st_mtim.tv_sec == last_mtime.tv_sec && st.st_mtim.tv_nsec < last_mtime.tv_nsec))
		backwards++;
	last_mtime = st.st_mtim;
	look_at_content(fd, text);
	close(fd);
}

static void look_at_names(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d) {
		errors++;
		return;
	}
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			see(&names, e->d_name, false);
	closedir(d);
}

int main(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = on_term};
	struct timespec pause = {.tv_nsec = PAUSE_NSEC};
	char *text = malloc(CONTENT_MAX + 1);
	char *dir;

	if (argc < 2 || argc > 3 || !strrchr(argv[1], '/') || !text) {
		fputs("usage: watch /DIRECTORY/FILE [USEC]\n", stderr);
		return 2;
	}
	if (argc == 3 && atol(argv[2]) > 0 && atol(argv[2]) <= PAUSE_MAX_USEC)
		pause.tv_nsec = atol(argv[2]) * 1000;
	dir = strndup(argv[1], (size_t)(strrchr(argv[1], '/') - argv[1]));
	sigaction(SIGTERM, &act, NULL);
	look(argv[1], text);
	puts("watching");
	fflush(stdout);
	do {
		look(argv[1], text);
		if (looks % NAMES_EVERY == 1)
			look_at_names(dir);
		nanosleep(&pause, NULL);
	} while (!stop);
	look(argv[1], text); /* what came last is seen in any case */
	printf("looks %lu\nabsent %lu\npartial %lu\nbackwards %lu\nerrors %lu\n", looks, absent,
	       partial, backwards, errors);
	say("modes", &modes);
	say("versions", &versions);
	say("names", &names);
	free(text);
	free(dir);
	return 0;
}
