/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Socket monitors. At the bound sockets they tell of those who never get as far as the ZAP handler:
 * a client with a wrong server key, one without CURVE, one that is no ZeroMQ at all. libzmq tells
 * which descriptor it accepted and which one it closed, but with a failure neither descriptor nor
 * address: it closes the connection right after the failure, in the same thread, so the next
 * DISCONNECTED is its.
 */
#include "replicator/link/link_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"

#define GUARD_EVENTS                                                                               \
	(ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_DISCONNECTED |                   \
	 ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)

static void *connect_monitor(void *context, const char *endpoint)
{
	void *monitor = zmq_socket(context, ZMQ_PAIR);

	if (!monitor)
		return NULL;
	if (socket_set_int(monitor, ZMQ_LINGER, 0, "LINGER") == 0 &&
	    zmq_connect(monitor, endpoint) == 0)
		return monitor;
	zmq_close(monitor);
	return NULL;
}

void *monitor_new(void *context, void *socket, int events, const char *name)
{
	char endpoint[64];
	void *monitor = NULL;

	snprintf(endpoint, sizeof endpoint, "inproc://monitor-%p", socket);
	if (zmq_socket_monitor(socket, endpoint, events) == 0)
		monitor = connect_monitor(context, endpoint);
	if (!monitor)
		log_error("cannot watch the connections of %s: %s", name, zmq_strerror(errno));
	return monitor;
}

/* Strangers may come faster than they can be told of: the loop has other things to do, too. */
#define EVENTS_AT_ONCE 64

/* Two frames: u16 event, u32 value; and an address, which is not the one that we want. */
int monitor_receive(void *monitor, uint16_t *event, uint32_t *value)
{
	uint8_t head[6];
	char address[256];
	int len;

	do
		len = zmq_recv(monitor, head, sizeof head, ZMQ_DONTWAIT);
	while (len < 0 && errno == EINTR);
	if (len != (int)sizeof head)
		return 0;
	zmq_recv(monitor, address, sizeof address, ZMQ_DONTWAIT);
	memcpy(event, head, sizeof *event);
	memcpy(value, head + 2, sizeof *value);
	return 1;
}

int guard_open(struct guard *g, void *context, void *socket, const char *address, struct zap *zap)
{
	for (size_t i = 0; i < GUARD_SEEN_MAX; i++)
		g->seen[i].fd = -1;
	g->address = address;
	g->zap = zap;
	g->monitor = monitor_new(context, socket, GUARD_EVENTS, address);
	return g->monitor ? 0 : -EIO;
}

void guard_close(struct guard *g)
{
	if (g->monitor)
		zmq_close(g->monitor);
	g->monitor = NULL;
}

static void remember(struct guard *g, int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	char host[NI_MAXHOST];

	for (size_t i = 0; i < GUARD_SEEN_MAX; i++)
		if (g->seen[i].fd == fd)
			g->seen[i].fd = -1;
	if (getpeername(fd, (struct sockaddr *)&ss, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&ss, len, host, sizeof host, NULL, 0, NI_NUMERICHOST))
		return; /* it has gone already */
	g->seen[g->next_seen].fd = fd;
	snprintf(g->seen[g->next_seen].address, LINK_ADDRESS_MAX, "%.63s", zap_plain_address(host));
	g->next_seen = (g->next_seen + 1) % GUARD_SEEN_MAX;
}

/* Who had this descriptor, which is closed now; NULL: it was closed before we could ask. */
static const char *forget(struct guard *g, int fd)
{
	for (size_t i = 0; i < GUARD_SEEN_MAX; i++) {
		if (g->seen[i].fd == fd) {
			g->seen[i].fd = -1;
			return g->seen[i].address;
		}
	}
	return NULL;
}

static const char *protocol_words(uint32_t value)
{
	switch (value) {
	case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
	case ZMQ_PROTOCOL_ERROR_ZMTP_KEY_EXCHANGE:
		return "it does not know this node's public key";
	case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
		return "it does not encrypt";
	default:
		return "it does not keep to the protocol";
	}
}

static void tell(struct guard *g, const char *known)
{
	const char *address = known ? known : "an address that has gone";

	/* One who just left, a port scan for instance: nothing was refused. */
	if (g->failed == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL && g->failed_value != EFAULT) {
		log_limited(LOG_LEVEL_INFO, "%s left %s before it was known who it was", address,
			    g->address);
		return;
	}
	zap_count(g->zap, known);
	if (g->failed == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
		log_limited(LOG_LEVEL_WARNING, "refused %s at %s: %s", address, g->address,
			    protocol_words(g->failed_value));
	else
		log_limited(LOG_LEVEL_ERROR, "refused %s at %s: there is no authentication handler",
			    address, g->address);
}

static void finish(struct guard *g, const char *address)
{
	if (g->failed)
		tell(g, address);
	g->failed = 0;
}

bool guard_watch(struct guard *g)
{
	uint16_t event;
	uint32_t value;

	for (int i = 0; i < EVENTS_AT_ONCE; i++) {
		if (!monitor_receive(g->monitor, &event, &value))
			return false;
		switch (event) {
		case ZMQ_EVENT_ACCEPTED:
			remember(g, (int)value);
			break;
		case ZMQ_EVENT_ACCEPT_FAILED:
			log_limited(LOG_LEVEL_WARNING, "cannot accept a connection at %s: %s",
				    g->address, zmq_strerror((int)value));
			break;
		case ZMQ_EVENT_DISCONNECTED:
			finish(g, forget(g, (int)value));
			break;
		case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
		case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
			finish(g, NULL);
			g->failed = event;
			g->failed_value = value;
			if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL && value == EFAULT)
				finish(g, NULL); /* it is closed much later */
			break;
		default:
			break;
		}
	}
	return true;
}
