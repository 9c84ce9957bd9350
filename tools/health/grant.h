/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who may withdraw although its name server answers: with a grant only, so that never all do. Pure:
 * no clock, no socket.
 *
 * Every node sends every other a *note*, every second or so: whether it announces, whether it asks
 * to withdraw, and which request of which peer it grants. A grant is a promise to stay for a lease.
 *
 *   A node grants only while it announces; while it asks itself, only to lower names.
 *   Who has promised does not withdraw for its data before the promise has ended.
 *   The one who asks counts the lease from when it sent the request; the one who grants counts its
 *   promise, a quarter longer, from when it sent the grant. So delays do no harm, nor do clocks
 *   whose rates differ by up to a tenth.
 *   After a start a node has promised everything: it may have, in an earlier life.
 *   Requests carry their sender's life: a grant to an earlier life is none.
 *   A peer that is not heard counts as one that does not announce; one that is heard announcing
 *   must have granted, too.
 *
 * It follows: whoever is withdrawn for data has, for each node that it counts on, one that is not.
 * If that one dies the lease ends, and the withdrawn one comes back.
 */
#ifndef HEALTH_GRANT_H
#define HEALTH_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#define GRANT_PEERS_MAX 64
#define GRANT_SENT_KEPT 64 /* requests whose grants still count */

struct grant_conf {
	unsigned npeers;
	bool lower[GRANT_PEERS_MAX]; /* the peer's name is lower than this node's */
	unsigned min_announcing;     /* others that have to stay; 1 or more */
	int64_t lease_msec;
	uint64_t life; /* random, not 0 */
};

struct grant_note {
	uint64_t life;
	uint64_t serial; /* counts notes of this life, from 1 on */
	bool announces, asks;
	/* For the receiver: its request that is granted; life 0: none. */
	uint64_t granted_life, granted_serial;
};

struct grant;

/* NULL: out of memory. `conf` is copied. */
struct grant *grant_new(const struct grant_conf *conf, int64_t now);
void grant_free(struct grant *g);

/* What this node is and wants; said in the next notes. */
void grant_set(struct grant *g, bool announces, bool asks);
/* Begins the notes of now: one serial for all peers. */
void grant_begin(struct grant *g, int64_t now);
/* The note for a peer. It has to be sent, if at all, only after this: a grant in it is promised. */
struct grant_note grant_note_for(struct grant *g, unsigned peer, int64_t now);
void grant_heard(struct grant *g, unsigned peer, const struct grant_note *note, int64_t now);

/* Until when this node may be withdrawn for its data; INT64_MIN: not now. */
int64_t grant_until(const struct grant *g, int64_t now);
/* Whether a peer's grant holds: it has promised to stay. */
bool grant_from(const struct grant *g, unsigned peer, int64_t now);
/* How many peers have said within a lease that they announce: for an orderly leave. */
unsigned grant_announcing(const struct grant *g, int64_t now);

#endif
