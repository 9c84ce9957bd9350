/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Disks that remember what was written to them, and when they were told to keep it: for power cuts at
 * every write (power.sh, disklog.py).
 *
 *   disks FOLDER LOG IMAGE...       shows FOLDER/1, FOLDER/2, ...: the images, to be loop devices
 *
 * Each write and each flush goes to the log in the order in which it was done, and what is written to
 * FOLDER/mark as a mark between them, so that it can be told what had been said by then.
 *
 *   record = u32 kind, u32 disk, u64 offset, u64 length, data (of a write or a mark)
 *
 * in the byte order of the host. One thread; ends when the folder is unmounted.
 */
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DISKS_MAX 8
#define MARK 0 /* the file that takes marks */

enum { KIND_WRITE = 1, KIND_FLUSH = 2, KIND_MARK = 3 };

static int disks[DISKS_MAX + 1];
static int ndisks;
static int log_fd;

/* Which file it is: MARK, 1 to ndisks; or -1. */
static int which(const char *path)
{
	int n = path[0] == '/' ? atoi(path + 1) : 0;

	if (strcmp(path, "/mark") == 0)
		return MARK;
	return n >= 1 && n <= ndisks ? n : -1;
}

static void put(const void *p, size_t len)
{
	if (write(log_fd, p, len) != (ssize_t)len) {
		perror("the log");
		_exit(1);
	}
}

static void record(uint32_t kind, int disk, int64_t offset, const void *p, size_t len)
{
	const uint32_t head[2] = {kind, (uint32_t)disk};
	const uint64_t where[2] = {(uint64_t)offset, len};

	put(head, sizeof(head));
	put(where, sizeof(where));
	if (len)
		put(p, len);
}

static int do_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	int disk = which(path);

	(void)fi;
	memset(st, 0, sizeof(*st));
	if (strcmp(path, "/") == 0) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		return 0;
	}
	if (disk < 0)
		return -ENOENT;
	if (disk == MARK) {
		st->st_mode = S_IFREG | 0666;
		st->st_nlink = 1;
		return 0;
	}
	return fstat(disks[disk], st) < 0 ? -errno : 0;
}

static int do_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
	(void)size;
	(void)fi;
	return which(path) == MARK ? 0 : -EPERM;
}

static int do_open(const char *path, struct fuse_file_info *fi)
{
	int disk = which(path);

	fi->direct_io = disk == MARK;
	return disk < 0 ? -ENOENT : 0;
}

static int do_read(const char *path, char *p, size_t len, off_t offset, struct fuse_file_info *fi)
{
	int disk = which(path);
	ssize_t n = disk > 0 ? pread(disks[disk], p, len, offset) : 0;

	(void)fi;
	return n < 0 ? -errno : (int)n;
}

static int do_write(const char *path, const char *p, size_t len, off_t offset,
		    struct fuse_file_info *fi)
{
	int disk = which(path);

	(void)fi;
	if (disk > 0 && pwrite(disks[disk], p, len, offset) != (ssize_t)len)
		return -EIO;
	record(disk > 0 ? KIND_WRITE : KIND_MARK, disk, offset, p, len);
	return (int)len;
}

static int do_fsync(const char *path, int datasync, struct fuse_file_info *fi)
{
	(void)datasync;
	(void)fi;
	if (which(path) > 0)
		record(KIND_FLUSH, which(path), 0, NULL, 0);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct fuse_operations ops = {
	    .getattr = do_getattr,
	    .truncate = do_truncate,
	    .open = do_open,
	    .read = do_read,
	    .write = do_write,
	    .fsync = do_fsync,
	};
	char *args[] = {argv[0], "-f", "-s", argc > 1 ? argv[1] : "", NULL};

	if (argc < 4 || argc - 3 > DISKS_MAX) {
		fprintf(stderr, "usage: disks FOLDER LOG IMAGE...\n");
		return 2;
	}
	log_fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0) {
		perror(argv[2]);
		return 1;
	}
	for (int i = 3; i < argc; i++) {
		disks[++ndisks] = open(argv[i], O_RDWR | O_CLOEXEC);
		if (disks[ndisks] < 0) {
			perror(argv[i]);
			return 1;
		}
	}
	return fuse_main(4, args, &ops, NULL);
}
