/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Putting a node together and taking it apart: the store and all that the loop drives.
 */
#ifndef REPLICATOR_NODE_PARTS_H
#define REPLICATOR_NODE_PARTS_H

#include "replicator/node_internal.h"

/* Opens everything; takes the port. 0, or an error that was logged; node_close in any case. */
int node_open(struct node *n, const struct conf_keys *keys, int port);
/* Commits and sends what is left, and frees everything but n itself. */
void node_close(struct node *n);

/* 63 random bits that are not all 0. */
uint64_t node_random(void);
/* ORIGIN_TAG of the origins of the node with this public key (Z85). */
uint64_t node_origin_tag(const char *key);
/* For EVENT_START: random, but for the tag of that. */
uint64_t node_origin(const char *key);

#endif
