/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The ZAP handler (ZeroMQ RFC 27): libzmq asks it about every key that reaches a bound socket. It
 * knows the public keys of the configured peers and nothing else. It runs in its own thread, so
 * that a handshake never waits for the loop.
 */
#include "replicator/link/link_internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"

#define FRAMES 7 /* version, request, domain, address, routing id, mechanism, key */
#define FRAME_MAX 256

struct zap {
	void *socket; /* the thread's; NULL: there is none */
	pthread_t thread;
	size_t nkeys; /* the keys: written before the thread starts */
	uint8_t keys[CONF_PEERS_MAX][LINK_KEY_BYTES];

	pthread_mutex_t lock; /* of what follows */
	uint64_t refused;
	char address[LINK_ADDRESS_MAX];
};

struct frame {
	size_t len;
	char bytes[FRAME_MAX + 1]; /* with a NUL after them */
};

bool zap_peer(const char *user_id, size_t npeers, uint32_t *peer)
{
	char *end;
	unsigned long n;

	if (!user_id || *user_id < '0' || *user_id > '9')
		return false;
	errno = 0;
	n = strtoul(user_id, &end, 10);
	if (errno || *end || n >= npeers)
		return false;
	*peer = (uint32_t)n;
	return true;
}

const char *zap_plain_address(const char *address)
{
	return strncmp(address, "::ffff:", 7) == 0 && strchr(address, '.') ? address + 7 : address;
}

void zap_count(struct zap *z, const char *address)
{
	pthread_mutex_lock(&z->lock);
	z->refused++;
	if (address)
		snprintf(z->address, sizeof z->address, "%.63s", address);
	pthread_mutex_unlock(&z->lock);
}

uint64_t zap_refused(struct zap *z, char *address, size_t size)
{
	pthread_mutex_lock(&z->lock);
	uint64_t n = z->refused;
	if (size)
		snprintf(address, size, "%s", z->address);
	pthread_mutex_unlock(&z->lock);
	return n;
}

/* The frames of one request: how many (those over FRAMES are read and left out), or -errno. */
static int receive_request(void *socket, struct frame *frames)
{
	int n = 0;
	int more = 1;

	while (more) {
		struct frame spare;
		struct frame *f = n < FRAMES ? &frames[n] : &spare;
		size_t size = sizeof more;
		int len = zmq_recv(socket, f->bytes, FRAME_MAX, 0);

		if (len < 0)
			return -errno;
		f->len = (size_t)len < FRAME_MAX ? (size_t)len : FRAME_MAX;
		f->bytes[f->len] = '\0';
		if (n <= FRAMES)
			n++;
		if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) < 0)
			return -errno;
	}
	return n;
}

static bool listed(const struct zap *z, const struct frame *key, size_t *peer)
{
	for (size_t i = 0; i < z->nkeys; i++) {
		if (memcmp(z->keys[i], key->bytes, LINK_KEY_BYTES) == 0) {
			*peer = i;
			return true;
		}
	}
	return false;
}

static void answer(struct zap *z, const struct frame *request, const char *status,
		   const char *words, const char *user_id)
{
	/* To a session that has gone meanwhile it is dropped: nobody is to be told. */
	if (zmq_send(z->socket, "1.0", 3, ZMQ_SNDMORE) >= 0 &&
	    zmq_send(z->socket, request->bytes, request->len, ZMQ_SNDMORE) >= 0 &&
	    zmq_send(z->socket, status, 3, ZMQ_SNDMORE) >= 0 &&
	    zmq_send(z->socket, words, strlen(words), ZMQ_SNDMORE) >= 0 &&
	    zmq_send(z->socket, user_id, strlen(user_id), ZMQ_SNDMORE) >= 0 &&
	    zmq_send(z->socket, "", 0, 0) >= 0)
		return;
	if (errno != ETERM)
		log_limited(LOG_LEVEL_ERROR, "cannot answer an authentication request: %s",
			    zmq_strerror(errno));
}

static void judge(struct zap *z, const struct frame *f, int n)
{
	char user_id[24];
	size_t peer;

	if (n != FRAMES || strcmp(f[0].bytes, "1.0") != 0 || strcmp(f[2].bytes, ZAP_DOMAIN) != 0 ||
	    strcmp(f[5].bytes, "CURVE") != 0 || f[6].len != LINK_KEY_BYTES) {
		log_limited(LOG_LEVEL_ERROR, "malformed authentication request: refused");
		answer(z, &f[1], "500", "malformed request", "");
		return;
	}
	if (listed(z, &f[6], &peer)) {
		snprintf(user_id, sizeof user_id, "%zu", peer);
		answer(z, &f[1], "200", "OK", user_id);
		return;
	}

	char key[CONF_KEY_LEN + 1];
	const char *address = zap_plain_address(f[3].bytes);

	zmq_z85_encode(key, (const uint8_t *)f[6].bytes, LINK_KEY_BYTES);
	zap_count(z, address);
	log_limited(LOG_LEVEL_WARNING, "refused %s: its key %s is not in the configuration",
		    address, key);
	answer(z, &f[1], "400", "unknown key", "");
}

static void *handle(void *arg)
{
	struct zap *z = arg;
	struct frame frames[FRAMES];

	pthread_setname_np(pthread_self(), "zap");
	for (;;) {
		memset(frames, 0, sizeof frames);
		int n = receive_request(z->socket, frames);
		if (n == -EINTR)
			continue;
		if (n == -ETERM)
			break;
		if (n < 0) { /* nobody gets in any more: the domain is enforced */
			log_error("the authentication handler ends: %s", err_text(n));
			break;
		}
		judge(z, frames, n);
	}
	zmq_close(z->socket);
	return NULL;
}

/* Signals are for the loop's thread. */
static int start_thread(struct zap *z)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int rc = -pthread_create(&z->thread, NULL, handle, z);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

static int open_socket(struct zap *z, void *context)
{
	int rc;

	z->socket = zmq_socket(context, ZMQ_REP);
	if (!z->socket)
		return -errno;
	rc = socket_set_int(z->socket, ZMQ_LINGER, 0, "LINGER");
	if (rc == 0 && zmq_bind(z->socket, "inproc://zeromq.zap.01") < 0)
		rc = -errno;
	if (rc == 0)
		rc = start_thread(z);
	if (rc < 0)
		zmq_close(z->socket);
	return rc;
}

int zap_open(struct zap **out, void *context, const struct conf *conf, bool handler)
{
	struct zap *z = calloc(1, sizeof *z);
	int rc;

	if (!z)
		return -ENOMEM;
	for (size_t i = 0; i < conf->npeers; i++) {
		if (!zmq_z85_decode(z->keys[i], conf->peers[i].key)) {
			log_error("%s:%d: the key of \"%s\" is not a public key", conf->file,
				  conf->peers[i].line, conf->peers[i].name);
			free(z);
			return ERR_CONFIG;
		}
	}
	z->nkeys = conf->npeers;
	pthread_mutex_init(&z->lock, NULL);
	rc = handler ? open_socket(z, context) : 0;
	if (rc < 0) {
		log_error("cannot start the authentication handler: %s", err_text(rc));
		pthread_mutex_destroy(&z->lock);
		free(z);
		return rc;
	}
	*out = z;
	return 0;
}

void zap_close(struct zap *z)
{
	if (!z)
		return;
	if (z->socket)
		pthread_join(z->thread, NULL);
	pthread_mutex_destroy(&z->lock);
	free(z);
}
