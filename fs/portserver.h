/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The one thread that speaks the port (base/port.h), and keeps the timers of saves and of places
 * that are busy. What blocks is done by others: the tree's requests by a few workers, hooks by a
 * thread each. A replicator that does not read, or is not there, keeps nobody waiting and makes
 * nothing grow: so many requests are accepted as answers may wait, and hints stay in their bounded
 * set.
 */
#ifndef FS_PORTSERVER_H
#define FS_PORTSERVER_H

#include <stdbool.h>

struct fs;
struct portserver;

/* NULL: out of memory or descriptors. */
struct portserver *portserver_new(struct fs *fs);
int portserver_start(struct portserver *p);
/* Ends the threads. Hooks that still run are left alone, with the memory they need. True: nothing
 * of fs is in use any more, and the server is freed. */
bool portserver_stop(struct portserver *p);

/* Takes a new port: the old one, if any, is closed. */
void portserver_connect(struct portserver *p, int sock);
/* There is something to do. From any thread, under any lock; p may be NULL. */
void portserver_wake(struct portserver *p);
/* A writer closed a file: those who wait for it look again. Likewise. */
void portserver_writer_gone(struct portserver *p);

#endif
