/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The link's loop side. ZeroMQ shows by a descriptor that something *came*, not that something is
 * there, so each source keeps a mark `pending` from the wake-up until it said that it has no more.
 * Only marked sources are asked: one poll(2) finds them, and an idle link costs nothing here.
 */
#include "replicator/link/link_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

/* Bad messages that one link_receive throws away before it lets the loop do something else. */
#define BAD_AT_ONCE 256

/* Where the sources are, in the order in which add_sources adds them: four a peer. */
#define ROUTER_AT 2
#define LANES_AT 5

/* --- opening and closing --- */

static int open_bound(void **socket, struct guard *guard, struct link *l, int type,
		      const char *address)
{
	*socket = socket_new(l->context, type, &l->keys, NULL);
	if (!*socket)
		return -EIO;
	int rc = guard_open(guard, l->context, *socket, address, l->zap);
	if (rc < 0)
		return rc;
	if (zmq_bind(*socket, address) == 0)
		return 0;
	rc = -errno;
	log_error("cannot listen at %s: %s%s", address, err_text(rc),
		  rc == -EADDRINUSE      ? ": does another node run with this address?"
		  : rc == -EADDRNOTAVAIL ? ": no interface has it"
		  : rc == -ENODEV        ? ": no interface has it"
					 : "");
	return rc;
}

static int open_sockets(struct link *l, const struct conf *conf)
{
	int rc = open_bound(&l->pub, &l->pub_guard, l, ZMQ_PUB, conf->listen);

	if (rc == 0)
		rc = open_bound(&l->router, &l->router_guard, l, ZMQ_ROUTER, l->request_listen);
	for (size_t i = 0; rc == 0 && i < conf->npeers; i++) {
		const struct conf_peer *p = &conf->peers[i];
		struct peer *peer = &l->peers[i];

		l->npeers = i + 1;
		rc = lane_open(&peer->broadcast, l->context, ZMQ_SUB, &l->keys, p,
			       strdup(p->address));
		if (rc == 0)
			rc = lane_open(&peer->request, l->context, ZMQ_DEALER, &l->keys, p,
				       conf_request_address(p->address));
	}
	return rc;
}

static int add_source(struct link *l, const struct source *s, int fd)
{
	if (fd < 0) {
		log_error("a socket of the link has no descriptor: %s", err_text(fd));
		return fd;
	}
	l->sources[l->nsources] = *s;
	l->sources[l->nsources].pending = true; /* what came while it was opened */
	l->fds[l->nsources] = (struct pollfd){.fd = fd, .events = POLLIN};
	l->nsources++;
	return 0;
}

static int add_lane(struct link *l, uint32_t peer, bool broadcast)
{
	struct lane *n = broadcast ? &l->peers[peer].broadcast : &l->peers[peer].request;
	struct source messages = {.kind = SOURCE_LANE, .peer = peer, .broadcast = broadcast};
	struct source watch = {.kind = SOURCE_WATCH, .peer = peer, .broadcast = broadcast};
	int rc = add_source(l, &watch, socket_fd(n->monitor));

	return rc < 0 ? rc : add_source(l, &messages, socket_fd(n->socket));
}

static int add_sources(struct link *l)
{
	struct source pub_guard = {.kind = SOURCE_GUARD, .guard = &l->pub_guard};
	struct source router_guard = {.kind = SOURCE_GUARD, .guard = &l->router_guard};
	int rc;

	l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	rc =
	    add_source(l, &(struct source){.kind = SOURCE_TIMER}, l->timer < 0 ? -errno : l->timer);
	if (rc == 0)
		rc = add_source(l, &(struct source){.kind = SOURCE_PUB}, socket_fd(l->pub));
	if (rc == 0)
		rc = add_source(l, &(struct source){.kind = SOURCE_ROUTER}, socket_fd(l->router));
	if (rc == 0)
		rc = add_source(l, &pub_guard, socket_fd(l->pub_guard.monitor));
	if (rc == 0)
		rc = add_source(l, &router_guard, socket_fd(l->router_guard.monitor));
	for (uint32_t i = 0; rc == 0 && i < l->npeers; i++) {
		rc = add_lane(l, i, true);
		if (rc == 0)
			rc = add_lane(l, i, false);
	}
	return rc;
}

/* A public key that is not the secret one's would be refused by every peer, with misleading words.
 */
static int check_keys(const struct conf *conf, const struct conf_keys *keys)
{
	char public_key[CONF_KEY_LEN + 1];

	if (zmq_curve_public(public_key, keys->secret_key) == 0 &&
	    strcmp(public_key, keys->public_key) == 0)
		return 0;
	log_error("%s: the public key is not that of the secret key",
		  conf->key_file ? conf->key_file : "key file");
	return ERR_CONFIG;
}

static int open_all(struct link *l, const struct conf *conf, const struct link_options *options)
{
	int rc;

	if (conf->npeers > CONF_PEERS_MAX)
		return ERR_LIMIT;
	rc = check_keys(conf, &l->keys);
	if (rc < 0)
		return rc;
	l->request_listen = conf_request_address(conf->listen);
	if (!l->request_listen) {
		log_error("%s: listen is not tcp://HOST:PORT", conf->file);
		return ERR_CONFIG;
	}
	l->context = zmq_ctx_new();
	if (!l->context) {
		log_error("cannot start libzmq: %s", zmq_strerror(errno));
		return -ENOMEM;
	}
	rc = zap_open(&l->zap, l->context, conf, !options || !options->without_zap);
	if (rc == 0)
		rc = open_sockets(l, conf);
	if (rc == 0)
		rc = add_sources(l);
	return rc;
}

int link_open(struct link **out, const struct conf *conf, const struct conf_keys *keys,
	      const struct link_options *options)
{
	struct link *l = calloc(1, sizeof *l);

	if (!l)
		return -ENOMEM;
	l->timer = -1;
	l->keys = *keys;
	zmq_msg_init(&l->message);
	int rc = open_all(l, conf, options);
	if (rc < 0) {
		link_close(l);
		return rc;
	}
	*out = l;
	return 0;
}

void link_close(struct link *l)
{
	if (!l)
		return;
	zmq_msg_close(&l->message);
	guard_close(&l->pub_guard);
	guard_close(&l->router_guard);
	for (size_t i = 0; i < l->npeers; i++) {
		lane_close(&l->peers[i].broadcast);
		lane_close(&l->peers[i].request);
	}
	if (l->pub)
		zmq_close(l->pub);
	if (l->router)
		zmq_close(l->router);
	if (l->context)
		zmq_ctx_shutdown(l->context); /* the handler's thread ends */
	zap_close(l->zap);
	if (l->context)
		while (zmq_ctx_term(l->context) < 0 && errno == EINTR)
			;
	if (l->timer >= 0)
		close(l->timer);
	free(l->request_listen);
	explicit_bzero(&l->keys, sizeof l->keys);
	free(l);
}

/* --- events out --- */

int link_fds(const struct link *l, int *fds, int max)
{
	int n = 0;

	for (size_t i = 0; i < l->nsources && n < max; i++)
		fds[n++] = l->fds[i].fd;
	return n;
}

/* Every call on a socket may take in what its descriptor would have shown. */
static void touch_lane(struct link *l, uint32_t peer, bool broadcast)
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
			touch_lane(l, i, true);
		if (lane_tick(&l->peers[i].request, now))
			touch_lane(l, i, false);
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

		address = address ? zap_plain_address(address) : "an unknown address";
		zap_count(l->zap, address);
		log_limited(LOG_LEVEL_ERROR, "a request from %s that nobody vouches for: dropped",
			    address);
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

	touch_lane(l, s->peer, s->broadcast);
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

/* --- messages in --- */

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
	touch_lane(l, peer, false);
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

/* --- what is known --- */

void link_peer(const struct link *l, uint32_t peer, struct link_peer_state *s)
{
	const struct peer *p = &l->peers[peer];

	memset(s, 0, sizeof *s);
	if (peer >= l->npeers)
		return;
	s->connected = p->request.state == LANE_CONNECTED;
	s->since_msec = p->request.since_msec;
	s->bad_messages = p->bad_messages;
	if (p->request.words[0])
		snprintf(s->last_error, sizeof s->last_error, "%s", p->request.words);
	else if (p->broadcast.words[0])
		snprintf(s->last_error, sizeof s->last_error, "broadcasts: %.140s",
			 p->broadcast.words);
}

uint64_t link_refused(const struct link *l, char *address, size_t size)
{
	return zap_refused(l->zap, address, size);
}
