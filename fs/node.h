/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The inode table: what the kernel, open handles or the port know of. An inode is recognised by its
 * file handle (inode *and* generation), has no descriptor of its own, and knows its names: a list
 * of (parent, name) pairs, from which paths are made when they are needed, so that a rename of a
 * parent needs no walk. A node lives as long as the kernel's lookups, open handles, children's
 * names, a save or a reference keep it.
 *
 * One mutex protects all fields. Functions take it themselves, but for those named _locked, which
 * are called with it held.
 */
#ifndef FS_NODE_H
#define FS_NODE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/item.h"
#include "fs/slots.h"

struct node;
struct save;

struct node_link {
	struct node_link *next;
	struct node *parent; /* holds a reference */
	char name[];
};

/* Replaced at one of its names: an open through the replaced one, still cached, would write into
 * the others. So what would change it is answered ESTALE until the name is forgotten, and a little
 * longer. The kernel then walks the path again, with a LOOKUP of every name: whoever comes back
 * after one is right. */
#define NODE_STALE_SEEN 8
struct node_stale {
	int64_t until_msec; /* monotonic; INT64_MAX: the name is not forgotten yet */
	unsigned next;
	struct {
		pid_t tid;   /* was answered ESTALE */
		bool walked; /* and has looked it up since */
	} seen[NODE_STALE_SEEN];
};

struct node {
	uint64_t id;   /* what the kernel knows it by; the root's is 1 */
	uint64_t hash; /* of the handle: picks its locks; never changes */
	struct node *chain;
	struct node_link *links;
	uint64_t nlookup; /* the kernel's */
	uint32_t refs;
	uint32_t opens;   /* handles, directories' included */
	uint32_t writers; /* handles that can write */
	uint32_t makers;  /* of these, those that created or truncated it */
	uint64_t count;   /* the identity's change count */
	struct save *save;
	char *place;              /* path at which it was replaced or removed by the port */
	struct node_stale *stale; /* NULL: it never was */
	TAILQ_ENTRY(node) settling; /* while `unsettled` (fs/settle.h) */
	int pin;                  /* O_PATH while it has no name, -1: none */
	mode_t type;              /* S_IFMT; never changes */
	bool replaced;            /* no name is left */
	bool wanted;              /* an INSTALL or REMOVE waits for its writers */
	bool unsettled;
	uint8_t handle_len;       /* these three never change */
	int32_t handle_type;
	uint8_t handle[];
};

struct nodes {
	pthread_mutex_t lock;
	struct slots slots;
	struct node **buckets;
	uint32_t nbuckets;
	uint64_t changes;
	struct node *root;
	TAILQ_HEAD(, node) unsettled; /* the oldest first */
	uint32_t nunsettled;
};

/* 0 or -ENOMEM. */
int nodes_init(struct nodes *t, const struct fhandle *root);
void nodes_fini(struct nodes *t);

static inline void nodes_lock(struct nodes *t)
{
	pthread_mutex_lock(&t->lock);
}
static inline void nodes_unlock(struct nodes *t)
{
	pthread_mutex_unlock(&t->lock);
}

uint64_t node_hash(const struct fhandle *h);
/* The node's handle, copied. */
void node_handle(const struct node *n, struct fhandle *h);

/* The kernel's number. NULL: not valid. Stays valid while the kernel waits for the answer to a
 * request that names it. */
struct node *node_find(struct nodes *t, uint64_t id);
/* The node of a handle, with a reference; made if need be (NULL: out of memory). */
struct node *node_get(struct nodes *t, const struct fhandle *h, mode_t type);
/* Likewise, NULL where there is none. */
struct node *node_peek(struct nodes *t, const struct fhandle *h);
void node_put(struct nodes *t, struct node *n);
/* The kernel is told of it under this name: one lookup more. NULL: out of memory. */
struct node *node_enter(struct nodes *t, const struct fhandle *h, mode_t type, struct node *parent,
			const char *name);
/* One lookup more of a node already there (LINK's answer). */
void node_looked_up(struct nodes *t, struct node *n);
void node_forget(struct nodes *t, uint64_t id, uint64_t nlookup);
void node_release_locked(struct nodes *t, struct node *n); /* frees it if nothing keeps it */

/* Names come and go. Out of memory is told by false: then hints would miss that name. */
bool node_link_locked(struct nodes *t, struct node *n, struct node *parent, const char *name);
void node_unlink_locked(struct nodes *t, struct node *n, struct node *parent, const char *name);

/* A LOOKUP has led this thread to it. */
void node_walked(struct nodes *t, struct node *n, pid_t tid);

/* Into the list of the unsettled, if it is not there yet; and out of it, which its end does, too. */
void node_unsettled_locked(struct nodes *t, struct node *n);
void node_settled_locked(struct nodes *t, struct node *n);

/* The next change count for it: to be called before and after its content changes. */
void node_changed_locked(struct nodes *t, struct node *n);

/* The path of `name` in `parent`, or with name NULL of `parent` itself, into path[PATH_LEN_MAX +
 * 1]. 0; -ENOENT: it has none (any more); -ENAMETOOLONG. */
int node_path_locked(const struct node *parent, const char *name, char *path);
int node_path(struct nodes *t, const struct node *parent, const char *name, char *path);

#endif
