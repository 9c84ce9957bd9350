/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One entry a path and kind of hint, found by its path, and by its serial once it was sent. It is
 * in one or both of two states: *to be sent* (in the queue, in the order in which the paths first
 * came) and *sent*, not acknowledged. A change while it is sent makes it both, and the
 * acknowledgement of the older serial then ends only the latter. Each state remembers the oldest
 * serial that it stands for.
 *
 * A RESCAN stands for every entry but those of names that are local only by their creator: these
 * are kept, in whichever state they are. While it is to be sent, only such are added.
 */
#include "fs/capture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/log.h"
#include "base/path.h"
#include "base/pattern.h"
#include "fs/hash.h"

#define BUCKETS 16384
#define HINTS_A_PACKET 1024

struct state {
	uint64_t serial; /* 0: not in this state */
	uint64_t oldest;
};

struct entry {
	SLIST_ENTRY(entry) by_path;
	SLIST_ENTRY(entry) by_serial; /* while sent */
	TAILQ_ENTRY(entry) queue;     /* while to be sent */
	uint64_t hash;
	uint64_t queued; /* the latest serial when it came into the queue: it grows along that */
	struct state waiting;
	struct state sent;
	enum hint_what what;
	uint8_t flags;
	bool kept;  /* was, beside a RESCAN */
	char *from; /* NULL: none */
	struct who who;
	char path[];
};

SLIST_HEAD(entry_list, entry);

struct capture {
	pthread_mutex_t lock; /* of all that follows */
	void (*wake)(void *arg);
	void *arg;
	struct locality *locality; /* as it is built in */
	uint64_t serial;
	uint32_t max;
	uint32_t count;
	uint32_t nsent;
	uint32_t nkept;
	size_t bytes;
	struct state rescan_waiting;
	struct state rescan_sent;
	TAILQ_HEAD(, entry) queue;
	struct entry_list by_path[BUCKETS];
	struct entry_list by_serial[BUCKETS];
};

struct capture *capture_new(uint32_t hints_max, void (*wake)(void *arg), void *arg)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->locality = locality_new();
	if (!c->locality) {
		free(c);
		return NULL;
	}
	c->wake = wake;
	c->arg = arg;
	c->max = hints_max;
	pthread_mutex_init(&c->lock, NULL);
	TAILQ_INIT(&c->queue);
	return c;
}

static size_t entry_bytes(const struct entry *e)
{
	return sizeof(*e) + strlen(e->path) + (e->from ? strlen(e->from) : 0);
}

static void leave_sent(struct capture *c, struct entry *e)
{
	SLIST_REMOVE(&c->by_serial[e->sent.serial % BUCKETS], e, entry, by_serial);
	e->sent = (struct state){0};
	c->nsent--;
}

static void drop(struct capture *c, struct entry *e)
{
	if (e->sent.serial)
		leave_sent(c, e);
	if (e->waiting.serial)
		TAILQ_REMOVE(&c->queue, e, queue);
	SLIST_REMOVE(&c->by_path[e->hash % BUCKETS], e, entry, by_path);
	c->count--;
	c->nkept -= e->kept;
	c->bytes -= entry_bytes(e);
	free(e->from);
	free(e);
}

static void drop_all(struct capture *c)
{
	for (size_t i = 0; i < BUCKETS; i++)
		while (!SLIST_EMPTY(&c->by_path[i]))
			drop(c, SLIST_FIRST(&c->by_path[i]));
}

void capture_free(struct capture *c)
{
	if (!c)
		return;
	drop_all(c);
	locality_free(c->locality);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* The name is local because of its creator. What the configuration takes back with `include` is no
 * matter: then the replicator does not mark it. */
static bool by_creator(struct capture *c, const char *path, uint8_t flags, const struct who *who)
{
	return (flags & HINT_CREATED) &&
	       locality_by_creator(c->locality, path, flags & HINT_TREE, who->command);
}

/* False: there is no room. */
static bool keep(struct capture *c, struct entry *e)
{
	if (e->kept)
		return true;
	if (c->nkept >= CAPTURE_KEPT_MAX) {
		log_limited(LOG_LEVEL_WARNING,
			    "more of named's own files than can be known while the replicator is "
			    "behind: it may send /%s to the peers",
			    e->path);
		return false;
	}
	e->kept = true;
	c->nkept++;
	return true;
}

static void drop_found_by_rescan(struct capture *c)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct entry *next;

		for (struct entry *e = SLIST_FIRST(&c->by_path[i]); e; e = next) {
			next = SLIST_NEXT(e, by_path);
			if (!by_creator(c, e->path, e->flags, &e->who) || !keep(c, e))
				drop(c, e);
		}
	}
}

static void rescan(struct capture *c)
{
	if (!c->rescan_waiting.serial)
		log_notice("more changes than can be told one by one: the replicator rescans");
	drop_found_by_rescan(c);
	c->rescan_waiting = (struct state){.serial = ++c->serial, .oldest = 1};
	c->wake(c->arg);
}

static struct entry *find(struct capture *c, enum hint_what what, const char *path, uint64_t hash)
{
	struct entry *e;

	SLIST_FOREACH(e, &c->by_path[hash % BUCKETS], by_path)
		if (e->hash == hash && e->what == what && strcmp(e->path, path) == 0)
			return e;
	return NULL;
}

static struct entry *create(struct capture *c, enum hint_what what, const char *path, uint64_t hash)
{
	size_t size = strlen(path) + 1;
	struct entry *e = calloc(1, sizeof(*e) + size);

	if (!e)
		return NULL;
	memcpy(e->path, path, size);
	e->what = what;
	e->hash = hash;
	SLIST_INSERT_HEAD(&c->by_path[hash % BUCKETS], e, by_path);
	c->count++;
	c->bytes += entry_bytes(e);
	return e;
}

/* False: out of memory. */
static bool set_from(struct capture *c, struct entry *e, const char *from)
{
	char *copy = from ? strdup(from) : NULL;

	c->bytes -= entry_bytes(e);
	free(e->from);
	e->from = copy;
	c->bytes += entry_bytes(e);
	return copy || !from;
}

/* What is known of an entry that is still to be sent is kept; of one that was sent, it starts anew.
 * Who created a name stays known as long as that has to be told; as does, until it is acknowledged,
 * a creator that makes the name local. */
static void merge(struct capture *c, struct entry *e, uint8_t flags, const struct who *who)
{
	bool fresh = !e->waiting.serial;
	bool same = !fresh || (!(flags & HINT_NAMES) && by_creator(c, e->path, e->flags, &e->who));
	bool keep_who = same && (e->flags & HINT_CREATED) && !(flags & HINT_CREATED);

	if (who && !keep_who)
		e->who = *who;
	e->flags = same ? (uint8_t)(e->flags | flags) : flags;
}

static void enqueue(struct capture *c, struct entry *e)
{
	e->queued = c->serial;
	TAILQ_INSERT_TAIL(&c->queue, e, queue);
}

/* False: out of memory. */
static bool put(struct capture *c, struct entry *e, const struct hint *hint, uint64_t since)
{
	merge(c, e, hint->flags, &hint->who);
	++c->serial;
	if (!e->waiting.serial) {
		set_from(c, e, NULL);
		enqueue(c, e);
		e->waiting.oldest = UINT64_MAX;
	}
	e->waiting.serial = c->serial;
	uint64_t oldest = since ? since : c->serial;
	if (oldest < e->waiting.oldest)
		e->waiting.oldest = oldest;
	return !hint->from[0] || set_from(c, e, hint->from);
}

static void forget(struct capture *c, const char *path)
{
	struct entry *e = find(c, HINT_CHANGED, path, hash_name(HINT_CHANGED, path));

	if (e)
		drop(c, e);
}

/* While a RESCAN is to be sent, which stands for all but this. A name that came or went otherwise
 * is no longer the one that was kept. */
static void add_beside_rescan(struct capture *c, const struct hint *hint, uint64_t since)
{
	c->rescan_waiting.serial = ++c->serial;
	if (hint->what != HINT_CHANGED)
		return;
	if (hint->from[0])
		forget(c, hint->from);
	if (!by_creator(c, hint->path, hint->flags, &hint->who)) {
		if (hint->flags & HINT_NAMES)
			forget(c, hint->path);
		return;
	}
	uint64_t hash = hash_name(HINT_CHANGED, hint->path);
	struct entry *e = find(c, HINT_CHANGED, hint->path, hash);
	if (!e)
		e = create(c, HINT_CHANGED, hint->path, hash);
	if (!e)
		return;
	if (!keep(c, e)) {
		drop(c, e);
		return;
	}
	put(c, e, hint, since);
	c->wake(c->arg);
}

/* With the lock held. */
static void add(struct capture *c, const struct hint *hint, uint64_t since)
{
	uint64_t hash = hash_name((uint64_t)hint->what, hint->path);
	struct entry *e = find(c, hint->what, hint->path, hash);

	if (!e && c->count >= c->max) {
		rescan(c);
		add_beside_rescan(c, hint, since);
		return;
	}
	if (!e)
		e = create(c, hint->what, hint->path, hash);
	if (!e) {
		rescan(c);
		return;
	}
	if (!put(c, e, hint, since) || c->bytes > CAPTURE_BYTES_MAX) {
		rescan(c);
		return;
	}
	c->wake(c->arg);
}

static void give(struct capture *c, const struct hint *hint, uint64_t since)
{
	if (!path_valid_or_root(hint->path) || !path_valid_or_root(hint->from))
		return;
	pthread_mutex_lock(&c->lock);
	if (c->rescan_waiting.serial)
		add_beside_rescan(c, hint, since);
	else
		add(c, hint, since);
	pthread_mutex_unlock(&c->lock);
}

void capture_changed(struct capture *c, const char *path, const char *from, uint8_t flags,
		     const struct who *who, uint64_t since)
{
	struct hint hint = {
	    .what = HINT_CHANGED, .flags = flags, .path = path, .from = from ? from : ""};

	if (who)
		hint.who = *who;
	log_stage("hint", path);
	give(c, &hint, since);
}

void capture_freed(struct capture *c, const char *path)
{
	struct hint hint = {.what = HINT_FREE, .path = path, .from = ""};

	give(c, &hint, 0);
}

void capture_rescan(struct capture *c)
{
	pthread_mutex_lock(&c->lock);
	rescan(c);
	pthread_mutex_unlock(&c->lock);
}

uint64_t capture_reserve(struct capture *c)
{
	pthread_mutex_lock(&c->lock);
	uint64_t serial = ++c->serial;
	pthread_mutex_unlock(&c->lock);
	return serial;
}

uint64_t capture_serial(struct capture *c)
{
	pthread_mutex_lock(&c->lock);
	uint64_t serial = c->serial;
	pthread_mutex_unlock(&c->lock);
	return serial;
}

static void write_rescan(struct capture *c, struct buf *packet)
{
	struct hint hint = {
	    .serial = c->rescan_waiting.serial, .what = HINT_RESCAN, .path = "", .from = ""};

	buf_hint(packet, &hint);
	c->rescan_sent = c->rescan_waiting;
	c->rescan_waiting = (struct state){0};
}

static void write_entry(struct capture *c, struct entry *e, struct buf *packet)
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
		leave_sent(c, e);
	}
	e->sent = (struct state){.serial = e->waiting.serial, .oldest = oldest};
	e->waiting = (struct state){0};
	SLIST_INSERT_HEAD(&c->by_serial[e->sent.serial % BUCKETS], e, by_serial);
	c->nsent++;
}

int capture_next(struct capture *c, struct buf *packet, size_t max_bytes)
{
	struct entry *e;
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
	struct entry *e = TAILQ_FIRST(&c->queue);
	bool behind = c->rescan_waiting.serial || (e && e->queued <= serial);
	pthread_mutex_unlock(&c->lock);
	return behind;
}

void capture_ack(struct capture *c, uint64_t serial)
{
	struct entry *e;

	pthread_mutex_lock(&c->lock);
	if (c->rescan_sent.serial && c->rescan_sent.serial == serial)
		c->rescan_sent = (struct state){0};
	SLIST_FOREACH(e, &c->by_serial[serial % BUCKETS], by_serial) {
		if (e->sent.serial != serial)
			continue;
		if (e->waiting.serial)
			leave_sent(c, e);
		else
			drop(c, e);
		break;
	}
	pthread_mutex_unlock(&c->lock);
}

static void resend(struct capture *c, struct entry *e)
{
	struct state sent = e->sent;

	leave_sent(c, e);
	if (!e->waiting.serial) {
		e->waiting = sent;
		enqueue(c, e);
	} else if (sent.oldest < e->waiting.oldest) {
		e->waiting.oldest = sent.oldest;
	}
}

void capture_resend(struct capture *c)
{
	pthread_mutex_lock(&c->lock);
	if (c->rescan_sent.serial && !c->rescan_waiting.serial)
		c->rescan_waiting = c->rescan_sent;
	c->rescan_sent = (struct state){0};
	for (size_t i = 0; i < BUCKETS; i++)
		while (!SLIST_EMPTY(&c->by_serial[i]))
			resend(c, SLIST_FIRST(&c->by_serial[i]));
	c->wake(c->arg);
	pthread_mutex_unlock(&c->lock);
}

static bool open_upto(const struct state *s, uint64_t serial)
{
	return s->serial && s->oldest <= serial;
}

bool capture_done(struct capture *c, uint64_t serial)
{
	struct entry *e;
	bool done;

	pthread_mutex_lock(&c->lock);
	done = !open_upto(&c->rescan_waiting, serial) && !open_upto(&c->rescan_sent, serial);
	for (size_t i = 0; done && c->count > 0 && i < BUCKETS; i++)
		SLIST_FOREACH(e, &c->by_path[i], by_path)
			if (open_upto(&e->waiting, serial) || open_upto(&e->sent, serial))
				done = false;
	pthread_mutex_unlock(&c->lock);
	return done;
}

bool capture_done_path(struct capture *c, const char *path)
{
	struct entry *e;
	bool done;

	pthread_mutex_lock(&c->lock);
	done = !c->rescan_waiting.serial && !c->rescan_sent.serial;
	for (size_t i = 0; done && c->count > 0 && i < BUCKETS; i++)
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
