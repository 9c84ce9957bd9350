/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Answering a peer that wants contents: pieces, as many as fit into one message.
 */
#include "replicator/contents.h"

#include <stdlib.h>

#include "base/err.h"
#include "replicator/hashing.h"
#include "replicator/peers.h"
#include "replicator/repair.h"

/* What is not what its hash says goes to nobody. */
static long read_piece(struct node *n, const struct wire_piece *asked, uint8_t *p, size_t room,
		       uint64_t *total)
{
	long len = store_read(n->store, asked->hash, asked->offset, p, room, total);

	if (len >= 0 && *total > STORE_SMALL_MAX && asked->offset == 0 &&
	    store_prove(n->store, asked->hash) == ERR_CORRUPT)
		len = ERR_CORRUPT;
	else if (len >= 0 && *total <= STORE_SMALL_MAX && asked->offset == 0 &&
		 !hash_same(hash_of(p, (size_t)len), asked->hash))
		len = ERR_CORRUPT;
	if (len == ERR_CORRUPT)
		repair_content(n->repair, asked->hash);
	return len;
}

void contents_answer(struct node *n, uint32_t peer, const struct link_route *route,
		     const struct message *m)
{
	struct message *back = calloc(1, sizeof(*back));
	uint8_t *bytes = malloc(WIRE_PIECES_MAX);
	size_t used = 0;

	if (!back || !bytes) {
		free(back);
		free(bytes);
		return;
	}
	back->type = WIRE_PIECES;
	back->id = m->id;
	for (uint32_t i = 0; i < m->pieces.n; i++) {
		const struct wire_piece *asked = &m->pieces.p[i];
		struct wire_piece *p = &back->pieces.p[back->pieces.n];
		size_t room = WIRE_PIECES_MAX - used;
		uint64_t total = 0;

		if (room < STORE_SMALL_MAX)
			break; /* the rest is asked for again; a small one is never sent in part */
		if (room > WIRE_PIECE_MAX)
			room = WIRE_PIECE_MAX;
		long len = read_piece(n, asked, bytes + used, room, &total);
		p->hash = asked->hash;
		p->offset = asked->offset;
		p->status = len < 0;
		p->total = len < 0 ? 0 : total;
		p->p = bytes + used;
		p->len = len < 0 ? 0 : (size_t)len;
		used += p->len;
		back->pieces.n++;
	}
	peers_answer(n->peers, peer, route, back);
	free(bytes);
	free(back);
}
