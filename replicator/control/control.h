/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The socket for zonefsctl, as the loop drives it. Everything runs in the loop's thread, between
 * two rounds: nothing here blocks.
 */
#ifndef REPLICATOR_CONTROL_H
#define REPLICATOR_CONTROL_H

#include <poll.h>
#include <stdint.h>

#include "replicator/node_internal.h"

#define CONTROL_FDS_MAX 65

/* Binds STATE/control (replacing a socket that nobody listens on). 0, or an error that was logged.
 */
int control_open(struct node *n, struct control **out);
void control_close(struct control *c); /* NULL is fine */
/* What to poll for: at most max (at least CONTROL_FDS_MAX); how many. */
int control_fds(struct control *c, struct pollfd *fds, int max);
/* Once a round, after the core's effects were carried out: serves what `fds` (as control_fds gave
 * them, with revents) says is ready, and what follows from the time or from n->changes. */
void control_round(struct control *c, const struct pollfd *fds, int nfds);
/* When control_round wants to be called again without anything ready: monotonic ms, INT64_MAX:
 * never. */
int64_t control_wake(const struct control *c);

#endif
