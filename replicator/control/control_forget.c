/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "forget": a node that does not come back is waited for no longer. What would follow is
 * said first ("ask"), so that a person can decide.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "replicator/control/control_internal.h"

#define LATELY_MSEC 60000 /* by what others tell: they do so every half minute */

static const struct core_node *known_find(const struct core_node *known, uint32_t n,
					  const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(known[i].name, name) == 0)
			return &known[i];
	return NULL;
}

/* It lives: it would be back at once. */
static bool refuse_living(struct client *c, const struct core_node *k)
{
	int64_t ago = c->node->wall_msec - k->heard_msec;
	char span[CLOCK_SPAN_TEXT];
	struct peer_status p;

	if (k->peer < node_peers(c->node)) {
		node_peer(c->node, k->peer, &p);
		if (p.reachable)
			control_end(c, 1,
				    "%s can be reached, and would be back at once: first stop it for "
				    "good, or take it out of zonefs.conf on all other nodes",
				    k->name);
		return p.reachable;
	}
	if (ago >= LATELY_MSEC)
		return false;
	clock_span(span, ago < 0 ? 0 : ago);
	control_end(c, 1,
		    "%s was heard %s ago by a node that has it as a peer: first stop it for good, or "
		    "take it out of zonefs.conf there; then try again in a minute",
		    k->name, span);
	return true;
}

static bool refuse(struct client *c, const struct core_node *k, const char *name)
{
	if (strcmp(name, c->node->conf->node) == 0)
		control_end(c, 1, "%s is this node itself", name);
	else if (!k)
		control_end(c, 1, "no node \"%s\" is known here", name);
	else if (k->forgotten)
		control_end(c, 1, "%s is forgotten already: there is nothing to do", name);
	else
		return refuse_living(c, k);
	return true;
}

static void forget_start(struct client *c, const json_t *request)
{
	CLEANUP_FREE struct core_node *known = calloc(NODES_KNOWN_MAX, sizeof(*known));
	const char *name = "";
	bool ask = false;

	if (!known) {
		control_end(c, 1, "out of memory");
		return;
	}
	if (!control_get_text(request, "node", &name) || !control_get_bool(request, "ask", &ask)) {
		control_end(c, 1, "\"node\" is a node's name, \"ask\" true or false");
		return;
	}
	const struct core_node *k = known_find(known, node_known(c->node, known), name);
	if (refuse(c, k, name))
		return;
	const char *configured = k->peer < node_peers(c->node)
				     ? "; it is still a peer here: take it out of zonefs.conf"
				     : "";
	if (ask) {
		char span[CLOCK_SPAN_TEXT];

		clock_span(span, c->node->wall_msec - k->heard_msec);
		control_end(c, 0,
			    "%s was last heard %s ago; %u deletion%s kept for it; what only it has "
			    "is not known here, and stays so%s",
			    name, span, k->kept, k->kept == 1 ? " is" : "s are", configured);
		return;
	}
	node_forget(c->node, name);
	control_end(c, 0,
		    "%s is forgotten here, and on the other nodes as they hear of it: what is "
		    "deleted is kept for it no longer%s", name,
		    configured);
}

const struct control_command control_forget = {.name = "forget", .start = forget_start};
