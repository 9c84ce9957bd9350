/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A node's directory, simulated. Every change gets a ctime of its own (fs looks again at what
 * changed within one clock tick), inode numbers are never reused (handles carry a generation).
 */
#include "tests/sim/disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/sim/rng.h"

struct inode *disk_make(struct disk *d, enum kind kind, int64_t wall_nsec)
{
	struct inode *i = calloc(1, sizeof *i);

	if (!i)
		abort();
	i->number = d->numbers++;
	i->kind = kind;
	i->mode = kind == KIND_DIR ? 0755 : kind == KIND_LINK ? 0777 : 0644;
	i->mtime = wall_nsec;
	i->next = d->all;
	d->all = i;
	disk_touch(d, i, wall_nsec);
	return i;
}

void disk_init(struct disk *d, uint64_t first_number)
{
	*d = (struct disk){.numbers = first_number, .life = 1};
	d->root = disk_make(d, KIND_DIR, 0);
	d->root->linked = true;
}

void disk_fini(struct disk *d)
{
	while (d->all) {
		struct inode *i = d->all;

		d->all = i->next;
		free(i->kids);
		free(i);
	}
	d->root = NULL;
}

static struct inode *kid_find(const struct inode *dir, const char *name, size_t len, uint32_t *at)
{
	uint32_t i;

	for (i = 0; i < dir->nkids; i++) {
		int c = strncmp(dir->kids[i]->name, name, len);

		if (c == 0 && dir->kids[i]->name[len] == '\0') {
			if (at)
				*at = i;
			return dir->kids[i];
		}
		if (c > 0 || (c == 0 && dir->kids[i]->name[len] != '\0'))
			break;
	}
	if (at)
		*at = i;
	return NULL;
}

struct inode *disk_find(struct disk *d, const char *path)
{
	struct inode *i = d->root;

	while (*path) {
		size_t len = strcspn(path, "/");

		if (i->kind != KIND_DIR)
			return NULL;
		i = kid_find(i, path, len, NULL);
		if (!i)
			return NULL;
		path += len;
		if (*path == '/')
			path++;
	}
	return i;
}

bool disk_path(const struct inode *i, char *out)
{
	size_t len;
	size_t name_len = strlen(i->name);

	if (!i->linked)
		return false;
	if (!i->parent) {
		out[0] = '\0';
		return true;
	}
	if (!disk_path(i->parent, out))
		return false;
	len = strlen(out);
	if (len + 1 + name_len >= SIM_PATH_MAX)
		return false;
	if (len)
		out[len++] = '/';
	memcpy(out + len, i->name, name_len + 1);
	return true;
}

int disk_link(struct disk *d, struct inode *i, const char *path, int64_t wall_nsec)
{
	char parent[SIM_PATH_MAX];
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t len = slash ? (size_t)(slash - path) : 0;
	struct inode *dir;
	uint32_t at;

	if (strlen(path) >= SIM_PATH_MAX || strlen(name) >= sizeof i->name)
		return -ENAMETOOLONG;
	memcpy(parent, path, len);
	parent[len] = '\0';
	dir = disk_find(d, parent);
	if (!dir)
		return -ENOENT;
	if (dir->kind != KIND_DIR)
		return -ENOTDIR;
	if (kid_find(dir, name, strlen(name), &at))
		return -EEXIST;
	dir->kids = realloc(dir->kids, (dir->nkids + 1) * sizeof *dir->kids);
	if (!dir->kids)
		abort();
	memmove(dir->kids + at + 1, dir->kids + at, (dir->nkids - at) * sizeof *dir->kids);
	dir->kids[at] = i;
	dir->nkids++;
	memcpy(i->name, name, strlen(name) + 1);
	i->parent = dir;
	i->linked = true;
	disk_touch(d, i, wall_nsec);
	return 0;
}

void disk_unlink(struct disk *d, struct inode *i, int64_t wall_nsec)
{
	struct inode *dir = i->parent;
	uint32_t at;

	if (!i->linked || !dir)
		return;
	kid_find(dir, i->name, strlen(i->name), &at);
	memmove(dir->kids + at, dir->kids + at + 1, (dir->nkids - at - 1) * sizeof *dir->kids);
	dir->nkids--;
	i->parent = NULL;
	i->linked = false;
	disk_touch(d, i, wall_nsec);
}

static struct inode *copy_below(struct disk *d, const struct inode *from)
{
	struct inode *i = malloc(sizeof *i);

	if (!i)
		abort();
	*i = *from;
	i->parent = NULL;
	i->writers = 0;
	i->fresh = false;
	i->count = 0;
	i->next = d->all;
	d->all = i;
	i->kids = calloc(from->nkids + 1, sizeof *i->kids);
	if (!i->kids)
		abort();
	for (uint32_t k = 0; k < from->nkids; k++) {
		i->kids[k] = copy_below(d, from->kids[k]);
		i->kids[k]->parent = i;
	}
	return i;
}

void disk_copy(struct disk *to, const struct disk *from)
{
	*to = (struct disk){.numbers = from->numbers, .ctimes = from->ctimes, .life = from->life};
	to->root = copy_below(to, from->root);
}

void disk_put_back(struct disk *to, const struct disk *from)
{
	for (struct inode *i = to->all; i; i = i->next) {
		i->linked = false;
		i->parent = NULL;
		i->nkids = 0;
		i->number = UINT64_MAX; /* nothing finds it any more; programs may hold it open */
	}
	to->root = copy_below(to, from->root);
}

void disk_touch(struct disk *d, struct inode *i, int64_t wall_nsec)
{
	d->ctimes = d->ctimes >= wall_nsec ? d->ctimes + 1 : wall_nsec;
	i->ctime = d->ctimes;
	i->count++;
}

void disk_handle(const struct inode *i, struct fhandle *h)
{
	*h = (struct fhandle){.len = sizeof i->number, .type = 1};
	memcpy(h->bytes, &i->number, sizeof i->number);
}

struct inode *disk_by_handle(struct disk *d, const struct fhandle *h)
{
	for (struct inode *i = d->all; i; i = i->next) {
		struct fhandle own;

		disk_handle(i, &own);
		if (fhandle_same(&own, h))
			return i;
	}
	return NULL;
}

void inode_wrote(struct inode *i, int64_t now_msec, int64_t after_msec)
{
	if (i->content == i->written)
		return;
	if (now_msec - i->dirty_at > after_msec) {
		i->synced = i->written;
		i->synced_mtime = i->written_mtime;
	}
	i->written = i->content;
	i->written_mtime = i->mtime;
	i->dirty_at = now_msec;
}

void inode_synced(struct inode *i)
{
	i->synced = i->written = i->content;
	i->synced_mtime = i->written_mtime = i->mtime;
}

void disk_ident(const struct disk *d, const struct inode *i, struct ident *ident)
{
	struct stat st = {0};
	struct fhandle h;

	*ident = (struct ident){0};
	if (!i)
		return;
	st.st_mode = i->mode | (i->kind == KIND_DIR    ? S_IFDIR
				: i->kind == KIND_LINK ? S_IFLNK
						       : S_IFREG);
	st.st_uid = i->uid;
	st.st_gid = i->gid;
	st.st_size = (off_t)content_size(i->content);
	st.st_mtim = (struct timespec){i->mtime / 1000000000, i->mtime % 1000000000};
	st.st_ctim = (struct timespec){i->ctime / 1000000000, i->ctime % 1000000000};
	disk_handle(i, &h);
	ident_make(ident, &h, &st, d->life, i->count);
}

struct hash content_hash(uint64_t content)
{
	struct hash h;
	uint64_t a = rng_mix(content + 1);
	uint64_t b = rng_mix(a ^ 0x5eed);

	memcpy(h.b, &a, 8);
	memcpy(h.b + 8, &b, 8);
	return h;
}

struct hash inode_hash(const struct inode *i)
{
	/* A link's target is never the same bytes as a file's content. */
	return content_hash(i->kind == KIND_LINK ? i->content | UINT64_C(1) << 40 : i->content);
}

uint64_t content_size(uint64_t content)
{
	return content ? 10 + content % 3 : 0;
}

void content_target(uint64_t content, char *out, uint64_t size)
{
	snprintf(out, size, "t%09llu", (unsigned long long)content);
}
