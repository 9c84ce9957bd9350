/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "check": is every content of this node's store what its hash says?
 */
#include <errno.h>
#include <inttypes.h>

#include "base/err.h"
#include "replicator/control/control_internal.h"

static void say(void *arg, const char *path, struct hash hash, bool missing)
{
	struct client *c = arg;
	json_t *o = json_object();
	char text[HASH_TEXT];

	hash_text(text, hash);
	control_add_text(o, "type", "content");
	control_add_text(o, "found", missing ? "missing" : "damaged");
	control_add_path(o, "path", path);
	control_add_text(o, "hash", text);
	control_line(c, o);
}

static void done(void *arg, uint64_t contents, uint64_t bad, int err)
{
	struct client *c = arg;

	c->job = NULL;
	if (err < 0)
		control_end(c, 1, "the store cannot be read: %s", err_text(err));
	else if (bad > 0)
		control_end(
		    c, 1,
		    "%" PRIu64 " of %" PRIu64 " contents %s damaged or missing: got again from "
		    "this host's tree or from the peers, zonefsctl status says which are not "
		    "back yet",
		    bad, contents, bad == 1 ? "is" : "are");
	else
		control_end(c, 0, "%" PRIu64 " contents of the store have been read: all are whole",
			    contents);
}

static void check_start(struct client *c, const json_t *request)
{
	const struct check_calls calls = {.report = say, .done = done, .arg = c};

	(void)request;
	int err = node_check(c->node, &calls);
	if (err == 0)
		c->job = c;
	else
		control_end(c, 1, "%s",
			    err == -EBUSY ? "the store is being checked already: try again"
					  : err_text(err));
}

static void check_finish(struct client *c)
{
	node_check_cancel(c->node, c);
}

const struct control_command control_check = {
    .name = "check", .start = check_start, .finish = check_finish};
