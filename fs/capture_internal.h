/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What capture.c (hints come in) and capture_out.c (they are sent, and acknowledged) share.
 *
 * One entry a path and kind of hint, found by its path, and by its serial once it was sent. It is
 * in one or both of two states: *to be sent* (in the queue, in the order in which the paths first
 * came) and *sent*, not acknowledged. A change while it is sent makes it both, and the
 * acknowledgement of the older serial then ends only the latter. Each state remembers the oldest
 * serial that it stands for.
 *
 * A RESCAN stands for every entry but those of names that are local only by their creator: these
 * are kept, in whichever state they are. While it is to be sent, only such are added.
 */
#ifndef FS_CAPTURE_INTERNAL_H
#define FS_CAPTURE_INTERNAL_H

#include <pthread.h>
#include <sys/queue.h>

#include "base/pattern.h"
#include "fs/capture.h"

#define CAPTURE_BUCKETS 16384

struct capture_state {
	uint64_t serial; /* 0: not in this state */
	uint64_t oldest;
};

struct capture_entry {
	SLIST_ENTRY(capture_entry) by_path;
	SLIST_ENTRY(capture_entry) by_serial; /* while sent */
	TAILQ_ENTRY(capture_entry) queue;     /* while to be sent */
	uint64_t hash;
	uint64_t queued; /* the latest serial when it came into the queue: it grows along that */
	struct capture_state waiting;
	struct capture_state sent;
	enum hint_what what;
	uint8_t flags;
	bool kept;  /* was, beside a RESCAN */
	char *from; /* NULL: none */
	struct who who;
	char path[];
};

SLIST_HEAD(capture_list, capture_entry);

struct capture {
	pthread_mutex_t lock; /* of all that follows */
	void (*wake)(void *arg);
	void *arg;
	struct locality *locality; /* as it is built in */
	uint64_t serial;
	uint32_t max;
	uint32_t count;
	uint32_t nsent;
	uint32_t nkept;
	size_t bytes;
	struct capture_state rescan_waiting;
	struct capture_state rescan_sent;
	TAILQ_HEAD(, capture_entry) queue;
	struct capture_list by_path[CAPTURE_BUCKETS];
	struct capture_list by_serial[CAPTURE_BUCKETS];
};

/* All with the lock held. */

/* Out of both states, and freed. */
void capture_drop(struct capture *c, struct capture_entry *e);
/* It is sent no longer; in neither state, it is the caller's to drop. */
void capture_leave_sent(struct capture *c, struct capture_entry *e);
/* Last in the queue; `waiting` is the caller's to set. */
void capture_enqueue(struct capture *c, struct capture_entry *e);

#endif
