/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * STATE/control, for zonefsctl. The directory is its owner's alone, so that nobody else speaks
 * here. One JSON object a line each way, as on the replicator's socket (replicator/control/control.c):
 *
 *   {"zonefs":1,"command":"health"}                  lines "health", "mirror", "check", "record"
 *   {"zonefs":1,"command":"drain","force":BOOL}      ends when this node is withdrawn, for which peers
 *                                                    that announce have to agree
 *   {"zonefs":1,"command":"undrain"}
 *
 * and {"end":true,"exit":0 or 1,"words":"..."} at the end.
 */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "tools/health/internal.h"
#include "tools/health/record.h"

#define OUT_MAX (256 * 1024)
#define AGREE_LEASES 3 /* so long a drain waits for the peers to agree */

/* ---- answers ---- */

static void drop(struct order_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->out);
	*c = (struct order_client){.fd = -1};
}

/* Takes the line. */
static void put_line(struct order_client *c, json_t *line)
{
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;
	char *out =
	    len && c->out_len + len < OUT_MAX ? realloc(c->out, c->out_len + len + 1) : NULL;

	json_decref(line);
	if (out) {
		memcpy(out + c->out_len, text, len);
		out[c->out_len + len] = '\n';
		c->out = out;
		c->out_len += len + 1;
	}
	free(text);
}

static void end(struct order_client *c, int status, const char *words)
{
	c->drains = c->asks = false;
	put_line(c, json_pack("{s:b, s:i, s:s}", "end", 1, "exit", status, "words", words));
}

static void say_mirrors(const struct health *h, struct order_client *c)
{
	struct mirror m;

	for (unsigned i = 0; mirrors_nth(h->mirrors, i, &m, h->now); i++) {
		const struct note *n = &m.note;
		int64_t since = clock_wall_msec() - m.age_msec - n->since_sec * (int64_t)1000;

		if (!m.heard)
			put_line(c,
				 json_pack("{s:s, s:s, s:b, s:s}", "type", "mirror", "node", m.node,
					   "reachable", m.reachable, "state", "unknown"));
		else
			put_line(c, json_pack("{s:s, s:s, s:b, s:s, s:b, s:b, s:b, s:s, s:I, s:I, "
					      "s:s}",
					      "type", "mirror", "node", m.node, "reachable",
					      m.reachable, "state", note_state_text(n->state),
					      "announces", n->announces, "asks", n->asks, "grants",
					      m.grants, "reason", rule_reason_text(n->reason),
					      "since", (json_int_t)since, "age_ms",
					      (json_int_t)m.age_msec, "words", n->words));
	}
}

static void say_health(struct health *h, struct order_client *c)
{
	const struct rule_want *w = &h->want;

	put_line(c, json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:s, s:I, s:s}", "type",
			      "health", "node", h->conf->node, "health", h->h->name, "state",
			      note_state_text(health_is(h)), "wants_announced",
			      health_wants_announced(h), "wants_demoted", w->demoted, "disabled",
			      w->hands_off, "reason", rule_reason_text(w->reason), "since",
			      (json_int_t)(clock_wall_msec() - (h->now - w->since_msec)), "words",
			      w->words));
	say_mirrors(h, c);
	for (unsigned i = 0; i < probes_checks(h->probes); i++) {
		static const char *const text[] = {
		    [RULE_GOOD] = "good", [RULE_WRONG] = "wrong", [RULE_SILENT] = "silent"};
		const char *words;
		enum rule_outcome o = probes_outcome(h->probes, i, &words);

		put_line(c,
			 json_pack("{s:s, s:s, s:s, s:s}", "type", "check", "check",
				   probes_name(h->probes, i), "outcome", text[o], "words", words));
	}
	const struct record *r;
	for (unsigned i = 0; (r = record_kept(i)) != NULL; i++)
		put_line(c, json_pack("{s:s, s:s, s:I, s:s}", "type", "record", "kind", r->kind,
				      "at", (json_int_t)r->wall_msec, "words", r->words));
	/* Well is what is announced and not demoted, and what an administrator wants so. */
	bool well = health_is(h) == NOTE_ANNOUNCED;
	end(c, well ? 0 : 1, w->words);
}

/* It is so from now on, also across restarts. */
static void drain_now(struct health *h, struct order_client *c, const char *how)
{
	if (!h->drained)
		record(LOG_LEVEL_NOTICE, "order", "drained by the administrator%s", how);
	h->drained = true;
	health_decide(h); /* before anybody is promised anything */
	if (health_save(h) < 0)
		end(c, 1, "the state cannot be written: see the log");
	else if (h->said_hands_off)
		end(c, 1, "it is put down, but nothing is changed while the disable file exists");
	else
		c->drains = true;
}

static void drain(struct health *h, struct order_client *c, bool force)
{
	if (force) {
		drain_now(h, c, " (--force)");
	} else if (h->drained || !health_wants_announced(h)) {
		drain_now(h, c, "");
	} else {
		c->asks = true;
		c->asks_until = h->now + AGREE_LEASES * h->h->lease_sec * (int64_t)1000;
	}
}

static void ask_on(struct health *h, struct order_client *c)
{
	if (mirrors_until(h->mirrors, h->now) > h->now) {
		c->asks = false;
		drain_now(h, c, ": peers stay");
	} else if (mirrors_announcing(h->mirrors, h->now) < (unsigned)h->h->min_announcing) {
		end(c, 1,
		    "too few other nodes are known to announce this service: if they do, or if it "
		    "may go, say zonefsctl drain --force");
	} else if (h->now >= c->asks_until) {
		end(c, 1,
		    "the peers that announce this service have not agreed to stay: see zonefsctl "
		    "health; if it may go all the same, say zonefsctl drain --force");
	}
}

bool orders_ask(const struct health *h)
{
	for (unsigned i = 0; i < ORDER_CLIENTS; i++)
		if (h->orders.clients[i].fd >= 0 && h->orders.clients[i].asks)
			return true;
	return false;
}

static void undrain(struct health *h, struct order_client *c)
{
	if (!h->drained) {
		end(c, 1, "this node is not drained");
		return;
	}
	record(LOG_LEVEL_NOTICE, "order", "drained no longer");
	h->drained = false;
	if (health_save(h) < 0)
		end(c, 1, "the state cannot be written: see the log");
	else
		end(c, 0, "this node is announced again as soon as it is well");
}

static void take_request(struct health *h, struct order_client *c)
{
	json_t *request = json_loadb(c->in, c->in_len, 0, NULL);
	const char *command = json_string_value(json_object_get(request, "command"));

	if (!command)
		end(c, 1, "this is no request");
	else if (strcmp(command, "health") == 0)
		say_health(h, c);
	else if (strcmp(command, "drain") == 0)
		drain(h, c, json_is_true(json_object_get(request, "force")));
	else if (strcmp(command, "undrain") == 0)
		undrain(h, c);
	else
		end(c, 1, "there is no such command");
	json_decref(request);
	c->in_len = 0;
}

/* ---- the socket ---- */

static void read_some(struct health *h, struct order_client *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, sizeof c->in - c->in_len, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		drop(c);
		return;
	}
	if (n > 0)
		c->in_len += (size_t)n;
	if (c->in_len > 0 && memchr(c->in, '\n', c->in_len) && !c->out && !c->drains && !c->asks)
		take_request(h, c);
	else if (c->in_len == sizeof c->in)
		drop(c);
}

static void write_some(struct order_client *c)
{
	while (c->out && c->out_at < c->out_len) {
		ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0)
			break;
		c->out_at += (size_t)n;
	}
	if (c->out) /* one request a conversation */
		drop(c);
}

static void take_new(struct orders *o)
{
	int fd = accept4(o->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (unsigned i = 0; i < ORDER_CLIENTS; i++) {
		if (o->clients[i].fd >= 0)
			continue;
		o->clients[i].fd = fd;
		return;
	}
	close(fd);
}

static bool somebody_listens(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof *a) == 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

int orders_open(struct health *h)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct orders *c = &h->orders;

	for (unsigned i = 0; i < ORDER_CLIENTS; i++)
		c->clients[i].fd = -1;
	if (asprintf(&c->path, "%s/control", h->h->state) < 0) {
		c->path = NULL;
		return -ENOMEM;
	}
	if (strlen(c->path) >= sizeof a.sun_path)
		return -ENAMETOOLONG;
	memcpy(a.sun_path, c->path, strlen(c->path) + 1);
	if (somebody_listens(&a)) {
		free(c->path);
		c->path = NULL;
		return -EADDRINUSE;
	}
	unlink(c->path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&a, sizeof a) < 0 ||
	    listen(c->fd, ORDER_CLIENTS) < 0)
		return -errno;
	return 0;
}

void orders_close(struct health *h)
{
	struct orders *c = &h->orders;

	for (unsigned i = 0; i < ORDER_CLIENTS; i++)
		drop(&c->clients[i]);
	if (c->fd >= 0)
		close(c->fd);
	if (c->path)
		unlink(c->path);
	free(c->path);
}

unsigned orders_poll(struct health *h, struct pollfd *fds)
{
	unsigned n = 0;

	fds[n++] = (struct pollfd){.fd = h->orders.fd, .events = POLLIN};
	for (unsigned i = 0; i < ORDER_CLIENTS; i++) {
		const struct order_client *c = &h->orders.clients[i];

		if (c->fd >= 0)
			fds[n++] = (struct pollfd){.fd = c->fd,
						   .events = c->out ? POLLIN | POLLOUT : POLLIN};
	}
	return n;
}

void orders_go_on(struct health *h)
{
	take_new(&h->orders);
	for (unsigned i = 0; i < ORDER_CLIENTS; i++) {
		struct order_client *c = &h->orders.clients[i];

		if (c->fd >= 0)
			read_some(h, c);
		if (c->fd >= 0 && c->asks)
			ask_on(h, c);
		if (c->fd >= 0 && c->drains && steps_done(&h->steps, false, false))
			end(c, 0, "withdrawn: nothing is routed to this node any more");
		if (c->fd >= 0)
			write_some(c);
	}
}
