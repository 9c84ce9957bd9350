/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the log here knows of ops that a peer asks for: whole ops, as many as fit, without what only the
 * core needs of them. Nothing is kept between two questions.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "replicator/peers.h"
#include "replicator/recall.h"
#include "replicator/runner.h"

#define ITEM_BYTES 256 /* what a version takes beside its texts, about */

struct answer {
	struct wire_records records;
	uint32_t op;  /* where the op begins that is being added */
	size_t bytes; /* before it */
	size_t op_bytes;
	struct dot dot;
	bool full;
};

static int text_bytes(const char *s)
{
	return s ? (int)strlen(s) : 0;
}

static void drop_op(struct answer *a)
{
	while (a->records.n > a->op)
		item_fini(&a->records.items[--a->records.n]);
	a->op_bytes = 0;
}

/* True: the next op has room, too. */
static bool op_ended(struct answer *a)
{
	if (a->op_bytes > RECALL_OP_BYTES_MAX)
		drop_op(a);
	a->bytes += a->op_bytes;
	a->op_bytes = 0;
	a->op = a->records.n;
	return a->bytes < RECALL_BYTES_MAX && a->op + OP_VERSIONS_MAX <= WIRE_RECORDS_MAX;
}

/* As the log needs it: its past is its own dot, and so is that of its fields. */
static struct version *shortened(const struct version *v)
{
	struct version *to = version_new();
	struct vv context = {0};

	vv_raise(&context, v->dot);
	uint32_t refs = to->refs;
	free(to->user);
	*to = *v;
	to->refs = refs;
	to->context = context;
	memset(to->setter, 0, sizeof(to->setter));
	to->target = v->target ? strdup(v->target) : NULL;
	to->user = strdup(v->user ? v->user : "");
	to->xattrs = NULL;
	to->xattrs_len = 0;
	return to;
}

static int add(void *arg, const struct past_record *r)
{
	struct answer *a = arg;
	struct item *i;

	if (!dot_same(r->version->dot, a->dot)) {
		a->full = !op_ended(a);
		if (a->full) {
			a->records.upto = r->version->dot.seq - 1;
			return 1;
		}
		a->dot = r->version->dot;
	}
	if (a->records.n - a->op >= OP_VERSIONS_MAX || a->op_bytes > RECALL_OP_BYTES_MAX)
		return 0; /* no op has more */
	i = &a->records.items[a->records.n];
	i->path = strdup(r->path);
	i->version = shortened(r->version);
	if (!i->path)
		return -ENOMEM;
	a->records.n++;
	a->op_bytes += ITEM_BYTES + strlen(r->path) + (size_t)text_bytes(r->version->target) +
		       (size_t)text_bytes(r->version->user);
	return 0;
}

static int collect(struct node *n, const struct message *m, struct answer *a)
{
	for (uint32_t k = 0; k < m->recall.n; k++) {
		const struct wire_range *p = &m->recall.p[k];

		a->dot = (struct dot){0};
		int rc = store_past_range(n->store, p->origin, p->first, p->last, add, a);
		if (rc < 0)
			return rc;
		if (a->full) {
			if (a->records.upto < p->first)
				a->records.upto = 0;
			return 0;
		}
		a->full = !op_ended(a);
		a->records.whole = k + 1;
		if (a->full)
			return 0;
	}
	return 0;
}

void recall_answer(struct node *n, uint32_t peer, const struct link_route *route,
		   const struct message *m)
{
	struct message *back = calloc(1, sizeof(*back));
	struct answer a = {.records = {.looking = recall_looking(n->recall)}};
	struct buf b;

	a.records.items = calloc(WIRE_RECORDS_MAX, sizeof(*a.records.items));
	int err = a.records.items && back ? collect(n, m, &a) : -ENOMEM;
	if (back) {
		back->type = WIRE_RECORDS;
		back->id = m->id;
		back->records = a.records;
	}
	if (err == 0) {
		buf_init(&b, WIRE_MESSAGE_MAX);
		message_encode(&b, back);
		err = b.err;
		if (err == 0)
			runner_reply(n->runner, route->id, route->len, b.data, b.len, peer);
		else
			buf_fini(&b);
	}
	if (err < 0)
		log_limited(LOG_LEVEL_WARNING, "the log cannot be told to peer %s: %s",
			    n->peers->p[peer].name, err_text(err));
	if (back)
		message_fini(back);
	else
		free(a.records.items);
	free(back);
}
