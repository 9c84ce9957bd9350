/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How long until a change of a zone, saved on one host, is served by another one's name server: a writer
 * in the first host's mount namespace, and questions over the network. All the while somebody asks the
 * second one for another zone, and the slowest of those answers is told, too.
 *
 *   served PID FILE ADDRESS ZONE OTHER-ZONE SERIAL COUNT [COMMAND...]
 *
 * FILE is rewritten in place COUNT times with a serial one higher than before, from SERIAL + 1 on, with a
 * rest before each. A change is timed from the return of close() to the first answer that has its serial;
 * COMMAND, where there is one, runs after close() (in PID's namespaces), within the time. Prints one line:
 *
 *   median MSEC ninth MSEC worst MSEC missed N other MSEC
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT_MAX 10000
#define MISS_MSEC 30000
#define ANSWER_MSEC 2000
#define PAUSE_NSEC 200000
#define REST_NSEC 60000000
#define OTHER_PAUSE_NSEC 2000000

static atomic_llong *slowest; /* of the other zone's answers, ns; shared */

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "served: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long long now_nsec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void rest(long nsec)
{
	struct timespec t = {0, nsec};

	nanosleep(&t, NULL);
}

/* ---- questions ---- */

static int connect_to(const char *address)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(53)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (inet_pton(AF_INET, address, &a.sin_addr) != 1 || fd < 0 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		fail(address);
	return fd;
}

/* A question for a zone's SOA; its length. */
static size_t question(uint8_t *q, uint16_t id, const char *zone)
{
	size_t n = 12;

	memset(q, 0, n);
	q[0] = (uint8_t)(id >> 8);
	q[1] = (uint8_t)id;
	q[5] = 1;
	while (*zone) {
		size_t len = strcspn(zone, ".");

		q[n++] = (uint8_t)len;
		memcpy(q + n, zone, len);
		n += len;
		zone += len + (zone[len] == '.');
	}
	memcpy(q + n, "\0\0\6\0\1", 5);
	return n + 5;
}

static size_t skip_name(const uint8_t *p, size_t at, size_t len)
{
	while (at < len && p[at]) {
		if (p[at] >= 0xc0)
			return at + 2;
		at += 1 + p[at];
	}
	return at + 1;
}

/* The serial of the first record of an answer with authority; false: it is none. */
static bool serial_of(const uint8_t *p, size_t len, uint32_t *serial)
{
	size_t at;

	if (len < 12 || !(p[2] & 4) || (p[3] & 15) || p[7] == 0)
		return false;
	at = skip_name(p, 12, len) + 4;
	at = skip_name(p, at, len) + 10;
	at = skip_name(p, at, len);
	at = skip_name(p, at, len);
	if (at + 4 > len)
		return false;
	*serial = (uint32_t)p[at] << 24 | (uint32_t)p[at + 1] << 16 | (uint32_t)p[at + 2] << 8 | p[at + 3];
	return true;
}

/* True: an answer came. */
static bool ask(int fd, const char *zone, uint32_t *serial)
{
	static uint16_t id;
	uint8_t bytes[1500];
	struct pollfd p = {fd, POLLIN, 0};
	size_t n = question(bytes, ++id, zone);
	ssize_t got = send(fd, bytes, n, 0);

	*serial = 0;
	while (got >= 0 && poll(&p, 1, ANSWER_MSEC) == 1) {
		got = recv(fd, bytes, sizeof(bytes), 0);
		if (got >= 12 && (bytes[0] << 8 | bytes[1]) == id)
			return serial_of(bytes, (size_t)got, serial);
	}
	return false;
}

/* ---- who asks for the other zone ---- */

static pid_t start_other(const char *address, const char *zone)
{
	pid_t pid = fork();
	uint32_t serial;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int fd = connect_to(address);;) {
		long long begin = now_nsec();

		ask(fd, zone, &serial);
		long long took = now_nsec() - begin;
		if (took > atomic_load(slowest))
			atomic_store(slowest, took);
		rest(OTHER_PAUSE_NSEC);
	}
}

/* ---- the writer ---- */

static int open_space(const char *pid, const char *space)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, space);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail(path);
	return fd;
}

static void enter(int fd, int type)
{
	if (setns(fd, type) < 0)
		fail("setns");
}

static void run(int net, char **argv)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		enter(net, CLONE_NEWNET);
		if (freopen("/dev/null", "w", stdout))
			execvp(argv[0], argv);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
		fail(argv[0]);
}

static void save(const char *file, uint32_t serial)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
			 "$TTL 300\n@ IN SOA ns1 hostmaster ( %u 3600 600 86400 300 )\n"
			 "@ IN NS ns1\nns1 IN A 10.53.0.1\nwww IN A 192.0.2.%u\n",
			 serial, serial % 250);
	int fd = open(file, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, (size_t)n) != n || close(fd) < 0)
		fail(file);
}

/* Nanoseconds; -1: not in time. */
static long long wait_for(int fd, const char *zone, uint32_t serial, long long begin)
{
	uint32_t served;

	while (now_nsec() - begin < MISS_MSEC * 1000000LL) {
		if (ask(fd, zone, &served) && served == serial)
			return now_nsec() - begin;
		rest(PAUSE_NSEC);
	}
	return -1;
}

static int compare(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static long long took[COUNT_MAX];
	int count = argc > 7 ? atoi(argv[7]) : 0, n = 0, missed = 0;

	if (count < 1 || count > COUNT_MAX) {
		fprintf(stderr, "usage: served PID FILE ADDRESS ZONE OTHER-ZONE SERIAL COUNT [COMMAND...]\n");
		return 2;
	}
	slowest = mmap(NULL, sizeof(*slowest), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (slowest == MAP_FAILED)
		fail("memory");
	uint32_t serial = (uint32_t)strtoul(argv[6], NULL, 10);
	int fd = connect_to(argv[3]);
	pid_t other = start_other(argv[3], argv[5]);
	int net = open_space(argv[1], "net");
	enter(open_space(argv[1], "mnt"), CLONE_NEWNS);
	for (int i = 0; i < count; i++) {
		rest(REST_NSEC);
		save(argv[2], ++serial);
		long long begin = now_nsec();
		if (argc > 8)
			run(net, argv + 8);
		long long t = wait_for(fd, argv[4], serial, begin);
		if (t < 0)
			missed++;
		else
			took[n++] = t;
	}
	kill(other, SIGKILL);
	qsort(took, (size_t)n, sizeof(*took), compare);
	if (n == 0)
		took[n++] = MISS_MSEC * 1000000LL;
	printf("median %.2f ninth %.2f worst %.2f missed %d other %.2f\n", (double)took[n / 2] / 1e6,
	       (double)took[n * 9 / 10] / 1e6, (double)took[n - 1] / 1e6, missed,
	       (double)atomic_load(slowest) / 1e6);
	return 0;
}
