/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Calls on names and attributes. Where a path is expected, "@f" stands for an open file.
 */
#ifndef POSIX_NAMES_H
#define POSIX_NAMES_H

#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "posix_base.h"

static void c_mkdir(char **w)
{
	rec_result(mkdir(w[1], mode_of(w[2])));
}

static void c_rmdir(char **w)
{
	rec_result(rmdir(w[1]));
}

static void c_unlink(char **w)
{
	rec_result(unlink(w[1]));
}

static void c_rename(char **w)
{
	static const struct bit flags[] = {{"noreplace", RENAME_NOREPLACE},
					   {"exchange", RENAME_EXCHANGE},
					   {"whiteout", RENAME_WHITEOUT},
					   {"unknown", 64},
					   {NULL, 0}};

	rec_result(renameat2(AT_FDCWD, w[1], AT_FDCWD, w[2], (unsigned)bits_of(w[3], flags)));
}

static void c_link(char **w)
{
	rec_result(linkat(AT_FDCWD, w[1], AT_FDCWD, w[2], w[3] ? AT_SYMLINK_FOLLOW : 0));
}

/* linkfd @f NAME: by descriptor; linkproc: the way that needs no capability. */
static void c_linkfd(char **w)
{
	rec_result(linkat(fd_of(w[1]), "", AT_FDCWD, w[2], AT_EMPTY_PATH));
}

static void c_linkproc(char **w)
{
	char proc[64];

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd_of(w[1]));
	rec_result(linkat(AT_FDCWD, proc, AT_FDCWD, w[2], AT_SYMLINK_FOLLOW));
}

static void c_symlink(char **w)
{
	rec_result(symlink(w[1], w[2]));
}

static void c_readlink(char **w)
{
	char target[8192];
	size_t size = w[2] ? (size_t)number(w[2]) : sizeof(target);
	ssize_t n = readlink(w[1], target, size);

	rec_result(n);
	if (n >= 0)
		rec_bytes(target, (size_t)n);
}

/* mknod NAME KIND MODE [MAJOR MINOR] */
static void c_mknod(char **w)
{
	static const struct bit kinds[] = {{"fifo", S_IFIFO}, {"sock", S_IFSOCK}, {"chr", S_IFCHR},
					   {"blk", S_IFBLK},  {"reg", S_IFREG},   {"dir", S_IFDIR},
					   {NULL, 0}};
	dev_t dev = w[4] ? makedev((unsigned)number(w[4]), (unsigned)number(w[5])) : 0;

	rec_result(mknod(w[1], (mode_t)bits_of(w[2], kinds) | mode_of(w[3]), dev));
}

static void c_chmod(char **w)
{
	int rc = w[1][0] == '@' ? fchmod(fd_of(w[1]), mode_of(w[2])) : chmod(w[1], mode_of(w[2]));

	rec_result(rc);
}

static void c_chown(char **w)
{
	uid_t uid = (uid_t)number(w[2]);
	gid_t gid = (gid_t)number(w[3]);

	rec_result(w[1][0] == '@' ? fchown(fd_of(w[1]), uid, gid) : chown(w[1], uid, gid));
}

static void c_lchown(char **w)
{
	rec_result(lchown(w[1], (uid_t)number(w[2]), (gid_t)number(w[3])));
}

static void c_truncate(char **w)
{
	long n = number(w[2]);

	rec_result(w[1][0] == '@' ? ftruncate(fd_of(w[1]), n) : truncate(w[1], n));
}

static struct timespec time_word(const char *word)
{
	struct timespec t = {0};
	char *end;

	if (strcmp(word, "now") == 0)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	if (strcmp(word, "omit") == 0)
		return (struct timespec){.tv_nsec = UTIME_OMIT};
	t.tv_sec = strtol(word, &end, 10);
	t.tv_nsec = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
	return t;
}

/* utimens WHAT ATIME MTIME [nofollow]: seconds.nanoseconds, now, omit */
static void c_utimens(char **w)
{
	struct timespec t[2] = {time_word(w[2]), time_word(w[3])};

	if (w[1][0] == '@')
		rec_result(futimens(fd_of(w[1]), t));
	else
		rec_result(utimensat(AT_FDCWD, w[1], t, w[4] ? AT_SYMLINK_NOFOLLOW : 0));
}

/* times WHAT: to the nanosecond, for what was set by utimens */
static void c_times(char **w)
{
	struct stat st;
	int rc = stat_of(w[1], &st, false);

	rec_result(rc);
	if (rc == 0)
		rec(" %lld.%09ld %lld.%09ld", (long long)st.st_atim.tv_sec, st.st_atim.tv_nsec,
		    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static char kind_letter(mode_t mode)
{
	static const char letters[] = "?pc?d?b?-?l?s???";

	return letters[(mode >> 12) & 15];
}

static void rec_stat(const char *what, bool follow)
{
	struct stat st;
	int rc = stat_of(what, &st, follow);

	rec_result(rc);
	if (rc < 0)
		return;
	rec(" %c%04o %u:%u nlink %u", kind_letter(st.st_mode), st.st_mode & 07777, st.st_uid,
	    st.st_gid, (unsigned)st.st_nlink);
	if (!S_ISDIR(st.st_mode))
		rec(" size %lld", (long long)st.st_size);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		rec(" dev %u,%u", major(st.st_rdev), minor(st.st_rdev));
}

static void c_stat(char **w)
{
	rec_stat(w[1], true);
}

static void c_lstat(char **w)
{
	rec_stat(w[1], false);
}

/* same A B: one inode? */
static void c_same(char **w)
{
	struct stat a;
	struct stat b;

	if (stat_of(w[1], &a, false) < 0 || stat_of(w[2], &b, false) < 0)
		rec_result(-1);
	else
		rec(a.st_ino == b.st_ino && a.st_dev == b.st_dev ? " same" : " different");
}

static void c_blocks(char **w)
{
	struct stat st;
	int rc = stat_of(w[1], &st, false);

	rec_result(rc);
	if (rc == 0)
		rec(" %lld", (long long)st.st_blocks);
}

/* mark M WHAT · since M WHAT: what mtime and ctime have done meanwhile. Marking waits until the
 * clock that files are stamped with has gone on. */
static void c_mark(char **w)
{
	struct timespec start;
	struct timespec now;
	int ticks = 0;

	rec_result(stat_of(w[2], &slot(w[1])->mark, false));
	clock_gettime(CLOCK_REALTIME_COARSE, &start);
	while (ticks < 2) {
		usleep(500);
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
		ticks += now.tv_nsec != start.tv_nsec;
		start = now;
	}
}

static const char *compared(const struct timespec *a, const struct timespec *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? "later" : "earlier";
	if (a->tv_nsec == b->tv_nsec)
		return "same";
	return a->tv_nsec < b->tv_nsec ? "later" : "earlier";
}

static void c_since(char **w)
{
	struct slot *s = slot(w[1]);
	struct stat st;

	if (stat_of(w[2], &st, false) < 0)
		rec_result(-1);
	else
		rec(" mtime %s ctime %s", compared(&s->mark.st_mtim, &st.st_mtim),
		    compared(&s->mark.st_ctim, &st.st_ctim));
}

static int access_mode(const char *text)
{
	int mode = F_OK;

	for (; *text; text++)
		mode |= *text == 'r' ? R_OK : *text == 'w' ? W_OK : *text == 'x' ? X_OK : 0;
	return mode;
}

static void c_access(char **w)
{
	rec_result(access(w[1], access_mode(w[2])));
}

static void c_eaccess(char **w)
{
	rec_result(faccessat(AT_FDCWD, w[1], access_mode(w[2]), AT_EACCESS));
}

static void c_statfs(char **w)
{
	struct statvfs st;
	int rc = statvfs(w[1], &st);

	rec_result(rc);
	if (rc == 0)
		rec(" name %lu block %lu fragment %lu blocks %lu files %lu", st.f_namemax,
		    st.f_bsize, st.f_frsize, (unsigned long)st.f_blocks, (unsigned long)st.f_files);
}

static void c_chdir(char **w)
{
	rec_result(w[1][0] == '@' ? fchdir(fd_of(w[1])) : chdir(w[1]));
}

static void c_getcwd(char **w)
{
	char path[8192];
	char *end = getcwd(path, sizeof(path)) ? strrchr(path, '/') : NULL;

	(void)w;
	rec_result(end ? 0 : -1);
	if (end)
		rec(" %s", strstr(end, "case-") ? "." : end);
}

static void c_umask(char **w)
{
	rec(" %03o", umask(mode_of(w[1])));
}

static int unix_socket(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void c_bind(char **w)
{
	struct sockaddr_un address;
	int sock = unix_socket(w[2], &address);

	slot(w[1])->fd = sock;
	int rc = bind(sock, (void *)&address, sizeof(address));
	rec_result(rc < 0 ? rc : listen(sock, 4));
}

static void c_connect(char **w)
{
	struct sockaddr_un address;
	int sock = unix_socket(w[2], &address);

	slot(w[1])->fd = sock;
	rec_result(connect(sock, (void *)&address, sizeof(address)));
}

/* ---- directories ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What is left in a stream, sorted, each with its kind. */
static void rec_entries(DIR *dir)
{
	char *names[2048];
	size_t n = 0;
	struct dirent *e;

	errno = 0;
	while (n < 2048 && (e = readdir(dir))) {
		mode_t mode = (mode_t)DTTOIF(e->d_type);
		if (asprintf(&names[n], "%s%c", e->d_name, kind_letter(mode)) > 0)
			n++;
	}
	if (errno)
		rec_result(-1);
	qsort(names, n, sizeof(names[0]), by_name);
	rec(" %zu:", n);
	for (size_t i = 0; i < n; i++) {
		if (i < 40)
			rec(" %.40s", names[i]);
		free(names[i]);
	}
}

static void c_ls(char **w)
{
	DIR *dir = opendir(w[1]);

	rec_result(dir ? 0 : -1);
	if (!dir)
		return;
	rec_entries(dir);
	closedir(dir);
}

static void c_opendir(char **w)
{
	struct slot *s = slot(w[1]);

	s->dir = opendir(w[2]);
	s->fd = s->dir ? dirfd(s->dir) : -1;
	rec_result(s->dir ? 0 : -1);
}

/* next @d N: reads N entries and remembers the place after them */
static void c_next(char **w)
{
	struct slot *s = slot(w[1]);
	long n = 0;

	while (n < number(w[2]) && readdir(s->dir))
		n++;
	s->cookie = telldir(s->dir);
	rec(" %ld", n);
}

static void c_rest(char **w)
{
	rec_entries(slot(w[1])->dir);
}

static void c_count(char **w)
{
	long n = 0;

	while (readdir(slot(w[1])->dir))
		n++;
	rec(" %ld", n);
}

static void c_rewind(char **w)
{
	rewinddir(slot(w[1])->dir);
}

static void c_seekdir(char **w)
{
	seekdir(slot(w[1])->dir, slot(w[1])->cookie);
}

/* many N PREFIX · few N PREFIX: makes or removes PREFIX0 ... */
static void many(long n, const char *prefix, bool make)
{
	char name[300];
	long failed = 0;

	for (long i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s%ld", prefix, i);
		int rc =
		    make ? open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644) : unlink(name);
		failed += rc < 0;
		if (make && rc >= 0)
			close(rc);
	}
	rec(" %ld failed", failed);
}

static void c_many(char **w)
{
	many(number(w[1]), w[2], true);
}

static void c_few(char **w)
{
	many(number(w[1]), w[2], false);
}

/* churn DIR: names that stay are listed once each while others come and go. */
static void c_churn(char **w)
{
	unsigned char seen[400] = {0};
	int once = 0;
	int n = 0;
	struct dirent *e;

	if (chdir(w[1]) < 0) {
		rec_result(-1);
		return;
	}
	many(400, "stay", true);
	DIR *dir = opendir(".");
	while (dir && (e = readdir(dir))) {
		unsigned i;
		if (sscanf(e->d_name, "stay%u", &i) == 1 && i < 400)
			seen[i]++;
		if (++n == 30)
			many(300, "come", true);
		if (n == 200)
			many(100, "come", false);
	}
	for (int i = 0; i < 400; i++)
		once += seen[i] == 1;
	rec(" %d of 400 once", once);
	if (dir)
		closedir(dir);
}

#endif
