/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What happened on a node that does not run is in its store. zonefsctl starts this program to read
 * it, and speaks with it as it does with a node: the same commands, on a store that is opened for
 * reading only. SQLite keeps files of its own beside the database even then, so whoever runs this
 * becomes the store's owner first: the node must be able to write them when it starts again.
 */
#include "replicator/stopped.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "replicator/control/control_internal.h"

static int become_owner(const char *state)
{
	struct stat st;
	CLEANUP_FREE char *file = NULL;

	if (asprintf(&file, "%s/zonefs.db", state) < 0)
		return -ENOMEM;
	if (stat(file, &st) < 0) {
		log_error("%s: %s: was zonefs ever started here?", file, err_text(-errno));
		return -ENOENT;
	}
	if (geteuid() != 0 || st.st_uid == 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setgid(st.st_gid) < 0 || setuid(st.st_uid) < 0) {
		log_error("%s: cannot become its owner: %s", state, err_text(-errno));
		return -errno;
	}
	return 0;
}

static int open_node(struct node *n, const struct conf *conf)
{
	const struct core_conf c = {.node = conf->node, .locality = conf->locality};

	*n = (struct node){.conf = conf, .stopped = true};
	int err = become_owner(conf->state);
	if (!err)
		err = store_open(&n->store, conf->state, true);
	if (err)
		return err;
	n->core = core_new(&c);
	return n->core ? store_load(n->store, n->core) : -ENOMEM;
}

static void answer(struct client *c)
{
	while (!client_is_over(c)) {
		struct pollfd p = {.fd = c->fd};

		if (!c->half_closed && !c->leaving && c->in.len < c->in.max)
			p.events |= POLLIN;
		if (client_waiting(c) > 0)
			p.events |= POLLOUT;
		bool busy = control_has_room(c) && (c->command || client_has_request(c));
		if (poll(&p, 1, busy ? 0 : -1) < 0 && errno != EINTR)
			return;
		c->node->now_msec = clock_monotonic_msec();
		c->node->wall_msec = clock_wall_msec();
		if (p.revents & (POLLIN | POLLHUP | POLLERR))
			client_take(c);
		c->stuck = false;
		client_step(c);
		if (c->command && c->command->round && control_has_room(c))
			c->command->round(c);
		client_give(c);
	}
}

int stopped_serve(const struct conf *conf, int fd)
{
	static struct node n;
	static struct client c;
	int err = open_node(&n, conf);

	if (!err) {
		client_init(&c, &n, fd);
		answer(&c);
		client_fini(&c);
	}
	if (n.core)
		core_free(n.core);
	store_close(n.store);
	return err ? 1 : 0;
}
