/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Both sides of the invalidation socket. A packet is
 *
 *   worker -> keeper   u8 type, u64 ticket       PREPARE: then u8 n, n * (u8 what, u64 nodeid,
 *                                                name bytes)
 *                                                GO, CANCEL: nothing more
 *   keeper -> worker   u64 ticket, i32 status    for each GO and CANCEL
 *
 * The worker sends PREPARE and CANCEL while it holds locks, so they must never block: at most
 * TICKETS_MAX tickets are out at a time, whose packets the socket's buffers hold in any case.
 *
 * There is no thread to receive the answers: of those who wait, one reads the socket for all, and
 * hands that over when its own answer has come.
 */
#include "fs/inval.h"

#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/settle.h"

#define TICKETS_MAX 64
#define NAME_MAX_LEN 255
#define PACKET_MAX (16 + INVAL_ITEMS_MAX * (1 + 8 + 4 + NAME_MAX_LEN))
#define ANSWER_LEN 12
#define SOCKET_BUFFER (212992) /* what anybody may ask for; the kernel doubles it */

enum { PREPARE = 1, GO = 2, CANCEL = 3 };

/* ---- the worker's side ---- */

struct waiter {
	struct waiter *next;
	uint64_t ticket;
	bool done;
	int32_t status;
};

struct inval {
	int sock;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t answered;
	struct waiter *waiters;
	uint64_t last_ticket;
	int out; /* tickets whose answer has not been read */
	bool reading;
	bool closed;
};

struct inval *inval_new(int sock)
{
	struct inval *i = calloc(1, sizeof(*i));
	if (!i) {
		close(sock);
		return NULL;
	}
	int size = SOCKET_BUFFER;
	setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	i->sock = sock;
	pthread_mutex_init(&i->lock, NULL);
	pthread_cond_init(&i->answered, NULL);
	return i;
}

void inval_free(struct inval *i)
{
	if (!i)
		return;
	close(i->sock);
	pthread_cond_destroy(&i->answered);
	pthread_mutex_destroy(&i->lock);
	free(i);
}

/* With the lock held. */
static void take_answer(struct inval *i, const uint8_t *packet, size_t len)
{
	struct rd r;

	rd_init(&r, packet, len);
	uint64_t ticket = rd_u64(&r);
	int32_t status = (int32_t)rd_u32(&r);
	if (rd_end(&r) != 0)
		return;
	i->out--;
	for (struct waiter *w = i->waiters; w; w = w->next) {
		if (w->ticket != ticket)
			continue;
		w->done = true;
		w->status = status;
	}
}

/* With the lock held; without it in between unless `flags` is MSG_DONTWAIT. False: nothing there,
 * or the end. */
static bool read_answer(struct inval *i, int flags)
{
	uint8_t packet[ANSWER_LEN];
	ssize_t n;

	i->reading = true;
	if (flags == 0)
		pthread_mutex_unlock(&i->lock);
	do
		n = recv(i->sock, packet, sizeof(packet), flags);
	while (n < 0 && errno == EINTR);
	int err = errno;
	if (flags == 0)
		pthread_mutex_lock(&i->lock);
	i->reading = false;

	if (n > 0)
		take_answer(i, packet, (size_t)n);
	else if (n == 0 || err != EAGAIN)
		i->closed = true;
	pthread_cond_broadcast(&i->answered);
	return n > 0;
}

static int send_packet(struct inval *i, const void *p, size_t len)
{
	ssize_t n;

	do
		n = send(i->sock, p, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	return errno == EPIPE || errno == ECONNRESET ? ERR_CLOSED : -errno;
}

static int send_ticket(struct inval *i, uint8_t type, uint64_t ticket)
{
	struct buf b;

	buf_init(&b, PACKET_MAX);
	buf_u8(&b, type);
	buf_u64(&b, ticket);
	int rc = b.err ? b.err : send_packet(i, b.data, b.len);
	buf_fini(&b);
	return rc;
}

static int64_t take_ticket(struct inval *i)
{
	int64_t ticket;

	pthread_mutex_lock(&i->lock);
	/* Answers to cancelled tickets are read when there is need, unless somebody reads anyway.
	 */
	while (i->out >= TICKETS_MAX && !i->reading && read_answer(i, MSG_DONTWAIT))
		;
	if (i->closed)
		ticket = ERR_CLOSED;
	else if (i->out >= TICKETS_MAX)
		ticket = ERR_LIMIT;
	else {
		i->out++;
		ticket = (int64_t)++i->last_ticket;
	}
	pthread_mutex_unlock(&i->lock);
	return ticket;
}

static bool item_valid(const struct inval_item *item)
{
	if (item->what == INVAL_INODE || item->what == INVAL_SETTLE)
		return !item->name;
	return item->what == INVAL_NAME && item->name && item->name[0] &&
	       strlen(item->name) <= NAME_MAX_LEN;
}

int64_t inval_prepare(struct inval *i, const struct inval_item *items, int n)
{
	if (n < 1 || n > INVAL_ITEMS_MAX)
		return -EINVAL;
	for (int k = 0; k < n; k++)
		if (!item_valid(&items[k]))
			return -EINVAL;
	int64_t ticket = take_ticket(i);
	if (ticket < 0)
		return ticket;

	struct buf b;
	buf_init(&b, PACKET_MAX);
	buf_u8(&b, PREPARE);
	buf_u64(&b, (uint64_t)ticket);
	buf_u8(&b, (uint8_t)n);
	for (int k = 0; k < n; k++) {
		const char *name = items[k].name ? items[k].name : "";
		buf_u8(&b, (uint8_t)items[k].what);
		buf_u64(&b, items[k].nodeid);
		buf_bytes(&b, name, strlen(name));
	}
	int rc = b.err ? b.err : send_packet(i, b.data, b.len);
	buf_fini(&b);
	if (rc < 0) {
		pthread_mutex_lock(&i->lock);
		i->out--;
		pthread_mutex_unlock(&i->lock);
		return rc;
	}
	return ticket;
}

int inval_go(struct inval *i, int64_t ticket)
{
	struct waiter w = {.ticket = (uint64_t)ticket, .status = ERR_CLOSED};

	pthread_mutex_lock(&i->lock);
	w.next = i->waiters;
	i->waiters = &w;
	pthread_mutex_unlock(&i->lock);

	int rc = send_ticket(i, GO, w.ticket);

	pthread_mutex_lock(&i->lock);
	while (rc == 0 && !w.done && !i->closed) {
		if (i->reading)
			pthread_cond_wait(&i->answered, &i->lock);
		else
			read_answer(i, 0);
	}
	struct waiter **at = &i->waiters;
	while (*at != &w)
		at = &(*at)->next;
	*at = w.next;
	pthread_mutex_unlock(&i->lock);
	return rc < 0 ? rc : w.status;
}

void inval_cancel(struct inval *i, int64_t ticket)
{
	/* If it cannot be sent, the keeper is gone, and with it all that was prepared. */
	(void)send_ticket(i, CANCEL, (uint64_t)ticket);
}

/* ---- the keeper's side ---- */

struct prepared {
	uint64_t ticket; /* 0: the place is free */
	int n;
	struct {
		enum inval_what what;
		uint64_t nodeid;
		char name[NAME_MAX_LEN + 1];
	} items[INVAL_ITEMS_MAX];
};

static int notify(int device, int code, void *body, size_t body_len, const char *name,
		  size_t name_len)
{
	struct fuse_out_header head = {
	    .len = (uint32_t)(sizeof(head) + body_len + name_len),
	    .error = code,
	};
	struct iovec iov[3] = {
	    {&head, sizeof(head)}, {body, body_len}, {(void *)(uintptr_t)name, name_len}};

	if (writev(device, iov, name_len > 0 ? 3 : 2) >= 0 || errno == ENOENT)
		return 0; /* ENOENT: the kernel has nothing of it */
	return -errno;
}

static int notify_name(int device, uint64_t parent, const char *name)
{
	size_t len = strlen(name);
	struct fuse_notify_inval_entry_out body = {.parent = parent, .namelen = (uint32_t)len};

	return notify(device, FUSE_NOTIFY_INVAL_ENTRY, &body, sizeof(body), name, len + 1);
}

static int notify_inode(int device, uint64_t nodeid)
{
	struct fuse_notify_inval_inode_out body = {.ino = nodeid, .off = -1, .len = 0};

	return notify(device, FUSE_NOTIFY_INVAL_INODE, &body, sizeof(body), NULL, 0);
}

/* Where an inode cannot be opened by its number (no CAP_DAC_READ_SEARCH), the kernel up to 6.18 takes a
 * directory's lock for any name, and has nothing to forget of this one. */
static int settle(int device, const char *mount, uint64_t nodeid)
{
	int rc = settle_wait(mount, nodeid);

	if (rc != -EPERM)
		return rc == -ESTALE ? 0 : rc;
	rc = notify_name(device, nodeid, "\n");
	return rc == -ENOTDIR ? 0 : rc;
}

/* Since 6.19, a name that somebody is looking up for the first time is not waited for by the kernel itself,
 * and would be cached as it was. */
static int forget_name(int device, const char *mount, uint64_t parent, const char *name)
{
	(void)settle_wait(mount, parent);
	return notify_name(device, parent, name);
}

static int carry_out(struct prepared *p, int device, const char *mount)
{
	int status = 0;

	for (int k = 0; k < p->n; k++) {
		uint64_t nodeid = p->items[k].nodeid;
		int rc = 0;
		switch (p->items[k].what) {
		case INVAL_NAME:
			rc = forget_name(device, mount, nodeid, p->items[k].name);
			break;
		case INVAL_INODE:
			rc = notify_inode(device, nodeid);
			break;
		case INVAL_SETTLE:
			rc = settle(device, mount, nodeid);
			break;
		}
		if (rc < 0 && status == 0)
			status = rc;
	}
	p->ticket = 0;
	return status;
}

static struct prepared *find_prepared(struct prepared *table, uint64_t ticket)
{
	for (int k = 0; k < TICKETS_MAX; k++)
		if (table[k].ticket == ticket)
			return &table[k];
	return NULL;
}

static int prepare(struct prepared *table, struct rd *r, uint64_t ticket)
{
	struct prepared *p = find_prepared(table, 0);
	int n = rd_u8(r);

	if (!p || n < 1 || n > INVAL_ITEMS_MAX)
		return ERR_LIMIT;
	for (int k = 0; k < n; k++) {
		size_t len;
		p->items[k].what = rd_u8(r);
		p->items[k].nodeid = rd_u64(r);
		const uint8_t *name = rd_bytes(r, &len, NAME_MAX_LEN);
		if (name && len > 0)
			memcpy(p->items[k].name, name, len);
		p->items[k].name[len] = '\0';
		const struct inval_item item = {p->items[k].what, 0,
						len > 0 ? p->items[k].name : NULL};
		if (!item_valid(&item))
			rd_fail(r);
	}
	int rc = rd_end(r);
	if (rc == 0) {
		p->n = n;
		p->ticket = ticket;
	}
	return rc;
}

static int answer(int sock, uint64_t ticket, int status)
{
	struct buf b;

	buf_init(&b, ANSWER_LEN);
	buf_u64(&b, ticket);
	buf_u32(&b, (uint32_t)status);
	int rc = b.err;
	if (rc == 0 && send(sock, b.data, b.len, MSG_NOSIGNAL) < 0)
		rc = -errno;
	buf_fini(&b);
	return rc;
}

static int serve_packet(struct prepared *table, int sock, int device, const char *mount,
			const uint8_t *packet, size_t len)
{
	struct rd r;

	rd_init(&r, packet, len);
	uint8_t type = rd_u8(&r);
	uint64_t ticket = rd_u64(&r);
	if (r.err || ticket == 0 || ticket > INT64_MAX)
		return ERR_FORMAT;
	if (type == PREPARE)
		return prepare(table, &r, ticket);

	struct prepared *p = find_prepared(table, ticket);
	if (!p || rd_end(&r) != 0 || (type != GO && type != CANCEL))
		return ERR_FORMAT;
	int status = 0;
	if (type == GO)
		status = carry_out(p, device, mount);
	p->ticket = 0;
	return answer(sock, ticket, status);
}

void inval_serve(int sock, int device, const char *mount)
{
	struct prepared *table CLEANUP_FREE = calloc(TICKETS_MAX, sizeof(*table));
	uint8_t packet[PACKET_MAX];
	int rc = table ? 0 : -ENOMEM;

	settle_thread_init();

	while (rc == 0) {
		ssize_t n = recv(sock, packet, sizeof(packet), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		rc = serve_packet(table, sock, device, mount, packet, (size_t)n);
	}
	/* With the worker gone, an answer has nobody to go to. */
	if (rc < 0 && rc != -EPIPE && rc != -ECONNRESET)
		log_error("invalidations: %s", err_text(rc));
	for (int k = 0; table && k < TICKETS_MAX; k++)
		if (table[k].ticket != 0)
			carry_out(&table[k], device, mount);
}
