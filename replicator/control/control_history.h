/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Versions by the names that people give them.
 */
#ifndef REPLICATOR_CONTROL_HISTORY_H
#define REPLICATOR_CONTROL_HISTORY_H

#include "replicator/control/control_internal.h"

/* `text` means this version: its short name or the beginning of one (of any case, O for 0, I and L
 * for 1), or "ORIGIN:SEQ". */
bool history_means(const char *text, struct dot d);

/* The version of path that `text` means: a reference, the caller's. NULL: there is none or more than
 * one, and the command has been ended in words that name those there are. */
struct version *history_find(struct client *c, const char *path, const char *text);

/* A version as a line of type "version": what, who, when, where, visible or not, its content here or
 * not. */
json_t *history_line(struct client *c, const char *path, const struct version *v);

/* Who gives an order with this request. *user is the request's, or "". */
void order_who(const struct client *c, const json_t *request, struct who *who, const char **user);

#endif
