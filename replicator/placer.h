/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Putting versions on disk through the port: STAGE with the content from the store, INSTALL,
 * REMOVE.
 */
#ifndef REPLICATOR_PLACER_H
#define REPLICATOR_PLACER_H

#include "replicator/node_internal.h"
#include "replicator/runner.h"

#define PLACER_STAGES_MAX 16 /* under way at once: each may be a packet of 64 KiB */
#define PLACER_INSTALLS_MAX 64

struct placer *placer_new(struct node *n);
void placer_free(struct placer *p);

/* STAGE, INSTALL, REMOVE: EVENT_STAGED or EVENT_INSTALLED follows. Takes path and target out of the
 * task. */
void placer_take(struct placer *p, struct task *t);
/* Writes pieces of large contents (a bounded while); true if there is more to write. */
bool placer_work(struct placer *p);

#endif
