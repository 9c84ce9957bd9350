/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A conversation with the replicator's control socket, one request at a time, without blocking. One
 * that does not answer is something to be told, and nothing else.
 */
#ifndef HEALTH_TALK_H
#define HEALTH_TALK_H

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/conf.h"

struct talk {
	const struct conf *conf;
	int fd; /* -1: nothing is awaited */
	struct buf in;
	int64_t until;
	char why[128]; /* there was no answer, "": there was */
};

/* `conf` is borrowed. */
void talk_init(struct talk *t, const struct conf *conf);
void talk_fini(struct talk *t);
/* Asks, a line without its end; not while it is busy. A replicator that is not there is noticed by
 * talk_go_on. */
void talk_start(struct talk *t, const char *request, int64_t now);
bool talk_busy(const struct talk *t);
struct pollfd talk_poll(const struct talk *t); /* fd -1: nothing to wait for */
int64_t talk_next(const struct talk *t);
/* True: it is over. */
bool talk_go_on(struct talk *t, int64_t now);
/* The answer's lines, each as an object that is gone after the call. False: it is not a whole one, and
 * t->why says why. */
bool talk_lines(struct talk *t, void (*each)(void *arg, const json_t *line), void *arg);

const char *talk_text(const json_t *line, const char *name); /* "" where it is none */
int64_t talk_number(const json_t *line, const char *name);   /* also where it is a string */
bool talk_bool(const json_t *line, const char *name);

#endif
