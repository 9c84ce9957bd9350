/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The options that every socket of the link gets. Those that keep strangers out may not fail:
 * without a ZAP domain that is enforced, CURVE accepts every key as long as no handler answers.
 */
#include "replicator/link/link_internal.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"

/* zmq.h shows it to those who build with its draft interface only; libzmq 4.3 knows it always. */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

struct option {
	int option;
	int value;
	const char *name;
};

static const struct option for_all[] = {
    /* From the start: at 0, what a peer sent just before it left would be thrown away unread. */
    {ZMQ_LINGER, LINK_LINGER_MSEC, "LINGER"},
    {ZMQ_IPV6, 1, "IPV6"},
    {ZMQ_HANDSHAKE_IVL, 10000, "HANDSHAKE_IVL"},
    {ZMQ_TCP_KEEPALIVE, 1, "TCP_KEEPALIVE"},
    {ZMQ_TCP_KEEPALIVE_IDLE, 5, "TCP_KEEPALIVE_IDLE"},
    {ZMQ_TCP_KEEPALIVE_INTVL, 2, "TCP_KEEPALIVE_INTVL"},
    {ZMQ_TCP_KEEPALIVE_CNT, 3, "TCP_KEEPALIVE_CNT"},
};

/* A half-open connection is found by the kernel, not by ZeroMQ's heartbeats: those also end one that
 * is only not being read from, and when its reader comes back to the next one, libzmq ends the process
 * (libzmq issue 3937: "_input_stopped"). The kernel asks when nothing is under way, and gives up what
 * was sent and not acknowledged for so long; a peer that takes nothing counts as such. */
static const struct option for_bound[] = {
    {ZMQ_TCP_MAXRT, 30000, "TCP_MAXRT"},
};

static const struct option for_connecting[] = {
    {ZMQ_TCP_MAXRT, 10000, "TCP_MAXRT"},
    {ZMQ_CONNECT_TIMEOUT, 5000, "CONNECT_TIMEOUT"},
    {ZMQ_RECONNECT_IVL, 100, "RECONNECT_IVL"},
    {ZMQ_RECONNECT_IVL_MAX, 5000, "RECONNECT_IVL_MAX"},
};

int socket_set_int(void *socket, int option, int value, const char *name)
{
	if (zmq_setsockopt(socket, option, &value, sizeof value) == 0)
		return 0;
	int err = errno;
	log_error("libzmq does not take the option ZMQ_%s: %s", name, zmq_strerror(err));
	return -err;
}

static int set_string(void *socket, int option, const char *value, const char *name)
{
	if (zmq_setsockopt(socket, option, value, strlen(value)) == 0)
		return 0;
	int err = errno;
	log_error("libzmq does not take the option ZMQ_%s: %s%s", name, zmq_strerror(err),
		  zmq_has("curve") ? "" : " (it was built without CURVE)");
	return -err;
}

static int set_all(void *socket, const struct option *options, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int rc =
		    socket_set_int(socket, options[i].option, options[i].value, options[i].name);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int set_queues(void *socket, int type)
{
	int send = type == ZMQ_PUB ? LINK_PUB_HWM : LINK_REQUEST_HWM;
	int receive = type == ZMQ_SUB ? LINK_SUB_HWM : LINK_REQUEST_HWM;
	int64_t frame_max = LINK_FRAME_MAX;
	int rc = socket_set_int(socket, ZMQ_SNDHWM, send, "SNDHWM");

	if (rc == 0)
		rc = socket_set_int(socket, ZMQ_RCVHWM, receive, "RCVHWM");
	if (rc == 0 && zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max) < 0) {
		rc = -errno;
		log_error("libzmq does not take the option ZMQ_MAXMSGSIZE: %s", err_text(rc));
	}
	return rc;
}

/* The side that is bound asks the handler about every key, and refuses all if there is no handler.
 */
static int set_server(void *socket, int type, const struct conf_keys *keys)
{
	int rc = set_string(socket, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN, "ZAP_DOMAIN");

	if (rc == 0)
		rc = set_all(socket, for_bound, ARRAY_SIZE(for_bound));
	if (rc == 0)
		rc = socket_set_int(socket, ZMQ_ZAP_ENFORCE_DOMAIN, 1, "ZAP_ENFORCE_DOMAIN");
	if (rc == 0)
		rc = socket_set_int(socket, ZMQ_CURVE_SERVER, 1, "CURVE_SERVER");
	if (rc == 0)
		rc = set_string(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, "CURVE_SECRETKEY");
	if (rc == 0 && type == ZMQ_ROUTER)
		rc = socket_set_int(socket, ZMQ_ROUTER_MANDATORY, 1, "ROUTER_MANDATORY");
	return rc;
}

static int set_client(void *socket, int type, const struct conf_keys *keys, const char *server_key)
{
	int rc = set_string(socket, ZMQ_CURVE_SERVERKEY, server_key, "CURVE_SERVERKEY");

	if (rc == 0)
		rc = set_string(socket, ZMQ_CURVE_PUBLICKEY, keys->public_key, "CURVE_PUBLICKEY");
	if (rc == 0)
		rc = set_string(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, "CURVE_SECRETKEY");
	if (rc == 0)
		rc = set_all(socket, for_connecting, ARRAY_SIZE(for_connecting));
	/* A request is for a peer that is there. (A SUB with it would lose what it has not been
	 * asked for when a connection ends.) */
	if (rc == 0 && type == ZMQ_DEALER)
		rc = socket_set_int(socket, ZMQ_IMMEDIATE, 1, "IMMEDIATE");
	if (rc == 0 && type == ZMQ_SUB)
		rc = set_string(socket, ZMQ_SUBSCRIBE, "", "SUBSCRIBE");
	return rc;
}

void *socket_new(void *context, int type, const struct conf_keys *keys, const char *server_key)
{
	void *socket = zmq_socket(context, type);
	int rc;

	if (!socket) {
		log_error("cannot make a socket: %s", zmq_strerror(errno));
		return NULL;
	}
	rc = set_all(socket, for_all, ARRAY_SIZE(for_all));
	if (rc == 0)
		rc = set_queues(socket, type);
	if (rc == 0)
		rc = server_key ? set_client(socket, type, keys, server_key)
				: set_server(socket, type, keys);
	if (rc == 0)
		return socket;
	zmq_close(socket);
	return NULL;
}

int socket_fd(void *socket)
{
	int fd;
	size_t size = sizeof fd;

	return zmq_getsockopt(socket, ZMQ_FD, &fd, &size) < 0 ? -errno : fd;
}
