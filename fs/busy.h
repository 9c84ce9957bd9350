/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Paths at which the port has to wait: those that have just answered ESTALE (the kernel repeats a
 * path walk once only, so no INSTALL there until that thread is back), and those where INSTALL or
 * REMOVE was answered BUSY or MOUNTED: when that ends, a FREE hint is given.
 *
 * Safe from several threads. At most BUSY_MAX of each; what does not fit is told by a RESCAN a
 * little later.
 */
#ifndef FS_BUSY_H
#define FS_BUSY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fs/capture.h"
#include "fs/mounts.h"

/* The longest wait for a thread that was answered ESTALE and asks for nothing: its second walk may also
 * fail on its way. */
#define BUSY_HOLD_MSEC 1000
/* ... that asks for names all the time: it may be walking a long path, on a loaded machine. */
#define BUSY_HOLD_LAST_MSEC 10000
/* Of another PID namespace: the kernel gives no number by which its return would be seen. */
#define BUSY_HOLD_UNKNOWN_MSEC 100
#define BUSY_MAX 4096

struct busy;

struct busy *busy_new(struct capture *capture);
void busy_free(struct busy *b);

/* ESTALE was answered there to this thread (0: not known). */
void busy_hold(struct busy *b, const char *path, pid_t tid, int64_t now_msec);
/* This thread asks for a name. */
void busy_walks(struct busy *b, pid_t tid, int64_t now_msec);
/* This thread has got in. True: somebody waited for that, and busy_timers has to be called. */
bool busy_back(struct busy *b, pid_t tid);
/* An INSTALL or REMOVE has to wait there: true, and a FREE hint follows. */
bool busy_held(struct busy *b, const char *path, int64_t now_msec);

/* It has to wait for the writers of this node, or for what is mounted there. */
void busy_wait_writer(struct busy *b, const char *path, uint64_t node);
void busy_wait_mount(struct busy *b, const char *path);
/* The last writer is gone. */
void busy_writer_gone(struct busy *b, uint64_t node);
/* Somebody waits for a mount to go: mounts_fd is worth polling. */
bool busy_mounts_wanted(struct busy *b);
void busy_mounts_changed(struct busy *b, struct mounts *m);

/* Gives the FREE hints that are due. When to call again (monotonic ms; INT64_MAX: nothing waits).
 */
int64_t busy_timers(struct busy *b, int64_t now_msec);

#endif
