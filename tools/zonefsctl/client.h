/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Asking the running node: one request, lines back, a last line. The protocol is described in
 * replicator/control/control.c.
 */
#ifndef ZONEFSCTL_CLIENT_H
#define ZONEFSCTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/conf.h"

/* The configuration to use instead of the default one; borrowed. */
void client_use_file(const char *file);
/* It, read once; NULL: it is wrong or cannot be read, and that has been told. */
const struct conf *client_conf(void);
void client_forget(void);

struct client_call {
	const char *command;
	json_t *request; /* further fields, or NULL; taken */
	bool health;     /* of zonefs-health, not of the node */
	int silence_sec; /* how long the node may say nothing; 0: for ever */
	bool json;       /* print the lines as they are, instead of giving them to `each` */
	void (*each)(void *arg, const json_t *line); /* NULL: only the last one is of interest */
	void *arg;
	/* The last line's sentence, a new string that the caller frees; NULL: not wanted. Set to
	 * NULL where no last line came. */
	char **words;
};

/* The exit status: what the node says, or CTL_FAILED after the reason has been told. */
int client_call(const struct client_call *call);
/* Likewise; the last line's sentence, where it says that it went wrong, is told as the reason.
 * `about`, or NULL, comes before it ("about: ..."). `words` is its own, as it is for the next two. */
int client_ask(struct client_call call, const char *about);
/* Likewise, and it is said also where all went well. */
int client_order(struct client_call call, const char *about);
/* Likewise, and it is printed whatever it says, unless the lines are printed as they are: it is what was
 * asked for. */
int client_show(struct client_call call);

/* A line's field, or what there is in its place: "", 0, false. */
const char *line_text(const json_t *line, const char *name);
long long line_number(const json_t *line, const char *name);
bool line_bool(const json_t *line, const char *name);
bool line_is(const json_t *line, const char *type);

#endif
