/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The link to the peers: PUB and ROUTER bound, a SUB and a DEALER connected to each peer, CURVE on
 * all, an allow-list of public keys through ZAP that fails closed. It moves bytes; what they mean is the
 * loop's. One thread (the ZAP handler has its own, inside).
 *
 * A message is at most WIRE_MESSAGE_MAX bytes, else ERR_LIMIT; a longer one from a peer ends that
 * connection, and a new one is made. Broadcasts, requests and answers that others have not read yet
 * are held up to 128 MiB each.
 */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"

struct link;

enum link_event_type {
	LINK_BROADCAST,  /* from a peer's PUB */
	LINK_REQUEST,    /* on our ROUTER, from a peer: answer with link_answer */
	LINK_ANSWER,     /* on our DEALER to that peer */
	LINK_CONNECTED,  /* requests to this peer can be sent: the handshake succeeded */
	LINK_DISCONNECTED, /* requests without an answer will get none: ask again when connected */
};

/* Where an answer goes: the peer's ROUTER identity. */
#define LINK_ROUTE_MAX 64
struct link_route {
	uint8_t len;
	uint8_t id[LINK_ROUTE_MAX];
};

struct link_event {
	enum link_event_type type;
	uint32_t peer; /* index in conf->peers, proved by its CURVE key */
	struct link_route route; /* REQUEST */
	const uint8_t *p;        /* valid until the next call on the link */
	size_t len;
};

/* All zero in the daemon. */
struct link_options {
	bool unheard; /* listens nowhere: it only asks */
	/* Test seams. */
	bool without_zap; /* start without the handler: everybody must then be refused */
};

/* Binds and connects. Every failure is logged with what to do. `keys` is copied and wiped at the end. */
int link_open(struct link **out, const struct conf *conf, const struct conf_keys *keys,
	      const struct link_options *options);
void link_close(struct link *l); /* gives what is queued 200 ms to leave */

/* Descriptors to poll for POLLIN: at most max into fds; how many. (ZeroMQ's are edge-triggered: call
 * link_receive until it says 0 after every wake-up, and after every send.) */
int link_fds(const struct link *l, int *fds, int max);
#define LINK_FDS_MAX (5 + 4 * CONF_PEERS_MAX)
/* The next event: 1, 0 (none now), or -errno. Fair among sockets. */
int link_receive(struct link *l, struct link_event *e);

/* To all peers. Never blocks; a peer that does not read loses it (and catches up). -EAGAIN: too much
 * is held for slow peers, and all have lost it. */
int link_broadcast(struct link *l, const void *p, size_t len);
/* A request to one peer. -EAGAIN where it is not connected or its queue is full. */
int link_request(struct link *l, uint32_t peer, const void *p, size_t len);
/* An answer to a LINK_REQUEST. -EAGAIN: dropped; -EHOSTUNREACH: it has gone. */
int link_answer(struct link *l, const struct link_route *to, const void *p, size_t len);

struct link_peer_state {
	bool connected;
	char last_error[160]; /* why the last connection failed; "" */
	int64_t since_msec;   /* of this state, wall clock */
	uint64_t bad_messages;
};
void link_peer(const struct link *l, uint32_t peer, struct link_peer_state *s);
/* Attempts that were refused since the start (an unlisted key, one that does not know our key, no
 * encryption, not our protocol), and the address of the last one that had a known address ("": none). */
uint64_t link_refused(const struct link *l, char *address, size_t size);

#endif
