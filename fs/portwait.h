/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * WAITs under way: what they wait for is looked at again whenever something has happened. Used by
 * the port's thread only.
 */
#ifndef FS_PORTWAIT_H
#define FS_PORTWAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/portjob.h"

#define PORTWAITS_MAX 64

struct portwaits {
	struct portwait *first;
	unsigned n;
};

/* Decodes the rest of a WAIT, and keeps its job: 0; else the job stays the caller's: ERR_FORMAT,
 * ERR_LIMIT, -ENOMEM. */
int portwaits_add(struct portwaits *w, struct portjob *job, struct rd *r);
/* The next that is over, taken out: *done, or at its time limit. NULL: none; then *next is when the
 * first of them comes to its limit (monotonic ms; INT64_MAX: there are none). */
struct portjob *portwaits_next(struct portwaits *w, struct fs *fs, int64_t now_msec, bool *done,
			       int64_t *next);
/* Drops them all. */
void portwaits_fini(struct portwaits *w);

#endif
