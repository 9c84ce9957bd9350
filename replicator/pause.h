/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Replication by hand: a node that is paused takes no versions or contents from its peers and gives
 * them none. Its links stay up, so that all sides say so; its own edits are recorded, and its hooks
 * run for them. To the cores it is as if the peers could not be reached: at the end both sides catch
 * up, as after any absence. What had arrived before is still put in place. A pause outlives the
 * program.
 */
#ifndef REPLICATOR_PAUSE_H
#define REPLICATOR_PAUSE_H

#include "replicator/node_internal.h"

/* What the store says of it. 0, or why it cannot be read. */
int pause_load(struct node *n);

#endif
