/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A query's life: connect, send, receive, judge.
 */
#include "tools/health/query.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

#define REPLY_MAX 4096 /* over UDP; more than we say that we take */

static void done(struct query *q, enum rule_outcome outcome, const char *words)
{
	const struct query_target *t = &q->target;

	if (q->fd >= 0)
		close(q->fd);
	q->fd = -1;
	free(q->in);
	q->in = NULL;
	q->outcome = outcome;
	if (outcome == RULE_GOOD)
		q->words[0] = '\0';
	else
		snprintf(q->words, sizeof q->words, "%.60s for %.100s over %s at %.45s port %d",
			 words, t->zone, t->tcp ? "TCP" : "UDP", t->address, t->port);
}

static void failed(struct query *q, int err)
{
	done(q, RULE_SILENT, strerror(err));
}

static socklen_t socket_address(const struct query_target *t, struct sockaddr_storage *to)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;

	memset(to, 0, sizeof *to);
	if (inet_pton(AF_INET, t->address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)t->port);
		return sizeof *v4;
	}
	if (inet_pton(AF_INET6, t->address, &v6->sin6_addr) != 1)
		return 0;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)t->port);
	return sizeof *v6;
}

static void send_some(struct query *q)
{
	while (q->out_at < q->out_len) {
		ssize_t n = send(q->fd, q->out + q->out_at, q->out_len - q->out_at, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == ENOTCONN || errno == EINTR))
			return;
		if (n < 0) {
			failed(q, errno);
			return;
		}
		q->out_at += (size_t)n;
	}
}

void query_start(struct query *q, const struct query_target *target, uint16_t id)
{
	struct sockaddr_storage address;
	socklen_t len = socket_address(target, &address);
	int type = (target->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;

	*q = (struct query){.target = *target, .fd = -1, .id = id};
	int made = ask_make(q->out + 2, id, target->zone, target->type);
	if (made < 0 || len == 0) {
		done(q, RULE_WRONG, "no question can be made");
		return;
	}
	q->out[0] = (uint8_t)(made >> 8);
	q->out[1] = (uint8_t)made;
	q->out_len = (size_t)made + 2;
	q->out_at = target->tcp ? 0 : 2;
	q->fd = socket(address.ss_family, type, 0);
	if (q->fd < 0) {
		/* Our own want says nothing of the name server: not silence, at least. */
		done(q, RULE_WRONG, strerror(errno));
		return;
	}
	if (connect(q->fd, (struct sockaddr *)&address, len) < 0 && errno != EINPROGRESS) {
		failed(q, errno);
		return;
	}
	send_some(q);
}

bool query_done(const struct query *q)
{
	return q->fd < 0;
}

struct pollfd query_poll(const struct query *q)
{
	short events = q->out_at < q->out_len ? POLLIN | POLLOUT : POLLIN;

	return (struct pollfd){.fd = q->fd, .events = events};
}

/* Whether that was the reply. */
static bool judged(struct query *q, const uint8_t *message, size_t len)
{
	char words[RULE_WORDS];
	const struct query_target *t = &q->target;
	enum ask_verdict v = ask_judge(message, len, q->id, t->zone, t->type, t->answer, words);

	if (v == ASK_OTHER)
		return false;
	done(q, v == ASK_GOOD ? RULE_GOOD : RULE_WRONG, words);
	return true;
}

static void receive_udp(struct query *q)
{
	uint8_t message[REPLY_MAX];
	ssize_t n;

	while ((n = recv(q->fd, message, sizeof message, 0)) >= 0)
		if (judged(q, message, (size_t)n))
			return;
	if (errno != EAGAIN && errno != EINTR)
		failed(q, errno);
}

/* The length, then as many bytes. */
static void receive_tcp(struct query *q)
{
	if (!q->in) {
		q->in = malloc(2 + 65535);
		q->in_len = 2;
		if (!q->in) {
			failed(q, ENOMEM);
			return;
		}
	}
	for (;;) {
		ssize_t n = recv(q->fd, q->in + q->in_at, q->in_len - q->in_at, 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			failed(q, n < 0 ? errno : ECONNRESET);
			return;
		}
		q->in_at += (size_t)n;
		if (q->in_at == 2)
			q->in_len = 2 + (size_t)(q->in[0] << 8 | q->in[1]);
		if (q->in_at < q->in_len || q->in_at == 2)
			continue;
		if (!judged(q, q->in + 2, q->in_len - 2))
			done(q, RULE_WRONG, "a reply to another question");
		return;
	}
}

void query_ready(struct query *q)
{
	if (query_done(q))
		return;
	if (q->out_at < q->out_len) {
		int err = 0;
		socklen_t len = sizeof err;

		if (getsockopt(q->fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err) {
			failed(q, err);
			return;
		}
		send_some(q);
	}
	if (query_done(q) || q->out_at < q->out_len)
		return;
	if (q->target.tcp)
		receive_tcp(q);
	else
		receive_udp(q);
}

void query_stop(struct query *q)
{
	if (!query_done(q))
		done(q, RULE_SILENT, "no reply");
}
