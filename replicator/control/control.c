/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The control socket, STATE/control: how zonefsctl asks and what it is told. The directory belongs
 * to the replicator's user alone, so that user and root can speak here.
 *
 * One JSON object a line, both ways, in UTF-8. A request has at most 64 KiB:
 *
 *   {"zonefs":1,"command":"status"}
 *   {"zonefs":1,"command":"peers"}
 *   {"zonefs":1,"command":"log","path":P,"since":MS,"origin":NODE,"last":N,"follow":BOOL}
 *   {"zonefs":1,"command":"wait","path":P,"serial":"N","served":BOOL,"all":BOOL,"limit_ms":N}
 *   {"zonefs":1,"command":"wait-zone","zone":NAME,"limit_ms":N}
 *   {"zonefs":1,"command":"verify"}
 *   {"zonefs":1,"command":"start-alone"}
 *   {"zonefs":1,"command":"history","path":P}
 *   {"zonefs":1,"command":"conflicts"}
 *   {"zonefs":1,"command":"content","path":P,"version":V}
 *   {"zonefs":1,"command":"restore","path":P,"version":V, WHO}
 *   {"zonefs":1,"command":"restore-at","at":MS,"path":P or "pattern":P,"dry_run":BOOL, WHO}
 *   {"zonefs":1,"command":"resolve","path":P,"take":V or "directory", WHO}
 *     WHO: "user":NAME,"login_uid":N,"tty":NAME; V: a version's "id", the beginning of one, or its
 *     "version"
 *   {"zonefs":1,"command":"hold","why":WORDS,"patterns":[PATTERN...],"serial":"N", WHO}
 *   {"zonefs":1,"command":"held"}
 *   {"zonefs":1,"command":"release","paths":[P...],"why":WORDS,"serial":"N", WHO}
 *   {"zonefs":1,"command":"approve" or "discard", likewise}
 *   {"zonefs":1,"command":"pause", WHO}
 *   {"zonefs":1,"command":"resume"}
 *   {"zonefs":1,"command":"zones","names":BOOL}
 *   {"zonefs":1,"command":"serving","zones":[NAME...]}
 *   {"zonefs":1,"command":"stale"}
 *   {"zonefs":1,"command":"lint","path":P}
 *   {"zonefs":1,"command":"notes","say":BYTES}   in base 64; without: only what was heard
 *
 * What is left out has its default. The answer is any number of lines, each with a "type", and one
 * last line that has "end":
 *
 *   summary     state ("well", "unsettled", "trouble"), words            status; the first line
 *   node        what this node is and has                                status
 *   hook        a hook and its last run                                  status
 *   peer        a peer                                                   status, peers
 *   trouble     a path that is not as the versions say                   status
 *   fs          how the file system's worker is                         status
 *   beneath     a process in the directory beneath the mount             status
 *   version     a version, with the outcomes known so far                log; without: history,
 *               conflicts, content (the first line)
 *   content     "data": the next bytes of it, in base 64                 content
 *   hole        "changes" of a node that no log here has                  log
 *   outcome     one that became known since                              log, with "follow"
 *   reached     a peer (or "self") has it, or in words why not           wait, wait-zone
 *   writer      a process that has the path open for writing             wait
 *   difference  a path that is not the same on a peer                    verify
 *   set         the change set that is open: since, user, why, patterns  held
 *   held        a path that is held, "by" what, and what of it           held
 *   map         whether the zones are known, and as of when             zones, status
 *   zone        a zone: file, kind, why it does not replicate            zones
 *   names       "zones" of a "view" that the name server should serve    zones, with "names"
 *   serving     a zone in a view: whether it is "well", whether serials "differs", and "nodes": each
 *               one's "state" ("served", "not yet", "failed", "waits", "held", "not proved"), serial,
 *               loaded, asked, version                                   serving
 *   stale       a zone in a view that "peer" serves fresher than this node, "why" (replicator/stale.h),
 *               and both serials                                         stale
 *   checked     "verdict" ("good", "bad", "could not") of a zone, or of the
 *               configuration where none is named                        lint
 *   note        a peer, whether it can be reached; "note" (in base 64) and its age_ms, where it said
 *               one                                                      notes
 *   compared    a peer, how many paths were compared and differ          verify
 *   planned     "action": "restore", "delete", "left" (and in words why)  restore-at
 *   {"end":true,"exit":0 or 1,"words":"..."}
 *
 * Times are milliseconds since 1970, durations end with _ms. Paths are relative to the tree and
 * look as in zonefs-hooks(7): a byte that is no part of printable UTF-8, and the backslash, is
 * \ooo; in answers "path_bytes" has the bytes in hexadecimal digits where anything was escaped.
 * What has 64 bits is a string. New fields and types may come: who reads skips what it doesn't
 * know.
 *
 * Nothing here blocks. A client that does not read is held at 1 MiB of output: a log goes on when
 * that has been taken, what would go beyond is left out and counted otherwise.
 */
#include "replicator/control/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "replicator/control/control_internal.h"

#define ACCEPT_PAUSE_MSEC 1000 /* when there is no descriptor left for another client */

struct control {
	struct node *node;
	int fd;
	char *path;
	struct client *clients[CONTROL_CLIENTS_MAX];
	int64_t paused_until; /* nobody is accepted before; 0: not paused */
};

/* ---- the socket ---- */

static int address(const char *path, struct sockaddr_un *a)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(a->sun_path))
		return -ENAMETOOLONG;
	memcpy(a->sun_path, path, strlen(path) + 1);
	return 0;
}

static bool somebody_listens(const struct sockaddr_un *a)
{
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return false;
	return connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 || errno == EAGAIN;
}

static int listen_at(const char *path)
{
	struct sockaddr_un a;
	int err = address(path, &a);

	if (err < 0)
		return err;
	if (somebody_listens(&a))
		return -EADDRINUSE;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && chmod(path, 0600) == 0 &&
	    listen(fd, CONTROL_CLIENTS_MAX) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int control_open(struct node *n, struct control **out)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->node = n;
	c->path = conf_control_path(n->conf);
	c->fd = c->path ? listen_at(c->path) : -ENOMEM;
	if (c->fd < 0) {
		int err = c->fd;

		log_error("%s: the socket for zonefsctl cannot be made: %s",
			  c->path ? c->path : n->conf->state, err_text(err));
		free(c->path);
		free(c);
		return err;
	}
	*out = c;
	return 0;
}

/* ---- clients ---- */

static void accept_one(struct control *c)
{
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int at = 0;

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			c->paused_until = c->node->now_msec + ACCEPT_PAUSE_MSEC;
		return;
	}
	while (at < CONTROL_CLIENTS_MAX && c->clients[at])
		at++;
	struct client *client = at < CONTROL_CLIENTS_MAX ? malloc(sizeof(*client)) : NULL;
	if (client) {
		client_init(client, c->node, fd);
		c->clients[at] = client;
		return;
	}
	static const char full[] =
	    "{\"end\":true,\"exit\":1,\"words\":\"too many programs are asking this node\"}\n";
	if (send(fd, full, sizeof(full) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("a client too many has gone");
	close(fd);
}

/* ---- the loop's side ---- */

int control_fds(struct control *c, struct pollfd *fds, int max)
{
	int n = 0;

	if (c->paused_until == 0 && max > 0)
		fds[n++] = (struct pollfd){.fd = c->fd, .events = POLLIN};
	for (int i = 0; i < CONTROL_CLIENTS_MAX && n < max; i++) {
		struct client *client = c->clients[i];
		short events = 0;

		if (!client)
			continue;
		if (!client->half_closed && !client->leaving && client->in.len < client->in.max)
			events |= POLLIN;
		if (client_waiting(client) > 0)
			events |= POLLOUT;
		fds[n++] = (struct pollfd){.fd = client->fd, .events = events};
	}
	return n;
}

static void ready(struct control *c, const struct pollfd *p)
{
	if (p->revents == 0)
		return;
	if (p->fd == c->fd) {
		accept_one(c);
		return;
	}
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = c->clients[i];

		if (!client || client->fd != p->fd)
			continue;
		if (p->revents & (POLLHUP | POLLERR | POLLNVAL) && !(p->revents & POLLIN))
			client->lost = true;
		if (p->revents & POLLIN)
			client_take(client);
		if (p->revents & POLLOUT)
			client->stuck = false;
		return;
	}
}

static void client_round(struct client *c)
{
	client_step(c);
	if (c->command && c->command->round && control_has_room(c))
		c->command->round(c);
	client_give(c);
}

void control_round(struct control *c, const struct pollfd *fds, int nfds)
{
	if (c->paused_until != 0 && c->node->now_msec >= c->paused_until)
		c->paused_until = 0;
	for (int i = 0; i < nfds; i++)
		ready(c, &fds[i]);
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = c->clients[i];

		if (!client)
			continue;
		client_round(client);
		if (!client_is_over(client))
			continue;
		c->clients[i] = NULL;
		client_fini(client);
		free(client);
	}
}

int64_t control_wake(const struct control *c)
{
	int64_t wake = c->paused_until ? c->paused_until : INT64_MAX;

	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		const struct client *client = c->clients[i];

		if (!client || !control_has_room(client))
			continue;
		if (client_has_request(client))
			return c->node->now_msec;
		if (client->command && client->command->wake) {
			int64_t at = client->command->wake(client);

			if (at < wake)
				wake = at;
		}
	}
	return wake;
}

void control_close(struct control *c)
{
	if (!c)
		return;
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (!c->clients[i])
			continue;
		client_give(c->clients[i]);
		client_fini(c->clients[i]);
		free(c->clients[i]);
	}
	if (unlink(c->path) < 0 && errno != ENOENT)
		log_warning("%s: %s", c->path, err_text(-errno));
	close(c->fd);
	free(c->path);
	free(c);
}
