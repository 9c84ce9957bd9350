/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A client of the control socket: its bytes in and out, its requests one after the other.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "replicator/control/control_internal.h"
#include "replicator/control/control_history.h"
#include "replicator/judge/judge_news.h"

#define READ_MAX 16384

/* ---- answers ---- */

void client_init(struct client *c, struct node *n, int fd)
{
	*c = (struct client){.node = n, .fd = fd};
	buf_init(&c->in, CONTROL_REQUEST_MAX);
	buf_init(&c->out, CONTROL_OUTPUT_MAX + CONTROL_END_MAX);
}

static void finish_command(struct client *c)
{
	const struct control_command *command = c->command;

	c->command = NULL;
	if (command && command->finish && c->job)
		command->finish(c);
	c->job = NULL;
}

void client_fini(struct client *c)
{
	finish_command(c);
	buf_fini(&c->in);
	buf_fini(&c->out);
	if (c->fd >= 0)
		close(c->fd);
}

size_t client_waiting(const struct client *c)
{
	return c->out.len - c->sent;
}

bool control_has_room(const struct client *c)
{
	return !c->lost && client_waiting(c) < CONTROL_OUTPUT_MAX / 2;
}

static bool put(struct client *c, json_t *line, size_t max)
{
	CLEANUP_FREE char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) + 1 : 0;

	json_decref(line);
	if (!text || c->lost || client_waiting(c) + len > max)
		return false;
	if (c->sent > 0 && c->out.len + len > c->out.max) {
		memmove(c->out.data, c->out.data + c->sent, client_waiting(c));
		c->out.len -= c->sent;
		c->sent = 0;
	}
	text[len - 1] = '\n';
	buf_raw(&c->out, text, len);
	return c->out.err == 0;
}

bool control_line(struct client *c, json_t *line)
{
	return put(c, line, CONTROL_OUTPUT_MAX);
}

void control_end(struct client *c, int status, const char *words, ...)
{
	char text[CONTROL_WORDS_MAX];
	json_t *line = json_object();
	va_list ap;

	va_start(ap, words);
	vsnprintf(text, sizeof(text), words, ap);
	va_end(ap);
	control_add_bool(line, "end", true);
	control_add_number(line, "exit", status);
	control_add_text(line, "words", text);
	if (!put(c, line, CONTROL_OUTPUT_MAX + CONTROL_END_MAX))
		c->lost = true;
	finish_command(c);
}

/* ---- requests ---- */

static const struct control_command *const commands[] = {
    &control_status,  &control_peers,       &control_log,     &control_wait,
    &control_verify,  &control_start_alone, &control_history, &control_conflicts,
    &control_content, &control_restore_at,  &control_restore, &control_resolve,
    &control_held,    &control_hold,        &control_release, &control_approve,
    &control_discard, &control_pause,       &control_resume,
    &control_forget,
    &control_zones,   &control_serving, &control_wait_zone,
    &control_lint,
    &control_check,
    &control_notes,   &control_stale,
    &control_edit,
    &control_set_aside,
};

static const struct control_command *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static bool say_one(void *arg, const char *path, const char *words, bool held)
{
	json_t *o = json_object();

	control_add_text(o, "type", "news");
	control_add_path(o, "path", path);
	control_add_bool(o, "held", held);
	control_add_text(o, "words", words);
	return control_line(arg, o);
}

/* What the gate has said of what this user saved. */
static void say_news(struct client *c, const json_t *request)
{
	const char *user;
	struct who who;

	order_who(c, request, &who, &user);
	news_take(c->node->news, who.login_uid, who.uid, say_one, c);
}

static void serve(struct client *c, const json_t *request)
{
	int64_t version = 0;
	const char *name = NULL;

	if (!json_is_object(request) ||
	    !control_get_number(request, "zonefs", 1, INT32_MAX, &version) || version == 0) {
		control_end(c, 1, "a request is an object with \"zonefs\":1 in it");
		return;
	}
	if (version != 1) {
		control_end(c, 1, "this node speaks version 1 of the protocol, not %lld",
			    (long long)version);
		return;
	}
	if (!control_get_text(request, "command", &name) || !name) {
		control_end(c, 1, "the request has no \"command\"");
		return;
	}
	const struct control_command *command = find(name);
	if (!command) {
		control_end(c, 1, "there is no command \"%.64s\"", name);
		return;
	}
	if (c->node->stopped && !command->stopped) {
		control_end(c, 1, "this node is stopped: \"%.64s\" needs it to run", name);
		return;
	}
	c->command = command;
	if (!c->node->stopped && json_is_true(json_object_get(request, "news")))
		say_news(c, request);
	command->start(c, request);
}

bool client_step(struct client *c)
{
	uint8_t *newline = c->in.len ? memchr(c->in.data, '\n', c->in.len) : NULL;
	json_error_t error;

	if (c->command || c->leaving || c->lost || !control_has_room(c))
		return false;
	if (!newline && c->in.len == c->in.max) {
		control_end(c, 1, "a request has at most %d bytes", CONTROL_REQUEST_MAX - 1);
		c->leaving = true;
	}
	if (!newline)
		return false;
	size_t len = (size_t)(newline - c->in.data);
	json_t *request = json_loadb((const char *)c->in.data, len, JSON_REJECT_DUPLICATES, &error);
	memmove(c->in.data, newline + 1, c->in.len - len - 1);
	c->in.len -= len + 1;
	if (request)
		serve(c, request);
	else
		control_end(c, 1, "the request is no JSON: %s", error.text);
	json_decref(request);
	return true;
}

/* ---- reading and writing ---- */

void client_take(struct client *c)
{
	uint8_t bytes[READ_MAX];
	size_t room = c->in.max - c->in.len;

	ssize_t n = recv(c->fd, bytes, room < sizeof(bytes) ? room : sizeof(bytes), MSG_DONTWAIT);
	if (n > 0) {
		buf_raw(&c->in, bytes, (size_t)n);
	} else if (n == 0) {
		c->half_closed = true;
	} else if (errno != EAGAIN && errno != EINTR) {
		c->lost = true;
	}
}

void client_give(struct client *c)
{
	while (client_waiting(c) > 0 && !c->stuck && !c->lost) {
		ssize_t n = send(c->fd, c->out.data + c->sent, client_waiting(c),
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0)
			c->sent += (size_t)n;
		else if (errno == EAGAIN)
			c->stuck = true;
		else if (errno != EINTR)
			c->lost = true;
	}
	if (client_waiting(c) == 0) {
		buf_reset(&c->out);
		c->sent = 0;
	}
}

bool client_has_request(const struct client *c)
{
	return !c->command && !c->leaving && c->in.len > 0 && memchr(c->in.data, '\n', c->in.len);
}

bool client_is_over(const struct client *c)
{
	if (c->lost)
		return true;
	if (c->command || client_waiting(c) > 0)
		return false;
	return c->leaving || (c->half_closed && !client_has_request(c));
}
