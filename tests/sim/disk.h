/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A node's directory, simulated: a tree of inodes with handles, kinds, contents by number, times,
 * and the identities that fs would give them. It survives every crash. Pure data: who may do what
 * to it, and what is hinted, is decided by those who call.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/item.h"
#include "replicator/core/version.h"

#define SIM_PATH_MAX 120

struct inode {
	uint64_t number;
	enum kind kind;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint64_t content; /* its number: of a file's content or of a link's target */
	int64_t mtime;
	int64_t ctime;
	uint64_t count; /* changes in this life of fs */

	uint32_t writers; /* open for writing */
	bool fresh;       /* created or truncated by a handle that is still open */
	uint64_t synced;  /* the content that a power cut leaves */
	int64_t synced_mtime;
	uint64_t written; /* the latest content, its time, and when it came */
	int64_t written_mtime;
	int64_t dirty_at;
	int64_t quiet_at; /* open, modified in place: not busy from then on */

	struct inode *parent; /* NULL: the root, staged, or unlinked */
	bool linked;
	char name[32];
	struct inode **kids; /* sorted by name */
	uint32_t nkids;
	struct inode *next; /* of all inodes of the disk */
};

struct disk {
	struct inode *root;
	struct inode *all;
	uint64_t numbers;
	int64_t ctimes;
	uint64_t life;
};

void disk_init(struct disk *d, uint64_t first_number);
void disk_fini(struct disk *d);

/* NULL: nothing there. "" is the root. */
struct inode *disk_find(struct disk *d, const char *path);
/* The path of a linked inode into out[SIM_PATH_MAX]; false if it is not linked. */
bool disk_path(const struct inode *i, char *out);
/* Not linked anywhere. */
struct inode *disk_make(struct disk *d, enum kind kind, int64_t wall_nsec);
/* 0, -ENOENT (no parent), -ENOTDIR, -EEXIST, -ENAMETOOLONG. */
int disk_link(struct disk *d, struct inode *i, const char *path, int64_t wall_nsec);
void disk_unlink(struct disk *d, struct inode *i, int64_t wall_nsec);
/* The linked part of a disk. */
void disk_copy(struct disk *to, const struct disk *from);
/* Numbers go on from where they were: none is used twice. */
void disk_put_back(struct disk *to, const struct disk *from);
/* The inode changed now: its ctime and its count. */
void disk_touch(struct disk *d, struct inode *i, int64_t wall_nsec);
struct inode *disk_by_handle(struct disk *d, const struct fhandle *h);

void disk_handle(const struct inode *i, struct fhandle *h);
/* Somebody has written into it at `now`; what was written `after` ms ago is on stable storage. */
void inode_wrote(struct inode *i, int64_t now_msec, int64_t after_msec);
void inode_synced(struct inode *i); /* fsynced */
void disk_ident(const struct disk *d, const struct inode *i,
		struct ident *ident); /* NULL: absent */

/* What a content's number means. Those of a power cut have one of these bits. */
#define CONTENT_NULS (UINT64_C(1) << 50)
#define CONTENT_TORN (UINT64_C(2) << 50)
struct hash content_hash(uint64_t content);
struct hash inode_hash(const struct inode *i);
uint64_t content_size(uint64_t content);
void content_target(uint64_t content, char *out, uint64_t size);

#endif
