/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * New files that a power cut has left empty or full of NULs, and of which no version was shown here: what
 * was saved there is lost, and what is there nobody saved so. They stay on this host, untold, until
 * somebody does, here or on a peer.
 */
#ifndef REPLICATOR_HOLLOW_H
#define REPLICATOR_HOLLOW_H

#include "replicator/node_internal.h"

#define HOLLOW_MAX 1000 /* that are remembered across restarts, and listed */

/* Those that are known from an earlier life. NULL: out of memory. */
struct hollow *hollow_new(struct node *n);
void hollow_free(struct hollow *h);

/* A file (its content is in the store) was found. True: it is such a one. */
bool hollow_found(struct hollow *h, const char *path, const struct attrs *found);
/* Somebody has changed what is at the path here; `tree`: or below it. */
void hollow_hinted(struct hollow *h, const char *path, bool tree);
/* Something else is at the path: nothing, a directory, what is known. */
void hollow_gone(struct hollow *h, const char *path);

uint32_t hollow_count(const struct hollow *h);
void hollow_each(const struct hollow *h, bool (*each)(void *arg, const char *path), void *arg);

#endif
