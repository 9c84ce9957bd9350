/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Notes: a few bytes that a program of this host says to its like on the peers' hosts, where each
 * replicator keeps the newest of each peer, for whoever asks there. They belong to zonefs-health,
 * which says one every second; what is in them is no replicator's business. Nothing is repeated and
 * nothing is stored: who hears none any more learns by its age that the last one is old.
 */
#ifndef REPLICATOR_NOTES_H
#define REPLICATOR_NOTES_H

#include "replicator/node_internal.h"
#include "replicator/wire/message.h"

struct notes;

/* NULL: out of memory. */
struct notes *notes_new(struct node *n);
void notes_free(struct notes *o);
/* What a peer said. */
void notes_take(struct notes *o, uint32_t peer, const struct message *m);

#endif
