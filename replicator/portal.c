/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A request's id is its slot and the number of its use, so that an answer finds its request at once
 * and a stray one finds none.
 */
#include "replicator/portal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "replicator/hollow.h"
#include "replicator/names.h"
#include "replicator/zones.h"

#define INFO_LIMIT_MSEC 1000
#define INFO_WAITERS_MAX 16
#define ACKS_MAX 1024 /* in one packet */

struct slot {
	portal_done *done; /* NULL: free */
	void *arg;
	uint16_t use;
};

struct waiting {
	struct waiting *next;
	struct buf packet;
};

struct portal {
	struct node *node;
	int socket;
	struct slot slots[PORTAL_REQUESTS_MAX];
	uint32_t free[PORTAL_REQUESTS_MAX];
	uint32_t nfree;
	struct buf out;
	uint32_t begun;    /* its number */
	uint32_t out_slot; /* of the request begun; PORTAL_REQUESTS_MAX: none was free */
	struct waiting *first;
	struct waiting **end;
	uint64_t acks[ACKS_MAX];
	uint32_t nacks;
	uint64_t life;
	struct {
		fs_info_done *done;
		void *arg;
		int64_t until_msec;
	} info_waiters[INFO_WAITERS_MAX];
	bool info_asked;
	struct fs_info info;
	uint8_t in[PORT_PACKET_MAX];
};

int portal_open(struct node *n, int socket, struct portal **out)
{
	struct portal *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->node = n;
	p->socket = socket;
	p->end = &p->first;
	for (uint32_t i = 0; i < PORTAL_REQUESTS_MAX; i++)
		p->free[p->nfree++] = PORTAL_REQUESTS_MAX - 1 - i;
	buf_init(&p->out, PORT_PACKET_MAX);
	*out = p;
	return 0;
}

void portal_close(struct portal *p)
{
	if (!p)
		return;
	while (p->first) {
		struct waiting *w = p->first;
		p->first = w->next;
		buf_fini(&w->packet);
		free(w);
	}
	buf_fini(&p->out);
	close(p->socket);
	free(p);
}

int portal_fd(const struct portal *p)
{
	return p->socket;
}

/* ---- sending ---- */

static void lost(struct portal *p, int err)
{
	if (err != ERR_CLOSED)
		log_error("the port to the file system failed: %s", err_text(err));
	p->node->stopping = true;
}

static void send_packet(struct portal *p, struct buf *packet)
{
	if (!p->first) {
		int err = port_send(p->socket, packet, -1);
		if (err == 0)
			return;
		if (err != -EAGAIN) {
			lost(p, err);
			return;
		}
	}
	struct waiting *w = calloc(1, sizeof(*w));
	if (!w) {
		lost(p, -ENOMEM);
		return;
	}
	w->packet = *packet;
	buf_init(packet, PORT_PACKET_MAX);
	*p->end = w;
	p->end = &w->next;
}

struct buf *portal_begin(struct portal *p, enum port_type type)
{
	uint32_t id = 0;

	p->begun = 0;
	p->out_slot = PORTAL_REQUESTS_MAX;
	if (p->nfree > 0) {
		p->out_slot = p->free[p->nfree - 1];
		id = p->out_slot | (uint32_t)(++p->slots[p->out_slot].use) << 16;
	}
	buf_reset(&p->out);
	port_begin(&p->out, (uint8_t)type, id);
	p->begun = id;
	return &p->out;
}

uint32_t portal_begun(const struct portal *p)
{
	return p->begun;
}

int portal_send(struct portal *p, portal_done *done, void *arg)
{
	if (p->out_slot == PORTAL_REQUESTS_MAX)
		return -EAGAIN;
	if (p->out.err)
		return p->out.err;
	p->nfree--;
	p->slots[p->out_slot].done = done;
	p->slots[p->out_slot].arg = arg;
	send_packet(p, &p->out);
	return 0;
}

static void send_acks(struct portal *p)
{
	if (p->nacks == 0)
		return;
	buf_reset(&p->out);
	port_begin(&p->out, PORT_ACK, 0);
	buf_u16(&p->out, (uint16_t)p->nacks);
	for (uint32_t i = 0; i < p->nacks; i++)
		buf_u64(&p->out, p->acks[i]);
	p->nacks = 0;
	send_packet(p, &p->out);
}

void portal_ack(struct portal *p, uint64_t serial)
{
	p->acks[p->nacks++] = serial;
	if (p->nacks == ACKS_MAX)
		send_acks(p);
}

bool portal_flush(struct portal *p)
{
	send_acks(p);
	while (p->first) {
		struct waiting *w = p->first;
		int err = port_send(p->socket, &w->packet, -1);

		if (err == -EAGAIN)
			return true;
		if (err < 0) {
			lost(p, err);
			return false;
		}
		p->first = w->next;
		if (!p->first)
			p->end = &p->first;
		buf_fini(&w->packet);
		free(w);
	}
	return false;
}

/* ---- receiving ---- */

static void take_hello(struct portal *p, struct rd *r)
{
	uint64_t life = rd_u64(r);
	uint32_t tick = rd_u32(r);
	struct tree_mark mark;

	rd_tree_mark(r, &mark); /* marker_peek has it */
	if (rd_end(r) < 0)
		return;
	log_debug("the file system's worker says hello: life %016llx, clock tick %u ms",
		  (unsigned long long)life, tick);
	if (p->life != 0 && p->life != life) {
		struct event e = {.type = EVENT_RESCAN, .path = ""};
		e.hint.from = "";
		node_event(p->node, &e);
	}
	p->life = life;
}

static void give_hint(struct portal *p, const struct hint *h)
{
	struct node *n = p->node;
	char user[OWNER_MAX] = "";
	struct event e = {
	    .type = h->what == HINT_FREE     ? EVENT_FREE
		    : h->what == HINT_RESCAN ? EVENT_RESCAN
					     : EVENT_HINT,
	    .path = h->path,
	};

	if (h->what == HINT_CHANGED) {
		hollow_hinted(n->hollow, h->path, h->flags & HINT_TREE);
		hollow_hinted(n->hollow, h->from, h->flags & HINT_TREE);
		names_of(n->names, false,
			 h->who.login_uid != (uint32_t)-1 ? h->who.login_uid : h->who.uid, user,
			 n->now_msec);
	}
	zones_changed(n->zones, h->what == HINT_RESCAN ? "" : h->path);
	if (h->from[0])
		zones_changed(n->zones, h->from);
	e.hint.serial = h->serial;
	e.hint.from = h->from;
	e.hint.flags = h->flags;
	e.hint.who = &h->who;
	e.hint.user = user;
	node_event(n, &e);
}

static int take_hints(struct portal *p, struct rd *r)
{
	char path[PATH_LEN_MAX + 1], from[PATH_LEN_MAX + 1];
	int given = 0;

	for (uint16_t n = rd_u16(r); n > 0; n--) {
		struct hint h;

		rd_hint(r, &h, path, from);
		if (r->err)
			break;
		give_hint(p, &h);
		given++;
	}
	if (rd_end(r) < 0)
		log_limited(LOG_LEVEL_ERROR,
			    "a malformed packet of hints came from the file system");
	return given;
}

static void take_answer(struct portal *p, const struct port_head *head, struct rd *r, int *fd)
{
	uint32_t i = head->id & 0xffff;

	if (i >= PORTAL_REQUESTS_MAX || !p->slots[i].done ||
	    p->slots[i].use != (uint16_t)(head->id >> 16)) {
		log_limited(LOG_LEVEL_ERROR, "an answer to no request came from the file system");
		return;
	}
	portal_done *done = p->slots[i].done;
	void *arg = p->slots[i].arg;
	p->slots[i].done = NULL;
	p->free[p->nfree++] = i;

	int status = (int)(int32_t)rd_u32(r);
	if (r->err || status > 0)
		status = ERR_FORMAT;
	done(p->node, arg, status, r, fd);
}

int portal_receive(struct portal *p, int budget)
{
	int given = 0;

	while (given < budget && !p->node->stopping) {
		struct port_head head;
		struct rd r;
		int fd = -1;
		long len = port_receive(p->socket, p->in, &fd);

		if (len == -EAGAIN)
			return given;
		if (len < 0) {
			lost(p, (int)len);
			return given;
		}
		int err = port_parse(&r, p->in, (size_t)len, &head);
		if (err < 0) {
			log_error("the file system speaks another port: %s", err_text(err));
			p->node->stopping = true;
		} else if (head.type & PORT_ANSWER) {
			take_answer(p, &head, &r, &fd);
			given++;
		} else if (head.type == PORT_HELLO) {
			take_hello(p, &r);
		} else if (head.type == PORT_HINTS) {
			given += take_hints(p, &r);
		}
		if (fd >= 0)
			close(fd);
	}
	return given;
}

/* ---- INFO ---- */

static void tell_info(struct portal *p, bool only_late)
{
	for (int i = 0; i < INFO_WAITERS_MAX; i++) {
		fs_info_done *done = p->info_waiters[i].done;

		if (!done || (only_late && p->info_waiters[i].until_msec > p->node->now_msec))
			continue;
		p->info_waiters[i].done = NULL;
		p->info.stale = only_late;
		done(p->info_waiters[i].arg, &p->info);
	}
}

static void info_done(struct node *n, void *arg, int status, struct rd *r, int *fd)
{
	struct portal *p = arg;
	struct fs_info info = {.known = true};

	(void)n;
	(void)fd;
	p->info_asked = false;
	info.hints_waiting = rd_u32(r);
	info.hints_unacknowledged = rd_u32(r);
	info.rescan = rd_u8(r) != 0;
	info.hint_serial = rd_u64(r);
	for (uint16_t i = rd_u16(r); i > 0 && !r->err; i--) {
		int32_t pid = (int32_t)rd_u32(r);
		char command[16];

		rd_strbuf(r, command, sizeof(command));
		if (r->err || info.nbeneath == sizeof(info.beneath) / sizeof(info.beneath[0]))
			continue;
		info.beneath[info.nbeneath].pid = pid;
		memcpy(info.beneath[info.nbeneath++].command, command, sizeof(command));
	}
	if (status < 0 || rd_end(r) < 0) {
		log_limited(LOG_LEVEL_WARNING, "the file system does not tell its state: %s",
			    err_text(status < 0 ? status : ERR_FORMAT));
		return;
	}
	p->info = info;
	tell_info(p, false);
}

int node_fs_info(struct node *n, fs_info_done *done, void *arg)
{
	struct portal *p = n->portal;

	for (int i = 0; i < INFO_WAITERS_MAX; i++) {
		if (p->info_waiters[i].done)
			continue;
		p->info_waiters[i].done = done;
		p->info_waiters[i].arg = arg;
		p->info_waiters[i].until_msec = clock_monotonic_msec() + INFO_LIMIT_MSEC;
		if (!p->info_asked) {
			portal_begin(p, PORT_INFO);
			p->info_asked = portal_send(p, info_done, p) == 0;
		}
		return 0;
	}
	return -EAGAIN;
}

void node_fs_info_cancel(struct node *n, void *arg)
{
	for (int i = 0; i < INFO_WAITERS_MAX; i++)
		if (n->portal->info_waiters[i].arg == arg)
			n->portal->info_waiters[i].done = NULL;
}

void portal_tick(struct portal *p)
{
	tell_info(p, true);
}

int64_t portal_wake(const struct portal *p)
{
	int64_t wake = INT64_MAX;

	for (int i = 0; i < INFO_WAITERS_MAX; i++)
		if (p->info_waiters[i].done && p->info_waiters[i].until_msec < wake)
			wake = p->info_waiters[i].until_msec;
	return wake;
}
