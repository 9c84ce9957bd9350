/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The count is one value of the store, 8 bytes.
 */
#include "replicator/marker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/log.h"
#include "replicator/portal.h"
#include "replicator/runner.h"

#define COUNT "mark"

struct marker {
	struct node *node;
	uint64_t count;
	uint64_t changes; /* the node's, when the tree was marked last */
	int64_t next_msec;
	bool refused; /* the tree cannot have one */
};

struct tree_mark marker_peek(int port)
{
	static uint8_t packet[PORT_PACKET_MAX];
	struct pollfd p = {.fd = port, .events = POLLIN};
	struct tree_mark none = {0}, mark;
	struct port_head head;
	struct rd r;

	if (poll(&p, 1, MARKER_PEEK_MSEC) <= 0)
		return none;
	ssize_t len = recv(port, packet, sizeof(packet), MSG_PEEK | MSG_DONTWAIT);
	if (len <= 0 || port_parse(&r, packet, (size_t)len, &head) < 0 || head.type != PORT_HELLO)
		return none; /* portal_receive says what is wrong */
	rd_u64(&r);
	rd_u32(&r);
	rd_tree_mark(&r, &mark);
	return rd_end(&r) < 0 ? none : mark;
}

/* 0 or an error. */
static int load(struct node *n, uint64_t *count)
{
	*count = 0;
	long len = store_value_get(n->store, COUNT, count, sizeof(*count));
	return len < 0 ? (int)len : 0;
}

int marker_behind(struct node *n, const struct tree_mark *tree)
{
	uint64_t count;
	int err = load(n, &count);

	if (err < 0)
		return err;
	return tree->store == n->node_id && tree->count > count;
}

struct marker *marker_new(struct node *n, const struct tree_mark *tree)
{
	struct marker *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->node = n;
	m->changes = n->changes - 1; /* at the start in any case */
	if (load(n, &m->count) < 0)
		m->count = tree->store == n->node_id ? tree->count : 0;
	return m;
}

void marker_free(struct marker *m)
{
	free(m);
}

static void marked(struct node *n, void *arg, int status, struct rd *r, int *fd)
{
	struct marker *m = arg;

	(void)n;
	(void)r;
	(void)fd;
	if (status < 0 && !m->refused)
		log_info(
		    "the tree cannot be marked (%s): a store that is put back from an old image, "
		    "under a newer tree, will not be noticed",
		    err_text(status));
	m->refused = status < 0;
}

/* Durable here before the tree has it. */
static int count_on(struct marker *m)
{
	struct node *n = m->node;
	uint64_t count = m->count + 1;
	int err = store_value_put(n->store, COUNT, &count, sizeof(count));

	if (err == 0)
		runner_flush(n->runner, n->now_msec);
	if (err == 0)
		err = runner_blocked(n->runner);
	if (err == 0)
		m->count = count;
	return err;
}

void marker_tick(struct marker *m)
{
	struct node *n = m->node;

	if (n->changes == m->changes || n->now_msec < m->next_msec)
		return;
	m->next_msec = n->now_msec + MARKER_EVERY_MSEC;
	if (count_on(m) < 0)
		return;
	struct tree_mark mark = {.store = n->node_id, .count = m->count};
	struct buf *b = portal_begin(n->portal, PORT_MARK);
	buf_tree_mark(b, &mark);
	if (portal_send(n->portal, marked, m) == 0)
		m->changes = n->changes;
}

int64_t marker_wake(const struct marker *m)
{
	return m->node->changes == m->changes ? INT64_MAX : m->next_msec;
}
