/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The newest note of each peer.
 */
#include "replicator/notes.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "replicator/peers.h"

_Static_assert(NODE_NOTE_MAX == WIRE_NOTE_MAX, "what can be said can be sent");

struct note {
	uint8_t *p; /* NULL: none came */
	size_t len;
	int64_t came_msec; /* monotonic */
};

struct notes {
	uint32_t n;
	struct note note[];
};

struct notes *notes_new(struct node *n)
{
	size_t npeers = n->conf->npeers;
	struct notes *o = calloc(1, sizeof(*o) + npeers * sizeof(o->note[0]));

	if (o)
		o->n = (uint32_t)npeers;
	return o;
}

void notes_free(struct notes *o)
{
	if (!o)
		return;
	for (uint32_t i = 0; i < o->n; i++)
		free(o->note[i].p);
	free(o);
}

void notes_take(struct notes *o, uint32_t peer, const struct message *m)
{
	struct note *note = &o->note[peer];
	uint8_t *p = malloc(m->note.len ? m->note.len : 1);

	if (!p)
		return; /* there will be another one in a second */
	memcpy(p, m->note.p, m->note.len);
	free(note->p);
	*note = (struct note){.p = p, .len = m->note.len, .came_msec = clock_monotonic_msec()};
}

/* ---- for the control socket ---- */

void node_note_say(struct node *n, const uint8_t *p, size_t len)
{
	peers_send_note(n->peers, p, len);
}

void node_note(const struct node *n, uint32_t peer, struct note_status *s)
{
	const struct note *note = &n->notes->note[peer];

	*s = (struct note_status){.peer = n->conf->peers[peer].name,
				  .reachable = n->peers->p[peer].reachable,
				  .p = note->p,
				  .len = note->len};
	if (note->p)
		s->age_msec = clock_monotonic_msec() - note->came_msec;
}
