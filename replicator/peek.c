/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All peers are asked at once, each page by page; what they show is merged as it would be (they may be
 * a moment apart). A peer that cannot be reached, or does not answer, is given up with its reason.
 */
#include "replicator/peek.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "replicator/control/control_json.h"

enum standing { PEEK_CONNECTING, PEEK_ASKING, PEEK_DONE, PEEK_FAILED };

struct peeked {
	enum standing standing;
	int64_t until_msec;
	int64_t failing_msec; /* since when its link says why not; 0: it does not */
	uint64_t id;
	char *cursor;
	char words[WIRE_WORDS_MAX + 1];
	struct wire_peeked head; /* of its first answer, without items */
	int64_t offset_msec;
	uint64_t paths;
};

struct shown_path {
	char *path;
	struct version *version;
	uint32_t peer;
};

struct peek {
	const struct conf *conf;
	struct link *link;
	struct peeked *peers;
	struct shown_path *paths;
	size_t n, cap;
	uint64_t last_id;
};

/* ---- asking ---- */

static void fail(struct peeked *p, const char *words)
{
	p->standing = PEEK_FAILED;
	snprintf(p->words, sizeof(p->words), "%s", words);
}

static void ask(struct peek *k, uint32_t peer)
{
	struct peeked *p = &k->peers[peer];
	struct message *m = calloc(1, sizeof(*m));
	struct buf b;
	int err = -ENOMEM;

	p->standing = PEEK_ASKING;
	p->until_msec = clock_monotonic_msec() + PEEK_ANSWER_MSEC;
	buf_init(&b, WIRE_MESSAGE_MAX);
	if (m) {
		m->type = WIRE_PEEK;
		m->id = p->id = ++k->last_id;
		strncpy(m->peek.node, k->conf->node, sizeof(m->peek.node) - 1);
		m->peek.patterns = locality_hash(k->conf->locality);
		m->peek.cursor = p->cursor;
		message_encode(&b, m);
		err = b.err ? b.err : link_request(k->link, peer, b.data, b.len);
	}
	if (err < 0)
		fail(p, err_text(err));
	buf_fini(&b);
	free(m); /* the cursor is not its own */
}

static int keep(struct peek *k, uint32_t peer, struct wire_peeked *from)
{
	for (uint32_t i = 0; i < from->n; i++) {
		if (k->n == PEEK_PATHS_MAX)
			return ERR_LIMIT;
		if (k->n == k->cap) {
			size_t cap = k->cap ? k->cap * 2 : 1024;
			struct shown_path *paths = realloc(k->paths, cap * sizeof(*paths));

			if (!paths)
				return -ENOMEM;
			k->paths = paths;
			k->cap = cap;
		}
		k->paths[k->n++] =
		    (struct shown_path){from->items[i].path, from->items[i].version, peer};
		from->items[i] = (struct item){0};
	}
	return 0;
}

static void take(struct peek *k, uint32_t peer, struct message *m)
{
	struct peeked *p = &k->peers[peer];
	struct wire_peeked *from = &m->peeked;

	if (p->standing != PEEK_ASKING || m->id != p->id)
		return;
	if (m->type == WIRE_REFUSE) {
		fail(p, m->refuse.words);
		return;
	}
	if (m->type != WIRE_PEEKED || (from->next[0] && p->cursor && p->cursor[0] &&
				       path_compare(p->cursor, from->next) >= 0)) {
		fail(p, "it answers what it was not asked");
		return;
	}
	if (!p->cursor[0]) {
		p->head = *from;
		p->offset_msec = from->wall_msec - clock_wall_msec();
	}
	p->paths += from->n;
	int err = keep(k, peer, from);
	free(p->cursor);
	p->cursor = strdup(from->next);
	if (err < 0 || !p->cursor)
		fail(p, err_text(err < 0 ? err : -ENOMEM));
	else if (p->cursor[0])
		ask(k, peer);
	else
		p->standing = PEEK_DONE;
}

static void hear(struct peek *k, const struct link_event *e)
{
	struct peeked *p = &k->peers[e->peer];
	struct message *m;
	int err;

	if (e->type == LINK_CONNECTED && p->standing == PEEK_CONNECTING)
		ask(k, e->peer);
	if (e->type == LINK_DISCONNECTED && p->standing == PEEK_ASKING)
		fail(p, "the connection was lost");
	if (e->type != LINK_ANSWER || !(m = calloc(1, sizeof(*m))))
		return;
	err = message_decode(m, e->p, e->len);
	if (err == 0) {
		take(k, e->peer, m);
		message_fini(m);
	} else if (p->standing == PEEK_ASKING && err == ERR_PROTOCOL) {
		fail(p, "");
		snprintf(p->words, sizeof(p->words),
			 "it speaks protocol version %d, and this zonefs version %d: upgrade the "
			 "older one",
			 e->len > 2 ? e->p[2] : 0, WIRE_VERSION);
	} else if (p->standing == PEEK_ASKING) {
		fail(p, "it answers with what is no message");
	}
	free(m);
}

/* Why its link is not up, if that is known for a while. */
static void judge(struct peek *k, uint32_t peer, int64_t now)
{
	static struct link_peer_state s;
	struct peeked *p = &k->peers[peer];

	if (p->standing == PEEK_ASKING && p->until_msec <= now)
		fail(p, "it does not answer");
	if (p->standing != PEEK_CONNECTING)
		return;
	link_peer(k->link, peer, &s);
	if (!s.last_error[0])
		p->failing_msec = 0;
	else if (p->failing_msec == 0)
		p->failing_msec = now;
	if (p->failing_msec && now - p->failing_msec >= PEEK_TRY_MSEC)
		fail(p, s.last_error);
	else if (p->until_msec <= now)
		fail(p, s.last_error[0] ? s.last_error : "it could not be reached in 10 s");
}

static bool is_over(const struct peek *k)
{
	for (size_t i = 0; i < k->conf->npeers; i++)
		if (k->peers[i].standing == PEEK_CONNECTING || k->peers[i].standing == PEEK_ASKING)
			return false;
	return true;
}

static void ask_all(struct peek *k)
{
	struct pollfd fds[LINK_FDS_MAX];
	int numbers[LINK_FDS_MAX];
	struct link_event e;

	for (size_t i = 0; i < k->conf->npeers; i++)
		k->peers[i].until_msec = clock_monotonic_msec() + PEEK_CONNECT_MSEC;
	while (!is_over(k)) {
		while (link_receive(k->link, &e) > 0)
			hear(k, &e);
		for (uint32_t i = 0; i < k->conf->npeers; i++)
			judge(k, i, clock_monotonic_msec());
		int n = link_fds(k->link, numbers, LINK_FDS_MAX);
		for (int i = 0; i < n; i++)
			fds[i] = (struct pollfd){.fd = numbers[i], .events = POLLIN};
		if (!is_over(k) && link_receive(k->link, &e) > 0)
			hear(k, &e);
		else if (!is_over(k))
			poll(fds, (nfds_t)n, 100);
	}
}

/* ---- telling ---- */

static int by_path(const void *a, const void *b)
{
	const struct shown_path *x = a, *y = b;
	int order = path_compare(x->path, y->path);

	return order ? order : version_rank(x->version, y->version);
}

static void say(FILE *to, json_t *o)
{
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	if (text)
		fprintf(to, "%s\n", text);
	free(text);
}

static void say_peer(const struct peek *k, FILE *to, uint32_t peer)
{
	const struct peeked *p = &k->peers[peer];
	json_t *o = json_object();

	control_add_text(o, "type", "peer");
	control_add_text(o, "peer", k->conf->peers[peer].name);
	control_add_text(o, "address", k->conf->peers[peer].address);
	control_add_bool(o, "answered", p->standing == PEEK_DONE);
	control_add_text(o, "words", p->words);
	if (p->standing == PEEK_DONE) {
		control_add_text(o, "node", p->head.node);
		control_add_text(o, "as", p->head.as);
		control_add_bool(o, "joining", p->head.joining);
		control_add_bool(o, "paused", p->head.paused);
		control_add_bool(o, "known", p->head.known);
		control_add_bool(o, "receive_only_there", p->head.receive_only);
		control_add_bool(o, "patterns_differ",
				 p->head.patterns != locality_hash(k->conf->locality));
		control_add_number(o, "clock_offset_ms", p->offset_msec);
		control_add_number(o, "paths", (int64_t)p->paths);
	}
	say(to, o);
}

static void say_path(const struct peek *k, FILE *to, const struct shown_path *p)
{
	const struct attrs *a = &p->version->attrs;
	char hash[HASH_TEXT];
	json_t *o = json_object();

	control_add_text(o, "type", "entry");
	control_add_path(o, "path", p->path);
	control_add_text(o, "peer", k->conf->peers[p->peer].name);
	control_add_text(o, "kind", kind_text(a->kind));
	control_add_number(o, "mode", a->mode);
	control_add_text(o, "owner", a->owner);
	control_add_text(o, "group", a->group);
	control_add_number(o, "uid", a->uid);
	control_add_number(o, "gid", a->gid);
	control_add_number(o, "size", (int64_t)a->size);
	hash_text(hash, a->hash);
	control_add_text(o, "hash", hash);
	say(to, o);
}

static void say_all(struct peek *k, FILE *to)
{
	json_t *end = json_object();

	for (uint32_t i = 0; i < k->conf->npeers; i++)
		say_peer(k, to, i);
	if (k->n > 0)
		qsort(k->paths, k->n, sizeof(*k->paths), by_path);
	for (size_t i = 0; i < k->n; i++)
		if (i == 0 || strcmp(k->paths[i - 1].path, k->paths[i].path) != 0)
			say_path(k, to, &k->paths[i]);
	json_object_set_new(end, "end", json_true());
	say(to, end);
}

int peek_run(const struct conf *conf, const struct conf_keys *keys, int fd)
{
	static const struct link_options options = {.unheard = true};
	struct peek k = {.conf = conf};
	FILE *to = fdopen(fd, "w");
	int err = -ENOMEM;

	k.peers = calloc(conf->npeers + 1, sizeof(*k.peers));
	for (size_t i = 0; k.peers && i < conf->npeers; i++)
		k.peers[i].cursor = strdup("");
	if (to && k.peers)
		err = link_open(&k.link, conf, keys, &options);
	if (err == 0) {
		ask_all(&k);
		link_close(k.link);
		say_all(&k, to);
		err = ferror(to) ? -EIO : 0;
	}
	for (size_t i = 0; i < k.n; i++) {
		free(k.paths[i].path);
		version_put(k.paths[i].version);
	}
	for (size_t i = 0; k.peers && i < conf->npeers; i++)
		free(k.peers[i].cursor);
	free(k.paths);
	free(k.peers);
	if (to && fclose(to) != 0)
		err = -EIO;
	return err < 0 ? 1 : 0;
}
