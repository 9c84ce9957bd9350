/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The page that a PEEK asks for: visible versions, from the cursor on. Directories that are there only
 * for what is in them have none.
 */
#include <stdlib.h>
#include <string.h>

#include "replicator/peek.h"
#include "replicator/peers.h"

#define ITEM_BYTES 256 /* about what a version takes beside its texts */

struct filling {
	struct node *node;
	struct wire_peeked *to;
	size_t bytes;
	char *last; /* path gone through */
	bool full;
};

static bool add(void *arg, const struct core_path *p)
{
	struct filling *f = arg;
	const struct version *v = core_visible(f->node->core, p->path);

	if (f->to->n == PAGE_VERSIONS_MAX || f->bytes > PAGE_BYTES_MAX) {
		f->full = true;
		return false;
	}
	free(f->last);
	f->last = strdup(p->path);
	if (!f->last)
		return false;
	if (!v || !version_live(v))
		return true;
	struct item *i = &f->to->items[f->to->n];
	i->path = strdup(p->path);
	if (!i->path)
		return false;
	i->version = version_get((struct version *)(uintptr_t)v);
	f->to->n++;
	f->bytes += ITEM_BYTES + strlen(p->path) + (v->target ? strlen(v->target) : 0) +
		    v->context.n * sizeof(struct dot);
	return true;
}

static void fill(struct node *n, uint32_t peer, struct wire_peeked *to)
{
	strncpy(to->node, n->conf->node, sizeof(to->node) - 1);
	strncpy(to->as, n->conf->peers[peer].name, sizeof(to->as) - 1);
	to->patterns = locality_hash(n->conf->locality);
	to->wall_msec = n->wall_msec;
	to->joining = core_joining(n->core);
	to->paused = n->paused_msec != 0;
	to->known = core_peer_known(n->core, peer);
	to->receive_only = n->conf->peers[peer].receive_only;
}

void peek_answer(struct node *n, uint32_t peer, const struct link_route *route,
		 const struct message *m)
{
	struct message *back = calloc(1, sizeof(*back));
	struct filling f = {.node = n};

	if (!back)
		return;
	back->type = WIRE_PEEKED;
	back->id = m->id;
	f.to = &back->peeked;
	fill(n, peer, f.to);
	f.to->items = calloc(PAGE_VERSIONS_MAX, sizeof(*f.to->items));
	if (f.to->items && !f.to->joining)
		core_each(n->core, m->peek.cursor, add, &f);
	f.to->next = f.full ? f.last : strdup("");
	if (!f.full)
		free(f.last);
	if (f.to->items && f.to->next)
		peers_answer(n->peers, peer, route, back);
	message_fini(back);
	free(back);
}
