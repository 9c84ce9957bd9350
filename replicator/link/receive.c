/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Events out of the link. ZeroMQ shows by a descriptor that something *came*, not that something is
 * there, so each source keeps a mark `pending` from the wake-up until it said that it has no more.
 * Only marked sources are asked: one poll(2) finds them, and an idle link costs nothing here.
 */
#include "replicator/link/link_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

/* Bad messages that one link_receive throws away before it lets the loop do something else. */
#define BAD_AT_ONCE 256

int link_fds(const struct link *l, int *fds, int max)
{
	int n = 0;

	for (size_t i = 0; i < l->nsources && n < max; i++)
		fds[n++] = l->fds[i].fd;
	return n;
}

/* Every call on a socket may take in what its descriptor would have shown. */
void link_touch_lane(struct link *l, uint32_t peer, bool broadcast)
{
	l->sources[LANES_AT + 4 * peer + (broadcast ? 1 : 3)].pending = true;
}

/* Makes the timer fire at `at` (0: never). */
static void set_timer(struct link *l, int64_t at_msec)
{
	struct itimerspec when = {0};

	if (at_msec == l->timer_msec)
		return;
	l->timer_msec = at_msec;
	when.it_value.tv_sec = (time_t)(at_msec / 1000);
	when.it_value.tv_nsec = (long)(at_msec % 1000) * 1000000;
	timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* For the next lane that is due, or for what is left over now. */
static void arm(struct link *l, bool now)
{
	int64_t at = now ? clock_monotonic_msec() : 0;

	for (size_t i = 0; !now && i < l->npeers; i++) {
		const struct lane *lanes[] = {&l->peers[i].broadcast, &l->peers[i].request};

		for (int k = 0; k < 2; k++)
			if (lanes[k]->state == LANE_WAITING && (!at || lanes[k]->due_msec < at))
				at = lanes[k]->due_msec;
	}
	set_timer(l, at);
}

static void tick(struct link *l)
{
	uint64_t expirations;
	int64_t now = clock_monotonic_msec();

	if (read(l->timer, &expirations, sizeof expirations) > 0)
		l->timer_msec = 0;
	for (uint32_t i = 0; i < l->npeers; i++) {
		if (lane_tick(&l->peers[i].broadcast, now))
			link_touch_lane(l, i, true);
		if (lane_tick(&l->peers[i].request, now))
			link_touch_lane(l, i, false);
	}
}

/* One message of exactly `n` frames: 1; 0: there is none; ERR_FORMAT: one of another number, which
 * is gone; or -errno. */
static int receive_frames(void *socket, zmq_msg_t *frames, int n)
{
	zmq_msg_t spare;
	int count = 0;
	bool more = true;

	zmq_msg_init(&spare);
	while (more) {
		zmq_msg_t *f = count < n ? &frames[count] : &spare;
		int rc = zmq_msg_recv(f, socket, ZMQ_DONTWAIT);

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc < 0) {
			rc = errno == EAGAIN && count == 0 ? 0 : -errno;
			zmq_msg_close(&spare);
			return rc;
		}
		more = zmq_msg_more(f);
		count = count <= n ? count + 1 : count;
	}
	zmq_msg_close(&spare);
	return count == n ? 1 : ERR_FORMAT;
}

static void keep(struct link *l, struct link_event *e, zmq_msg_t *body)
{
	zmq_msg_move(&l->message, body);
	e->p = zmq_msg_data(&l->message);
	e->len = zmq_msg_size(&l->message);
}

static int receive_lane(struct link *l, const struct source *s, struct link_event *e)
{
	struct peer *peer = &l->peers[s->peer];
	zmq_msg_t body;

	zmq_msg_init(&body);
	int rc =
	    receive_frames(s->broadcast ? peer->broadcast.socket : peer->request.socket, &body, 1);
	if (rc == ERR_FORMAT)
		peer->bad_messages++;
	if (rc == 1) {
		e->type = s->broadcast ? LINK_BROADCAST : LINK_ANSWER;
		e->peer = s->peer;
		keep(l, e, &body);
	}
	zmq_msg_close(&body);
	return rc;
}

/* A request must bear the name that our handler gave to its connection: without, nobody vouches for
 * it. */
static int take_request(struct link *l, zmq_msg_t *frames, int rc, struct link_event *e)
{
	if (!zap_peer(zmq_msg_gets(&frames[0], "User-Id"), l->npeers, &e->peer)) {
		const char *address = zmq_msg_gets(&frames[0], "Peer-Address");

		address = address ? zap_plain_address(address) : NULL;
		zap_count(l->zap, address);
		log_limited(LOG_LEVEL_ERROR, "a request from %s that nobody vouches for: dropped",
			    address ? address : "an unknown address");
		return ERR_DENIED;
	}
	if (rc < 0 || zmq_msg_size(&frames[0]) > LINK_ROUTE_MAX) {
		l->peers[e->peer].bad_messages++;
		return ERR_FORMAT;
	}
	e->type = LINK_REQUEST;
	e->route.len = (uint8_t)zmq_msg_size(&frames[0]);
	memcpy(e->route.id, zmq_msg_data(&frames[0]), e->route.len);
	keep(l, e, &frames[1]);
	return 1;
}

static int receive_router(struct link *l, struct link_event *e)
{
	zmq_msg_t frames[2];

	zmq_msg_init(&frames[0]);
	zmq_msg_init(&frames[1]);
	int rc = receive_frames(l->router, frames, 2);
	if (rc == 1 || rc == ERR_FORMAT)
		rc = take_request(l, frames, rc, e);
	zmq_msg_close(&frames[0]);
	zmq_msg_close(&frames[1]);
	return rc;
}

/* What came before a loss is taken before it: a lane that goes down throws away what it holds. */
static int receive_watch(struct link *l, struct source *s, struct link_event *e)
{
	struct peer *peer = &l->peers[s->peer];
	bool more;
	int rc = receive_lane(l, s, e);

	if (rc != 0)
		return rc;

	enum lane_change change =
	    lane_watch(s->broadcast ? &peer->broadcast : &peer->request, &more);

	link_touch_lane(l, s->peer, s->broadcast);
	if (change != LANE_SAME && !s->broadcast) {
		e->type = change == LANE_UP ? LINK_CONNECTED : LINK_DISCONNECTED;
		e->peer = s->peer;
		return 1;
	}
	return more ? ERR_CHANGED : 0;
}

/* What a marked source has: 1 with an event; 0: nothing more; below 0: something that is no event.
 */
static int receive_source(struct link *l, struct source *s, struct link_event *e)
{
	int events;
	size_t size = sizeof events;

	switch (s->kind) {
	case SOURCE_TIMER:
		tick(l);
		return 0;
	case SOURCE_PUB: /* subscriptions are taken in by asking */
		zmq_getsockopt(l->pub, ZMQ_EVENTS, &events, &size);
		return 0;
	case SOURCE_GUARD:
		return guard_watch(s->guard) ? ERR_CHANGED : 0;
	case SOURCE_ROUTER:
		return receive_router(l, e);
	case SOURCE_LANE:
		return receive_lane(l, s, e);
	case SOURCE_WATCH:
		return receive_watch(l, s, e);
	}
	return 0;
}

static bool any_pending(const struct link *l)
{
	for (size_t i = 0; i < l->nsources; i++)
		if (l->sources[i].pending)
			return true;
	return false;
}

/* Asks each marked source once, in turn, from the one after the last that had an event. */
static int receive_round(struct link *l, struct link_event *e)
{
	for (size_t i = 0; i < l->nsources; i++) {
		size_t at = (l->cursor + i) % l->nsources;
		struct source *s = &l->sources[at];

		if (!s->pending)
			continue;
		s->pending = false; /* before it is asked: that may mark it again */
		int rc = receive_source(l, s, e);
		if (rc == -ETERM || rc == -ENOTSOCK)
			return ERR_CLOSED;
		s->pending |= rc != 0;
		if (rc == 1) {
			l->cursor = (at + 1) % l->nsources;
			return 1;
		}
	}
	return 0;
}

static int mark(struct link *l)
{
	int n = poll(l->fds, l->nsources, 0);

	for (size_t i = 0; n > 0 && i < l->nsources; i++)
		if (l->fds[i].revents)
			l->sources[i].pending = true;
	return n < 0 && errno != EINTR ? -errno : n;
}

int link_receive(struct link *l, struct link_event *e)
{
	bool polled = false;

	memset(e, 0, sizeof *e);
	zmq_msg_close(&l->message);
	zmq_msg_init(&l->message);
	for (int i = 0; i < BAD_AT_ONCE; i++) {
		int rc = receive_round(l, e);
		if (rc != 0)
			return rc;
		if (any_pending(l))
			continue;
		rc = polled ? 0 : mark(l);
		polled = true;
		if (rc > 0)
			continue;
		arm(l, false);
		return rc;
	}
	arm(l, true);
	return 0;
}
