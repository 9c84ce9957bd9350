/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The client's side of the control socket.
 */
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/lines.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tools/zonefsctl/stopped.h"
#include "tools/zonefsctl/zonefsctl.h"

#define START_MSEC 10000 /* that a replicator may need to answer */
#define AGAIN_MSEC 20

static const char *conf_file = CONF_DEFAULT_FILE;
static struct conf *conf;
static pid_t reader; /* of a stopped node's store, whom we speak with; 0: the node itself */

void client_use_file(const char *file)
{
	conf_file = file;
}

const struct conf *client_conf(void)
{
	if (!conf)
		conf = conf_read(conf_file, conf_report_stderr, NULL);
	return conf;
}

void client_forget(void)
{
	conf_free(conf);
	conf = NULL;
}

/* ---- fields ---- */

const char *line_text(const json_t *line, const char *name)
{
	const char *s = json_string_value(json_object_get(line, name));

	return s ? s : "";
}

long long line_number(const json_t *line, const char *name)
{
	return json_integer_value(json_object_get(line, name));
}

bool line_bool(const json_t *line, const char *name)
{
	return json_is_true(json_object_get(line, name));
}

bool line_is(const json_t *line, const char *type)
{
	return strcmp(line_text(line, "type"), type) == 0;
}

/* ---- the connection ---- */

/* The keeper and the worker are there: the replicator will be, too. */
static bool is_mounted(const struct conf *c)
{
	struct statfs fs;

	return statfs(c->mount, &fs) == 0 && fs.f_type == FUSE_SUPER_MAGIC;
}

static int explain(const struct conf *c, const char *path, int err)
{
	switch (err) {
	case ENOENT:
	case ECONNREFUSED:
		if (is_mounted(c))
			return ctl_fail(
			    "nobody answers at %s, though %s is mounted: what does the log "
			    "say of zonefs-replicator? (node \"%s\" of %s)",
			    path, c->mount, c->node, c->file);
		return ctl_fail("nobody answers at %s: is zonefs running? (node \"%s\" of %s)",
				path, c->node, c->file);
	case EACCES:
	case EPERM:
		return ctl_fail("%s: only root and the user %s may ask this node", path, c->user);
	default:
		return ctl_fail("%s: %s", path, strerror(err));
	}
}

/* A connected socket, or -errno. */
static int try(const struct sockaddr_un *a, int silence_sec)
{
	struct timeval limit = {.tv_sec = silence_sec};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
	    connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0)
		return fd;
	int err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

/* A connected socket, or -1 after the reason has been told. A start is over when the mount is usable:
 * the replicator, which reads its store first, may come a moment later, and is waited for. */
static int dial(const struct conf *c, const char *command, int silence_sec)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int64_t until = clock_monotonic_msec() + START_MSEC;
	CLEANUP_FREE char *path = conf_control_path(c);

	if (!path || strlen(path) >= sizeof(a.sun_path)) {
		ctl_fail("%s: too long for a socket", c->state);
		return -1;
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	int fd = try(&a, silence_sec);
	while ((fd == -ENOENT || fd == -ECONNREFUSED) && is_mounted(c) &&
	       clock_monotonic_msec() < until) {
		usleep(AGAIN_MSEC * 1000);
		fd = try(&a, silence_sec);
	}
	if (fd >= 0)
		return fd;
	if ((fd == -ENOENT || fd == -ECONNREFUSED) && stopped_can(command))
		return stopped_dial(c, &reader);
	explain(c, path, -fd);
	return -1;
}

/* Likewise, to zonefs-health. */
static int dial_health(const struct conf *c, int silence_sec)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char path[sizeof a.sun_path];

	if (!c->health) {
		ctl_fail("%s has no section health \"NAME\": zonefs-health(8)", c->file);
		return -1;
	}
	if (snprintf(path, sizeof path, "%s/control", c->health->state) >= (int)sizeof path) {
		ctl_fail("%s: too long for a socket", c->health->state);
		return -1;
	}
	memcpy(a.sun_path, path, sizeof path);
	int fd = try(&a, silence_sec);
	if (fd == -ENOENT || fd == -ECONNREFUSED)
		ctl_fail("nobody answers at %s: is zonefs-health running?", path);
	else if (fd < 0)
		ctl_fail("%s: %s", path, strerror(-fd));
	return fd < 0 ? -1 : fd;
}

/* What the gate has said of what this user saved. Not to scripts, which would swallow it. */
static void want_news(json_t *request, const struct client_call *call)
{
	if (call->json || call->health || !isatty(STDERR_FILENO))
		return;
	json_object_set_new(request, "news", json_true());
	lines_add_who(request);
}

static void say_news(const json_t *line)
{
	const char *words = line_text(line, "words");

	fprintf(stderr, "%s%s\n", line_text(line, "path"),
		line_bool(line, "held") ? " is held, and no peer has heard of it:" : ":");
	for (size_t len; *words; words += len + (words[len] == '\n')) {
		len = strcspn(words, "\n");
		fprintf(stderr, "  %.*s\n", (int)len, words);
	}
}

static int send_request(int fd, const struct client_call *call)
{
	json_t *request = call->request ? json_incref(call->request) : json_object();

	want_news(request, call);

	json_object_set_new(request, "zonefs", json_integer(1));
	json_object_set_new(request, "command", json_string(call->command));
	CLEANUP_FREE char *text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (!text)
		return -1;
	size_t len = strlen(text);
	text[len] = '\n'; /* the string's end is not sent */
	for (size_t sent = 0; sent < len + 1;) {
		ssize_t n = send(fd, text + sent, len + 1 - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		sent += (size_t)n;
	}
	return 0;
}

static int broken(const struct client_call *call)
{
	if (call->health)
		return ctl_fail("zonefs-health %s",
				errno == EAGAIN ? "does not answer" : "ended the conversation");
	if (errno == EAGAIN)
		return ctl_fail("zonefs does not answer: it has been silent for %d seconds",
				call->silence_sec);
	if (reader > 0)
		return CTL_FAILED; /* it has said why */
	return ctl_fail("zonefs ended the conversation: it may have been stopped");
}

static int last_line(const struct client_call *call, const json_t *line)
{
	int status = line_number(line, "exit") == 0 ? CTL_OK : CTL_FAILED;

	if (call->words)
		*call->words = strdup(line_text(line, "words"));
	return status;
}

static int read_lines(FILE *from, const struct client_call *call)
{
	CLEANUP_FREE char *text = NULL;
	size_t size = 0;
	ssize_t len;

	errno = 0;
	while ((len = getline(&text, &size, from)) > 0 && text[len - 1] == '\n') {
		json_t *line = json_loads(text, 0, NULL);

		if (!json_is_object(line)) {
			json_decref(line);
			return ctl_fail("zonefs says what is no JSON: is it of another version?");
		}
		if (line_bool(line, "end")) {
			int status = last_line(call, line);
			json_decref(line);
			return status;
		}
		if (line_is(line, "news"))
			say_news(line);
		else if (call->json)
			fputs(text, stdout);
		else if (call->each)
			call->each(call->arg, line);
		json_decref(line);
		if (fflush(stdout) != 0)
			return CTL_FAILED;
		errno = 0;
	}
	return broken(call);
}

int client_call(const struct client_call *call)
{
	const struct conf *c = client_conf();
	int fd = -1;

	if (c && call->health)
		fd = dial_health(c, call->silence_sec);
	else if (c)
		fd = dial(c, call->command, call->silence_sec);
	FILE *from = fd >= 0 ? fdopen(fd, "r") : NULL;
	int status = CTL_FAILED, ended = 0;

	if (call->words)
		*call->words = NULL;
	if (from)
		status = send_request(fd, call) < 0 ? broken(call) : read_lines(from, call);
	if (from)
		fclose(from);
	if (reader > 0 && waitpid(reader, &ended, 0) == reader && ended != 0)
		status = CTL_FAILED;
	reader = 0;
	json_decref(call->request);
	return status;
}

/* Calls, and says the last line's sentence: where it went well only if `well`. */
static int call_and_say(struct client_call *call, const char *about, bool well)
{
	CLEANUP_FREE char *words = NULL;
	const char *before = about ? about : "", *colon = about ? ": " : "";

	call->words = &words;
	int status = client_call(call);
	if (words && status != CTL_OK)
		ctl_fail("%s%s%s", before, colon, words);
	else if (words && well)
		printf("%s%s%s\n", before, colon, words);
	return status;
}

int client_ask(struct client_call call, const char *about)
{
	return call_and_say(&call, about, false);
}

int client_order(struct client_call call, const char *about)
{
	return call_and_say(&call, about, true);
}

int client_show(struct client_call call)
{
	CLEANUP_FREE char *words = NULL;

	call.words = &words;
	int status = client_call(&call);
	if (words && !call.json)
		printf("%s\n", words);
	return status;
}
