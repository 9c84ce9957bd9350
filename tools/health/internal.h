/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the parts of the process share; only tools/health/health*.c and orders.c include this.
 */
#ifndef HEALTH_INTERNAL_H
#define HEALTH_INTERNAL_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "tools/health/mirrors.h"
#include "tools/health/probe.h"
#include "tools/health/replica.h"
#include "tools/health/rule.h"
#include "tools/health/run.h"
#include "tools/health/state.h"
#include "tools/health/steps.h"

#define ALERT_TEXT 8192
#define ORDER_CLIENTS 8
#define FDS_MAX (PROBE_QUERIES_MAX + 2 * RUN_FDS + 4 + ORDER_CLIENTS)

struct health;

/* A client of the control socket (orders.c). */
struct order_client {
	int fd; /* -1: none */
	char in[1024];
	size_t in_len;
	char *out; /* malloc'd */
	size_t out_len, out_at;
	bool drains; /* waits until this node is withdrawn */
	bool asks;   /* ... and before that for the peers to agree, */
	int64_t asks_until;
};

struct orders {
	int fd;
	char *path;
	struct order_client clients[ORDER_CLIENTS];
};

struct alert {
	bool waits;
	int failures;
	int64_t again;
	char text[ALERT_TEXT];
	struct run run;
};

struct health {
	const struct conf *conf;
	const struct conf_health *h;
	struct probes *probes;
	struct replica *replica;
	struct mirrors *mirrors;
	struct rule *rule;
	struct steps steps;
	struct run run; /* of the step under way */
	struct alert alert;
	struct orders orders;
	int dir; /* the state directory */
	bool drained;
	bool for_data;  /* withdrawn because of its data, as saved */
	bool ending;    /* told to end */
	int64_t end_by; /* then at last, whatever is under way */
	enum { LEAVE_ASKS, LEAVES, LEAVE_STAYS } leave; /* then, with on-stop = "withdraw" */
	int64_t leave_by;                               /* so long the peers are asked */
	struct rule_want want;
	bool said_hands_off;
	int64_t next_round, round_began;
	bool answer_due; /* the service address is to be asked */
	bool judging;    /* a round of probes is over, the replicator is being asked */
	struct pollfd *fds;
	int64_t now;
};

/* health.c */
int health_save(struct health *h);
/* What is wanted, with a stop and a drain taken into account; announced, demoted. */
bool health_wants_announced(const struct health *h);
/* Decides anew, and says it to the peers from the next note on. */
void health_decide(struct health *h);
enum note_state health_is(const struct health *h);

/* health_begin.c: the parts, and what an earlier run left. 0, or -errno; all but -ENOMEM are logged. */
int health_begin(struct health *h);

/* health_do.c: steps and alerts */
void health_steps(struct health *h);
/* After the wait. */
void health_do_go_on(struct health *h);
void health_service_answered(struct health *h);
/* Puts down what somebody should read: it is sent as soon as it can be. */
void health_alert(struct health *h, const char *subject);

/* orders.c */
int orders_open(struct health *h);
void orders_close(struct health *h);
unsigned orders_poll(struct health *h, struct pollfd *fds);
void orders_go_on(struct health *h);
/* Somebody waits for the peers to agree that this node is drained. */
bool orders_ask(const struct health *h);

#endif
