/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the control socket's commands share: a client, and how a command answers it. A client has
 * one command under way at most; its next request is read when that has ended.
 */
#ifndef REPLICATOR_CONTROL_INTERNAL_H
#define REPLICATOR_CONTROL_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "replicator/control/control.h"
#include "replicator/control/control_json.h"

#define CONTROL_CLIENTS_MAX 64
#define CONTROL_REQUEST_MAX (64 * 1024)
#define CONTROL_OUTPUT_MAX (1024 * 1024)
#define CONTROL_END_MAX (16 * 1024) /* beyond that, for the last line */
#define CONTROL_WORDS_MAX 4096

struct client {
	struct node *node;
	int fd;
	bool half_closed; /* it will send no more */
	bool leaving;     /* to be dropped when its output is sent */
	bool lost;        /* it has gone, or does not speak our language: dropped at once */
	bool stuck;       /* its socket is full */
	struct buf in; /* what it sent: requests, the first of them being answered or yet to be */
	struct buf out;
	size_t sent;                           /* of out */
	const struct control_command *command; /* under way; NULL: none */
	void *job;                             /* the command's own */
};

/* A subcommand. `start` checks the request, and either has ended (control_end) when it returns or
 * goes on by call backs or by `round`. */
struct control_command {
	const char *name;
	bool stopped; /* needs no more than the store: for a node that does not run, too */
	void (*start)(struct client *c, const json_t *request);
	/* Once in each round while there is room for more output; NULL: none. */
	void (*round)(struct client *c);
	/* Frees the job and lets go of all that would call back. Called once, after control_end or
	 * when the client has gone; NULL: there is none. */
	void (*finish)(struct client *c);
	/* When `round` wants to be called again: monotonic ms; NULL: with everything else. */
	int64_t (*wake)(const struct client *c);
};

extern const struct control_command control_status;
extern const struct control_command control_peers;
extern const struct control_command control_log;
extern const struct control_command control_wait;
extern const struct control_command control_verify;
extern const struct control_command control_check;
extern const struct control_command control_start_alone;
extern const struct control_command control_history;
extern const struct control_command control_conflicts;
extern const struct control_command control_content;
extern const struct control_command control_restore;
extern const struct control_command control_restore_at;
extern const struct control_command control_resolve;
extern const struct control_command control_held;
extern const struct control_command control_hold;
extern const struct control_command control_release;
extern const struct control_command control_approve;
extern const struct control_command control_discard;
extern const struct control_command control_edit;
extern const struct control_command control_set_aside;
extern const struct control_command control_pause;
extern const struct control_command control_resume;
extern const struct control_command control_forget;
extern const struct control_command control_zones;
extern const struct control_command control_wait_zone;
extern const struct control_command control_serving;
extern const struct control_command control_stale;
extern const struct control_command control_lint;
extern const struct control_command control_notes;

/* Adds a line; takes the reference (NULL: out of memory). False: there is no room, and nothing was
 * added. */
bool control_line(struct client *c, json_t *line);
/* Room for a page of lines: less than half of the output is waiting. */
bool control_has_room(const struct client *c);
/* The last line: the command has ended. `words` is a sentence for people. */
void control_end(struct client *c, int status, const char *words, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- control_client.c, for control.c ---- */

void client_init(struct client *c, struct node *n, int fd); /* takes fd */
void client_fini(struct client *c);
/* Starts the next request if none is under way; true if one was there. */
bool client_step(struct client *c);
/* Takes what was sent, sends what is to be sent, as far as that is possible now. */
void client_take(struct client *c);
void client_give(struct client *c);
size_t client_waiting(const struct client *c); /* bytes to be sent */
bool client_has_request(const struct client *c);
bool client_is_over(const struct client *c); /* it can be dropped */

#endif
