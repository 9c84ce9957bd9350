/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The map, as the control socket tells of it.
 */
#ifndef REPLICATOR_CONTROL_ZONES_H
#define REPLICATOR_CONTROL_ZONES_H

#include <jansson.h>

#include "replicator/node_internal.h"
#include "replicator/zones.h"

/* The line of type "map": its state. A new reference, NULL: out of memory. */
json_t *control_zones_line(const struct node *n);

#endif
