/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How long until a change made on one host is visible on another: a writer in one host's mount
 * namespace, a reader that polls in the other's, one clock for both.
 *
 *   propagate PID-A PID-B DIR MODE COUNT
 *
 *   create, modify, replace, rename, delete   latencies of COUNT single changes
 *   stages                                    as modify, with a pause after each, and lines that
 *                                             say when it began, was closed and was seen, as the
 *                                             daemons' log lines do for what is between
 *   burst                                     COUNT files of 2 KiB at once
 *   torn                                      5 MB rewritten COUNT times over 200 ms
 *
 * PID-A and PID-B are processes in the hosts' mount namespaces. A change is timed from the return
 * of the system call that ends it (close, rename, unlink) to the end of the first look by which the
 * reader sees it whole. What is not seen within MISS_SECONDS counts as missed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE 2048
#define BIG (5 * 1024 * 1024)
#define MISS_SECONDS 5
#define POLL_NSEC 200000
#define COUNT_MAX 100000
#define BLOCK (64 * 1024)
#define STAGES_REST_NSEC 30000000

enum mode { CREATE, MODIFY, REPLACE, RENAME, DELETE };
static const char *const mode_names[] = {"create", "modify", "replace", "rename", "delete"};

/* Shared by writer and reader. */
struct shared {
	atomic_int asked;     /* generation that the reader shall look for */
	atomic_int seen;      /* the last one that it saw, or gave up */
	atomic_llong done_ns; /* when the writer had finished it */
	atomic_llong seen_ns; /* -1: missed */
	atomic_bool stop;
	atomic_llong looks, torn, generations;
};

static struct shared *sh;
static const char *dir;
static bool tell_stages;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void pause_ns(long ns)
{
	struct timespec t = {ns / 1000000000, ns % 1000000000};

	nanosleep(&t, NULL);
}

static void enter(const char *pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/ns/mnt", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNS) < 0 || chdir(dir) < 0)
		die(path);
	close(fd);
}

/* All generations have the same length, as a zone whose serial was raised. */
static void fill(char *p, size_t size, int generation)
{
	char line[65];

	snprintf(line, sizeof(line), "%-63d\n", generation);
	for (size_t at = 0; at < size; at += 64)
		memcpy(p + at, line, 64);
}

static void write_file(const char *name, int flags, int generation)
{
	char content[SIZE];
	int fd = open(name, O_WRONLY | O_CLOEXEC | flags, 0644);

	fill(content, SIZE, generation);
	if (fd < 0 || write(fd, content, SIZE) != SIZE || close(fd) < 0)
		die(name);
}

static void name_for(enum mode mode, int generation, char *name, char *other)
{
	strcpy(other, "");
	switch (mode) {
	case CREATE:
	case DELETE:
		snprintf(name, 64, "bench-%d", generation);
		break;
	case MODIFY:
	case REPLACE:
		strcpy(name, "bench");
		break;
	case RENAME:
		snprintf(name, 64, "bench-%d", generation);
		snprintf(other, 64, "bench-%d", generation - 1);
		break;
	}
}

static void change(enum mode mode, int generation)
{
	char name[64], other[64];

	name_for(mode, generation, name, other);
	switch (mode) {
	case CREATE:
		write_file(name, O_CREAT | O_EXCL, generation);
		break;
	case MODIFY:
		write_file(name, O_TRUNC, generation);
		break;
	case REPLACE:
		write_file("bench.new", O_CREAT | O_TRUNC, generation);
		if (rename("bench.new", name) < 0)
			die("rename");
		break;
	case RENAME:
		if (rename(other, name) < 0)
			die("rename");
		break;
	case DELETE:
		if (unlink(name) < 0)
			die("unlink");
		break;
	}
}

/* Whether it is worth reading: attributes are asked for a thousand times a second and cost nothing,
 * being cached; opening as often would be a load of its own. */
static bool changed(const char *name)
{
	static struct stat last;
	struct stat now;

	if (stat(name, &now) < 0)
		return false;
	bool same = now.st_ino == last.st_ino && now.st_ctim.tv_sec == last.st_ctim.tv_sec &&
		    now.st_ctim.tv_nsec == last.st_ctim.tv_nsec && now.st_size == last.st_size;
	last = now;
	return !same;
}

static bool content_is(const char *name, int generation)
{
	char want[SIZE], have[SIZE + 1];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, have, sizeof(have));
	close(fd);
	fill(want, SIZE, generation);
	return n == SIZE && memcmp(want, have, SIZE) == 0;
}

static bool visible(enum mode mode, int generation)
{
	char name[64], other[64];

	name_for(mode, generation, name, other);
	if (mode == DELETE)
		return access(name, F_OK) < 0 && errno == ENOENT;
	if (mode == RENAME)
		return access(name, F_OK) == 0 && access(other, F_OK) < 0;
	return changed(name) && content_is(name, generation);
}

static void reader(enum mode mode, const char *pid)
{
	enter(pid);
	for (int last = 0;;) {
		int asked = atomic_load(&sh->asked);
		long long start;

		if (atomic_load(&sh->stop))
			exit(0);
		if (asked == last) {
			pause_ns(POLL_NSEC);
			continue;
		}
		start = now_ns();
		bool seen;
		while (!(seen = visible(mode, asked)) &&
		       now_ns() - start < MISS_SECONDS * 1000000000LL)
			pause_ns(POLL_NSEC);
		atomic_store(&sh->seen_ns, seen ? now_ns() : -1);
		atomic_store(&sh->seen, asked);
		last = asked;
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print_latencies(const char *what, double *ms, int n, int missed)
{
	if (!n) {
		printf("%-22s none seen, %d missed\n", what, missed);
		return;
	}
	qsort(ms, (size_t)n, sizeof(*ms), compare);
	printf("%-22s median %8.2f ms   p99 %8.2f ms   max %8.2f ms   n=%d missed %d\n", what,
	       ms[n / 2], ms[n * 99 / 100], ms[n - 1], n, missed);
}

/* Waits until the reader has seen the generation; its latency, or less than 0. */
static double await(int generation)
{
	while (atomic_load(&sh->seen) != generation)
		pause_ns(POLL_NSEC);
	if (atomic_load(&sh->seen_ns) < 0)
		return -1;
	return (double)(atomic_load(&sh->seen_ns) - atomic_load(&sh->done_ns)) / 1e6;
}

static void tell(const char *stage, long long ns)
{
	if (tell_stages)
		printf("stage %s %lld\n", stage, ns / 1000);
}

static int latencies(enum mode mode, const char *label, int count)
{
	double *ms = calloc((size_t)count, sizeof(*ms));
	int n = 0, missed = 0;

	for (int g = 1; ms && g <= count; g++) {
		double latency;

		tell("begin", now_ns());
		atomic_store(&sh->asked, g);
		change(mode, g);
		atomic_store(&sh->done_ns, now_ns());
		latency = await(g);
		tell("close", atomic_load(&sh->done_ns));
		tell("seen", atomic_load(&sh->seen_ns));
		if (tell_stages)
			pause_ns(STAGES_REST_NSEC);
		if (latency < 0)
			missed++;
		else
			ms[n++] = latency;
	}
	if (!tell_stages)
		print_latencies(label, ms, n, missed);
	free(ms);
	return missed;
}

/* What a mode needs before it starts, seen by the reader's host too. */
static void prepare(enum mode mode, int count)
{
	char name[64];

	if (mode == MODIFY || mode == REPLACE)
		write_file("bench", O_CREAT | O_TRUNC, 0);
	if (mode == RENAME)
		write_file("bench-0", O_CREAT | O_TRUNC, 0);
	for (int g = 1; mode == DELETE && g <= count; g++) {
		snprintf(name, sizeof(name), "bench-%d", g);
		write_file(name, O_CREAT | O_TRUNC, g);
	}
}

static bool prepared_seen(enum mode mode, int count)
{
	char name[64];

	if (mode == MODIFY || mode == REPLACE)
		return content_is("bench", 0);
	if (mode == RENAME)
		return content_is("bench-0", 0);
	if (mode == CREATE)
		return true;
	snprintf(name, sizeof(name), "bench-%d", count);
	return content_is(name, count);
}

static pid_t in_child(void (*run)(void *), void *arg)
{
	pid_t pid = fork();

	if (pid == 0) {
		run(arg);
		exit(0);
	}
	return pid;
}

struct job {
	enum mode mode;
	int count;
	const char *pid;
};

static void wait_prepared(void *arg)
{
	const struct job *j = arg;

	enter(j->pid);
	for (int i = 0; !prepared_seen(j->mode, j->count); i++) {
		if (i > 60000)
			die("what the benchmark needs does not arrive");
		pause_ns(1000000);
	}
}

static void run_reader(void *arg)
{
	const struct job *j = arg;

	reader(j->mode, j->pid);
}

static int single_changes(enum mode mode, const char *a, const char *b, int count)
{
	struct job job = {mode, count, b};
	int status, missed;
	pid_t pid;

	pid = in_child(wait_prepared, &job);
	enter(a);
	prepare(mode, count);
	if (waitpid(pid, &status, 0) < 0 || status)
		return 1;
	missed = latencies(mode, mode_names[mode], count);
	return missed > 0;
}

/* ---- many files at once ---- */

struct burst {
	const char *pid;
	int count;
};

static void burst_reader(void *arg)
{
	const struct burst *b = arg;
	long long start = now_ns();
	char name[64];
	int seen = 0;

	enter(b->pid);
	while (seen < b->count && now_ns() - start < 120000000000LL) {
		snprintf(name, sizeof(name), "burst/f%d", seen);
		if (content_is(name, seen))
			seen++;
		else
			pause_ns(1000000);
	}
	atomic_store(&sh->seen_ns, seen == b->count ? now_ns() : -1);
}

static int burst(const char *a, const char *b, int count)
{
	struct burst job = {b, count};
	long long start, written;
	pid_t pid = in_child(burst_reader, &job);
	char name[64];

	enter(a);
	if (mkdir("burst", 0755) < 0)
		die("burst");
	start = now_ns();
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "burst/f%d", i);
		write_file(name, O_CREAT | O_EXCL, i);
	}
	written = now_ns();
	waitpid(pid, NULL, 0);
	if (atomic_load(&sh->seen_ns) < 0) {
		printf("burst of %d files: not all seen\n", count);
		return 1;
	}
	printf("burst of %-12d %.2f s until all are identical on the peer (%.2f s to write them)\n",
	       count, (double)(atomic_load(&sh->seen_ns) - start) / 1e9,
	       (double)(written - start) / 1e9);
	return 0;
}

/* ---- torn reads ---- */

static void torn_reader(void *arg)
{
	char *have = malloc(BIG + 1), *want = malloc(BIG);
	int last = -1;

	enter(arg);
	while (have && want && !atomic_load(&sh->stop)) {
		int fd = open("big", O_RDONLY | O_CLOEXEC), generation;
		size_t n = 0;
		ssize_t got;

		if (fd < 0) {
			pause_ns(POLL_NSEC);
			continue;
		}
		while ((got = read(fd, have + n, BIG + 1 - n)) > 0)
			n += (size_t)got;
		close(fd);
		atomic_fetch_add(&sh->looks, 1);
		generation = atoi(have);
		fill(want, BIG, generation);
		if (n != BIG || memcmp(have, want, BIG) != 0)
			atomic_fetch_add(&sh->torn, 1);
		else if (generation != last)
			atomic_fetch_add(&sh->generations, 1);
		last = generation;
		atomic_store(&sh->seen, generation);
	}
	free(have);
	free(want);
}

static int torn(const char *a, const char *b, int count)
{
	pid_t pid = in_child(torn_reader, (char *)(uintptr_t)b);
	char *content = malloc(BIG);
	long long start;

	enter(a);
	for (int g = 1; content && g <= count; g++) {
		int fd = open("big", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

		fill(content, BIG, g);
		for (size_t at = 0; at < BIG; at += BLOCK) {
			if (fd < 0 || write(fd, content + at, BLOCK) != BLOCK)
				die("big");
			pause_ns(200000000L / (BIG / BLOCK));
		}
		close(fd);
		pause_ns(100000000);
	}
	for (start = now_ns(); atomic_load(&sh->seen) != count;) {
		if (now_ns() - start > 30000000000LL)
			break;
		pause_ns(1000000);
	}
	atomic_store(&sh->stop, true);
	waitpid(pid, NULL, 0);
	printf("5 MB rewritten %dx      torn reads %lld of %lld, versions seen %lld, the last one "
	       "%s\n",
	       count, (long long)sh->torn, (long long)sh->looks, (long long)sh->generations,
	       atomic_load(&sh->seen) == count ? "arrived" : "DID NOT ARRIVE");
	free(content);
	return sh->torn > 0 || atomic_load(&sh->seen) != count;
}

int main(int argc, char **argv)
{
	int count = argc == 6 ? atoi(argv[5]) : 0, status = 2;

	if (count < 1 || count > COUNT_MAX) {
		fputs("usage: propagate PID-A PID-B DIR "
		      "create|modify|replace|rename|delete|stages|burst|torn COUNT\n",
		      stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	dir = argv[3];
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		die("mmap");
	if (strcmp(argv[4], "burst") == 0)
		return burst(argv[1], argv[2], count);
	if (strcmp(argv[4], "torn") == 0)
		return torn(argv[1], argv[2], count);
	tell_stages = strcmp(argv[4], "stages") == 0;
	for (enum mode m = CREATE; m <= DELETE; m++) {
		struct job job = {m, count, argv[2]};
		pid_t pid;

		if (strcmp(tell_stages ? "modify" : argv[4], mode_names[m]) != 0)
			continue;
		pid = in_child(run_reader, &job);
		status = single_changes(m, argv[1], argv[2], count);
		atomic_store(&sh->stop, true);
		waitpid(pid, NULL, 0);
	}
	return status;
}
