/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One query on a socket of its own, UDP or TCP, without blocking.
 */
#ifndef HEALTH_QUERY_H
#define HEALTH_QUERY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/health/ask.h"

struct query_target {
	const char *address; /* numeric */
	int port;
	bool tcp;
	const char *zone; /* borrowed until the query is done */
	uint16_t type;
	enum conf_answer answer;
};

struct query {
	struct query_target target;
	int fd; /* -1: done */
	uint16_t id;
	uint8_t out[2 + ASK_MESSAGE_MAX]; /* TCP's length first, unused over UDP */
	size_t out_len, out_at;
	uint8_t *in; /* over TCP */
	size_t in_len, in_at;
	enum rule_outcome outcome; /* when done */
	char words[RULE_WORDS];    /* likewise */
};

/* Sends, or begins to. It may be done at once. */
void query_start(struct query *q, const struct query_target *target, uint16_t id);
bool query_done(const struct query *q);
/* What to wait for. */
struct pollfd query_poll(const struct query *q);
void query_ready(struct query *q);
/* Its time is up: silent, unless it was done. Also frees what it has. */
void query_stop(struct query *q);

#endif
