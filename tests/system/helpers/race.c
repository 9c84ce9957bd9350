/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A local writer under a path into which versions of others are being installed:
 *
 *   race FILE N      N times: open for writing, write, and see that what was written is what the
 *                    path names: as long as it is open for writing, nothing may take its place
 *
 * Prints "orphans N errors N": writes that went into a file that had been replaced, and calls that
 * failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned long orphans, errors;

static void failed(const char *what)
{
	if (errors++ < 5)
		perror(what);
}

static int fresh(int fd, const char *path, int flags, struct statx *st)
{
	return statx(fd, path, flags | AT_STATX_FORCE_SYNC, STATX_INO | STATX_NLINK, st);
}

static void once(const char *path, unsigned long i)
{
	/* In place, truncated, created if need be: each a way of its own into the file system. */
	static const int flags[] = {0, O_TRUNC, O_CREAT, O_APPEND};
	struct statx mine;
	struct statx there;
	char text[64];
	int n = snprintf(text, sizeof text, "local %lu\n", i);
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags[i % 4], 0644);

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
	close(fd);
}

int main(int argc, char **argv)
{
	unsigned long n;

	if (argc != 3) {
		fputs("usage: race FILE N\n", stderr);
		return 2;
	}
	n = strtoul(argv[2], NULL, 10);
	for (unsigned long i = 0; i < n; i++) {
		once(argv[1], i);
		if (i % 8 == 7) /* a gap in which an install gets its turn */
			usleep(2000);
	}
	printf("orphans %lu errors %lu\n", orphans, errors);
	return orphans || errors;
}
