/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a power cut may have done to the tree: was there one, which files have to be read again though
 * they look untouched, and what damage looks like.
 */
#ifndef REPLICATOR_DAMAGE_H
#define REPLICATOR_DAMAGE_H

#include "replicator/node_internal.h"

/* Before the core's first event: tells it (core_distrust) if the kernel is another one than when the
 * store was last in use, and the end then was not clean. 0 or an error. */
int damage_open(struct node *n);
void damage_free(struct lately *d);

/* The file at path has to be read though its identity is that of what was shown. */
bool damage_read_again(const struct node *n, const char *path);
/* How what was found at path (a file's content is in the store) differs from what was shown; NONE
 * where that cannot be damage. */
enum damage damage_found(struct node *n, const char *path, const struct ident *ident,
			 const struct attrs *found);

#endif
