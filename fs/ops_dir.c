/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Directories, read with getdents64: its offsets are the kernel's, so that a position outlives
 * everything here. The staging directory is left out.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/ops.h"
#include "fs/reader.h"

struct dirent64_raw {
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = op_fs(req);
	struct node *n = op_node(req, ino);
	struct handle *h = NULL;

	if (!n)
		return;
	int rc = handle_admit(fs, n, fuse_req_ctx(req)->pid, false, false);
	if (rc == 0) {
		int fd = backing_open(fs, n, O_RDONLY | O_DIRECTORY);
		struct handle tried = {.fd = -1};
		rc = fd < 0 ? fd : 0;
		h = fd < 0 ? NULL : handle_new(fs, n, fd);
		if (rc == 0 && !h)
			rc = -ENOMEM;
		if (handle_lost(fs, n, fuse_req_ctx(req)->pid, rc) < 0)
			handle_dismiss(fs, n, &tried);
	}
	if (h) {
		h->list = calloc(1, sizeof(*h->list));
		if (h->list) {
			pthread_mutex_init(&h->list->lock, NULL);
		} else {
			handle_close(fs, h);
			rc = -ENOMEM;
		}
	}
	if (rc < 0) {
		op_reply(req, rc);
		return;
	}
	fi->fh = h->id;
	if (fuse_reply_open(req, fi) < 0)
		handle_close(fs, h);
}

/* The entry at offset `off`: NULL at the end, or with *rc below 0. With the list locked. */
static const struct dirent64_raw *entry_at(struct handle *h, int64_t off, int *rc)
{
	struct handle_list *l = h->list;

	*rc = 0;
	if (off == 0 || l->at >= l->len || l->next != off) { /* 0: rewound, read afresh */
		if (off == 0 || l->next != off) {
			if (lseek(h->fd, off, SEEK_SET) < 0) {
				*rc = -errno;
				return NULL;
			}
		}
		long n = syscall(SYS_getdents64, h->fd, l->data, sizeof(l->data));
		if (n < 0)
			*rc = -errno;
		l->at = 0;
		l->len = n > 0 ? (size_t)n : 0;
		l->next = off;
		if (n <= 0)
			return NULL;
	}
	return (const void *)(l->data + l->at);
}

static void go_on(struct handle *h, const struct dirent64_raw *d)
{
	h->list->at += d->len;
	h->list->next = d->off;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Into buf[size]: bytes taken, 0 where it does not fit, -ENOENT where it is gone. */
static long put_entry(fuse_req_t req, struct handle *h, const struct dirent64_raw *d, char *buf,
		      size_t size, bool plus)
{
	struct fs *fs = op_fs(req);
	struct fuse_entry_param e = {.attr = {.st_ino = d->ino, .st_mode = (mode_t)d->type << 12}};
	size_t need;

	if (!plus) {
		need = fuse_add_direntry(req, buf, size, d->name, &e.attr, d->off);
		return need > size ? 0 : (long)need;
	}
	if (fuse_add_direntry_plus(req, NULL, 0, d->name, NULL, 0) > size)
		return 0;
	if (!is_dots(d->name)) {
		int rc = op_enter(fs, h->node, h->fd, d->name, &e);
		if (rc == -ENOENT)
			return rc;
		if (rc < 0) /* listed; a lookup will tell what is wrong */
			e = (struct fuse_entry_param){
			    .attr = {.st_ino = d->ino, .st_mode = (mode_t)d->type << 12}};
	}
	return (long)fuse_add_direntry_plus(req, buf, size, d->name, &e, d->off);
}

/* What was entered for a reply that nobody got. */
static void take_back(fuse_req_t req, const char *buf, size_t len)
{
	const size_t fixed = fuse_add_direntry_plus(req, NULL, 0, "", NULL, 0);

	/* Each begins with a fuse_entry_out, whose first word is the nodeid; its dirent's name
	 * length stands 16 bytes into the dirent. */
	while (len >= fixed) {
		uint64_t nodeid;
		uint32_t name_len;
		memcpy(&nodeid, buf, sizeof(nodeid));
		memcpy(&name_len, buf + fixed - 8, sizeof(name_len));
		size_t one = (fixed + name_len + 7) & ~(size_t)7;
		if (nodeid != 0)
			node_forget(&op_fs(req)->nodes, nodeid, 1);
		if (one > len)
			break;
		buf += one;
		len -= one;
	}
}

static long fill(fuse_req_t req, struct handle *h, char *buf, size_t size, int64_t off, bool plus)
{
	const struct dirent64_raw *d;
	size_t len = 0;
	int rc;

	while ((d = entry_at(h, off, &rc))) {
		if (!op_hidden(h->node, d->name)) {
			long n = put_entry(req, h, d, buf + len, size - len, plus);
			if (n == 0)
				break;
			len += n > 0 ? (size_t)n : 0;
		}
		off = d->off;
		go_on(h, d);
	}
	return rc < 0 && len == 0 ? rc : (long)len;
}

static void read_dir(fuse_req_t req, size_t size, off_t off, struct fuse_file_info *fi, bool plus)
{
	struct fs *fs = op_fs(req);
	struct handle *h = op_handle(req, fi);
	char *buf = reader_buffer(size);

	if (!h)
		return;
	if (!buf || !h->list) {
		op_reply(req, buf ? -ENOTDIR : -ENOMEM);
		return;
	}
	pthread_mutex_lock(&h->list->lock);
	if (plus)
		lock_dir(&fs->locks, h->node->hash, false);
	long n = fill(req, h, buf, size, off, plus);
	if (plus)
		unlock_dir(&fs->locks, h->node->hash);
	pthread_mutex_unlock(&h->list->lock);
	if (n < 0)
		op_reply(req, (int)n);
	else if (fuse_reply_buf(req, buf, (size_t)n) < 0 && plus)
		take_back(req, buf, (size_t)n);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	(void)ino;
	read_dir(req, size, off, fi, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	(void)ino;
	read_dir(req, size, off, fi, true);
}
