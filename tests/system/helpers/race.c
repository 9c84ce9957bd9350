/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A local writer under a path into which versions of others are being installed:
 *
 *   race FILE N M    N times, and on until M installs came in between: open for writing, write, and
 *                    see that the path names what was written, and that the bytes are there: as long
 *                    as it is open for writing, nothing may take its place. It ends where no install
 *                    comes for STANDSTILL_SEC; otherwise they may be as slow as they are.
 *
 * Prints "orphans N lost N errors N": writes that went into a file that had been replaced, writes
 * whose bytes the path did not have, and calls that failed; and on standard error how many rounds
 * and installs there were. Ends with 1 if one of the first is not 0, or there were fewer installs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STANDSTILL_SEC 120
#define GAP_USEC 8000
#define TAIL_MAX 4096

static unsigned long orphans, lost, errors, installs;
static uint64_t last_ino;

static void failed(const char *what)
{
	if (errors++ < 5)
		perror(what);
}

static int fresh(int fd, const char *path, int flags, struct statx *st)
{
	return statx(fd, path, flags | AT_STATX_FORCE_SYNC, STATX_INO | STATX_NLINK, st);
}

/* What was appended stands at the end, all else at the beginning. */
static bool has(const char *path, const char *text, size_t n, bool at_end)
{
	char there[TAIL_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		failed("open for reading");
		return true;
	}
	off_t from = at_end ? lseek(fd, -(off_t)n, SEEK_END) : 0;
	bool same =
	    from >= 0 && pread(fd, there, n, from) == (ssize_t)n && memcmp(there, text, n) == 0;
	close(fd);
	return same;
}

static void once(const char *path, unsigned long i)
{
	/* In place, truncated, created if need be: each a way of its own into the file system. */
	static const int flags[] = {0, O_TRUNC, O_CREAT, O_APPEND};
	struct statx mine;
	struct statx there;
	char text[64];
	int n = snprintf(text, sizeof text, "local %lu\n", i);
	int fd;

	/* Another file than the one that was left: a version was installed meanwhile. */
	if (fresh(AT_FDCWD, path, 0, &there) == 0)
		installs += last_ino != 0 && there.stx_ino != last_ino;
	fd = open(path, O_WRONLY | O_CLOEXEC | flags[i % 4], 0644);

	if (fd < 0) {
		failed("open");
		return;
	}
	if (write(fd, text, (size_t)n) != n)
		failed("write");
	if (fresh(fd, "", AT_EMPTY_PATH, &mine) < 0)
		failed("fstat");
	else if (fresh(AT_FDCWD, path, 0, &there) < 0)
		failed("stat");
	else if (mine.stx_nlink == 0 || mine.stx_ino != there.stx_ino)
		orphans++;
	lost += !has(path, text, (size_t)n, flags[i % 4] & O_APPEND);
	last_ino = mine.stx_ino;
	close(fd);
}

int main(int argc, char **argv)
{
	struct timespec now;
	time_t last; /* install */
	unsigned long n;
	unsigned long least;
	unsigned long i;

	if (argc != 4) {
		fputs("usage: race FILE ROUNDS INSTALLS\n", stderr);
		return 2;
	}
	n = strtoul(argv[2], NULL, 10);
	least = strtoul(argv[3], NULL, 10);
	clock_gettime(CLOCK_MONOTONIC, &now);
	last = now.tv_sec;
	for (i = 0; (i < n || installs < least) && now.tv_sec < last + STANDSTILL_SEC; i++) {
		unsigned long before = installs;

		once(argv[1], i);
		if (installs > before)
			last = now.tv_sec;
		usleep((useconds_t)(random() % GAP_USEC)); /* an install gets its turn, or nearly */
		clock_gettime(CLOCK_MONOTONIC, &now);
	}
	fprintf(stderr, "%lu rounds, %lu installs\n", i, installs);
	printf("orphans %lu lost %lu errors %lu\n", orphans, lost, errors);
	return orphans || lost || errors || installs < least;
}
