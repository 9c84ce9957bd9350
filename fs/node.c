/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A hash table over handles, and slots over nodeids.
 */
#include "fs/node.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "fs/hash.h"

#define BUCKETS_FIRST 1024
#define BUCKETS_LAST (1U << 24)

uint64_t node_hash(const struct fhandle *h)
{
	return hash_bytes((uint64_t)(uint32_t)h->type, h->bytes, h->len);
}

void node_handle(const struct node *n, struct fhandle *h)
{
	*h = (struct fhandle){.len = n->handle_len, .type = n->handle_type};
	memcpy(h->bytes, n->handle, n->handle_len);
}

static bool has_handle(const struct node *n, uint64_t hash, const struct fhandle *h)
{
	return n->hash == hash && n->handle_len == h->len && n->handle_type == h->type &&
	       memcmp(n->handle, h->bytes, h->len) == 0;
}

static struct node *find_locked(struct nodes *t, const struct fhandle *h)
{
	uint64_t hash = node_hash(h);
	struct node *n = t->buckets[hash % t->nbuckets];

	while (n && !has_handle(n, hash, h))
		n = n->chain;
	return n;
}

static void grow(struct nodes *t)
{
	uint32_t nbuckets = t->nbuckets * 2;
	struct node **buckets;

	if (t->slots.count < t->nbuckets || t->nbuckets >= BUCKETS_LAST)
		return;
	buckets = calloc(nbuckets, sizeof(struct node *));
	if (!buckets)
		return; /* longer chains, then */
	for (uint32_t i = 0; i < t->nbuckets; i++) {
		struct node *n = t->buckets[i];
		while (n) {
			struct node *next = n->chain;
			n->chain = buckets[n->hash % nbuckets];
			buckets[n->hash % nbuckets] = n;
			n = next;
		}
	}
	free(t->buckets);
	t->buckets = buckets;
	t->nbuckets = nbuckets;
}

static struct node *make_locked(struct nodes *t, const struct fhandle *h, mode_t type)
{
	struct node *n = calloc(1, sizeof(*n) + h->len);

	if (!n)
		return NULL;
	n->hash = node_hash(h);
	n->handle_len = h->len;
	n->handle_type = h->type;
	memcpy(n->handle, h->bytes, h->len);
	n->type = type & S_IFMT;
	n->pin = -1;
	n->id = slots_add(&t->slots, n);
	if (n->id == 0) {
		free(n);
		return NULL;
	}
	grow(t);
	n->chain = t->buckets[n->hash % t->nbuckets];
	t->buckets[n->hash % t->nbuckets] = n;
	return n;
}

int nodes_init(struct nodes *t, const struct fhandle *root)
{
	*t = (struct nodes){.nbuckets = BUCKETS_FIRST};
	TAILQ_INIT(&t->unsettled);
	slots_init(&t->slots);
	t->buckets = calloc(t->nbuckets, sizeof(struct node *));
	if (!t->buckets)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	t->root = make_locked(t, root, S_IFDIR);
	if (!t->root)
		return -ENOMEM;
	assert(t->root->id == 1);
	t->root->refs = 1;
	return 0;
}

static void free_node(struct node *n)
{
	while (n->links) {
		struct node_link *l = n->links;
		n->links = l->next;
		free(l);
	}
	if (n->pin >= 0)
		close(n->pin);
	free(n->place);
	free(n->stale);
	free(n);
}

void nodes_fini(struct nodes *t)
{
	if (!t->buckets)
		return;
	for (uint32_t i = 0; i < t->nbuckets; i++) {
		while (t->buckets[i]) {
			struct node *n = t->buckets[i];
			t->buckets[i] = n->chain;
			free_node(n);
		}
	}
	free(t->buckets);
	slots_fini(&t->slots);
	pthread_mutex_destroy(&t->lock);
	*t = (struct nodes){0};
}

static void put_locked(struct nodes *t, struct node *n)
{
	n->refs--;
	node_release_locked(t, n);
}

void node_release_locked(struct nodes *t, struct node *n)
{
	if (n->nlookup > 0 || n->refs > 0 || n->opens > 0 || n->save || n == t->root)
		return;
	struct node **at = &t->buckets[n->hash % t->nbuckets];
	while (*at != n)
		at = &(*at)->chain;
	*at = n->chain;
	slots_remove(&t->slots, n->id);
	node_settled_locked(t, n);
	while (n->links) {
		struct node_link *l = n->links;
		n->links = l->next;
		put_locked(t, l->parent);
		free(l);
	}
	free_node(n);
}

struct node *node_find(struct nodes *t, uint64_t id)
{
	nodes_lock(t);
	struct node *n = slots_find(&t->slots, id);
	nodes_unlock(t);
	return n;
}

struct node *node_get(struct nodes *t, const struct fhandle *h, mode_t type)
{
	nodes_lock(t);
	struct node *n = find_locked(t, h);
	if (!n)
		n = make_locked(t, h, type);
	if (n)
		n->refs++;
	nodes_unlock(t);
	return n;
}

struct node *node_peek(struct nodes *t, const struct fhandle *h)
{
	nodes_lock(t);
	struct node *n = find_locked(t, h);
	if (n)
		n->refs++;
	nodes_unlock(t);
	return n;
}

void node_put(struct nodes *t, struct node *n)
{
	if (!n)
		return;
	nodes_lock(t);
	put_locked(t, n);
	nodes_unlock(t);
}

struct node *node_enter(struct nodes *t, const struct fhandle *h, mode_t type, struct node *parent,
			const char *name)
{
	nodes_lock(t);
	struct node *n = find_locked(t, h);
	if (!n)
		n = make_locked(t, h, type);
	if (n) {
		n->nlookup++;
		if (!node_link_locked(t, n, parent, name)) {
			n->nlookup--;
			node_release_locked(t, n);
			n = NULL;
		}
	}
	nodes_unlock(t);
	return n;
}

void node_looked_up(struct nodes *t, struct node *n)
{
	nodes_lock(t);
	n->nlookup++;
	nodes_unlock(t);
}

void node_forget(struct nodes *t, uint64_t id, uint64_t nlookup)
{
	nodes_lock(t);
	struct node *n = slots_find(&t->slots, id);
	if (n) {
		n->nlookup -= nlookup < n->nlookup ? nlookup : n->nlookup;
		node_release_locked(t, n);
	}
	nodes_unlock(t);
}

static struct node_link **find_link(struct node *n, const struct node *parent, const char *name)
{
	struct node_link **at = &n->links;

	while (*at && ((*at)->parent != parent || strcmp((*at)->name, name) != 0))
		at = &(*at)->next;
	return at;
}

static void remove_link(struct nodes *t, struct node_link **at)
{
	struct node_link *l = *at;

	*at = l->next;
	put_locked(t, l->parent);
	free(l);
}

bool node_link_locked(struct nodes *t, struct node *n, struct node *parent, const char *name)
{
	size_t size = strlen(name) + 1;
	struct node_link *l;

	if (n == t->root || *find_link(n, parent, name))
		return true;
	l = malloc(sizeof(*l) + size);
	if (!l)
		return false;
	memcpy(l->name, name, size);
	l->parent = parent;
	parent->refs++;
	while (S_ISDIR(n->type) && n->links) /* a directory has one name */
		remove_link(t, &n->links);
	l->next = n->links;
	n->links = l;
	return true;
}

void node_unlink_locked(struct nodes *t, struct node *n, struct node *parent, const char *name)
{
	struct node_link **at = find_link(n, parent, name);

	if (*at)
		remove_link(t, at);
}

void node_walked(struct nodes *t, struct node *n, pid_t tid)
{
	nodes_lock(t);
	for (int i = 0; n->stale && i < NODE_STALE_SEEN; i++)
		if (n->stale->seen[i].tid == tid && tid != 0)
			n->stale->seen[i].walked = true;
	nodes_unlock(t);
}

void node_unsettled_locked(struct nodes *t, struct node *n)
{
	if (n->unsettled)
		return;
	n->unsettled = true;
	TAILQ_INSERT_TAIL(&t->unsettled, n, settling);
	t->nunsettled++;
}

void node_settled_locked(struct nodes *t, struct node *n)
{
	if (!n->unsettled)
		return;
	n->unsettled = false;
	TAILQ_REMOVE(&t->unsettled, n, settling);
	t->nunsettled--;
}

void node_changed_locked(struct nodes *t, struct node *n)
{
	n->count = ++t->changes;
}

/* From the end: the name, then its parents. */
int node_path_locked(const struct node *parent, const char *name, char *path)
{
	char made[PATH_LEN_MAX + 1];
	size_t at = sizeof(made) - 1;
	size_t len;

	made[at] = '\0';
	while (name || parent->id != 1) {
		if (!name) {
			if (!parent->links)
				return -ENOENT;
			name = parent->links->name;
			parent = parent->links->parent;
		}
		len = strlen(name);
		bool last = at == sizeof(made) - 1;
		if (at < len + !last)
			return -ENAMETOOLONG;
		if (!last)
			made[--at] = '/';
		at -= len;
		memcpy(made + at, name, len);
		name = NULL;
	}
	memcpy(path, made + at, sizeof(made) - at);
	return 0;
}

int node_path(struct nodes *t, const struct node *parent, const char *name, char *path)
{
	nodes_lock(t);
	int rc = node_path_locked(parent, name, path);
	nodes_unlock(t);
	return rc;
}
