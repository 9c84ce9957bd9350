/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a node that does not run can be asked: its store.
 */
#ifndef ZONEFSCTL_STOPPED_H
#define ZONEFSCTL_STOPPED_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/conf.h"

/* The replicator's program: beside our own (a build folder), else where it is installed. */
void stopped_program(char path[PATH_MAX]);
/* The command needs no more than the store. */
bool stopped_can(const char *command);
/* Starts the replicator's program as a reader of the store, says once that the node is stopped, and
 * gives the socket to speak with it as with a node; *pid is to be waited for. -1: said why not. */
int stopped_dial(const struct conf *c, pid_t *pid);

#endif
