/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Calls on open files: content, holes, locks, mappings, programs.
 */
#ifndef POSIX_FILES_H
#define POSIX_FILES_H

#include <linux/falloc.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "posix_base.h"

#define BUFFER_MAX (4 * 1024 * 1024)
static char buffer[BUFFER_MAX];

static void keep(const char *name, int fd)
{
	struct slot *s = slot(name);

	if (s->fd >= 0)
		close(s->fd);
	s->fd = fd;
	rec_result(fd);
}

/* open @f PATH FLAGS [MODE] · openat @f @d PATH FLAGS [MODE] */
static void c_open(char **w)
{
	keep(w[1], open(w[2], O_CLOEXEC | bits_of(w[3], open_flags), mode_of(w[4])));
}

static void c_openat(char **w)
{
	keep(w[1], openat(fd_of(w[2]), w[3], O_CLOEXEC | bits_of(w[4], open_flags), mode_of(w[5])));
}

/* reopen @g @f FLAGS: through /proc/self/fd */
static void c_reopen(char **w)
{
	char proc[64];

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd_of(w[2]));
	keep(w[1], open(proc, O_CLOEXEC | bits_of(w[3], open_flags)));
}

static void c_dup(char **w)
{
	keep(w[1], dup(fd_of(w[2])));
}

static void c_close(char **w)
{
	struct slot *s = slot(w[1]);

	rec_result(s->dir ? closedir(s->dir) : close(s->fd));
	s->dir = NULL;
	s->fd = -1;
}

/* read @f N [OFFSET] */
static void c_read(char **w)
{
	size_t n = (size_t)number(w[2]);
	ssize_t got =
	    w[3] ? pread(fd_of(w[1]), buffer, n, number(w[3])) : read(fd_of(w[1]), buffer, n);

	rec_result(got);
	if (got >= 0)
		rec_bytes(buffer, (size_t)got);
}

/* write @f TEXT [OFFSET] */
static void c_write(char **w)
{
	size_t n = strlen(w[2]);
	ssize_t put =
	    w[3] ? pwrite(fd_of(w[1]), w[2], n, number(w[3])) : write(fd_of(w[1]), w[2], n);

	rec_result(put);
	if (put >= 0)
		rec(" %zd", put);
}

/* fill @f N [OFFSET]: N bytes of a pattern */
static void c_fill(char **w)
{
	size_t n = (size_t)number(w[2]);

	for (size_t i = 0; i < n; i++)
		buffer[i] = (char)('a' + i % 23);
	ssize_t put =
	    w[3] ? pwrite(fd_of(w[1]), buffer, n, number(w[3])) : write(fd_of(w[1]), buffer, n);
	rec_result(put);
	if (put >= 0)
		rec(" %zd", put);
}

/* put PATH TEXT: as echo TEXT >PATH does */
static void c_put(char **w)
{
	int fd = open(w[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	rec_result(fd < 0 ? -1 : write(fd, w[2], strlen(w[2])));
	if (fd >= 0)
		close(fd);
}

static void c_cat(char **w)
{
	int fd = open(w[1], O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buffer, BUFFER_MAX);

	rec_result(n);
	if (n >= 0)
		rec_bytes(buffer, (size_t)n);
	if (fd >= 0)
		close(fd);
}

/* seek @f OFFSET set|cur|end|data|hole */
static void c_seek(char **w)
{
	static const struct bit whence[] = {{"set", SEEK_SET},   {"cur", SEEK_CUR},
					    {"end", SEEK_END},   {"data", SEEK_DATA},
					    {"hole", SEEK_HOLE}, {NULL, 0}};
	off_t at = lseek(fd_of(w[1]), number(w[2]), bits_of(w[3], whence));

	rec_result(at);
	if (at >= 0)
		rec(" %lld", (long long)at);
}

static void c_fsync(char **w)
{
	rec_result(fsync(fd_of(w[1])));
}

static void c_fdatasync(char **w)
{
	rec_result(fdatasync(fd_of(w[1])));
}

static void c_flags(char **w)
{
	int flags = fcntl(fd_of(w[1]), F_GETFL);

	rec_result(flags);
	rec(" %o", flags & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_PATH | O_SYNC));
}

static void c_setflags(char **w)
{
	rec_result(fcntl(fd_of(w[1]), F_SETFL, bits_of(w[2], open_flags)));
}

static void c_fallocate(char **w)
{
	static const struct bit modes[] = {{"keep", FALLOC_FL_KEEP_SIZE},
					   {"punch", FALLOC_FL_PUNCH_HOLE},
					   {"zero", FALLOC_FL_ZERO_RANGE},
					   {"collapse", FALLOC_FL_COLLAPSE_RANGE},
					   {"insert", FALLOC_FL_INSERT_RANGE},
					   {"unknown", 0x4000},
					   {NULL, 0}};

	rec_result(fallocate(fd_of(w[1]), bits_of(w[2], modes), number(w[3]), number(w[4])));
}

/* copy @from OFFSET @to OFFSET N */
static void c_copy(char **w)
{
	off_t from = number(w[2]);
	off_t to = number(w[4]);
	ssize_t n = copy_file_range(fd_of(w[1]), &from, fd_of(w[3]), &to, (size_t)number(w[5]), 0);

	rec_result(n);
	if (n >= 0)
		rec(" %zd at %lld %lld", n, (long long)from, (long long)to);
}

/* limit N: no file of this process grows beyond it */
static void c_limit(char **w)
{
	struct rlimit limit = {(rlim_t)number(w[1]), RLIM_INFINITY};

	signal(SIGXFSZ, SIG_IGN);
	rec_result(setrlimit(RLIMIT_FSIZE, &limit));
}

/* ---- locks ---- */

static const struct bit lock_types[] = {{"r", F_RDLCK}, {"w", F_WRLCK}, {"u", F_UNLCK}, {NULL, 0}};

static void range_lock(char **w, int command)
{
	struct flock l = {.l_type = (short)bits_of(w[2], lock_types),
			  .l_whence = SEEK_SET,
			  .l_start = number(w[3]),
			  .l_len = number(w[4])};
	int rc = fcntl(fd_of(w[1]), command, &l);

	rec_result(rc);
	if (rc == 0 && (command == F_GETLK || command == F_OFD_GETLK))
		rec(" %d %lld %lld%s", l.l_type, (long long)l.l_start, (long long)l.l_len,
		    l.l_pid > 0 ? " held" : "");
}

/* setlk @f r|w|u START LENGTH */
static void c_setlk(char **w)
{
	range_lock(w, F_SETLK);
}

static void c_getlk(char **w)
{
	range_lock(w, F_GETLK);
}

static void c_setofd(char **w)
{
	range_lock(w, F_OFD_SETLK);
}

static void c_getofd(char **w)
{
	range_lock(w, F_OFD_GETLK);
}

static void c_flock(char **w)
{
	static const struct bit how[] = {
	    {"sh", LOCK_SH}, {"ex", LOCK_EX}, {"un", LOCK_UN}, {NULL, 0}};

	rec_result(flock(fd_of(w[1]), bits_of(w[2], how) | LOCK_NB));
}

static void c_lease(char **w)
{
	rec_result(fcntl(fd_of(w[1]), F_SETLEASE, bits_of(w[2], lock_types)));
}

/* ---- mappings ---- */

/* mmap M @f shared|private r|rw LENGTH */
static void c_mmap(char **w)
{
	struct slot *s = slot(w[1]);
	int prot = PROT_READ | (w[4][1] == 'w' ? PROT_WRITE : 0);
	int flags = w[3][0] == 's' ? MAP_SHARED : MAP_PRIVATE;

	s->map_len = (size_t)number(w[5]);
	void *p = mmap(NULL, s->map_len, prot, flags, fd_of(w[2]), 0);
	s->map = p == MAP_FAILED ? NULL : p;
	rec_result(s->map ? 0 : -1);
}

static sigjmp_buf bus;

static void on_bus(int sig)
{
	(void)sig;
	siglongjmp(bus, 1);
}

/* peek M OFFSET N · poke M OFFSET TEXT */
static void c_peek(char **w)
{
	struct slot *s = slot(w[1]);

	signal(SIGBUS, on_bus);
	if (sigsetjmp(bus, 1))
		rec(" SIGBUS");
	else if (s->map) {
		memcpy(buffer, s->map + number(w[2]), (size_t)number(w[3]));
		rec_bytes(buffer, (size_t)number(w[3]));
	}
}

static void c_poke(char **w)
{
	struct slot *s = slot(w[1]);

	signal(SIGBUS, on_bus);
	if (sigsetjmp(bus, 1))
		rec(" SIGBUS");
	else if (s->map)
		memcpy(s->map + number(w[2]), w[3], strlen(w[3]));
}

static void c_msync(char **w)
{
	rec_result(msync(slot(w[1])->map, slot(w[1])->map_len, MS_SYNC));
}

static void c_munmap(char **w)
{
	rec_result(munmap(slot(w[1])->map, slot(w[1])->map_len));
	slot(w[1])->map = NULL;
}

/* ---- programs ---- */

/* self PATH MODE: a copy of this program */
static void c_self(char **w)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int to = open(w[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	ssize_t n = 0;
	int rc = from < 0 || to < 0 ? -1 : 0;

	while (rc == 0 && (n = read(from, buffer, BUFFER_MAX)) > 0)
		rc = write(to, buffer, (size_t)n) == n ? 0 : -1;
	if (rc == 0)
		rc = fchmod(to, mode_of(w[2]));
	rec_result(rc);
	close(from);
	close(to);
}

/* run PATH: says whose rights it has, as its exit status */
static void c_run(char **w)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		execl(w[1], w[1], "--rights", (char *)NULL);
		_exit(errno < 90 ? 100 + errno : 99);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (WEXITSTATUS(status) >= 100)
		rec(" %s", strerrorname_np(WEXITSTATUS(status) - 100));
	else
		rec(" rights %d", WEXITSTATUS(status));
}

#endif
