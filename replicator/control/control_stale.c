/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "stale": the zones that a peer that can be reached serves fresher than this node
 * (replicator/stale.h). For programs that ask often: it looks at what was proved, and at no file. What a
 * zone has of several peers is said of each; STALE_LINES in all, the rest is counted.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replicator/control/control_internal.h"
#include "replicator/node_internal.h"
#include "replicator/proofs.h"
#include "replicator/stale.h"

#define STALE_LINES 256
#define REFUSED_MAX 10000

struct looking {
	struct client *client;
	const char *name; /* the peer's */
	char **refused;   /* paths, in order; as the core's until it is stepped */
	size_t nrefused;
	uint64_t n;
};

/* ---- what is refused here ---- */

static bool add_refused(void *arg, const struct core_path *p)
{
	struct looking *l = arg;

	if (!p->draft && p->waiting && (p->verdict == VERDICT_BAD || p->verdict == VERDICT_UNKNOWN))
		l->refused[l->nrefused++] = (char *)(uintptr_t)p->path;
	return l->nrefused < REFUSED_MAX;
}

static void find_refused(struct looking *l)
{
	const struct core *core = l->client->node->core;
	struct core_gate gate;

	core_gate(core, &gate);
	l->refused = gate.refused > 0 ? calloc(REFUSED_MAX, sizeof(*l->refused)) : NULL;
	if (l->refused)
		core_each(core, "", add_refused, l);
}

static enum stale_block block_of(const struct looking *l, const char *path)
{
	if (core_draft(l->client->node->core, path))
		return BLOCK_HELD;
	for (size_t i = 0; i < l->nrefused; i++)
		if (strcmp(l->refused[i], path) == 0)
			return BLOCK_REFUSED;
	return BLOCK_NONE;
}

/* ---- lines ---- */

static void add_serial(json_t *o, const char *name, const struct proof *proof)
{
	char number[16];

	if (!proof || !proof->has_serial)
		return;
	snprintf(number, sizeof(number), "%" PRIu32, proof->serial);
	control_add_text(o, name, number);
}

static void look(void *arg, const struct proof *proof)
{
	struct looking *l = arg;
	struct node *n = l->client->node;

	if (!proof->path[0])
		return;
	const struct proof *own = proofs_find(n->proofs, PROOFS_SELF, proof);
	enum stale s =
	    stale_compare(own, proof, core_visible(n->core, proof->path), block_of(l, proof->path));
	if (s == STALE_NOT || l->n++ >= STALE_LINES)
		return;
	json_t *o = json_object();
	control_add_text(o, "type", "stale");
	control_add_text(o, "zone", proof->zone);
	control_add_text(o, "class", proof->zclass);
	if (proof->view[0])
		control_add_text(o, "view", proof->view);
	control_add_path(o, "path", proof->path);
	control_add_text(o, "why", stale_text(s));
	control_add_text(o, "peer", l->name);
	add_serial(o, "serial", proof);
	add_serial(o, "here", own);
	if (own && own->words[0])
		control_add_text(o, "words", own->words);
	control_line(l->client, o);
}

static void stale_start(struct client *c, const json_t *request)
{
	struct looking l = {.client = c};
	struct peer_status p;

	(void)request;
	find_refused(&l);
	for (uint32_t i = 0; i < node_peers(c->node); i++) {
		node_peer(c->node, i, &p);
		l.name = p.name;
		if (p.reachable)
			proofs_each(c->node->proofs, i, look, &l);
	}
	free(l.refused);
	if (l.n == 0)
		control_end(c, 0,
			    "no peer that can be reached serves a zone fresher than this node");
	else
		control_end(c, 1, "%" PRIu64 " times a peer serves a zone fresher than this node%s",
			    l.n, l.n > STALE_LINES ? ", not all are said" : "");
}

const struct control_command control_stale = {.name = "stale", .start = stale_start};
