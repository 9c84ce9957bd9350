/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Requests of the port under way: each is a job, from its packet to its answer. Jobs that concern
 * the tree are done by PORTJOB_WORKERS threads, in order where their paths touch (the same, or one
 * above the other) and one of them changes something; a hook has a thread of its own.
 */
#ifndef FS_PORTJOB_H
#define FS_PORTJOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/path.h"
#include "fs/staging.h"

struct fs;
struct portjobs;

#define PORTJOB_MAX 256 /* under way at once, until the answer is sent; more are not read */
#define PORTJOB_WORKERS 16
#define PORTJOB_HOOKS_MAX 32

struct portjob {
	TAILQ_ENTRY(portjob) list;
	uint64_t session; /* of the port it came over: answers go nowhere else */
	uint8_t type;
	uint32_t id;
	bool changes; /* the tree */
	bool running;
	char *path; /* that it concerns, NULL: none */
	uint8_t *packet;
	size_t len;
	struct buf answer;
	int fd;      /* goes with the answer; -1: none */
	int end_fd;  /* of a CHECK: an eventfd, readable once it is to be ended; -1: none */
	int sync_fd; /* of a staged content that is to be synced after the answer; -1: none */
	char sync_name[STAGING_NAME];
};

TAILQ_HEAD(portjob_list, portjob);

/* `finished` is called from any thread with a job whose answer is complete; the job is the
 * callee's. */
struct portjobs *portjobs_new(struct fs *fs, void (*finished)(void *arg, struct portjob *job),
			      void *arg);
int portjobs_start(struct portjobs *j);
/* What waits is dropped, what runs is waited for, but hooks. True: all has ended, and it is freed.
 */
bool portjobs_stop(struct portjobs *j);
/* Takes the job. */
void portjobs_add(struct portjobs *j, struct portjob *job);

/* A copy of a packet's bytes; NULL: out of memory. */
struct portjob *portjob_new(uint64_t session, uint8_t type, uint32_t id, const void *packet,
			    size_t len);
void portjob_free(struct portjob *job);
/* Starts the answer anew with its status; what follows it is appended by the caller. */
void portjob_answer(struct portjob *job, int status);

/* portreq.c: decodes, does it, and writes the answer. Blocks. */
void portreq_carry_out(struct fs *fs, struct portjob *job);
/* The path that a request concerns and whether it changes the tree, for the order. Malformed ones
 * have none. */
void portreq_place(struct portjob *job);

#endif
