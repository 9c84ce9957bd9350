/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Requests and answers as replicator/control/control.c describes them.
 */
#include "tools/health/talk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

#define ANSWER_MAX (4 * 1024 * 1024)
#define SILENCE_MSEC 5000

void talk_init(struct talk *t, const struct conf *conf)
{
	*t = (struct talk){.conf = conf, .fd = -1};
	buf_init(&t->in, ANSWER_MAX);
	snprintf(t->why, sizeof t->why, "it was not asked yet");
}

static void stop(struct talk *t, const char *why)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	snprintf(t->why, sizeof t->why, "%s", why);
}

void talk_fini(struct talk *t)
{
	stop(t, "");
	buf_fini(&t->in);
}

static int dial(const struct conf *conf, const char *request)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	CLEANUP_FREE char *path = conf_control_path(conf);
	CLEANUP_FREE char *line = NULL;

	if (!path || strlen(path) >= sizeof a.sun_path)
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, strlen(path) + 1);
	ssize_t len = asprintf(&line, "%s\n", request);
	if (len < 0) {
		line = NULL;
		return -ENOMEM;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* A local socket is connected at once, and has room for this. */
	errno = 0;
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
	    send(fd, line, (size_t)len, MSG_NOSIGNAL) == len)
		return fd;
	int err = errno ? -errno : -EIO;
	close(fd);
	return err;
}

void talk_start(struct talk *t, const char *request, int64_t now)
{
	buf_reset(&t->in);
	t->until = now + SILENCE_MSEC;
	t->why[0] = '\0';
	int fd = dial(t->conf, request);
	if (fd < 0)
		stop(t, err_text(fd));
	else
		t->fd = fd;
}

bool talk_busy(const struct talk *t)
{
	return t->fd >= 0;
}

struct pollfd talk_poll(const struct talk *t)
{
	return (struct pollfd){.fd = t->fd, .events = POLLIN};
}

int64_t talk_next(const struct talk *t)
{
	return talk_busy(t) ? t->until : INT64_MAX;
}

static bool is_whole(const struct talk *t)
{
	static const char end[] = "\"end\":true";

	return t->in.len > 0 && t->in.data[t->in.len - 1] == '\n' &&
	       memmem(t->in.data, t->in.len, end, sizeof end - 1) != NULL;
}

bool talk_go_on(struct talk *t, int64_t now)
{
	char bytes[16384];
	ssize_t n;

	if (!talk_busy(t))
		return false;
	while ((n = recv(t->fd, bytes, sizeof bytes, 0)) > 0)
		buf_raw(&t->in, bytes, (size_t)n);
	int err = n < 0 ? errno : 0;
	if (is_whole(t))
		stop(t, "");
	else if (n == 0)
		stop(t, "the conversation was ended");
	else if (t->in.err)
		stop(t, err_text(t->in.err));
	else if (err != EAGAIN && err != EINTR)
		stop(t, strerror(err));
	else if (now >= t->until)
		stop(t, "it is silent");
	return !talk_busy(t);
}

bool talk_lines(struct talk *t, void (*each)(void *arg, const json_t *line), void *arg)
{
	const char *at = (const char *)t->in.data, *end = at + t->in.len, *eol;
	bool ended = false;

	if (t->why[0])
		return false;
	for (; at < end && (eol = memchr(at, '\n', (size_t)(end - at))) != NULL; at = eol + 1) {
		json_t *line = json_loadb(at, (size_t)(eol - at), 0, NULL);

		ended |= talk_bool(line, "end");
		if (line)
			each(arg, line);
		json_decref(line);
	}
	if (!ended)
		snprintf(t->why, sizeof t->why, "what it says is no answer");
	return ended;
}

const char *talk_text(const json_t *line, const char *name)
{
	const char *s = json_string_value(json_object_get(line, name));

	return s ? s : "";
}

int64_t talk_number(const json_t *line, const char *name)
{
	const json_t *value = json_object_get(line, name);

	if (json_is_string(value)) /* what has 64 bits */
		return strtoll(json_string_value(value), NULL, 10);
	return json_integer_value(value);
}

bool talk_bool(const json_t *line, const char *name)
{
	return json_is_true(json_object_get(line, name));
}
