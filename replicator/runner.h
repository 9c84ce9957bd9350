/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Carries the core's effects out by the contract of core.h: what is stored goes into the open
 * transaction at once; from the first effect that others can see while the transaction is open, all
 * that follows is queued; one commit at the end of the round, then the queue is carried out. If the
 * commit fails, the queue is kept and nobody may give the core an event until it succeeds.
 */
#ifndef REPLICATOR_RUNNER_H
#define REPLICATOR_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "replicator/core/core.h"

#define RUNNER_RETRY_MSEC 1000 /* between attempts to commit */
#define RUNNER_LAZY_MSEC 20    /* a commit that nothing waits for may be that late */

/* An answer of the loop's own that must not leave before what it speaks of is durable. */
#define TASK_REPLY ((enum effect_type)1000)

/* An effect (or reply) with all that it needs, owned. */
struct task {
	struct task *next;
	enum effect_type type;
	char *path;
	uint32_t peer;
	union {
		uint64_t serial; /* ACK */
		struct {
			struct hash hash;
			uint64_t size;
			struct attrs attrs; /* STAGE */
		} content; /* STAGE, FETCH */
		struct {
			enum intent_kind kind;
			struct fhandle handle;
			struct attrs attrs;
			char *target;
			struct ident expected;
		} install; /* INSTALL, REMOVE */
		struct {
			struct version *version; /* may be NULL */
			bool own;
			bool more;
			enum kind kind;
			uint8_t changed;
		} told;
		struct trial *trial; /* JUDGE; may be taken by clearing it */
		struct {
			uint8_t *p;
			size_t len;
			uint64_t id; /* of the request; ANSWER: the transfer's */
			uint8_t route_len;
			uint8_t route[64]; /* REPLY */
		} bytes; /* BROADCAST, ASK, ANSWER, REPLY: encoded when the effect came */
	};
};

/* What the runner needs from the rest of the loop (a test gives its own). */
struct runner_hands {
	/* 0, or an error after which commits fail until what was asked for is in one. What ERR_LIMIT
	 * and -ENOMEM say, that it was not kept, ends the process. */
	int (*store)(void *arg, const struct effect *e);
	int (*commit)(void *arg);
	bool (*dirty)(void *arg);
	/* Encodes BROADCAST, ASK, ANSWER into t->bytes; notes TOLD in the transaction. False: there
	 * is nothing to be carried out. WAKE and NOTE, which need no order, are done here (t is
	 * NULL). */
	bool (*prepare)(void *arg, const struct effect *e, struct task *t);
	void (*carry_out)(void *arg, struct task *t); /* may take strings of t by clearing them */
	void *arg;
};

struct runner;

struct runner *runner_new(const struct runner_hands *hands);
void runner_free(struct runner *r);

/* Takes the effects of one step. */
void runner_take(struct runner *r, const struct effect *effects, size_t n);
/* Queues a reply behind the open transaction; takes p. */
void runner_reply(struct runner *r, const uint8_t *route, uint8_t route_len, uint8_t *p, size_t len,
		  uint32_t peer);
/* Ends a round: commits if something waits for it, and carries the queue out. */
void runner_end_round(struct runner *r, int64_t now_msec);
/* Commits whatever is open (at the end of the program). */
void runner_flush(struct runner *r, int64_t now_msec);
/* 0, or the error of the store that everything waits for. */
int runner_blocked(const struct runner *r);
/* When to end a round again without an event: monotonic ms, INT64_MAX. */
int64_t runner_wake(const struct runner *r);

#endif
