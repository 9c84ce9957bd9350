/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PORT_CHECK: the name server's own checkers over its configuration or one zone.
 */
#ifndef FS_CHECK_H
#define FS_CHECK_H

#include "fs/portjob.h"

/* Decodes, runs, and writes the answer. Blocks, up to the configured time limit. 0, or an error where the
 * request is none, or zonefs.conf names no server (ERR_UNKNOWN). What cannot be checked is an answer
 * with that status and the reason in its output: never one about the content. */
int check_request(struct fs *fs, struct portjob *job, struct rd *r);

#endif
