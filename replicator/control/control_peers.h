/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A peer as a line of the control socket.
 */
#ifndef REPLICATOR_CONTROL_PEERS_H
#define REPLICATOR_CONTROL_PEERS_H

#include <jansson.h>

#include "replicator/node_internal.h"

/* A new object; NULL: out of memory. `status` is peer `i` of n. */
json_t *control_peer_line(const struct peer_status *status);
/* "reachable", "joining", "paused", "silent" (connected, but nothing was heard of it lately) or
 * "unreachable". */
const char *control_peer_state(const struct peer_status *status);

#endif
