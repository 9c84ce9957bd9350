/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The keeper: what `zonefs` starts as. It clears a stale dead mount, locks and opens the directory,
 * mounts upon it, reads the secret key, starts worker and replicator, watches and restarts them,
 * and writes the kernel's cache invalidations for the worker in a second thread. It serves nothing,
 * and no file of the tree.
 *
 * Keeper and worker talk over a SOCK_SEQPACKET pair; one packet is one byte of type, then its body:
 *   worker -> keeper   READY          INIT is done: the mount is usable
 *   keeper -> worker   PORT (+ fd)    a new replicator: use this port from now on (it says HELLO)
 *   keeper -> worker   END            the mount is detached: serve those inside until the keeper
 * says no more (the device is aborted) or the last has gone
 * A worker whose keeper dies is killed: what is mounted is dead then, until the next start clears
 * it. The worker's descriptors are 3 to 7: device, root, this socket, inval socket, configuration's
 * text.
 */
#ifndef FS_KEEPER_H
#define FS_KEEPER_H

#include "base/conf.h"

enum keeper_packet { KEEPER_READY = 1, KEEPER_PORT = 2, KEEPER_END = 3 };

struct keeper_options {
	const char *conf_file;
	bool foreground; /* -f */
};

/* Runs the node until SIGTERM or SIGINT, or an error at the start. In the background case the
 * calling process returns once the mount is usable, the node goes on in a child. The exit status.
 */
int keeper_run(const struct conf *conf, const char *conf_text, size_t conf_len,
	       const struct keeper_options *options);

#endif
