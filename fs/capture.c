/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What comes in: hints become entries, or one RESCAN.
 */
#include "fs/capture_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/path.h"
#include "fs/hash.h"

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

static size_t entry_bytes(const struct capture_entry *e)
{
	return sizeof(*e) + strlen(e->path) + (e->from ? strlen(e->from) : 0);
}

void capture_leave_sent(struct capture *c, struct capture_entry *e)
{
	SLIST_REMOVE(&c->by_serial[e->sent.serial % CAPTURE_BUCKETS], e, capture_entry, by_serial);
	e->sent = (struct capture_state){0};
	c->nsent--;
}

void capture_drop(struct capture *c, struct capture_entry *e)
{
	if (e->sent.serial)
		capture_leave_sent(c, e);
	if (e->waiting.serial)
		TAILQ_REMOVE(&c->queue, e, queue);
	SLIST_REMOVE(&c->by_path[e->hash % CAPTURE_BUCKETS], e, capture_entry, by_path);
	c->count--;
	c->nkept -= e->kept;
	c->bytes -= entry_bytes(e);
	free(e->from);
	free(e);
}

static void drop_all(struct capture *c)
{
	for (size_t i = 0; i < CAPTURE_BUCKETS; i++)
		while (!SLIST_EMPTY(&c->by_path[i]))
			capture_drop(c, SLIST_FIRST(&c->by_path[i]));
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
static bool keep(struct capture *c, struct capture_entry *e)
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
	for (size_t i = 0; i < CAPTURE_BUCKETS; i++) {
		struct capture_entry *next;

		for (struct capture_entry *e = SLIST_FIRST(&c->by_path[i]); e; e = next) {
			next = SLIST_NEXT(e, by_path);
			if (!by_creator(c, e->path, e->flags, &e->who) || !keep(c, e))
				capture_drop(c, e);
		}
	}
}

static void rescan(struct capture *c)
{
	if (!c->rescan_waiting.serial)
		log_notice("more changes than can be told one by one: the replicator rescans");
	drop_found_by_rescan(c);
	c->rescan_waiting = (struct capture_state){.serial = ++c->serial, .oldest = 1};
	c->wake(c->arg);
}

static struct capture_entry *find(struct capture *c, enum hint_what what, const char *path,
				  uint64_t hash)
{
	struct capture_entry *e;

	SLIST_FOREACH(e, &c->by_path[hash % CAPTURE_BUCKETS], by_path)
		if (e->hash == hash && e->what == what && strcmp(e->path, path) == 0)
			return e;
	return NULL;
}

static struct capture_entry *create(struct capture *c, enum hint_what what, const char *path,
				    uint64_t hash)
{
	size_t size = strlen(path) + 1;
	struct capture_entry *e = calloc(1, sizeof(*e) + size);

	if (!e)
		return NULL;
	memcpy(e->path, path, size);
	e->what = what;
	e->hash = hash;
	SLIST_INSERT_HEAD(&c->by_path[hash % CAPTURE_BUCKETS], e, by_path);
	c->count++;
	c->bytes += entry_bytes(e);
	return e;
}

/* False: out of memory. */
static bool set_from(struct capture *c, struct capture_entry *e, const char *from)
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
static void merge(struct capture *c, struct capture_entry *e, uint8_t flags, const struct who *who)
{
	bool fresh = !e->waiting.serial;
	bool same = !fresh || (!(flags & HINT_NAMES) && by_creator(c, e->path, e->flags, &e->who));
	bool keep_who = same && (e->flags & HINT_CREATED) && !(flags & HINT_CREATED);

	if (who && !keep_who)
		e->who = *who;
	e->flags = same ? (uint8_t)(e->flags | flags) : flags;
}

void capture_enqueue(struct capture *c, struct capture_entry *e)
{
	e->queued = c->serial;
	TAILQ_INSERT_TAIL(&c->queue, e, queue);
}

/* False: out of memory. */
static bool put(struct capture *c, struct capture_entry *e, const struct hint *hint, uint64_t since)
{
	merge(c, e, hint->flags, &hint->who);
	++c->serial;
	if (!e->waiting.serial) {
		set_from(c, e, NULL);
		capture_enqueue(c, e);
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
	struct capture_entry *e = find(c, HINT_CHANGED, path, hash_name(HINT_CHANGED, path));

	if (e)
		capture_drop(c, e);
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
	struct capture_entry *e = find(c, HINT_CHANGED, hint->path, hash);
	if (!e)
		e = create(c, HINT_CHANGED, hint->path, hash);
	if (!e)
		return;
	if (!keep(c, e)) {
		capture_drop(c, e);
		return;
	}
	put(c, e, hint, since);
	c->wake(c->arg);
}

/* With the lock held. */
static void add(struct capture *c, const struct hint *hint, uint64_t since)
{
	uint64_t hash = hash_name((uint64_t)hint->what, hint->path);
	struct capture_entry *e = find(c, hint->what, hint->path, hash);

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
