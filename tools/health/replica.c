/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The lines of "status" (replicator/control.c), and what follows from them.
 */
#include "tools/health/replica.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"

#define ANSWER_MAX (4 * 1024 * 1024)
#define SILENCE_MSEC 5000
#define FAR_MSEC 10000 /* after the replicator's start: who is not there is away */

struct hook_seen {
	char name[64];
	int64_t runs;
};

/* What one answer says. */
struct report {
	bool ended; /* it is whole */
	bool joining, blocked;
	int64_t age_msec, lag_msec, pending, damaged;
	unsigned peers, reachable, behind;
	char behind_peer[64];
	char failing_hook[64];
	bool hook_ran;
	int64_t hook_timeout_msec;
};

struct replica {
	const struct conf *conf;
	int fd;
	struct buf in;
	int64_t until;
	struct report report;
	char why[128]; /* there is no answer */
	struct hook_seen hooks[CONF_HOOKS_MAX];
	size_t nhooks;
};

struct replica *replica_new(const struct conf *conf)
{
	struct replica *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->conf = conf;
	r->fd = -1;
	buf_init(&r->in, ANSWER_MAX);
	return r;
}

void replica_free(struct replica *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	buf_fini(&r->in);
	free(r);
}

/* ---- the lines ---- */

static const char *text_of(const json_t *line, const char *name)
{
	const char *s = json_string_value(json_object_get(line, name));

	return s ? s : "";
}

static int64_t number_of(const json_t *line, const char *name)
{
	const json_t *value = json_object_get(line, name);

	if (json_is_string(value)) /* what has 64 bits */
		return strtoll(json_string_value(value), NULL, 10);
	return json_integer_value(value);
}

static void take_node(struct report *p, const json_t *line)
{
	p->joining = json_is_true(json_object_get(line, "joining"));
	p->blocked = json_object_get(line, "blocked") != NULL;
	p->age_msec = number_of(line, "now") - number_of(line, "started");
	p->lag_msec = number_of(line, "lag_ms");
	p->pending = number_of(line, "pending");
	p->damaged = number_of(line, "damaged");
}

static void take_peer(struct report *p, const json_t *line)
{
	p->peers++;
	if (!json_is_true(json_object_get(line, "reachable")))
		return;
	p->reachable++;
	if (number_of(line, "ahead") == 0 && !json_object_get(line, "catching_up"))
		return;
	if (p->behind++ == 0)
		snprintf(p->behind_peer, sizeof p->behind_peer, "%s", text_of(line, "peer"));
}

static const struct conf_hook *hook_named(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->nhooks; i++)
		if (strcmp(conf->hooks[i].name, name) == 0)
			return &conf->hooks[i];
	return NULL;
}

/* Whether it has run since it was looked at last. */
static bool has_run(struct replica *r, const char *name, int64_t runs)
{
	for (size_t i = 0; i < r->nhooks; i++) {
		struct hook_seen *seen = &r->hooks[i];

		if (strcmp(seen->name, name) != 0)
			continue;
		bool ran = seen->runs != runs;
		seen->runs = runs;
		return ran;
	}
	if (r->nhooks < CONF_HOOKS_MAX) {
		struct hook_seen *seen = &r->hooks[r->nhooks++];

		snprintf(seen->name, sizeof seen->name, "%s", name);
		seen->runs = runs;
	}
	return false;
}

static void take_hook(struct replica *r, const json_t *line)
{
	struct report *p = &r->report;
	const char *name = text_of(line, "hook");
	const struct conf_hook *hook = hook_named(r->conf, name);
	bool ran = has_run(r, name, number_of(line, "runs"));

	if (json_is_true(json_object_get(line, "failing")))
		snprintf(p->failing_hook, sizeof p->failing_hook, "%s", name);
	if (!ran && !json_is_true(json_object_get(line, "running")))
		return;
	p->hook_ran = true;
	if (hook && hook->timeout_sec * 1000 > p->hook_timeout_msec)
		p->hook_timeout_msec = hook->timeout_sec * 1000;
}

static void take_line(struct replica *r, const char *text, size_t len)
{
	json_t *line = json_loadb(text, len, 0, NULL);
	const char *type = text_of(line, "type");

	if (strcmp(type, "node") == 0)
		take_node(&r->report, line);
	else if (strcmp(type, "peer") == 0)
		take_peer(&r->report, line);
	else if (strcmp(type, "hook") == 0)
		take_hook(r, line);
	else if (json_is_true(json_object_get(line, "end")))
		r->report.ended = true;
	json_decref(line);
}

static void take_answer(struct replica *r)
{
	const char *at = (const char *)r->in.data, *end = at + r->in.len;

	r->report = (struct report){0};
	while (at < end) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));

		if (!eol)
			return;
		take_line(r, at, (size_t)(eol - at));
		at = eol + 1;
	}
}

/* ---- the socket ---- */

static void stop(struct replica *r, const char *why)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	snprintf(r->why, sizeof r->why, "%s", why);
}

static int dial(const struct conf *conf)
{
	static const char request[] = "{\"zonefs\":1,\"command\":\"status\"}\n";
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	CLEANUP_FREE char *path = conf_control_path(conf);

	if (!path || strlen(path) >= sizeof a.sun_path)
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* A local socket is connected at once, and has room for this. */
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
	    send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)sizeof request - 1)
		return fd;
	int err = errno ? -errno : -EIO;
	close(fd);
	return err;
}

void replica_start(struct replica *r, int64_t now)
{
	if (replica_busy(r))
		return;
	buf_reset(&r->in);
	r->until = now + SILENCE_MSEC;
	r->report = (struct report){0};
	int fd = dial(r->conf);
	if (fd < 0)
		stop(r, err_text(fd));
	else
		r->fd = fd;
}

bool replica_busy(const struct replica *r)
{
	return r->fd >= 0;
}

struct pollfd replica_poll(const struct replica *r)
{
	return (struct pollfd){.fd = r->fd, .events = POLLIN};
}

int64_t replica_next(const struct replica *r)
{
	return replica_busy(r) ? r->until : INT64_MAX;
}

static bool is_whole(const struct replica *r)
{
	static const char end[] = "\"end\":true";

	return r->in.len > 0 && r->in.data[r->in.len - 1] == '\n' &&
	       memmem(r->in.data, r->in.len, end, sizeof end - 1) != NULL;
}

bool replica_go_on(struct replica *r, int64_t now)
{
	char bytes[16384];
	ssize_t n;

	if (!replica_busy(r))
		return false;
	while ((n = recv(r->fd, bytes, sizeof bytes, 0)) > 0)
		buf_raw(&r->in, bytes, (size_t)n);
	if (is_whole(r) || n == 0) {
		take_answer(r);
		stop(r, "the conversation was ended");
		return true;
	}
	if (r->in.err || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		stop(r, r->in.err ? err_text(r->in.err) : strerror(errno));
		return true;
	}
	if (now < r->until)
		return false;
	stop(r, "it is silent");
	return true;
}

/* ---- the rule ---- */

static void tell_data(const struct report *p, const struct conf_health *h, struct rule *rule,
		      int64_t now)
{
	char words[RULE_WORDS], span[CLOCK_SPAN_TEXT];
	int64_t limit = h->lag_limit_sec * (int64_t)1000;

	clock_span(span, p->lag_msec);
	snprintf(words, sizeof words, "%" PRId64 " versions of peers wait here, the oldest for %s",
		 p->pending, span);
	rule_finding(rule, FINDING_LAG, p->lag_msec > limit, words, now);
	snprintf(words, sizeof words, "none of %u peers can be reached", p->peers);
	rule_finding(rule, FINDING_CUT_OFF, p->peers > 0 && p->reachable == 0, words, now);
	snprintf(words, sizeof words, "peer %s has versions that are not here", p->behind_peer);
	rule_finding(rule, FINDING_BEHIND, p->behind > 0, words, now);
	snprintf(words, sizeof words, "%s",
		 p->blocked ? "the store takes nothing"
			    : "contents of this node's disk are damaged");
	rule_finding(rule, FINDING_REFUSED, p->blocked || p->damaged > 0, words, now);
	snprintf(words, sizeof words, "the hook %s fails: what is served may be old",
		 p->failing_hook);
	rule_finding(rule, FINDING_HOOK, p->failing_hook[0], words, now);
}

void replica_tell(struct replica *r, struct rule *rule, int64_t now)
{
	const struct report *p = &r->report;
	char words[RULE_WORDS];

	snprintf(words, sizeof words, "zonefs's replicator does not answer: %s", r->why);
	rule_finding(rule, FINDING_REPLICATOR, !p->ended, words, now);
	if (!p->ended) {
		/* What it said before may have changed; that it doesn't answer is counted. */
		rule_caught_up(rule, false);
		rule_hooks(rule, false, 0);
		return;
	}
	tell_data(p, r->conf->health, rule, now);
	rule_hooks(rule, p->hook_ran, p->hook_timeout_msec);
	rule_caught_up(rule, !p->joining && !p->blocked && p->pending == 0 && p->behind == 0 &&
				 (p->reachable == p->peers || p->age_msec > FAR_MSEC));
}
