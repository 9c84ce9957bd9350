/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The head of every message, the table of its bodies, and the short ones of them.
 */
#include "replicator/wire/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/path.h"
#include "replicator/wire/codec.h"

/* ---- fields ---- */

bool rd_bool(struct rd *r)
{
	uint8_t v = rd_u8(r);

	if (v > 1)
		rd_fail(r);
	return v == 1;
}

static char *checked_path(struct rd *r, bool (*valid)(const char *))
{
	char *path = rd_str(r, PATH_LEN_MAX);

	if (path && !valid(path)) {
		rd_fail(r);
		free(path);
		path = NULL;
	}
	return path;
}

char *rd_path(struct rd *r)
{
	return checked_path(r, path_valid);
}

char *rd_path_or_root(struct rd *r)
{
	return checked_path(r, path_valid_or_root);
}

void rd_node(struct rd *r, char dst[NODE_NAME_MAX])
{
	rd_strbuf(r, dst, NODE_NAME_MAX);
	if (!dst[0])
		rd_fail(r);
	for (const char *p = dst; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			rd_fail(r);
}

void buf_words(struct buf *b, const char *words, size_t max)
{
	size_t len = words ? strnlen(words, max) : 0;

	buf_u16(b, (uint16_t)len);
	buf_raw(b, words, len);
}

uint32_t rd_count(struct rd *r, uint32_t max, size_t least)
{
	uint32_t n = rd_u32(r);

	if (n > max || n > rd_left(r) / least) {
		rd_fail(r);
		return 0;
	}
	return n;
}

void *rd_array(struct rd *r, uint32_t n, size_t size)
{
	if (n == 0 || r->err)
		return NULL;
	void *p = calloc(n, size);
	if (!p)
		r->err = -ENOMEM;
	return p;
}

/* ---- short bodies ---- */

static void buf_hello_body(struct buf *b, const struct message *m)
{
	buf_str(b, m->hello.node);
	buf_u64(b, m->hello.patterns);
	buf_u64(b, m->hello.node_id);
}

static void rd_hello_body(struct rd *r, struct message *m)
{
	rd_node(r, m->hello.node);
	m->hello.patterns = rd_u64(r);
	m->hello.node_id = rd_u64(r);
}

static void buf_told_body(struct buf *b, const struct message *m)
{
	buf_u32(b, m->told);
}

static void rd_told_body(struct rd *r, struct message *m)
{
	m->told = rd_u32(r);
	if (m->told > WIRE_OUTCOMES_MAX)
		rd_fail(r);
}

static void buf_done_body(struct buf *b, const struct message *m)
{
	buf_u8(b, m->done.reached);
	buf_words(b, m->done.words, WIRE_WORDS_MAX);
}

static void rd_done_body(struct rd *r, struct message *m)
{
	m->done.reached = rd_bool(r);
	m->done.words = rd_str(r, WIRE_WORDS_MAX);
}

static void buf_list_body(struct buf *b, const struct message *m)
{
	buf_str(b, m->list.cursor);
}

static void rd_list_body(struct rd *r, struct message *m)
{
	m->list.cursor = rd_path_or_root(r);
}

static void buf_refuse_body(struct buf *b, const struct message *m)
{
	buf_words(b, m->refuse.words, WIRE_WORDS_MAX);
}

static void rd_refuse_body(struct rd *r, struct message *m)
{
	m->refuse.words = rd_str(r, WIRE_WORDS_MAX);
}

static void buf_note_body(struct buf *b, const struct message *m)
{
	buf_bytes(b, m->note.p, m->note.len);
}

static void rd_note_body(struct rd *r, struct message *m)
{
	m->note.p = rd_bytes(r, &m->note.len, WIRE_NOTE_MAX);
}

/* ---- the table ---- */

static const struct body {
	const char *name;
	bool broadcast; /* without an id */
	void (*encode)(struct buf *b, const struct message *m);
	void (*decode)(struct rd *r, struct message *m);
} bodies[] = {
    [WIRE_OP] = {"op", true, buf_op_body, rd_op_body},
    [WIRE_HEARTBEAT] = {"heartbeat", true, buf_heartbeat_body, rd_heartbeat_body},
    [WIRE_HELLO] = {"hello", false, buf_hello_body, rd_hello_body},
    [WIRE_ASK] = {"ask", false, buf_ask_body, rd_ask_body},
    [WIRE_PAGE] = {"page", false, buf_page_body, rd_page_body},
    [WIRE_WANT] = {"want", false, buf_want_body, rd_want_body},
    [WIRE_PIECES] = {"pieces", false, buf_pieces_body, rd_pieces_body},
    [WIRE_OUTCOMES] = {"outcomes", false, buf_outcomes_body, rd_outcomes_body},
    [WIRE_TOLD] = {"told", false, buf_told_body, rd_told_body},
    [WIRE_WAITFOR] = {"waitfor", false, buf_waitfor_body, rd_waitfor_body},
    [WIRE_DONE] = {"done", false, buf_done_body, rd_done_body},
    [WIRE_LIST] = {"list", false, buf_list_body, rd_list_body},
    [WIRE_LISTING] = {"listing", false, buf_listing_body, rd_listing_body},
    [WIRE_REFUSE] = {"refuse", false, buf_refuse_body, rd_refuse_body},
    [WIRE_NODES] = {"nodes", true, buf_nodes_body, rd_nodes_body},
    [WIRE_RECALL] = {"recall", false, buf_recall_body, rd_recall_body},
    [WIRE_RECORDS] = {"records", false, buf_records_body, rd_records_body},
    [WIRE_PEEK] = {"peek", false, buf_peek_body, rd_peek_body},
    [WIRE_PEEKED] = {"peeked", false, buf_peeked_body, rd_peeked_body},
    [WIRE_NOTE] = {"note", true, buf_note_body, rd_note_body},
    [WIRE_PROOFS] = {"proofs", false, buf_proofs_body, rd_proofs_body},
    [WIRE_WOULD] = {"would", false, buf_would_body, rd_would_body},
    [WIRE_VERDICT] = {"verdict", false, buf_verdict_body, rd_verdict_body},
};

static const struct body *body_of(unsigned type)
{
	return type < ARRAY_SIZE(bodies) && bodies[type].name ? &bodies[type] : NULL;
}

const char *message_name(enum wire_type type)
{
	const struct body *body = body_of(type);

	return body ? body->name : "unknown";
}

void message_encode(struct buf *b, const struct message *m)
{
	const struct body *body = body_of(m->type);

	if (!body) {
		if (!b->err)
			b->err = ERR_FORMAT;
		return;
	}
	buf_raw(b, "ZF", 2);
	buf_u8(b, WIRE_VERSION);
	buf_u8(b, (uint8_t)m->type);
	if (!body->broadcast)
		buf_u64(b, m->id);
	body->encode(b, m);
}

int message_decode(struct message *m, const void *p, size_t len)
{
	struct rd r;

	*m = (struct message){0};
	if (len > WIRE_MESSAGE_MAX)
		return ERR_FORMAT;
	rd_init(&r, p, len);
	const uint8_t *magic = rd_raw(&r, 2);
	if (!magic || memcmp(magic, "ZF", 2) != 0 || rd_left(&r) == 0)
		return ERR_FORMAT;
	if (rd_u8(&r) != WIRE_VERSION)
		return ERR_PROTOCOL;
	uint8_t type = rd_u8(&r);
	const struct body *body = body_of(type);
	if (!body)
		return ERR_FORMAT;
	m->type = (enum wire_type)type;
	if (!body->broadcast)
		m->id = rd_u64(&r);
	body->decode(&r, m);
	int err = rd_end(&r);
	if (err)
		message_fini(m);
	return err;
}

static void outcomes_fini(struct message *m)
{
	for (uint32_t i = 0; i < m->outcomes.n; i++)
		outcome_fini(&m->outcomes.o[i]);
	free(m->outcomes.o);
}

static void proofs_fini(struct message *m)
{
	for (uint32_t i = 0; i < m->proofs.n; i++)
		proof_fini(&m->proofs.p[i]);
	free(m->proofs.p);
}

static void listing_fini(struct message *m)
{
	for (uint32_t i = 0; i < m->listing.n; i++)
		free(m->listing.p[i].path);
	free(m->listing.p);
	free(m->listing.next);
}

static void items_fini(struct item *items, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		item_fini(&items[i]);
	free(items);
}

void message_fini(struct message *m)
{
	switch (m->type) {
	case WIRE_OP:
		op_fini(&m->op.op);
		free(m->op.contents);
		break;
	case WIRE_ASK:
		ask_fini(&m->ask);
		break;
	case WIRE_PAGE:
		page_fini(&m->page);
		break;
	case WIRE_NODES:
		known_nodes_fini(&m->nodes);
		break;
	case WIRE_OUTCOMES:
		outcomes_fini(m);
		break;
	case WIRE_PROOFS:
		proofs_fini(m);
		break;
	case WIRE_WAITFOR:
		vv_fini(&m->waitfor.vector);
		free(m->waitfor.path);
		break;
	case WIRE_DONE:
		free(m->done.words);
		break;
	case WIRE_LIST:
		free(m->list.cursor);
		break;
	case WIRE_LISTING:
		listing_fini(m);
		break;
	case WIRE_REFUSE:
		free(m->refuse.words);
		break;
	case WIRE_RECORDS:
		items_fini(m->records.items, m->records.n);
		break;
	case WIRE_PEEK:
		free(m->peek.cursor);
		break;
	case WIRE_PEEKED:
		items_fini(m->peeked.items, m->peeked.n);
		free(m->peeked.next);
		break;
	case WIRE_WOULD:
		items_fini(m->would.items, m->would.n);
		break;
	case WIRE_VERDICT:
		free(m->verdict.words);
		break;
	case WIRE_HEARTBEAT:
	case WIRE_HELLO:
	case WIRE_WANT:
	case WIRE_PIECES:
	case WIRE_TOLD:
	case WIRE_RECALL:
	case WIRE_NOTE:
		break;
	}
	*m = (struct message){0};
}
