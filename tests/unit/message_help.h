/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For tests of messages: one of each kind, and decoding where the memory ends with the message.
 */
#ifndef TESTS_MESSAGE_HELP_H
#define TESTS_MESSAGE_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "replicator/wire/message.h"

static const uint8_t content[] = "$TTL 60\n";
#define CONTENT_LEN (sizeof(content) - 1)

static inline struct version *file_version(struct dot dot)
{
	struct version *v = version_new();

	v->dot = dot;
	vv_raise(&v->context, dot);
	vv_raise(&v->context, (struct dot){3, 3});
	v->stamp = 1;
	v->attrs = (struct attrs){.kind = KIND_FILE, .mode = 0644, .size = CONTENT_LEN};
	v->attrs.hash.b[5] = 5;
	return v;
}

static inline char *text(const char *s)
{
	return strdup(s);
}

static inline struct outcome an_outcome(const char *hook)
{
	return (struct outcome){.dot = {7, 8},
				.path = text("etc/named.conf"),
				.node = text("ns2"),
				.wall_msec = 1700000000123,
				.after_msec = hook ? 12 : -1,
				.hook = hook ? text(hook) : NULL,
				.status = -1,
				.words = text("no such zone\n"),
				.served = text("example.com 7\n")};
}

/* ---- one of each ---- */

static inline void make_op(struct message *m)
{
	struct dot dot = {77, 5};

	m->op.op = (struct op){.dot = dot, .items = calloc(2, sizeof(struct item)), .n = 2};
	m->op.contents = calloc(2, sizeof(struct wire_content));
	m->op.op.items[0] = (struct item){text("var/named/a.zone"), file_version(dot)};
	m->op.op.items[1] = (struct item){text("var/named/b.zone"), file_version(dot)};
	m->op.op.items[1].version->attrs = (struct attrs){.kind = KIND_ABSENT};
	m->op.contents[0] = (struct wire_content){content, CONTENT_LEN};
}

static inline void make_heartbeat(struct message *m)
{
	m->heartbeat.heartbeat = (struct heartbeat){.digest = 1,
						    .ops = 2,
						    .tree = 3,
						    .pending = 4,
						    .lag_msec = 5,
						    .failing = 6,
						    .conflicts = 7,
						    .joining = true,
						    .paused = true,
						    .wall_msec = -8,
						    .recent = {{9, 10}, {11, 12}},
						    .nrecent = 2};
	m->heartbeat.patterns = 13;
}

static inline void make_hello(struct message *m)
{
	strcpy(m->hello.node, "ns1");
	m->hello.patterns = UINT64_MAX;
	m->hello.node_id = 14;
}

static inline void make_ask(struct message *m)
{
	m->ask.id = 15;
	vv_raise(&m->ask.vector, (struct dot){1, 2});
	vv_raise(&m->ask.start, (struct dot){3, 4});
	m->ask.cursor = text("etc");
	m->ask.joining = true;
	m->ask.compare = COMPARE_DOTS;
	m->ask.marks = calloc(2, sizeof(struct mark));
	m->ask.nmarks = 2;
	m->ask.marks[0] = (struct mark){text("etc/a"), {1, 2}};
	m->ask.marks[1] = (struct mark){text("etc/a"), {3, 1}};
}

static inline void make_page(struct message *m)
{
	m->page.id = 16;
	m->page.items = calloc(2, sizeof(struct item));
	m->page.n = 2;
	m->page.items[0] = (struct item){text("etc/x"), file_version((struct dot){5, 6})};
	m->page.items[1] = (struct item){text("etc/y"), file_version((struct dot){7, 8})};
	m->page.origins = calloc(1, sizeof(struct origin));
	m->page.norigins = 1;
	m->page.origins[0] = (struct origin){5, "ns3"};
	vv_raise(&m->page.start, (struct dot){1, 1});
	m->page.cursor = text("etc/y");
	m->page.total = 77;
	m->page.swept = m->page.last = m->page.known = true;
	vv_raise(&m->page.vector, (struct dot){1, 2});
	vv_raise(&m->page.floor, (struct dot){1, 3});
	m->page.compare = COMPARE_RANGES;
	m->page.found = calloc(2, 1);
	m->page.found[1] = 1;
	m->page.nfound = 2;
}

static inline void make_want(struct message *m)
{
	m->pieces.n = 2;
	m->pieces.p[0].hash.b[0] = 1;
	m->pieces.p[1].hash.b[0] = 2;
	m->pieces.p[1].offset = 1 << 20;
}

static inline void make_pieces(struct message *m)
{
	m->pieces.n = 2;
	m->pieces.p[0] = (struct wire_piece){
	    .offset = 100, .total = 100 + CONTENT_LEN, .p = content, .len = CONTENT_LEN};
	m->pieces.p[1] = (struct wire_piece){.status = 1};
}

static inline void make_outcomes(struct message *m)
{
	m->outcomes.n = 2;
	m->outcomes.o = calloc(2, sizeof(struct outcome));
	m->outcomes.o[0] = an_outcome(NULL);
	m->outcomes.o[1] = an_outcome("bind");
}

static inline void make_told(struct message *m)
{
	m->told = 17;
}

static inline void make_waitfor(struct message *m)
{
	vv_raise(&m->waitfor.vector, (struct dot){1, 2});
	m->waitfor.served = true;
	m->waitfor.path = text("");
	m->waitfor.limit_msec = 5000;
}

static inline void make_done(struct message *m)
{
	m->done.reached = false;
	m->done.words = text("etc/x is open for writing");
}

static inline void make_list(struct message *m)
{
	m->list.cursor = text("");
}

static inline void make_listing(struct message *m)
{
	m->listing.next = text("b");
	m->listing.n = 2;
	m->listing.p = calloc(2, sizeof(struct wire_listed));
	m->listing.p[0] = (struct wire_listed){text("a"), 18};
	m->listing.p[1] = (struct wire_listed){text("b"), 19};
}

static inline void make_refuse(struct message *m)
{
	m->refuse.words = text("this node speaks version 1");
}

static inline void make_nodes(struct message *m)
{
	m->nodes.p = calloc(2, sizeof(struct known_node));
	m->nodes.n = 2;
	m->nodes.p[0] = (struct known_node){.name = "ns1", .heard_msec = 1700000000000};
	m->nodes.p[1] = (struct known_node){.name = "ns2", .heard_msec = 5, .forgotten = 3};
	vv_raise(&m->nodes.p[0].covers, (struct dot){1, 2});
}

static inline void make_recall(struct message *m)
{
	m->recall.n = 2;
	m->recall.p[0] = (struct wire_range){7, 1, 300};
	m->recall.p[1] = (struct wire_range){9, 5, 5};
}

static inline void make_records(struct message *m)
{
	m->records = (struct wire_records){.items = calloc(2, sizeof(struct item)),
					   .n = 2,
					   .whole = 1,
					   .upto = 17,
					   .looking = true};
	m->records.items[0] = (struct item){text("a"), file_version((struct dot){7, 16})};
	m->records.items[1] = (struct item){text("b"), file_version((struct dot){7, 17})};
	m->records.items[1].version->attrs = (struct attrs){.kind = KIND_ABSENT};
}

static inline void make_peek(struct message *m)
{
	strcpy(m->peek.node, "ns4");
	m->peek.patterns = 99;
	m->peek.cursor = text("etc");
}

static inline void make_peeked(struct message *m)
{
	m->peeked = (struct wire_peeked){.node = "ns2",
					 .as = "ns4",
					 .patterns = 98,
					 .wall_msec = 1700000000000,
					 .paused = true,
					 .known = true,
					 .items = calloc(1, sizeof(struct item)),
					 .n = 1,
					 .next = text("etc/x")};
	m->peeked.items[0] = (struct item){text("etc/x"), file_version((struct dot){7, 16})};
}

static inline void make_note(struct message *m)
{
	m->note.p = (const uint8_t *)"a note\0of 13";
	m->note.len = 13;
}

static inline void make_would(struct message *m)
{
	m->would.n = 2;
	m->would.items = calloc(2, sizeof(struct item));
	m->would.items[0] = (struct item){text("etc/x"), file_version((struct dot){7, 17})};
	m->would.items[1] = (struct item){text("etc/y"), file_version((struct dot){7, 18})};
	m->would.items[1].version->draft = true;
}

static inline void make_verdict(struct message *m)
{
	m->verdict.kind = WIRE_NO;
	m->verdict.words = text("etc/x:12: not this way");
}

static inline void make_proofs(struct message *m)
{
	m->proofs.anew = true;
	m->proofs.n = 2;
	m->proofs.p = calloc(2, sizeof(struct proof));
	m->proofs.p[0] = (struct proof){.zone = text("a.test"),
					.zclass = text("IN"),
					.view = text("inside"),
					.path = text("var/named/a.zone"),
					.words = text(""),
					.state = PROOF_SERVED,
					.has_serial = true,
					.has_loaded = true,
					.serial = 2026112201,
					.loaded_sec = 1700000000,
					.asked_msec = 1700000000123,
					.dot = {7, 8}};
	m->proofs.p[0].hash.b[3] = 4;
	m->proofs.p[1] = (struct proof){.zone = text("b.test"),
					.zclass = text("IN"),
					.view = text(""),
					.path = text(""),
					.words = text("named does not answer"),
					.state = PROOF_FAILED,
					.asked_msec = 1};
}

static void (*const make[])(struct message *) = {
    [WIRE_OP] = make_op,           [WIRE_HEARTBEAT] = make_heartbeat, [WIRE_HELLO] = make_hello,
    [WIRE_ASK] = make_ask,         [WIRE_PAGE] = make_page,           [WIRE_WANT] = make_want,
    [WIRE_PIECES] = make_pieces,   [WIRE_OUTCOMES] = make_outcomes,   [WIRE_TOLD] = make_told,
    [WIRE_WAITFOR] = make_waitfor, [WIRE_DONE] = make_done,           [WIRE_LIST] = make_list,
    [WIRE_LISTING] = make_listing, [WIRE_REFUSE] = make_refuse,       [WIRE_NODES] = make_nodes,
    [WIRE_RECALL] = make_recall,   [WIRE_RECORDS] = make_records,     [WIRE_PEEK] = make_peek,
    [WIRE_PEEKED] = make_peeked,   [WIRE_NOTE] = make_note,           [WIRE_PROOFS] = make_proofs,
    [WIRE_WOULD] = make_would,     [WIRE_VERDICT] = make_verdict,
};
#define TYPES ((int)(sizeof(make) / sizeof(make[0])))

static inline bool broadcast(int type)
{
	return type == WIRE_OP || type == WIRE_HEARTBEAT || type == WIRE_NODES || type == WIRE_NOTE;
}

static inline void a_message(struct message *m, int type)
{
	*m = (struct message){.type = (enum wire_type)type, .id = broadcast(type) ? 0 : 42};
	make[type](m);
}

static inline void encode(struct buf *b, const struct message *m)
{
	buf_init(b, WIRE_MESSAGE_MAX);
	message_encode(b, m);
	assert_int_equal(b->err, 0);
}

/* The bytes of a sample, which is finished. */
static inline void sample_bytes(struct buf *b, int type)
{
	struct message m;

	a_message(&m, type);
	encode(b, &m);
	message_fini(&m);
}

/* Decodes a copy that ends where the memory ends, so that a sanitizer sees every step beyond it. */
static inline int decode_exact(struct message *m, const uint8_t *p, size_t len, uint8_t **copy)
{
	*copy = malloc(len ? len : 1);
	if (len)
		memcpy(*copy, p, len);
	return message_decode(m, *copy, len);
}

static inline int try_bytes(const uint8_t *p, size_t len)
{
	struct message m;
	uint8_t *copy;
	int err = decode_exact(&m, p, len, &copy);

	if (err == 0) {
		/* What was taken can be told again. */
		struct buf b;

		encode(&b, &m);
		buf_fini(&b);
		message_fini(&m);
	} else {
		assert_true(err == ERR_FORMAT || err == ERR_PROTOCOL);
		assert_int_equal(m.type, 0);
	}
	free(copy);
	return err;
}

#endif
