/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The commands "held", "approve" and "discard": what the safety brake holds, and what becomes of it.
 */
#include "base/err.h"
#include "replicator/control_internal.h"

#define HELD_MAX 1000 /* told one by one */

struct held_list {
	struct client *client;
	uint32_t said;
};

static bool say_held(void *arg, const char *path)
{
	struct held_list *list = arg;
	json_t *o = json_object();

	control_add_text(o, "type", "held");
	control_add_path(o, "path", path);
	if (control_line(list->client, o))
		list->said++;
	return list->said < HELD_MAX && control_has_room(list->client);
}

static void held_start(struct client *c, const json_t *request)
{
	struct held_list list = {.client = c};
	struct node_status s;

	(void)request;
	node_status(c->node, &s);
	node_held(c->node, "", say_held, &list);
	if (s.held == 0)
		control_end(c, 0, "nothing is held");
	else
		control_end(c, 1,
			    "%u path%s %s removed or emptied here, but not on the peers%s: "
			    "zonefsctl approve tells them, zonefsctl discard puts it back",
			    s.held, s.held == 1 ? "" : "s", s.held == 1 ? "is" : "are",
			    list.said < s.held ? " (not all are listed)" : "");
}

static void decide(struct client *c, const json_t *request, bool approve)
{
	const char *text = "";
	char path[PATH_LEN_MAX + 1];

	if (!control_get_text(request, "path", &text) || control_path(text, path) < 0) {
		control_end(c, 1, "\"path\" is not a path of the tree");
		return;
	}
	uint32_t n = node_decide(c->node, path, approve);
	if (n == 0 && path[0])
		control_end(c, 1, "nothing is held there: zonefsctl held lists what is");
	else if (n == 0)
		control_end(c, 1, "nothing is held: there is nothing to do");
	else
		control_end(c, 0, "%u path%s: %s", n, n == 1 ? "" : "s",
			    approve ? "the removal goes to the peers"
				    : "put back as the peers have it");
}

static void approve_start(struct client *c, const json_t *request)
{
	decide(c, request, true);
}

static void discard_start(struct client *c, const json_t *request)
{
	decide(c, request, false);
}

const struct control_command control_held = {.name = "held", .start = held_start};
const struct control_command control_approve = {.name = "approve", .start = approve_start};
const struct control_command control_discard = {.name = "discard", .start = discard_start};
