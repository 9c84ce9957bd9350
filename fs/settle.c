/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The lock of an inode is taken by a system call that needs it and is refused while it has it: the removal
 * of an attribute in `trusted`, by a thread without CAP_SYS_ADMIN (xattr(7)). So no request comes of it.
 */
#include "fs/settle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/backing.h"
#include "fs/fs.h"

/* ---- the worker's side ---- */

void settle_note(struct fs *fs, struct node *n)
{
	nodes_lock(&fs->nodes);
	node_unsettled_locked(&fs->nodes, n);
	nodes_unlock(&fs->nodes);
}

/* Some of the first *left of them: how many. */
static int take_some(struct fs *fs, uint32_t *left, struct inval_item *items)
{
	int n = 0;

	nodes_lock(&fs->nodes);
	while (*left > 0 && n < INVAL_ITEMS_MAX && !TAILQ_EMPTY(&fs->nodes.unsettled)) {
		struct node *node = TAILQ_FIRST(&fs->nodes.unsettled);
		--*left;
		node_settled_locked(&fs->nodes, node);
		if (node->nlookup > 0 || node == fs->nodes.root)
			items[n++] = (struct inval_item){INVAL_SETTLE, node->id, NULL};
	}
	nodes_unlock(&fs->nodes);
	return n;
}

void settle_all(struct fs *fs)
{
	struct inval_item items[INVAL_ITEMS_MAX];
	int rc = 0, n;

	/* What another hook waits for, this one does, too. */
	pthread_mutex_lock(&fs->settling);
	nodes_lock(&fs->nodes);
	uint32_t left = fs->nodes.nunsettled;
	nodes_unlock(&fs->nodes);
	while ((n = take_some(fs, &left, items)) > 0) {
		int64_t ticket = inval_prepare(fs->inval, items, n);
		int done = ticket < 0 ? (int)ticket : inval_go(fs->inval, ticket);
		rc = rc < 0 ? rc : done;
	}
	pthread_mutex_unlock(&fs->settling);
	if (rc < 0)
		log_limited(LOG_LEVEL_WARNING,
			    "%s: a hook may see a file as it was before its rename: %s", fs->mount,
			    err_text(rc));
}

/* ---- the keeper's side ---- */

void settle_thread_init(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (unshare(CLONE_FS) < 0 || syscall(SYS_capget, &head, data) < 0) {
		log_warning("a thread cannot have its own working directory: %s", err_text(-errno));
		return;
	}
	data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective &= ~CAP_TO_MASK(CAP_SYS_ADMIN);
	if (syscall(SYS_capset, &head, data) < 0)
		log_warning("a capability cannot be laid down: %s", err_text(-errno));
}

/* As FUSE makes file handles (FILEID_INO64_GEN): the generation is the same for all, see op_enter. */
static int open_here(uint64_t nodeid)
{
	const uint32_t words[] = {(uint32_t)(nodeid >> 32), (uint32_t)nodeid, 1};
	union {
		struct file_handle head;
		char space[sizeof(struct file_handle) + sizeof(words)];
	} h = {.head = {.handle_bytes = sizeof(words), .handle_type = 0x81}};

	memcpy(h.head.f_handle, words, sizeof(words));
	int fd = open_by_handle_at(AT_FDCWD, &h.head, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A descriptor that does instead of the working directory would have to be open for reading, which is a
 * request. The root's generation is another one. */
static int open_inode(const char *mount, uint64_t nodeid)
{
	if (nodeid == 1) {
		int fd = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	if (chdir(mount) < 0)
		return -errno;
	int fd = open_here(nodeid);
	if (chdir("/") < 0)
		log_limited(LOG_LEVEL_ERROR, "/: %s", err_text(-errno));
	return fd;
}

int settle_wait(const char *mount, uint64_t nodeid)
{
	char proc[BACKING_PROC_MAX];
	int fd CLEANUP_CLOSE = open_inode(mount, nodeid);

	if (fd < 0)
		return fd;
	if (removexattr(backing_proc(proc, fd), "trusted.zonefs.none") < 0 && errno != EPERM)
		return -errno;
	return 0;
}
