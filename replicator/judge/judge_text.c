/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Contents are read from the store and staged in pieces, between other work; one of a hash is there once
 * for all that needs it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "replicator/hashing.h"
#include "replicator/judge/judge_internal.h"
#include "replicator/portal.h"
#include "replicator/repair.h"

struct judge_text *judge_text(struct judgement *j, struct hash hash, uint64_t size)
{
	for (size_t i = 0; i < j->ntexts; i++)
		if (hash_same(j->texts[i]->hash, hash) && j->texts[i]->size == size)
			return j->texts[i];
	struct judge_text **grown = reallocarray(j->texts, j->ntexts + 1, sizeof(*grown));
	struct judge_text *t = grown ? calloc(1, sizeof(*t)) : NULL;

	if (grown)
		j->texts = grown;
	if (!t)
		return NULL;
	*t = (struct judge_text){.hash = hash, .size = size, .fd = -1, .judgement = j};
	j->texts[j->ntexts++] = t;
	j->moved = true;
	return t;
}

void judge_text_stage(struct judge_text *t)
{
	t->judgement->moved |= !t->wanted;
	t->wanted = true;
}

/* ---- reading ---- */

static void read_over(struct judge_text *t, int status)
{
	if (status == 0 && (t->len != t->size || !hash_same(hash_of(t->data, t->len), t->hash)))
		status = ERR_CORRUPT;
	if (status == ERR_CORRUPT)
		repair_content(t->judgement->node->repair, t->hash);
	t->read = true;
	t->status = status;
	t->judgement->moved = true;
}

static void read_piece(struct judge_text *t)
{
	uint64_t total = 0;
	size_t left;

	if (t->size > JUDGE_TEXT_MAX) {
		read_over(t, ERR_LIMIT);
		return;
	}
	if (!t->data && !(t->data = malloc((size_t)t->size + 1))) {
		read_over(t, -ENOMEM);
		return;
	}
	left = (size_t)t->size - t->len;
	long n = store_read(t->judgement->node->store, t->hash, t->len, t->data + t->len,
			    left < JUDGE_PIECE ? left : JUDGE_PIECE, &total);
	if (n > 0)
		t->len += (size_t)n;
	t->data[t->len] = '\0';
	if (n < 0)
		read_over(t, (int)n);
	else if (total != t->size || (n == 0 && left > 0))
		read_over(t, ERR_CORRUPT);
	else if (t->len == t->size)
		read_over(t, 0);
}

/* ---- staging ---- */

static void stage_over(struct judge_text *t, int status)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	t->staged = true;
	t->stage_status = status;
	t->judgement->moved = true;
}

static void staged(struct node *n, void *arg, int status, struct rd *r, int *fd)
{
	struct judge_text *t = arg;

	(void)n;
	t->judgement->asked--;
	if (status == 0) {
		rd_fhandle(r, &t->handle);
		status = rd_end(r);
	}
	if (status == 0 && t->size > PORT_INLINE_MAX) {
		t->fd = *fd;
		*fd = -1;
		status = t->fd < 0 ? -EIO : 0;
	}
	if (status < 0 || t->size <= PORT_INLINE_MAX)
		stage_over(t, status);
}

static void ask_staging(struct judge_text *t)
{
	struct node *n = t->judgement->node;
	struct buf *b = portal_begin(n->portal, PORT_STAGE);

	buf_u64(b, t->size);
	buf_bytes(b, t->data, t->size <= PORT_INLINE_MAX ? t->len : 0);
	if (portal_send(n->portal, staged, t) < 0)
		return; /* in a later round */
	t->asked = true;
	t->judgement->asked++;
}

static void write_piece(struct judge_text *t)
{
	size_t left = t->len - t->written;
	ssize_t n = write(t->fd, t->data + t->written, left < JUDGE_PIECE ? left : JUDGE_PIECE);

	if (n < 0 && errno != EINTR)
		stage_over(t, -errno);
	else if (n > 0)
		t->written += (uint64_t)n;
	if (!t->staged && t->written == t->len)
		stage_over(t, 0);
}

/* ---- both ---- */

static bool is_ready(const struct judge_text *t)
{
	return t->read && (!t->wanted || t->status < 0 || t->staged);
}

bool judge_texts_ready(const struct judgement *j)
{
	for (size_t i = 0; i < j->ntexts; i++)
		if (!is_ready(j->texts[i]))
			return false;
	return true;
}

bool judge_texts_work(struct judgement *j)
{
	size_t budget = 4 * JUDGE_PIECE;

	for (size_t i = 0; i < j->ntexts; i++) {
		struct judge_text *t = j->texts[i];

		while (!t->read && budget > 0) {
			size_t before = t->len;

			read_piece(t);
			size_t done = t->len - before + 4096;
			budget -= done < budget ? done : budget;
		}
		if (t->read && t->status == 0 && t->wanted && !t->asked)
			ask_staging(t);
		while (t->fd >= 0 && budget > 0) {
			write_piece(t);
			budget -= budget < JUDGE_PIECE ? budget : JUDGE_PIECE;
		}
	}
	return budget == 0;
}

static void unstaged(struct node *n, void *arg, int status, struct rd *r, int *fd)
{
	(void)n;
	(void)arg;
	(void)status;
	(void)r;
	(void)fd;
}

/* Where that cannot be sent, fs gives it up when there are more than it keeps. */
static void unstage(struct judge_text *t)
{
	struct node *n = t->judgement->node;

	buf_fhandle(portal_begin(n->portal, PORT_UNSTAGE), &t->handle);
	portal_send(n->portal, unstaged, NULL);
}

void judge_texts_free(struct judgement *j)
{
	for (size_t i = 0; i < j->ntexts; i++) {
		struct judge_text *t = j->texts[i];

		if (t->fd >= 0)
			close(t->fd);
		if (t->handle.len > 0 && j->node->portal)
			unstage(t);
		free(t->data);
		free(t);
	}
	free(j->texts);
	j->texts = NULL;
	j->ntexts = 0;
}

/* ---- files ---- */

static bool make_file(struct judgement *j, struct judge_file *to, const char *path,
		      const struct attrs *a)
{
	*to = (struct judge_file){.path = strdup(path), .gone = !a || a->kind != KIND_FILE};
	if (to->path && !to->gone)
		to->text = judge_text(j, a->hash, a->size);
	if (to->path && (to->gone || to->text))
		return true;
	judge_file_fini(to);
	return false;
}

void judge_file_fini(struct judge_file *f)
{
	for (size_t i = 0; i < f->nincluded; i++)
		free((char *)(uintptr_t)f->included[i].name);
	free(f->included);
	free(f->path);
	*f = (struct judge_file){0};
}

const struct version *judge_item(const struct judgement *j, const char *path)
{
	for (uint32_t i = 0; i < j->trial->n; i++)
		if (strcmp(j->trial->items[i].path, path) == 0)
			return j->trial->items[i].version;
	return NULL;
}

bool judge_is_item(const struct judgement *j, const char *path)
{
	return judge_item(j, path);
}

bool judge_file_then(struct judgement *j, const char *path, struct judge_file *to)
{
	const struct shown *s = core_shown(j->node->core, path);

	return make_file(j, to, path, s ? &s->attrs : NULL);
}

bool judge_file_now(struct judgement *j, const char *path, struct judge_file *to)
{
	const struct version *v = judge_item(j, path);

	return v ? make_file(j, to, path, &v->attrs) : judge_file_then(j, path, to);
}

bool judge_differs(const struct judgement *j, const char *path)
{
	return judge_is_item(j, path) || core_draft(j->node->core, path);
}

int judge_check_item(struct check *c, const struct judge_file *f)
{
	if (c->n == CHECK_ITEMS_MAX)
		return ERR_LIMIT;
	if (!f->gone && (f->text->status < 0 || f->text->stage_status < 0))
		return f->text->status < 0 ? f->text->status : f->text->stage_status;
	struct check_item *grown = reallocarray(c->items, c->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->items = grown;
	c->items[c->n] = (struct check_item){.path = strdup(f->path), .gone = f->gone};
	if (!c->items[c->n].path)
		return -ENOMEM;
	if (!f->gone)
		c->items[c->n].handle = f->text->handle;
	c->n++;
	return 0;
}
