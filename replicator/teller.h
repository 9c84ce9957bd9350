/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Alerts: once a second this node's own standing is looked at, and what core/alerts.h then says is
 * told by the program of the section `alert`, which fs runs as it runs hooks. Which conditions have
 * been told is kept in the store: a restart tells nothing twice, and no end is forgotten.
 */
#ifndef REPLICATOR_TELLER_H
#define REPLICATOR_TELLER_H

#include "replicator/node_internal.h"

struct teller *teller_new(struct node *n);
void teller_free(struct teller *t);
void teller_tick(struct teller *t);
int64_t teller_wake(const struct teller *t);

#endif
