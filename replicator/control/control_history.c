/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The commands "history" (the versions of one path, oldest first), "conflicts" (the paths whose
 * versions nobody has reconciled, with those versions) and "content" (what a version holds).
 */
#include "replicator/control/control_history.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/err.h"

#define PAGE_VERSIONS 200
#define NAMES_MAX 128 /* told to somebody who has named none that is there */
#define NAMES_TEXT (NAMES_MAX * CONTROL_ID_TEXT + 32)
#define PIECE (48 * 1024)

/* ---- names of versions ---- */

static char plain_digit(char c)
{
	c = (char)tolower((unsigned char)c);
	return c == 'o' ? '0' : c == 'i' || c == 'l' ? '1' : c;
}

bool history_means(const char *text, struct dot d)
{
	char dot[CONTROL_DOT_TEXT], id[CONTROL_ID_TEXT];
	size_t n = 0;

	control_dot_text(dot, d);
	if (strcmp(text, dot) == 0)
		return true;
	control_id_text(id, d);
	while (text[n] && id[n] == plain_digit(text[n]))
		n++;
	return n > 0 && text[n] == '\0';
}

struct search {
	const char *text;
	struct dot dot; /* found last, and its record */
	int64_t id;
	uint32_t n;                             /* versions that are meant */
	uint32_t total;                         /* versions that there are */
	uint32_t next;                          /* in `known` */
	char known[NAMES_MAX][CONTROL_ID_TEXT]; /* a ring: the newest */
};

static int search_one(void *arg, int64_t id, struct dot dot)
{
	struct search *s = arg;

	control_id_text(s->known[s->next], dot);
	s->next = (s->next + 1) % NAMES_MAX;
	s->total++;
	if (!history_means(s->text, dot))
		return 0;
	s->n += s->n == 0 || !dot_same(s->dot, dot);
	s->dot = dot;
	s->id = id;
	return 0;
}

/* The newest names, oldest first, and how many more there are. */
static void known_names(const struct search *s, char *dst, size_t size)
{
	uint32_t n = s->total < NAMES_MAX ? s->total : NAMES_MAX;
	size_t len = 0;

	dst[0] = '\0';
	if (s->total > n)
		len = (size_t)snprintf(dst, size, "(%u older ones)", s->total - n);
	for (uint32_t i = 0; i < n && len < size; i++)
		len += (size_t)snprintf(dst + len, size - len, "%s%s", len ? " " : "",
					s->known[(s->next + NAMES_MAX - n + i) % NAMES_MAX]);
}

static int keep_one(void *arg, const struct log_record *r)
{
	*(struct version **)arg = version_get((struct version *)(uintptr_t)r->version);
	return 1;
}

/* The record of that id: a reference, or NULL and *err. */
static struct version *load_one(struct store *store, const char *path, int64_t id, int *err)
{
	struct log_filter one = {
	    .path = path, .exact = true, .after_id = id - 1, .last = 1, .first = true};
	struct version *v = NULL;
	int rc = store_log(store, &one, keep_one, &v);

	*err = v ? 0 : rc < 0 ? rc : -ENOENT;
	return v;
}

struct version *history_find(struct client *c, const char *path, const char *text)
{
	struct search s = {.text = text};
	char shown[PATH_ESCAPED_MAX], known[NAMES_TEXT];
	struct version *v = NULL;
	int err = store_dots(c->node->store, path, search_one, &s);

	if (err >= 0 && s.n == 1)
		v = load_one(c->node->store, path, s.id, &err);
	if (v)
		return v;
	path_escape(shown, sizeof(shown), path);
	known_names(&s, known, sizeof(known));
	if (err < 0)
		control_end(c, 1, "the history cannot be read: %s", err_text(err));
	else if (s.n > 1)
		control_end(c, 1, "%.1024s has %u versions whose names begin with %.40s: %s", shown,
			    s.n, text, known);
	else if (s.total)
		control_end(c, 1, "%.1024s has no version %.40s; there are: %s", shown, text,
			    known);
	else
		control_end(c, 1, "nothing is known of %.1024s: it has no version", shown);
	return NULL;
}

/* ---- lines ---- */

static bool is_here(struct node *n, const struct version *v)
{
	return v->attrs.kind != KIND_FILE || store_has(n->store, v->attrs.hash);
}

json_t *history_line(struct client *c, const char *path, const struct version *v)
{
	const struct version *visible = core_visible(c->node->core, path);
	const char *node = core_origin_node(c->node->core, v->dot.origin);
	json_t *o = json_object();

	control_add_text(o, "type", "version");
	control_add_path(o, "path", path);
	control_add_text(o, "node", node ? node : "");
	control_add_version(o, v);
	control_add_bool(o, "visible", visible && dot_same(visible->dot, v->dot));
	control_add_bool(o, "content_here", is_here(c->node, v));
	return o;
}

static bool read_path(struct client *c, const json_t *request, char path[PATH_LEN_MAX + 1])
{
	const char *text = "";

	if (control_get_text(request, "path", &text) && control_path(text, path) == 0 && path[0])
		return true;
	control_end(c, 1, "\"path\" is not a path of the tree");
	return false;
}

/* ---- history ---- */

struct history_job {
	struct client *client;
	char path[PATH_LEN_MAX + 1];
	int64_t after_id;
	uint32_t n;    /* told */
	uint32_t page; /* in this page */
};

static int tell_record(void *arg, const struct log_record *r)
{
	struct history_job *j = arg;
	json_t *o = history_line(j->client, r->path, r->version);

	control_add_number(o, "learned", r->wall_msec);
	if (r->version->stamp >> 16 == 0) /* what was taken in has no time of its own */
		control_add_number(o, "time", r->wall_msec);
	control_add_bool(o, "history", r->history);
	if (r->held)
		control_add_bool(o, "held", true);
	if (!control_line(j->client, o))
		return 1;
	j->after_id = r->id;
	j->n++;
	j->page++;
	return 0;
}

static void history_start(struct client *c, const json_t *request)
{
	struct history_job *j = calloc(1, sizeof(*j));

	c->job = j;
	if (!j)
		control_end(c, 1, "out of memory");
	else if (read_path(c, request, j->path))
		j->client = c;
}

static void history_round(struct client *c)
{
	struct history_job *j = c->job;
	struct log_filter filter = {.path = j->path,
				    .exact = true,
				    .after_id = j->after_id,
				    .last = PAGE_VERSIONS,
				    .first = true};
	char shown[PATH_ESCAPED_MAX];

	j->page = 0;
	int rc = store_log(c->node->store, &filter, tell_record, j);
	if (rc < 0) {
		control_end(c, 1, "the history cannot be read: %s", err_text(rc));
		return;
	}
	if (rc > 0 || j->page == PAGE_VERSIONS)
		return;
	path_escape(shown, sizeof(shown), j->path);
	if (j->n == 0)
		control_end(c, 1, "nothing is known of %.1024s: it has no version", shown);
	else
		control_end(c, 0, "%u version%s", j->n, j->n == 1 ? "" : "s");
}

static void history_finish(struct client *c)
{
	free(c->job);
}

static int64_t at_once(const struct client *c)
{
	return c->node->now_msec;
}

const struct control_command control_history = {.name = "history",
						.stopped = true,
						.start = history_start,
						.round = history_round,
						.finish = history_finish,
						.wake = at_once};

/* ---- conflicts ---- */

struct telling {
	struct client *client;
	uint32_t n;
	bool cut; /* there was no room for all */
};

static bool tell_conflict(void *arg, const struct core_path *p)
{
	struct telling *t = arg;
	const struct version *visible = core_visible(t->client->node->core, p->path);

	if (!p->conflict)
		return true;
	t->n++;
	for (uint32_t i = 0; i < p->n && !t->cut; i++) {
		json_t *o = history_line(t->client, p->path, p->entry[i]);

		if (!visible && version_live(p->entry[0]))
			control_add_bool(o, "hidden", true);
		t->cut = !control_line(t->client, o);
	}
	return true;
}

static void conflicts_start(struct client *c, const json_t *request)
{
	struct telling t = {.client = c};

	(void)request;
	core_each(c->node->core, "", tell_conflict, &t);
	if (t.n == 0)
		control_end(c, 0, "no conflicts");
	else
		control_end(c, 1, "%u path%s in conflict%s", t.n, t.n == 1 ? "" : "s",
			    t.cut ? ", more than can be listed at once" : "");
}

const struct control_command control_conflicts = {
    .name = "conflicts", .stopped = true, .start = conflicts_start};

/* ---- content ---- */

struct content_job {
	struct version *version;
	uint64_t offset;
	uint8_t piece[PIECE];
	char text[BASE64_LEN(PIECE) + 1];
};

static void content_start(struct client *c, const json_t *request)
{
	const char *text = NULL;
	char path[PATH_LEN_MAX + 1];

	if (!read_path(c, request, path))
		return;
	if (!control_get_text(request, "version", &text) || !text) {
		control_end(c, 1, "the request has no \"version\"");
		return;
	}
	struct version *v = history_find(c, path, text);
	if (!v)
		return;
	struct content_job *j = malloc(sizeof(*j));
	if (!j) {
		version_put(v);
		control_end(c, 1, "out of memory");
		return;
	}
	j->version = v;
	j->offset = 0;
	c->job = j;
	control_line(c, history_line(c, path, v));
	if (v->attrs.kind == KIND_FILE && !is_here(c->node, v))
		control_end(c, 1, "its content is not on this node: ask the node that made it");
	else if (v->attrs.kind != KIND_FILE)
		control_end(c, 0, "that is all");
}

/* Pieces until the content or the room is at its end. */
static void content_round(struct client *c)
{
	struct content_job *j = c->job;
	uint64_t total = 0;

	while (control_has_room(c)) {
		long n = store_read(c->node->store, j->version->attrs.hash, j->offset, j->piece,
				    PIECE, &total);
		json_t *o = json_object();

		if (n <= 0) {
			json_decref(o);
			if (n < 0)
				control_end(c, 1, "its content cannot be read: %s",
					    err_text((int)n));
			else
				control_end(c, 0, "that is all");
			return;
		}
		base64_encode(j->text, j->piece, (size_t)n);
		control_add_text(o, "type", "content");
		json_object_set_new(o, "data", json_string(j->text));
		if (!control_line(c, o))
			return;
		j->offset += (uint64_t)n;
	}
}

static void content_finish(struct client *c)
{
	struct content_job *j = c->job;

	version_put(j->version);
	free(j);
}

const struct control_command control_content = {.name = "content",
						.stopped = true,
						.start = content_start,
						.round = content_round,
						.finish = content_finish,
						.wake = at_once};
