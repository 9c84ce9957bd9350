/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Opening and closing the link, and what is known of its peers. The handler that knows the keys
 * comes before every other socket: nobody is let in unseen.
 */
#include "replicator/link/link_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"

static int open_bound(void **socket, struct guard *guard, struct link *l, int type,
		      const char *address, bool unheard)
{
	*socket = socket_new(l->context, type, &l->keys, NULL);
	if (!*socket)
		return -EIO;
	int rc = guard_open(guard, l->context, *socket, address, l->zap);
	if (rc < 0)
		return rc;
	if (unheard || zmq_bind(*socket, address) == 0)
		return 0;
	rc = -errno;
	log_error("cannot listen at %s: %s%s", address, err_text(rc),
		  rc == -EADDRINUSE      ? ": does another node run with this address?"
		  : rc == -EADDRNOTAVAIL ? ": no interface has it"
		  : rc == -ENODEV        ? ": no interface has it"
					 : "");
	return rc;
}

static int open_sockets(struct link *l, const struct conf *conf, bool unheard)
{
	int rc = open_bound(&l->pub, &l->pub_guard, l, ZMQ_PUB, conf->listen, unheard);

	if (rc == 0)
		rc = open_bound(&l->router, &l->router_guard, l, ZMQ_ROUTER, l->request_listen,
				unheard);
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
		rc = open_sockets(l, conf, options && options->unheard);
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
