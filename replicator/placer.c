/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two lanes, each with a bound of what is under way: contents being staged, and installs. A large
 * content is written into the staged file in pieces, and the descriptor is closed before the core
 * hears of it: an install proves that no writer is left.
 */
#include "replicator/placer.h"

#include <errno.h>
#include <bsd/sys/queue.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/err.h"
#include "base/log.h"
#include "replicator/hashing.h"
#include "replicator/names.h"
#include "replicator/portal.h"
#include "replicator/repair.h"

#define PIECE (1024 * 1024)
#define PIECES_A_ROUND 4

/* One request on its way, or waiting. */
struct place {
	struct place *next;
	LIST_ENTRY(place) asked_link;
	enum effect_type type;
	char *path;
	struct hash hash; /* STAGE */
	uint64_t size;
	struct attrs attrs;
	int fd; /* STAGE of a large content: to be written into; -1 */
	uint64_t written;
	XXH3_state_t *state; /* of what was written; NULL: none yet */
	struct fhandle handle;
	struct task *task; /* INSTALL, REMOVE: what was asked */
};

struct lane {
	struct place *first;
	struct place **end;
	uint32_t under_way;
};

struct placer {
	struct node *node;
	struct lane stages;
	struct lane installs;
	struct lane large; /* staged files being written */
	LIST_HEAD(, place) asked; /* of fs, which has yet to answer */
};

static void append(struct lane *l, struct place *p)
{
	if (!l->first)
		l->end = &l->first;
	p->next = NULL;
	*l->end = p;
	l->end = &p->next;
}

static struct place *shift(struct lane *l)
{
	struct place *p = l->first;

	if (p)
		l->first = p->next;
	return p;
}

static void place_free(struct place *p)
{
	if (p->fd >= 0)
		close(p->fd);
	if (p->task) {
		free(p->task->install.target);
		free(p->task);
	}
	XXH3_freeState(p->state);
	free(p->path);
	free(p);
}

struct placer *placer_new(struct node *n)
{
	struct placer *p = calloc(1, sizeof(*p));

	if (p)
		p->node = n;
	return p;
}

void placer_free(struct placer *p)
{
	struct place *k;

	if (!p)
		return;
	while ((k = shift(&p->stages)) || (k = shift(&p->installs)) || (k = shift(&p->large)))
		place_free(k);
	while ((k = LIST_FIRST(&p->asked))) {
		LIST_REMOVE(k, asked_link);
		place_free(k);
	}
	free(p);
}

/* ---- staging ---- */

static void staged(struct placer *p, struct place *k, int status)
{
	struct event e = {.type = EVENT_STAGED, .path = k->path};

	if (status < 0 && status != -ENOENT)
		log_limited(LOG_LEVEL_WARNING, "a content cannot be staged: %s", err_text(status));
	e.staged.status = status;
	e.staged.handle = k->handle;
	p->stages.under_way--;
	crash_point("staged");
	node_event(p->node, &e);
	place_free(k);
}

static void stage_done(struct node *n, void *arg, int status, struct rd *r, int *fd)
{
	struct place *k = arg;

	LIST_REMOVE(k, asked_link);
	if (status == 0) {
		rd_fhandle(r, &k->handle);
		status = rd_end(r);
	}
	if (status == 0 && k->size > PORT_INLINE_MAX) {
		if (*fd >= 0) {
			k->fd = *fd;
			*fd = -1;
			append(&n->placer->large, k);
			return;
		}
		status = -EIO;
	}
	staged(n->placer, k, status);
}

/* A damaged content is one that is missing, until it has been got again. */
static int lacking(struct placer *p, const struct place *k, int status)
{
	if (status != ERR_CORRUPT)
		return status;
	repair_content(p->node->repair, k->hash);
	return -ENOENT;
}

/* False: it must wait. */
static bool send_stage(struct placer *p, struct place *k)
{
	static uint8_t content[PORT_INLINE_MAX];
	struct node *n = p->node;
	long len = 0;

	if (k->size <= PORT_INLINE_MAX && k->size > 0) {
		uint64_t total = 0;
		len = store_read(n->store, k->hash, 0, content, sizeof(content), &total);
		if (len >= 0 && ((uint64_t)len != k->size || total != k->size ||
				 !hash_same(hash_of(content, (size_t)len), k->hash)))
			len = ERR_CORRUPT;
	}
	if (len < 0) {
		struct event e = {.type = EVENT_STAGED, .path = k->path};
		/* After a restart the core learns in this way which contents were still on their
		 * way. */
		if (len != -ENOENT)
			log_error("a content in the store cannot be read: %s", err_text((int)len));
		e.staged.status = lacking(p, k, (int)len);
		node_defer(n, &e);
		place_free(k);
		return true;
	}
	struct buf *b = portal_begin(n->portal, PORT_STAGE);
	buf_u64(b, k->size);
	buf_bytes(b, content, (size_t)len);
	buf_u32(b, k->attrs.mode);
	buf_u32(b, names_id(n->names, false, k->attrs.owner, k->attrs.uid, n->now_msec));
	buf_u32(b, names_id(n->names, true, k->attrs.group, k->attrs.gid, n->now_msec));
	buf_u64(b, (uint64_t)k->attrs.mtime_nsec);
	if (portal_send(n->portal, stage_done, k) < 0)
		return false;
	crash_point("stage-asked");
	LIST_INSERT_HEAD(&p->asked, k, asked_link);
	p->stages.under_way++;
	return true;
}

/* Writes a piece: 1 there is more, 0 all is written, or an error. */
static int write_piece(struct placer *p, struct place *k)
{
	static uint8_t piece[PIECE];
	uint64_t total = 0;
	long len = store_read(p->node->store, k->hash, k->written, piece, sizeof(piece), &total);

	if (len < 0)
		return (int)len;
	if (total != k->size || (len == 0 && k->written != k->size))
		return ERR_CORRUPT;
	if (!k->state && !(k->state = XXH3_createState()))
		return -ENOMEM;
	if (k->written == 0)
		XXH3_128bits_reset(k->state);
	XXH3_128bits_update(k->state, piece, (size_t)len);
	for (long at = 0; at < len;) {
		ssize_t put = write(k->fd, piece + at, (size_t)(len - at));
		if (put < 0 && errno != EINTR)
			return -errno;
		if (put > 0)
			at += put;
	}
	k->written += (uint64_t)len;
	if (k->written < k->size)
		return 1;
	return hash_same(hash_of_state(k->state), k->hash) ? 0 : ERR_CORRUPT;
}

/* ---- installing ---- */

static void install_done(struct node *n, void *arg, int status, struct rd *r, int *fd)
{
	struct place *k = arg;
	struct event e = {.type = EVENT_INSTALLED, .path = k->path};

	LIST_REMOVE(k, asked_link);
	(void)fd;
	if (status == 0 && k->type == EFFECT_INSTALL) {
		struct look look;
		char target[PORT_TARGET_MAX + 1];

		rd_look(r, &look, target);
		status = rd_end(r);
		e.installed.ident = look.ident;
		e.installed.mtime_nsec = look.mtime_nsec;
		e.installed.uid = look.uid;
		e.installed.gid = look.gid;
	}
	if (status == 0)
		log_stage("installed", k->path);
	e.installed.status = status;
	crash_point(k->type == EFFECT_INSTALL ? "installed" : "removed");
	n->placer->installs.under_way--;
	node_event(n, &e);
	place_free(k);
}

static void put_install(struct node *n, struct buf *b, const struct place *k)
{
	const struct task *t = k->task;
	const struct attrs *a = &t->install.attrs;
	struct install i = {
	    .path = k->path,
	    .kind = a->kind,
	    .mode = a->mode,
	    .uid = names_id(n->names, false, a->owner, a->uid, n->now_msec),
	    .gid = names_id(n->names, true, a->group, a->gid, n->now_msec),
	    .mtime_nsec = a->mtime_nsec,
	    .handle = t->install.handle,
	    .target = t->install.target && a->kind == KIND_LINK ? t->install.target : "",
	    .expected = t->install.expected,
	};

	if (t->install.kind == INTENT_INPLACE)
		i.flags = INSTALL_INPLACE;
	else if (t->install.kind == INTENT_CONTENT)
		i.flags = INSTALL_HAS_CONTENT;
	buf_install(b, &i);
}

static bool send_install(struct placer *p, struct place *k)
{
	struct node *n = p->node;
	struct buf *b =
	    portal_begin(n->portal, k->type == EFFECT_REMOVE ? PORT_REMOVE : PORT_INSTALL);

	if (k->type == EFFECT_REMOVE) {
		buf_str(b, k->path);
		buf_ident(b, &k->task->install.expected);
	} else {
		put_install(n, b, k);
	}
	if (portal_send(n->portal, install_done, k) < 0)
		return false;
	crash_point("install-asked");
	LIST_INSERT_HEAD(&p->asked, k, asked_link);
	p->installs.under_way++;
	return true;
}

/* ---- the lanes ---- */

static void pump(struct placer *p)
{
	while (p->stages.under_way < PLACER_STAGES_MAX && p->stages.first) {
		struct place *k = p->stages.first, *next = k->next;
		if (!send_stage(p, k))
			break;
		p->stages.first = next;
	}
	while (p->installs.under_way < PLACER_INSTALLS_MAX && p->installs.first) {
		struct place *k = p->installs.first;
		if (!send_install(p, k))
			break;
		shift(&p->installs);
	}
}

void placer_take(struct placer *p, struct task *t)
{
	struct place *k = calloc(1, sizeof(*k));
	struct task *copy = calloc(1, sizeof(*copy));

	if (!k || !copy) {
		log_error("out of memory");
		abort();
	}
	k->type = t->type;
	k->path = t->path;
	k->fd = -1;
	t->path = NULL;
	if (t->type == EFFECT_STAGE) {
		k->hash = t->content.hash;
		k->size = t->content.size;
		k->attrs = t->content.attrs;
		free(copy);
		append(&p->stages, k);
	} else {
		*copy = *t;
		k->task = copy;
		t->install.target = NULL;
		append(&p->installs, k);
	}
	pump(p);
}

bool placer_work(struct placer *p)
{
	for (int i = 0; i < PIECES_A_ROUND && p->large.first; i++) {
		struct place *k = shift(&p->large);
		int more = write_piece(p, k);

		if (more > 0) {
			append(&p->large, k);
			continue;
		}
		close(k->fd);
		k->fd = -1;
		staged(p, k, lacking(p, k, more));
	}
	pump(p);
	return p->large.first != NULL;
}
