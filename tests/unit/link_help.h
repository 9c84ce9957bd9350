/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For tests of the link, on real sockets of the loopback interface: nodes that list each other, and
 * strangers made of bare ZeroMQ sockets. Every wait is for a condition, with a bound.
 */
#ifndef TESTS_LINK_HELP_H
#define TESTS_LINK_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "replicator/link/link_internal.h"

#define BOUND_MSEC 30000
#define PEERS_MAX 3
#define EVENT_TYPES (LINK_DISCONNECTED + 1)

struct node {
	struct conf conf;
	struct conf_peer peers[PEERS_MAX];
	struct conf_keys keys;
	char address[64];
	struct link *link;
	/* what was received */
	int count[PEERS_MAX][EVENT_TYPES];
	struct link_route route; /* of the last request */
	char text[EVENT_TYPES][64];
};

/* A socket that holds `port` (0: any that is free) of all addresses and does not listen: while it is
 * there, no connection of any process gets the port as its own, and who asks for SO_REUSEADDR, as
 * libzmq does, listens there (socket(7)). -1: it is taken. */
static inline int hold_port(int port)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6,
				  .sin6_addr = in6addr_any,
				  .sin6_port = htons((uint16_t)port)};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	if (bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The lower one of two ports that are held until this process ends: also while no node listens
 * there, so that a peer that is not up is found by nobody, not even by its own peer's connection. */
static inline int held_port_pair(void)
{
	for (int tries = 0; tries < 100; tries++) {
		struct sockaddr_in6 sa;
		socklen_t len = sizeof sa;
		int first = hold_port(0);

		if (first < 0 || getsockname(first, (struct sockaddr *)&sa, &len) < 0)
			break;
		int port = ntohs(sa.sin6_port);
		if (port < 65535 && hold_port(port + 1) >= 0)
			return port;
		close(first);
	}
	fail_msg("no two free ports");
	return 0;
}

static inline void node_init(struct node *n, const char *name, const char *host)
{
	memset(n, 0, sizeof *n);
	snprintf(n->address, sizeof n->address, "tcp://%s:%d", host, held_port_pair());
	assert_int_equal(zmq_curve_keypair(n->keys.public_key, n->keys.secret_key), 0);
	n->conf.file = "test.conf";
	n->conf.node = (char *)name;
	n->conf.listen = n->address;
	n->conf.peers = n->peers;
}

static inline void node_add(struct node *n, const struct node *peer)
{
	struct conf_peer *p = &n->peers[n->conf.npeers++];

	assert_true(n->conf.npeers <= PEERS_MAX);
	p->name = peer->conf.node;
	p->address = (char *)peer->address;
	memcpy(p->key, peer->keys.public_key, sizeof p->key);
}

static inline void node_start(struct node *n)
{
	assert_int_equal(link_open(&n->link, &n->conf, &n->keys, NULL), 0);
}

static inline void node_stop(struct node *n)
{
	link_close(n->link);
	n->link = NULL;
}

/* Takes what there is; answers every request with its own bytes. */
static inline void node_pump(struct node *n)
{
	struct link_event e;
	int rc;

	while ((rc = link_receive(n->link, &e)) == 1) {
		assert_true(e.peer < n->conf.npeers);
		n->count[e.peer][e.type]++;
		if (e.type <= LINK_ANSWER) {
			size_t len = e.len < 63 ? e.len : 63;
			memcpy(n->text[e.type], e.p, len);
			n->text[e.type][len] = '\0';
		}
		if (e.type == LINK_REQUEST) {
			n->route = e.route;
			link_answer(n->link, &e.route, e.p, e.len);
		}
	}
	assert_int_equal(rc, 0);
}

/* Sleeps until one of the nodes has something, at most 20 ms (for strangers, who are not polled).
 */
static inline void pump(struct node **nodes, int n)
{
	struct pollfd fds[PEERS_MAX * LINK_FDS_MAX];
	nfds_t nfds = 0;

	for (int i = 0; i < n; i++) {
		int list[LINK_FDS_MAX];
		int k =
		    nodes[i] && nodes[i]->link ? link_fds(nodes[i]->link, list, LINK_FDS_MAX) : 0;

		for (int j = 0; j < k; j++)
			fds[nfds++] = (struct pollfd){.fd = list[j], .events = POLLIN};
	}
	poll(fds, nfds, 20);
	for (int i = 0; i < n; i++)
		if (nodes[i] && nodes[i]->link)
			node_pump(nodes[i]);
}

/* Pumps a, b and c (NULL: none) until the condition holds. */
#define await(a, b, c, condition)                                                                  \
	do {                                                                                       \
		struct node *nodes_[] = {a, b, c};                                                 \
		int64_t end_ = clock_monotonic_msec() + BOUND_MSEC;                                \
		while (!(condition)) {                                                             \
			if (clock_monotonic_msec() > end_)                                         \
				fail_msg("never: %s", #condition);                                 \
			pump(nodes_, 3);                                                           \
		}                                                                                  \
	} while (0)

static inline bool says(const struct node *n, uint32_t peer, const char *words)
{
	struct link_peer_state s;

	link_peer(n->link, peer, &s);
	return strstr(s.last_error, words) != NULL;
}

static inline bool connected(const struct node *n, uint32_t peer)
{
	struct link_peer_state s;

	link_peer(n->link, peer, &s);
	return s.connected;
}

static inline uint64_t bad_messages(const struct node *n, uint32_t peer)
{
	struct link_peer_state s;

	link_peer(n->link, peer, &s);
	return s.bad_messages;
}

static inline uint64_t refused(const struct node *n)
{
	char address[LINK_ADDRESS_MAX];

	return link_refused(n->link, address, sizeof address);
}

/* A broadcast until the other has one: its subscription may still be on its way. */
static inline bool broadcast_heard(struct node *from, struct node *to, uint32_t peer)
{
	if (to->count[peer][LINK_BROADCAST] > 0)
		return true;
	link_broadcast(from->link, "news", 4);
	return false;
}

static inline void make_pair(struct node *a, struct node *b, const char *host)
{
	node_init(a, "a", host);
	node_init(b, "b", host);
	node_add(a, b);
	node_add(b, a);
}

static inline void exchange(struct node *a, struct node *b)
{
	await(a, b, NULL, a->count[0][LINK_CONNECTED] && b->count[0][LINK_CONNECTED]);
	await(a, b, NULL, broadcast_heard(a, b, 0));
	await(a, b, NULL, broadcast_heard(b, a, 0));
	assert_string_equal(b->text[LINK_BROADCAST], "news");

	assert_int_equal(link_request(a->link, 0, "question", 8), 0);
	await(a, b, NULL, a->count[0][LINK_ANSWER]);
	assert_string_equal(b->text[LINK_REQUEST], "question");
	assert_string_equal(a->text[LINK_ANSWER], "question");
	assert_int_equal(link_request(b->link, 0, "", 0), 0);
	await(a, b, NULL, b->count[0][LINK_ANSWER]);
	assert_string_equal(b->text[LINK_ANSWER], "");
	assert_int_equal(refused(a) + refused(b), 0);
	assert_true(says(a, 0, "") && connected(a, 0));
}

/* ---- strangers ---- */

struct stranger {
	void *context;
	void *socket;
	void *monitor;
	bool ended; /* its connection, at least once */
};

/* Bare ZeroMQ: `keys` NULL: without CURVE. */
static inline void stranger_connect(struct stranger *s, int type, const char *address,
				    const struct conf_keys *keys, const char *server_key)
{
	int one = 1, zero = 0, msec = 5;

	s->context = zmq_ctx_new();
	s->socket = zmq_socket(s->context, type);
	zmq_setsockopt(s->socket, ZMQ_LINGER, &zero, sizeof zero);
	zmq_setsockopt(s->socket, ZMQ_IPV6, &one, sizeof one);
	zmq_setsockopt(s->socket, ZMQ_RCVTIMEO, &msec, sizeof msec);
	zmq_setsockopt(s->socket, ZMQ_RCVHWM, &one, sizeof one);
	if (keys) {
		zmq_setsockopt(s->socket, ZMQ_CURVE_SERVERKEY, server_key, CONF_KEY_LEN);
		zmq_setsockopt(s->socket, ZMQ_CURVE_PUBLICKEY, keys->public_key, CONF_KEY_LEN);
		zmq_setsockopt(s->socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, CONF_KEY_LEN);
	}
	if (type == ZMQ_SUB)
		zmq_setsockopt(s->socket, ZMQ_SUBSCRIBE, "", 0);
	s->ended = false;
	s->monitor = monitor_new(s->context, s->socket, ZMQ_EVENT_DISCONNECTED, address);
	assert_int_equal(zmq_connect(s->socket, address), 0);
}

static inline bool stranger_ended(struct stranger *s)
{
	uint16_t event;
	uint32_t value;

	s->ended |= monitor_receive(s->monitor, &event, &value) == 1;
	return s->ended;
}

static inline void stranger_end(struct stranger *s)
{
	if (s->monitor)
		zmq_close(s->monitor);
	zmq_close(s->socket);
	zmq_ctx_term(s->context);
}

/* Bare ZeroMQ, bound, with the keys of a node. */
static inline void stranger_bind(struct stranger *s, int type, const char *address,
				 const struct conf_keys *keys)
{
	int one = 1, zero = 0;

	s->context = zmq_ctx_new();
	s->monitor = NULL;
	s->socket = zmq_socket(s->context, type);
	zmq_setsockopt(s->socket, ZMQ_LINGER, &zero, sizeof zero);
	zmq_setsockopt(s->socket, ZMQ_CURVE_SERVER, &one, sizeof one);
	zmq_setsockopt(s->socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, CONF_KEY_LEN);
	assert_int_equal(zmq_bind(s->socket, address), 0);
}

/* Sends a request and, while the node is pumped, hears whether anything comes back at all. */
static inline bool gets_anything(struct stranger *s)
{
	char byte;

	zmq_send(s->socket, "let me in", 9, ZMQ_DONTWAIT);
	return zmq_recv(s->socket, &byte, 1, 0) >= 0;
}

#endif
