/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The commands "restore" (a version of the history is to be there again) and "resolve" (of the
 * versions in conflict this one). Both are orders to the core: ordinary versions come of them, which
 * travel as any edit does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/control/control_history.h"
#include "replicator/judge/judge_forward.h"

/* ---- who orders it ---- */

static void copy(char *dst, size_t size, const char *s)
{
	size_t len = strlen(s);

	if (len >= size)
		len = size - 1;
	memcpy(dst, s, len);
	dst[len] = '\0';
}

/* The kernel says which process it is; who logged in and where, it says itself: it is root. */
void order_who(const struct client *c, const json_t *request, struct who *who,
		     const char **user)
{
	struct ucred cred = {.uid = (uid_t)-1};
	socklen_t len = sizeof(cred);
	const char *tty = "";
	int64_t login = -1;

	*who = (struct who){.login_uid = (uint32_t)-1};
	*user = "";
	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0) {
		who->uid = cred.uid;
		who->pid = cred.pid;
	}
	if (control_get_number(request, "login_uid", 0, UINT32_MAX - 1, &login) && login >= 0)
		who->login_uid = (uint32_t)login;
	if (control_get_text(request, "tty", &tty))
		copy(who->tty, sizeof(who->tty), tty);
	copy(who->command, sizeof(who->command), "zonefsctl");
	if (!control_get_text(request, "user", user) || strlen(*user) > VERSION_USER_MAX)
		*user = "";
}

/* ---- what may be ordered ---- */

static bool read_target(struct client *c, const json_t *request, const char *name,
			char path[PATH_LEN_MAX + 1], const char **version)
{
	const char *text = "";

	*version = NULL;
	if (!control_get_text(request, "path", &text) || control_path(text, path) < 0 || !path[0]) {
		control_end(c, 1, "\"path\" is not a path of the tree");
		return false;
	}
	if (!control_get_text(request, name, version) || !*version) {
		control_end(c, 1, "the request has no \"%s\"", name);
		return false;
	}
	return true;
}

/* False: the command has been ended in words. */
static bool may_order(struct client *c, const char *path, const struct version *v)
{
	struct node *n = c->node;
	const struct attrs *a = v ? &v->attrs : NULL;

	if (core_joining(n->core))
		control_end(c, 1, "this node is joining: wait until it has its peers' tree");
	else if (core_local(n->core, path, !a || a->kind == KIND_DIR))
		control_end(c, 1, "this path stays on its host: it is not replicated");
	else if (a && a->kind == KIND_FILE && a->size > (uint64_t)n->conf->max_file_size)
		control_end(c, 1, "it is larger than max-file-size");
	else if (a && a->kind == KIND_FILE && !store_has(n->store, a->hash))
		control_end(c, 1,
			    "its content is not on this node: try it on the node that made it");
	else
		return true;
	return false;
}

static uint64_t ops(const struct node *n)
{
	return vv_sum(core_vector(n->core));
}

/* The path, and zones' files that include it: with serials that go forward, or what is said of them. */
struct wanted {
	struct node *node;
	struct order_item items[1 + FORWARD_BESIDE_MAX];
	char *paths[1 + FORWARD_BESIDE_MAX];
	struct attrs attrs[1 + FORWARD_BESIDE_MAX];
	struct {
		enum forward what;
		char text[FORWARD_WORDS];
	} said[1 + FORWARD_BESIDE_MAX];
	uint32_t n;
};

static void wanted_fini(struct wanted *w)
{
	for (uint32_t i = 0; i < w->n; i++)
		free(w->paths[i]);
}

static void want_zone(void *arg, const char *zone_path)
{
	struct wanted *w = arg;
	struct node *n = w->node;
	uint32_t at = w->n;

	if (at == ARRAY_SIZE(w->items) || !core_settled(n->core, zone_path) ||
	    !(w->paths[at] = strdup(zone_path)))
		return;
	w->attrs[at] = core_visible(n->core, zone_path)->attrs;
	w->items[at] = (struct order_item){w->paths[at], &w->attrs[at], NULL};
	w->said[at].what =
	    forward_beside(n, zone_path, &w->attrs[at], false, w->said[at].text);
	w->n++;
}

static void want(struct wanted *w, const char *path, const struct version *v)
{
	w->items[0] = (struct order_item){path, v ? &w->attrs[0] : NULL, v ? v->target : NULL};
	w->n = 1;
	if (!v)
		return;
	w->attrs[0] = v->attrs;
	if (v->attrs.kind == KIND_FILE)
		w->said[0].what =
		    forward_make(w->node, path, &w->attrs[0], false, w->said[0].text);
	forward_users(w->node, path, &v->attrs, want_zone, w);
}

/* What the order could not mend is reported; all is said. */
static void heed(struct wanted *w, const char *path, char *words, size_t size)
{
	words[0] = '\0';
	for (uint32_t i = 0; i < w->n; i++) {
		const char *of = i == 0 ? path : w->paths[i];
		size_t len = strlen(words);

		if (w->said[i].what == FORWARD_FINE)
			continue;
		if (w->said[i].what == FORWARD_TWICE)
			forward_report(w->node->forwards, of, w->attrs[i].hash, w->said[i].text);
		snprintf(words + len, size - len, "\n%s/%s: %s",
			 w->said[i].what == FORWARD_TWICE ? "warning: " : "", of, w->said[i].text);
	}
}

/* Gives the order; the words follow from what came of it. */
static void give(struct client *c, const json_t *request, const char *path, const struct version *v)
{
	struct wanted *w CLEANUP_FREE = calloc(1, sizeof(*w));
	struct node *n = c->node;
	char id[CONTROL_ID_TEXT], words[CONTROL_WORDS_MAX / 2] = "";
	uint64_t before = ops(n);
	struct who who;

	if (!w) {
		control_end(c, 1, "%s", err_text(-ENOMEM));
		return;
	}
	w->node = n;
	want(w, path, v);
	struct order o = {.items = w->items, .n = w->n, .who = &who};
	order_who(c, request, &who, &o.user);
	int err = node_order(n, &o);
	const struct version *now = core_visible(n->core, path);
	if (err == 0 && ops(n) != before)
		heed(w, path, words, sizeof(words));
	if (err < 0)
		control_end(c, 1, "the store cannot be written: %s", err_text(err));
	else if (ops(n) == before)
		control_end(c, 0, "nothing to do: it is so already");
	else if (!now)
		control_end(c, 0, "done; the peers get it like any edit");
	else {
		control_id_text(id, now->dot);
		control_end(c, 0, "done: %s version %s; the peers get it like any edit%s",
			    version_live(now) ? "it is" : "deleted by", id, words);
	}
	wanted_fini(w);
}

/* ---- restore ---- */

struct below {
	const char *path;
	bool live;
};

static bool look_below(void *arg, const struct core_path *p)
{
	struct below *b = arg;

	if (!path_below(p->path, b->path))
		return false;
	b->live = p->n > 0 && version_live(p->entry[0]);
	return !b->live;
}

static bool is_full_directory(const struct node *n, const char *path)
{
	struct below b = {.path = path};

	core_each(n->core, path, look_below, &b);
	return b.live;
}

static void restore_start(struct client *c, const json_t *request)
{
	char path[PATH_LEN_MAX + 1];
	const char *text;

	if (!read_target(c, request, "version", path, &text))
		return;
	struct version *v = history_find(c, path, text);
	if (!v)
		return;
	if (!may_order(c, path, v))
		;
	else if (!version_live(v))
		control_end(c, 1, "that version is its deletion: choose an earlier one, or use rm");
	else if (v->attrs.kind != KIND_DIR && is_full_directory(c->node, path))
		control_end(c, 1,
			    "it is a directory now, with something in it: move that away first");
	else
		give(c, request, path, v);
	version_put(v);
}

const struct control_command control_restore = {.name = "restore", .start = restore_start};

/* ---- resolve ---- */

struct choice {
	const char *path;
	const char *text;
	bool found;
	bool conflict;
	struct version *taken;
	uint32_t n;      /* versions that `text` means */
	char known[512]; /* the names of all */
};

static bool choose(void *arg, const struct core_path *p)
{
	struct choice *ch = arg;
	char id[CONTROL_ID_TEXT];

	if (strcmp(p->path, ch->path) != 0)
		return path_compare(p->path, ch->path) < 0;
	ch->found = true;
	ch->conflict = p->conflict;
	for (uint32_t i = 0; i < p->n; i++) {
		size_t len = strlen(ch->known);

		control_id_text(id, p->entry[i]->dot);
		snprintf(ch->known + len, sizeof(ch->known) - len, "%s%s", len ? " " : "", id);
		if (!history_means(ch->text, p->entry[i]->dot))
			continue;
		ch->taken = p->entry[i];
		ch->n++;
	}
	return false;
}

static void resolve_start(struct client *c, const json_t *request)
{
	char path[PATH_LEN_MAX + 1];
	struct choice ch = {.path = path};

	if (!read_target(c, request, "take", path, &ch.text))
		return;
	core_each(c->node->core, "", choose, &ch);
	bool directory = strcmp(ch.text, "directory") == 0 && is_full_directory(c->node, path);
	if (!ch.found || !ch.conflict) {
		control_end(c, 1,
			    "nothing is in conflict there; to bring back an older version, use"
			    " restore");
		return;
	}
	if (ch.n != 1 && !directory) {
		control_end(c, 1, "%.40s is none of those in conflict: %s%s", ch.text, ch.known,
			    is_full_directory(c->node, path) ? " directory" : "");
		return;
	}
	struct version *v = directory ? NULL : version_get(ch.taken);
	if (may_order(c, path, v))
		give(c, request, path, v);
	version_put(v);
}

const struct control_command control_resolve = {.name = "resolve", .start = resolve_start};
