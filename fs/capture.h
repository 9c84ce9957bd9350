/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The hint set: which paths may have changed since the replicator last said that it has dealt with
 * them. A hint carries no content and may be merged with a later one for the same path. The set is
 * bounded; beyond that everything in it becomes one RESCAN. A hint stays until it is acknowledged,
 * and is given again to a new replicator.
 *
 * What a RESCAN can't find is who created a name, and some are local only by that (base/pattern.h).
 * The hints that say so are kept beside the RESCAN, at most CAPTURE_KEPT_MAX, and sent before it:
 * the replicator, which takes hints in their order, knows these names before it looks.
 *
 * Serials grow with every hint. "Done up to S" means that nothing which was hinted with a serial up
 * to S is unacknowledged, also where it was merged into a later hint.
 *
 * Safe from several threads; never blocks on anything but its own lock. `wake` is called, with that
 * lock held, when there is something new to send.
 */
#ifndef FS_CAPTURE_H
#define FS_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/port.h"

#define CAPTURE_KEPT_MAX 4096                /* names of which it stays known who created them */
#define CAPTURE_BYTES_MAX (48 * 1024 * 1024) /* of all hints together */

struct capture;

struct capture *capture_new(uint32_t hints_max, void (*wake)(void *arg), void *arg);
void capture_free(struct capture *c);

/* The path may have changed. `from` NULL: not a rename. `since`: 0, or the serial that was taken
 * for it by capture_reserve. A path that the port cannot carry is left out. */
void capture_changed(struct capture *c, const char *path, const char *from, uint8_t flags,
		     const struct who *who, uint64_t since);
/* Something that made an INSTALL or REMOVE there wait has ended. */
void capture_freed(struct capture *c, const char *path);
/* Everything may have changed. */
void capture_rescan(struct capture *c);
/* A serial for a hint that will be given later: the caller sees to it that it is waited for. */
uint64_t capture_reserve(struct capture *c);
/* The latest serial. */
uint64_t capture_serial(struct capture *c);

/* Fills a packet (PORT_HINTS) with what is to be sent, at most `max_bytes` about. How many hints:
 * 0: there are none, and nothing was written. They count as sent then. */
int capture_next(struct capture *c, struct buf *packet, size_t max_bytes);
/* Something that was given when `serial` was the latest is still to be sent. */
bool capture_behind(struct capture *c, uint64_t serial);
void capture_ack(struct capture *c, uint64_t serial);
/* A new replicator: all that is unacknowledged is to be sent again. */
void capture_resend(struct capture *c);

/* Nothing with a serial up to this one is unacknowledged. */
bool capture_done(struct capture *c, uint64_t serial);
/* Nothing at this path or below it is unacknowledged. */
bool capture_done_path(struct capture *c, const char *path);

struct capture_counts {
	uint32_t waiting;
	uint32_t unacknowledged; /* sent */
	bool rescan;
};
void capture_count(struct capture *c, struct capture_counts *counts);

#endif
