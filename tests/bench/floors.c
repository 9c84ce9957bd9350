/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What nothing on this machine can be faster than, in the same run as the rest:
 *
 *   floors DIR    in-process inotify + copy + rename; a ZeroMQ message + write + fsync + rename
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define SIZE 2048
#define ROUNDS 300

static atomic_llong done_ns;
static char content[SIZE];
static int root;

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

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print(const char *what, double *ms, int n)
{
	qsort(ms, (size_t)n, sizeof(*ms), compare);
	printf("%-34s median %6.2f ms   p99 %6.2f ms   n=%d\n", what, ms[n / 2], ms[n * 99 / 100],
	       n);
}

static void put(const char *name, const char *as, int sync)
{
	int fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, content, SIZE) != SIZE || (sync && fsync(fd) < 0) || close(fd) < 0)
		die(name);
	if (as && renameat(root, name, root, as) < 0)
		die(as);
}

static void *copier(void *arg)
{
	int fd = *(int *)arg;
	char events[4096] __attribute__((aligned(8)));

	for (int i = 0; i < ROUNDS; i++) {
		if (read(fd, events, sizeof(events)) <= 0)
			die("inotify");
		put("copy.new", "copy", 0);
		atomic_store(&done_ns, now_ns());
	}
	return NULL;
}

static void *installer(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (zmq_recv(arg, content, SIZE, 0) != SIZE)
			die("zmq_recv");
		put("copy.new", "copy", 1);
		atomic_store(&done_ns, now_ns());
	}
	return NULL;
}

static double await(long long start)
{
	struct timespec t = {0, 20000};
	long long end;

	while (!(end = atomic_exchange(&done_ns, 0)))
		nanosleep(&t, NULL);
	return (double)(end - start) / 1e6;
}

static void inotify_floor(const char *dir)
{
	char path[4096];
	double ms[ROUNDS];
	pthread_t thread;
	int fd = inotify_init1(IN_CLOEXEC);

	put("source", NULL, 0);
	snprintf(path, sizeof(path), "%s/source", dir);
	if (fd < 0 || inotify_add_watch(fd, path, IN_CLOSE_WRITE) < 0)
		die(path);
	pthread_create(&thread, NULL, copier, &fd);
	for (int i = 0; i < ROUNDS; i++) {
		put("source", NULL, 0);
		ms[i] = await(now_ns());
	}
	pthread_join(thread, NULL);
	close(fd);
	print("floor: inotify + copy + rename", ms, ROUNDS);
}

static void zmq_floor(void)
{
	void *context = zmq_ctx_new(), *from = zmq_socket(context, ZMQ_PAIR),
	     *to = zmq_socket(context, ZMQ_PAIR);
	char address[128];
	size_t len = sizeof(address);
	double ms[ROUNDS];
	pthread_t thread;

	if (zmq_bind(from, "tcp://127.0.0.1:*") < 0 ||
	    zmq_getsockopt(from, ZMQ_LAST_ENDPOINT, address, &len) < 0 ||
	    zmq_connect(to, address) < 0)
		die("zmq");
	pthread_create(&thread, NULL, installer, to);
	for (int i = 0; i < ROUNDS; i++) {
		long long start = now_ns();

		zmq_send(from, content, SIZE, 0);
		ms[i] = await(start);
	}
	pthread_join(thread, NULL);
	zmq_close(from);
	zmq_close(to);
	zmq_ctx_term(context);
	print("floor: ZeroMQ + write + fsync + rename", ms, ROUNDS);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: floors DIR\n", stderr);
		return 2;
	}
	root = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		die(argv[1]);
	memset(content, 'x', SIZE);
	inotify_floor(argv[1]);
	zmq_floor();
	return 0;
}
