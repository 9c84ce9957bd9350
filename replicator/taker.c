/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A take goes: LOOK -> (not a file, nothing new, busy: told at once) -> read and hash -> LOOK again
 * -> told, or from the beginning where the identity is another one. Small contents are read in one
 * go and kept until then; large ones are copied into the store's incoming files in pieces of a
 * megabyte, so that other work goes on between them.
 */
#include "replicator/taker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "replicator/damage.h"
#include "replicator/hashing.h"
#include "replicator/taker_internal.h"

#define PIECE (1024 * 1024)
#define PIECES_A_ROUND 4

/* ---- lists ---- */

void take_append(struct take_list *l, struct take *k)
{
	if (!l->first)
		l->end = &l->first;
	k->next = NULL;
	*l->end = k;
	l->end = &k->next;
	l->n++;
}

struct take *take_shift(struct take_list *l)
{
	struct take *k = l->first;

	if (k) {
		l->first = k->next;
		l->n--;
	}
	return k;
}

static void take_forget_content(struct take *k)
{
	free(k->content);
	k->content = NULL;
	k->len = 0;
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
	if (k->incoming)
		incoming_cancel(k->incoming, false);
	k->incoming = NULL;
	k->proving = false;
}

void take_free(struct take *k)
{
	LIST_REMOVE(k, all);
	take_forget_content(k);
	free((char *)k->found.target);
	free(k->path);
	free(k);
}

struct taker *taker_new(struct node *n)
{
	struct taker *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->node = n;
	LIST_INIT(&t->all);
	t->scans_end = &t->scans;
	return t;
}

void taker_free(struct taker *t)
{
	struct take *k;

	if (!t)
		return;
	while ((k = LIST_FIRST(&t->all)))
		take_free(k);
	scan_free_all(t);
	for (uint32_t i = 0; i < t->ntoo_big; i++)
		free(t->too_big[i]);
	free(t);
}

/* ---- looking ---- */

static void begin_again(struct taker *t, struct take *k)
{
	take_forget_content(k);
	if (++k->tries >= TAKER_TRIES)
		take_tell_status(t, k, -EAGAIN);
	else
		take_append(k->scan ? &t->found : &t->asked, k);
}

static void read_small(struct taker *t, struct take *k, int fd)
{
	size_t size = (size_t)k->found.size, len = 0;

	k->content = malloc(size + 1);
	if (!k->content) {
		take_tell_status(t, k, -ENOMEM);
		return;
	}
	while (len <= size) {
		ssize_t got = pread(fd, k->content + len, size + 1 - len, (off_t)len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			take_tell_status(t, k, -errno);
			return;
		}
		if (got == 0)
			break;
		len += (size_t)got;
	}
	if (len != size) {
		begin_again(t, k);
		return;
	}
	k->len = len;
	k->proving = true;
	take_append(k->scan ? &t->found : &t->asked, k);
}

/* The content, where it came along, is what the look says. */
static void take_inlined(struct taker *t, struct take *k, const uint8_t *content, size_t len)
{
	k->content = malloc(len + 1);
	if (!k->content) {
		take_tell_status(t, k, -ENOMEM);
		return;
	}
	memcpy(k->content, content, len);
	k->len = len;
	take_tell_content(t, k);
}

static void looked_first(struct taker *t, struct take *k, int *fd, const uint8_t *content,
			 size_t len)
{
	struct node *n = t->node;
	const struct look *l = &k->found;
	const struct shown *shown = core_shown(n->core, k->path);
	struct hash hash = {{0}};

	if (l->kind != KIND_ABSENT && !l->busy && shown && ident_same(&l->ident, &shown->ident) &&
	    !k->refill && !damage_read_again(n, k->path)) {
		struct observation o = {.ident = l->ident, .unchanged = true};
		take_tell(t, k, &o);
	} else if (l->kind == KIND_LINK) {
		hash = hash_of(l->target, strlen(l->target));
		take_tell_found(t, k, hash);
	} else if (l->kind != KIND_FILE || l->busy || l->size > (uint64_t)n->conf->max_file_size) {
		take_tell_found(t, k, hash);
	} else if (content) {
		take_inlined(t, k, content, len);
	} else if (*fd < 0) {
		take_tell_status(t, k, -EIO);
	} else if (l->size <= STORE_SMALL_MAX) {
		read_small(t, k, *fd);
	} else if (t->large.n >= TAKER_LARGE_MAX) {
		take_append(&t->parked, k);
	} else {
		k->fd = *fd;
		*fd = -1;
		take_append(&t->large, k);
	}
}

static void look_done(struct node *n, void *arg, int status, struct rd *r, int *fd)
{
	struct taker *t = n->taker;
	struct take *k = arg;
	const uint8_t *content = NULL;
	size_t len = 0;
	struct look look;
	char target[PORT_TARGET_MAX + 1];

	t->looks--;
	if (status == 0) {
		rd_look(r, &look, target);
		if (k->inlined && rd_u8(r) == 1)
			content = rd_bytes(r, &len, PORT_LOOK_MAX);
		status = rd_end(r);
	}
	if (status < 0) {
		take_tell_status(t, k, status);
	} else if (k->proving && (look.busy || !ident_same(&look.ident, &k->found.ident))) {
		begin_again(t, k);
	} else if (k->proving) {
		take_tell_content(t, k);
	} else {
		free((char *)k->found.target);
		k->found = look;
		k->found.xattrs = NULL;
		k->found.target = strdup(look.kind == KIND_LINK ? target : "");
		if (k->found.target)
			looked_first(t, k, fd, content, len);
		else
			take_tell_status(t, k, -ENOMEM);
	}
	taker_pump(t);
}

static bool send_look(struct taker *t, struct take *k)
{
	struct buf *b = portal_begin(t->node->portal, PORT_LOOK);

	buf_str(b, k->path);
	/* What a scan finds is mostly as it was: its content is not read before that is known. */
	k->inlined = !k->scan && !k->proving;
	if (k->inlined)
		buf_u8(b, 1);
	if (portal_send(t->node->portal, look_done, k) < 0)
		return false;
	t->looks++;
	return true;
}

void taker_pump(struct taker *t)
{
	while (t->looks < TAKER_LOOKS_MAX) {
		struct take_list *l = t->asked.first ? &t->asked : &t->found;
		if (!l->first || !send_look(t, l->first))
			break;
		take_shift(l);
	}
	scan_pump(t);
}

static struct take *take_new(struct taker *t, char *path, struct scan *s)
{
	struct take *k = calloc(1, sizeof(*k));

	if (!k || !path) {
		log_error("out of memory");
		abort();
	}
	LIST_INSERT_HEAD(&t->all, k, all);
	k->path = path;
	k->scan = s;
	k->fd = -1;
	return k;
}

void taker_look(struct taker *t, const char *path)
{
	take_append(&t->asked, take_new(t, strdup(path), NULL));
	taker_pump(t);
}

void taker_refill(struct taker *t, const char *path)
{
	struct take *k = take_new(t, strdup(path), NULL);

	k->refill = true;
	take_append(&t->asked, k);
	taker_pump(t);
}

void taker_add_found(struct taker *t, struct scan *s, char *path)
{
	take_append(&t->found, take_new(t, path, s));
}

/* ---- large contents ---- */

/* Copies a piece: 1 there is more, 0 all is read, or an error. */
static int read_piece(struct taker *t, struct take *k)
{
	static uint8_t piece[PIECE];
	int err = 0;

	if (!k->incoming)
		err = incoming_open_new(t->node->store, &k->incoming);
	if (err < 0)
		return err;
	uint64_t at = incoming_size(k->incoming);
	ssize_t got = pread(k->fd, piece, sizeof(piece), (off_t)at);
	if (got < 0)
		return errno == EINTR ? 1 : -errno;
	if (got == 0)
		return 0;
	if (at + (uint64_t)got > (uint64_t)t->node->conf->max_file_size)
		return -EFBIG;
	err = incoming_write(k->incoming, piece, (size_t)got);
	return err < 0 ? err : 1;
}

bool taker_work(struct taker *t)
{
	for (int i = 0; i < PIECES_A_ROUND && t->large.first; i++) {
		struct take *k = take_shift(&t->large);
		int more = read_piece(t, k);

		if (more > 0) {
			take_append(&t->large, k);
		} else if (more < 0) {
			take_tell_status(t, k, more);
		} else if (incoming_size(k->incoming) != k->found.size) {
			begin_again(t, k);
		} else {
			close(k->fd);
			k->fd = -1;
			k->proving = true;
			take_append(k->scan ? &t->found : &t->asked, k);
		}
	}
	if (t->parked.first && t->large.n < TAKER_LARGE_MAX)
		take_append(&t->asked, take_shift(&t->parked));
	taker_pump(t);
	return t->large.first != NULL;
}
