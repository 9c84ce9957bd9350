/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What goes out: hints are sent in the order in which their paths first came, a RESCAN behind what is
 * kept beside it, and end with their acknowledgement.
 */
#include "fs/capture_internal.h"

#include <string.h>

#include "base/path.h"

#define HINTS_A_PACKET 1024

static void write_rescan(struct capture *c, struct buf *packet)
{
	struct hint hint = {
	    .serial = c->rescan_waiting.serial, .what = HINT_RESCAN, .path = "", .from = ""};

	buf_hint(packet, &hint);
	c->rescan_sent = c->rescan_waiting;
	c->rescan_waiting = (struct capture_state){0};
}

static void write_entry(struct capture *c, struct capture_entry *e, struct buf *packet)
{
	struct hint hint = {
	    .serial = e->waiting.serial,
	    .what = e->what,
	    .flags = e->flags,
	    .path = e->path,
	    .from = e->from ? e->from : "",
	    .who = e->who,
	};

	buf_hint(packet, &hint);
	TAILQ_REMOVE(&c->queue, e, queue);
	uint64_t oldest = e->waiting.oldest;
	if (e->sent.serial) {
		if (e->sent.oldest < oldest)
			oldest = e->sent.oldest;
		capture_leave_sent(c, e);
	}
	e->sent = (struct capture_state){.serial = e->waiting.serial, .oldest = oldest};
	e->waiting = (struct capture_state){0};
	SLIST_INSERT_HEAD(&c->by_serial[e->sent.serial % CAPTURE_BUCKETS], e, by_serial);
	c->nsent++;
}

int capture_next(struct capture *c, struct buf *packet, size_t max_bytes)
{
	struct capture_entry *e;
	int n = 0;

	pthread_mutex_lock(&c->lock);
	if (c->rescan_waiting.serial || !TAILQ_EMPTY(&c->queue)) {
		port_begin(packet, PORT_HINTS, 0);
		size_t at = packet->len;
		buf_u16(packet, 0);
		while (n < HINTS_A_PACKET && packet->len < max_bytes &&
		       (e = TAILQ_FIRST(&c->queue))) {
			write_entry(c, e, packet);
			n++;
		}
		if (c->rescan_waiting.serial && TAILQ_EMPTY(&c->queue) && n < HINTS_A_PACKET &&
		    packet->len < max_bytes) {
			write_rescan(c, packet);
			n++;
		}
		if (!packet->err) {
			packet->data[at] = (uint8_t)n;
			packet->data[at + 1] = (uint8_t)(n >> 8);
		}
	}
	pthread_mutex_unlock(&c->lock);
	return n;
}

/* What a RESCAN stands for came at any time. */
bool capture_behind(struct capture *c, uint64_t serial)
{
	pthread_mutex_lock(&c->lock);
	struct capture_entry *e = TAILQ_FIRST(&c->queue);
	bool behind = c->rescan_waiting.serial || (e && e->queued <= serial);
	pthread_mutex_unlock(&c->lock);
	return behind;
}

void capture_ack(struct capture *c, uint64_t serial)
{
	struct capture_entry *e;

	pthread_mutex_lock(&c->lock);
	if (c->rescan_sent.serial && c->rescan_sent.serial == serial)
		c->rescan_sent = (struct capture_state){0};
	SLIST_FOREACH(e, &c->by_serial[serial % CAPTURE_BUCKETS], by_serial) {
		if (e->sent.serial != serial)
			continue;
		if (e->waiting.serial)
			capture_leave_sent(c, e);
		else
			capture_drop(c, e);
		break;
	}
	pthread_mutex_unlock(&c->lock);
}

static void resend(struct capture *c, struct capture_entry *e)
{
	struct capture_state sent = e->sent;

	capture_leave_sent(c, e);
	if (!e->waiting.serial) {
		e->waiting = sent;
		capture_enqueue(c, e);
	} else if (sent.oldest < e->waiting.oldest) {
		e->waiting.oldest = sent.oldest;
	}
}

void capture_resend(struct capture *c)
{
	pthread_mutex_lock(&c->lock);
	if (c->rescan_sent.serial && !c->rescan_waiting.serial)
		c->rescan_waiting = c->rescan_sent;
	c->rescan_sent = (struct capture_state){0};
	for (size_t i = 0; i < CAPTURE_BUCKETS; i++)
		while (!SLIST_EMPTY(&c->by_serial[i]))
			resend(c, SLIST_FIRST(&c->by_serial[i]));
	c->wake(c->arg);
	pthread_mutex_unlock(&c->lock);
}

static bool open_upto(const struct capture_state *s, uint64_t serial)
{
	return s->serial && s->oldest <= serial;
}

bool capture_done(struct capture *c, uint64_t serial)
{
	struct capture_entry *e;
	bool done;

	pthread_mutex_lock(&c->lock);
	done = !open_upto(&c->rescan_waiting, serial) && !open_upto(&c->rescan_sent, serial);
	for (size_t i = 0; done && c->count > 0 && i < CAPTURE_BUCKETS; i++)
		SLIST_FOREACH(e, &c->by_path[i], by_path)
			if (open_upto(&e->waiting, serial) || open_upto(&e->sent, serial))
				done = false;
	pthread_mutex_unlock(&c->lock);
	return done;
}

bool capture_done_path(struct capture *c, const char *path)
{
	struct capture_entry *e;
	bool done;

	pthread_mutex_lock(&c->lock);
	done = !c->rescan_waiting.serial && !c->rescan_sent.serial;
	for (size_t i = 0; done && c->count > 0 && i < CAPTURE_BUCKETS; i++)
		SLIST_FOREACH(e, &c->by_path[i], by_path)
			if (strcmp(e->path, path) == 0 || path_below(e->path, path))
				done = false;
	pthread_mutex_unlock(&c->lock);
	return done;
}

void capture_count(struct capture *c, struct capture_counts *counts)
{
	pthread_mutex_lock(&c->lock);
	*counts = (struct capture_counts){
	    .waiting = c->count - c->nsent,
	    .unacknowledged = c->nsent,
	    .rescan = c->rescan_waiting.serial || c->rescan_sent.serial,
	};
	pthread_mutex_unlock(&c->lock);
}
