/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Messages into the link. Nothing here ever waits. ZeroMQ bounds its queues by messages, which says
 * little where one may have 8 MiB: so bytes are counted, too, for as long as any queue holds them.
 */
#include "replicator/link/link_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"

struct counted {
	struct budget *budget;
	size_t len;
	uint8_t bytes[];
};

/* Called by libzmq, in any of its threads, when the last queue has let go of the message. */
static void release(void *data, void *hint)
{
	struct counted *c = hint;

	(void)data;
	atomic_fetch_sub(&c->budget->bytes, c->len);
	free(c);
}

/* A message that counts against `budget` for as long as any queue holds it. */
static int message_new(zmq_msg_t *m, struct budget *budget, const void *p, size_t len)
{
	struct counted *c;

	if (len > WIRE_MESSAGE_MAX)
		return ERR_LIMIT;
	if (atomic_load(&budget->bytes) + len > LINK_QUEUE_MAX)
		return -EAGAIN;
	c = malloc(sizeof *c + len + 1); /* one more: libzmq wants an address for no bytes, too */
	if (!c)
		return -ENOMEM;
	c->budget = budget;
	c->len = len;
	memcpy(c->bytes, p, len);
	if (zmq_msg_init_data(m, c->bytes, len, release, c) < 0) {
		free(c);
		return -ENOMEM;
	}
	atomic_fetch_add(&budget->bytes, len);
	return 0;
}

static int send_message(void *socket, zmq_msg_t *m)
{
	int rc;

	do
		rc = zmq_msg_send(m, socket, ZMQ_DONTWAIT);
	while (rc < 0 && errno == EINTR);
	rc = rc < 0 ? -errno : 0;
	zmq_msg_close(m);
	return rc;
}

int link_broadcast(struct link *l, const void *p, size_t len)
{
	zmq_msg_t m;
	int rc = message_new(&m, &l->pub_budget, p, len);

	if (rc == -EAGAIN)
		log_limited(LOG_LEVEL_WARNING, "peers read too slowly: a broadcast was left out");
	if (rc < 0)
		return rc;
	return send_message(l->pub, &m);
}

int link_request(struct link *l, uint32_t peer, const void *p, size_t len)
{
	zmq_msg_t m;

	if (peer >= l->npeers)
		return ERR_UNKNOWN;
	if (l->peers[peer].request.state != LANE_CONNECTED)
		return -EAGAIN;
	int rc = message_new(&m, &l->request_budget, p, len);
	if (rc < 0)
		return rc;
	rc = send_message(l->peers[peer].request.socket, &m);
	link_touch_lane(l, peer, false);
	return rc;
}

int link_answer(struct link *l, const struct link_route *to, const void *p, size_t len)
{
	zmq_msg_t m;
	int rc = message_new(&m, &l->answer_budget, p, len);

	if (rc < 0)
		return rc;
	do
		rc = zmq_send(l->router, to->id, to->len, ZMQ_SNDMORE | ZMQ_DONTWAIT);
	while (rc < 0 && errno == EINTR);
	if (rc < 0) {
		rc = -errno;
		zmq_msg_close(&m);
	} else {
		rc = send_message(l->router, &m);
	}
	l->sources[ROUTER_AT].pending = true;
	return rc;
}
