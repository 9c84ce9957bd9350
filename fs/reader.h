/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The threads that read requests from the FUSE device and carry them out, and the barrier: every
 * request gets a number in the order in which it was received, so that one can wait for all that
 * came before.
 */
#ifndef FS_READER_H
#define FS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fs;
struct reader;

#define READER_THREADS 4

/* Takes the device. `ready` is called once, by a reader, when INIT has been answered; `ended` once
 * by each reader when the connection is at its end. NULL, with *rc set to an error. */
struct reader *reader_new(struct fs *fs, int device, void (*ready)(void *arg),
			  void (*ended)(void *arg), void *arg, int *rc);
/* 0 or -errno. */
int reader_start(struct reader *r);
/* Waits for the readers' end. */
void reader_free(struct reader *r);

/* From within an operation: returns when every request received before it is finished. */
void reader_barrier(struct reader *r);
/* From within an operation: its change takes set-id bits away (KILLPRIV_V2, which libfuse does not
 * know: without it, the kernel asks for an xattr before every write). */
bool reader_kills_setid(void);
/* The kernel's idea of an inode's attributes is outdated. Unlike an invalidation of names this
 * waits for nobody, so it may be called from within an operation, before its reply. */
void reader_inval_attr(struct reader *r, uint64_t nodeid);
/* From within an operation: memory of this thread's own, valid until its next call. NULL: none
 * left. */
char *reader_buffer(size_t size);

#endif
