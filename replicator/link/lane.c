/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A lane: the one connection of a SUB or DEALER to one peer.
 *
 *   WAITING --due--> CONNECTING --handshake--> CONNECTED
 *      ^                 |                         |
 *      +---- failure ----+-------- loss -----------+
 *
 * libzmq repeats a TCP connect that fails, with a back-off of its own. But it never comes back from
 * an error of the protocol (a key that was refused, a message that was too long), and from a
 * handshake that was cut off it comes back ten times a second. So every loss ends that connection
 * for good here, and a new one is made later: at once after a long life, else after twice the last
 * wait.
 */
#include "replicator/link/link_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define DELAY_MIN_MSEC 100
#define DELAY_MAX_MSEC 5000
#define STEADY_MSEC 10000 /* a connection that lived as long was a good one */

#define LANE_EVENTS                                                                                \
	(ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |      \
	 ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |              \
	 ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

static void set_words(struct lane *n, const char *words)
{
	bool news = strcmp(n->words, words) != 0;

	snprintf(n->words, sizeof n->words, "%s", words);
	if (news)
		log_notice("peer \"%s\" at %s: %s", n->peer_name, n->address, words);
}

/* Has it a name for a host, which ZeroMQ looks up without telling what came of it? */
static bool by_name(const char *address)
{
	const char *host = address + strlen("tcp://");

	return host[0] != '[' && host[strspn(host, "0123456789.")] != ':';
}

static void start(struct lane *n)
{
	if (zmq_connect(n->socket, n->address) == 0) {
		n->state = LANE_CONNECTING;
		return;
	}
	set_words(n, zmq_strerror(errno));
	n->delay_msec = DELAY_MAX_MSEC;
	n->due_msec = clock_monotonic_msec() + n->delay_msec;
}

int lane_open(struct lane *n, void *context, int type, const struct conf_keys *keys,
	      const struct conf_peer *peer, char *address)
{
	n->address = address;
	n->peer_name = peer->name;
	n->delay_msec = DELAY_MIN_MSEC;
	n->since_msec = clock_wall_msec();
	if (!address) {
		log_error("peer \"%s\": its address is not tcp://HOST:PORT", peer->name);
		return -EINVAL;
	}
	n->socket = socket_new(context, type, keys, peer->key);
	if (!n->socket)
		return -EIO;
	n->monitor = monitor_new(context, n->socket, LANE_EVENTS, address);
	if (!n->monitor)
		return -EIO;
	if (zmq_connect(n->socket, address) < 0) {
		int err = errno;
		log_error("peer \"%s\": cannot connect to %s: %s", peer->name, address,
			  zmq_strerror(err));
		return -err;
	}
	n->state = LANE_CONNECTING;
	return 0;
}

void lane_close(struct lane *n)
{
	if (n->monitor)
		zmq_close(n->monitor);
	if (n->socket)
		zmq_close(n->socket);
	free(n->address);
	memset(n, 0, sizeof *n);
}

static enum lane_change up(struct lane *n)
{
	n->state = LANE_CONNECTED;
	n->up_msec = clock_monotonic_msec();
	n->since_msec = clock_wall_msec();
	n->words[0] = '\0';
	return LANE_UP;
}

static enum lane_change down(struct lane *n)
{
	bool was_up = n->state == LANE_CONNECTED;
	int64_t now = clock_monotonic_msec();

	/* That it may be unknown already, after an error of the protocol, is no error. */
	zmq_disconnect(n->socket, n->address);
	if (was_up && now - n->up_msec >= STEADY_MSEC)
		n->delay_msec = DELAY_MIN_MSEC;
	n->state = LANE_WAITING;
	n->due_msec = now + n->delay_msec;
	n->delay_msec = n->delay_msec * 2 < DELAY_MAX_MSEC ? n->delay_msec * 2 : DELAY_MAX_MSEC;
	if (!was_up)
		return LANE_SAME;
	n->since_msec = clock_wall_msec();
	set_words(n, "the connection was lost");
	return LANE_DOWN;
}

static const char *protocol_words(uint32_t value)
{
	if (value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
		return "handshake failed: what listens there does not encrypt";
	return "handshake failed: is the peer's key right?";
}

static enum lane_change take(struct lane *n, uint16_t event, uint32_t value)
{
	if (n->state == LANE_WAITING)
		return LANE_SAME; /* of the connection that was given up */
	switch (event) {
	case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
		return n->state == LANE_CONNECTED ? LANE_SAME : up(n);
	case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
		set_words(n, "the peer refused our key: "
			     "is this node's public key in its configuration?");
		return down(n);
	case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
		set_words(n, protocol_words(value));
		return down(n);
	case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
		set_words(n, "handshake failed: is the peer's key right?");
		return down(n);
	case ZMQ_EVENT_DISCONNECTED:
		return down(n);
	case ZMQ_EVENT_CONNECT_RETRIED:
		if (n->state == LANE_CONNECTING)
			set_words(n,
				  by_name(n->address)
				      ? "cannot connect: has that name an address here, is the "
					"peer running, and its port open?"
				      : "cannot connect: is the peer running, and its port open?");
		return LANE_SAME;
	default:
		return LANE_SAME;
	}
}

enum lane_change lane_watch(struct lane *n, bool *more)
{
	uint16_t event;
	uint32_t value;

	*more = true;
	while (monitor_receive(n->monitor, &event, &value)) {
		enum lane_change change = take(n, event, value);
		if (change != LANE_SAME)
			return change;
	}
	*more = false;
	return LANE_SAME;
}

bool lane_tick(struct lane *n, int64_t now_msec)
{
	uint16_t event;
	uint32_t value;

	if (n->state != LANE_WAITING || now_msec < n->due_msec)
		return false;
	while (monitor_receive(n->monitor, &event, &value))
		; /* of the connection that was given up */
	start(n);
	return true;
}
