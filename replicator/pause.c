/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Kept as one value of the store: since when (8 bytes, wall ms), by whom (text). It is durable
 * before anybody is told that it is so.
 */
#include "replicator/pause.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "replicator/peers.h"
#include "replicator/runner.h"

#define PAUSED "paused"

struct kept {
	int64_t since_msec;
	char by[NODE_BY_MAX];
};

int pause_load(struct node *n)
{
	struct kept k = {0};
	long len = store_value_get(n->store, PAUSED, &k, sizeof(k));

	if (len <= 0)
		return (int)len;
	k.by[sizeof(k.by) - 1] = '\0';
	n->paused_msec = len >= (long)sizeof(k.since_msec) && k.since_msec > 0 ? k.since_msec : 1;
	memcpy(n->paused_by, k.by, sizeof(n->paused_by));
	log_notice("replication is paused, as it was when this node ended: zonefsctl resume");
	return 0;
}

/* Nobody hears of it before it is durable. */
static int keep(struct node *n, const struct kept *k)
{
	int blocked = runner_blocked(n->runner);

	if (blocked)
		return blocked;
	int err = store_value_put(n->store, PAUSED, k, k ? sizeof(*k) : 0);
	if (err < 0)
		return err;
	runner_flush(n->runner, n->now_msec);
	return runner_blocked(n->runner);
}

int node_pause(struct node *n, const char *by)
{
	struct kept k = {.since_msec = n->wall_msec};

	if (n->paused_msec)
		return -EALREADY;
	snprintf(k.by, sizeof(k.by), "%s", by);
	n->paused_msec = k.since_msec; /* what waits for the commit is told no more */
	int err = keep(n, &k);
	if (err < 0) {
		n->paused_msec = 0;
		return err;
	}
	memcpy(n->paused_by, k.by, sizeof(n->paused_by));
	log_notice("replication is paused by %s", n->paused_by);
	peers_open_all(n->peers);
	return 0;
}

int node_resume(struct node *n)
{
	if (!n->paused_msec)
		return -EALREADY;
	int err = keep(n, NULL);
	if (err < 0)
		return err;
	n->paused_msec = 0;
	n->paused_by[0] = '\0';
	log_notice("replication goes on");
	peers_open_all(n->peers);
	return 0;
}
