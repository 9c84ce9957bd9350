/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The commands "pause" and "resume": replication by hand.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "replicator/control/control_history.h"

static void who_text(const struct client *c, const json_t *request, char dst[NODE_BY_MAX])
{
	const char *user;
	struct who who;

	order_who(c, request, &who, &user);
	if (user[0])
		snprintf(dst, NODE_BY_MAX, "%.80s", user);
	else
		snprintf(dst, NODE_BY_MAX, "uid %u", who.uid);
	size_t len = strlen(dst);
	if (who.tty[0])
		snprintf(dst + len, NODE_BY_MAX - len, " (%.40s)", who.tty);
}

static void pause_start(struct client *c, const json_t *request)
{
	char by[NODE_BY_MAX];

	who_text(c, request, by);
	int err = node_pause(c->node, by);
	if (err == 0)
		control_end(c, 0,
			    "replication is paused: nothing is taken from the peers or given to "
			    "them until zonefsctl resume, be it after a restart");
	else if (err == -EALREADY)
		control_end(c, 1, "replication is paused already, by %s", c->node->paused_by);
	else
		control_end(c, 1, "the store cannot be written: %s", err_text(err));
}

static void resume_start(struct client *c, const json_t *request)
{
	(void)request;
	int err = node_resume(c->node);
	if (err == 0)
		control_end(c, 0, "replication goes on: this node and its peers catch up");
	else if (err == -EALREADY)
		control_end(c, 1, "replication is not paused on this node: there is nothing to do");
	else
		control_end(c, 1, "the store cannot be written: %s", err_text(err));
}

const struct control_command control_pause = {.name = "pause", .start = pause_start};
const struct control_command control_resume = {.name = "resume", .start = resume_start};
