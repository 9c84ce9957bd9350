/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every kind of message goes through its bytes and comes back; and whatever else arrives (cut off,
 * with flipped bits, with lies about lengths) is decoded or refused, and nothing worse.
 */
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

static struct version *file_version(struct dot dot)
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

static char *text(const char *s)
{
	return strdup(s);
}

static struct outcome an_outcome(const char *hook)
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

static void make_op(struct message *m)
{
	struct dot dot = {77, 5};

	m->op.op = (struct op){.dot = dot, .items = calloc(2, sizeof(struct item)), .n = 2};
	m->op.contents = calloc(2, sizeof(struct wire_content));
	m->op.op.items[0] = (struct item){text("var/named/a.zone"), file_version(dot)};
	m->op.op.items[1] = (struct item){text("var/named/b.zone"), file_version(dot)};
	m->op.op.items[1].version->attrs = (struct attrs){.kind = KIND_ABSENT};
	m->op.contents[0] = (struct wire_content){content, CONTENT_LEN};
}

static void make_heartbeat(struct message *m)
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

static void make_hello(struct message *m)
{
	strcpy(m->hello.node, "ns1");
	m->hello.patterns = UINT64_MAX;
	m->hello.node_id = 14;
}

static void make_ask(struct message *m)
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

static void make_page(struct message *m)
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

static void make_want(struct message *m)
{
	m->pieces.n = 2;
	m->pieces.p[0].hash.b[0] = 1;
	m->pieces.p[1].hash.b[0] = 2;
	m->pieces.p[1].offset = 1 << 20;
}

static void make_pieces(struct message *m)
{
	m->pieces.n = 2;
	m->pieces.p[0] = (struct wire_piece){
	    .offset = 100, .total = 100 + CONTENT_LEN, .p = content, .len = CONTENT_LEN};
	m->pieces.p[1] = (struct wire_piece){.status = 1};
}

static void make_outcomes(struct message *m)
{
	m->outcomes.n = 2;
	m->outcomes.o = calloc(2, sizeof(struct outcome));
	m->outcomes.o[0] = an_outcome(NULL);
	m->outcomes.o[1] = an_outcome("bind");
}

static void make_told(struct message *m)
{
	m->told = 17;
}

static void make_waitfor(struct message *m)
{
	vv_raise(&m->waitfor.vector, (struct dot){1, 2});
	m->waitfor.served = true;
	m->waitfor.path = text("");
	m->waitfor.limit_msec = 5000;
}

static void make_done(struct message *m)
{
	m->done.reached = false;
	m->done.words = text("etc/x is open for writing");
}

static void make_list(struct message *m)
{
	m->list.cursor = text("");
}

static void make_listing(struct message *m)
{
	m->listing.next = text("b");
	m->listing.n = 2;
	m->listing.p = calloc(2, sizeof(struct wire_listed));
	m->listing.p[0] = (struct wire_listed){text("a"), 18};
	m->listing.p[1] = (struct wire_listed){text("b"), 19};
}

static void make_refuse(struct message *m)
{
	m->refuse.words = text("this node speaks version 1");
}

static void make_nodes(struct message *m)
{
	m->nodes.p = calloc(2, sizeof(struct known_node));
	m->nodes.n = 2;
	m->nodes.p[0] = (struct known_node){.name = "ns1", .heard_msec = 1700000000000};
	m->nodes.p[1] = (struct known_node){.name = "ns2", .heard_msec = 5, .forgotten = 3};
	vv_raise(&m->nodes.p[0].covers, (struct dot){1, 2});
}

static void make_recall(struct message *m)
{
	m->recall.n = 2;
	m->recall.p[0] = (struct wire_range){7, 1, 300};
	m->recall.p[1] = (struct wire_range){9, 5, 5};
}

static void make_records(struct message *m)
{
	m->records = (struct wire_records){
	    .items = calloc(2, sizeof(struct item)), .n = 2, .whole = 1, .upto = 17, .looking = true};
	m->records.items[0] = (struct item){text("a"), file_version((struct dot){7, 16})};
	m->records.items[1] = (struct item){text("b"), file_version((struct dot){7, 17})};
	m->records.items[1].version->attrs = (struct attrs){.kind = KIND_ABSENT};
}

static void make_peek(struct message *m)
{
	strcpy(m->peek.node, "ns4");
	m->peek.patterns = 99;
	m->peek.cursor = text("etc");
}

static void make_peeked(struct message *m)
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

static void make_note(struct message *m)
{
	m->note.p = (const uint8_t *)"a note\0of 13";
	m->note.len = 13;
}

static void make_would(struct message *m)
{
	m->would.n = 2;
	m->would.items = calloc(2, sizeof(struct item));
	m->would.items[0] = (struct item){text("etc/x"), file_version((struct dot){7, 17})};
	m->would.items[1] = (struct item){text("etc/y"), file_version((struct dot){7, 18})};
	m->would.items[1].version->draft = true;
}

static void make_verdict(struct message *m)
{
	m->verdict.kind = WIRE_NO;
	m->verdict.words = text("etc/x:12: not this way");
}

static void make_proofs(struct message *m)
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
    [WIRE_LISTING] = make_listing, [WIRE_REFUSE] = make_refuse,
    [WIRE_NODES] = make_nodes,
    [WIRE_RECALL] = make_recall,
    [WIRE_RECORDS] = make_records,
    [WIRE_PEEK] = make_peek,
    [WIRE_PEEKED] = make_peeked,
    [WIRE_NOTE] = make_note,
    [WIRE_PROOFS] = make_proofs,
    [WIRE_WOULD] = make_would,
    [WIRE_VERDICT] = make_verdict,
};
#define TYPES ((int)(sizeof(make) / sizeof(make[0])))

static bool broadcast(int type)
{
	return type == WIRE_OP || type == WIRE_HEARTBEAT || type == WIRE_NODES ||
	       type == WIRE_NOTE;
}

static void a_message(struct message *m, int type)
{
	*m = (struct message){.type = (enum wire_type)type, .id = broadcast(type) ? 0 : 42};
	make[type](m);
}

static void encode(struct buf *b, const struct message *m)
{
	buf_init(b, WIRE_MESSAGE_MAX);
	message_encode(b, m);
	assert_int_equal(b->err, 0);
}

/* The bytes of a sample, which is finished. */
static void sample_bytes(struct buf *b, int type)
{
	struct message m;

	a_message(&m, type);
	encode(b, &m);
	message_fini(&m);
}

/* Decodes a copy that ends where the memory ends, so that a sanitizer sees every step beyond it. */
static int decode_exact(struct message *m, const uint8_t *p, size_t len, uint8_t **copy)
{
	*copy = malloc(len ? len : 1);
	if (len)
		memcpy(*copy, p, len);
	return message_decode(m, *copy, len);
}

static int try_bytes(const uint8_t *p, size_t len)
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

/* ---- stories ---- */

static void every_message_comes_back_as_it_was(void **state)
{
	(void)state;
	for (int type = WIRE_OP; type < TYPES; type++) {
		struct buf first, second;
		struct message m;

		sample_bytes(&first, type);
		assert_int_equal(message_decode(&m, first.data, first.len), 0);
		assert_int_equal(m.type, type);
		assert_int_equal(m.id, broadcast(type) ? 0 : 42);
		encode(&second, &m);
		assert_int_equal(second.len, first.len);
		assert_memory_equal(second.data, first.data, first.len);
		message_fini(&m);
		buf_fini(&first);
		buf_fini(&second);
		assert_string_not_equal(message_name((enum wire_type)type), "unknown");
	}
	assert_string_equal(message_name((enum wire_type)200), "unknown");
}

static void an_op_brings_its_contents_inline(void **state)
{
	struct buf b;
	struct message m;

	(void)state;
	sample_bytes(&b, WIRE_OP);
	assert_int_equal(message_decode(&m, b.data, b.len), 0);
	assert_int_equal(m.op.op.n, 2);
	assert_string_equal(m.op.op.items[1].path, "var/named/b.zone");
	assert_true(m.op.contents[0].p > b.data && m.op.contents[0].p < b.data + b.len);
	assert_int_equal(m.op.contents[0].len, CONTENT_LEN);
	assert_memory_equal(m.op.contents[0].p, content, CONTENT_LEN);
	assert_null(m.op.contents[1].p);
	message_fini(&m);
	buf_fini(&b);
}

static void the_shortest_outcome_is_one(void **state)
{
	struct message m = {.type = WIRE_OUTCOMES, .id = 1}, back;
	char path[] = "f", node[] = "n", none[] = "";
	struct outcome o = {
	    .dot = {7, 8}, .path = path, .node = node, .words = none, .served = none};
	struct buf b;

	(void)state;
	m.outcomes.n = 1;
	m.outcomes.o = &o;
	buf_init(&b, WIRE_MESSAGE_MAX);
	message_encode(&b, &m);
	assert_int_equal(message_decode(&back, b.data, b.len), 0);
	assert_string_equal(back.outcomes.o[0].path, "f");
	message_fini(&back);
	buf_fini(&b);
}

static void an_outcome_tells_an_install_from_a_hook(void **state)
{
	struct buf b;
	struct message m;

	(void)state;
	sample_bytes(&b, WIRE_OUTCOMES);
	assert_int_equal(message_decode(&m, b.data, b.len), 0);
	assert_null(m.outcomes.o[0].hook);
	assert_int_equal(m.outcomes.o[0].after_msec, -1);
	assert_string_equal(m.outcomes.o[1].hook, "bind");
	assert_int_equal(m.outcomes.o[1].status, -1);
	assert_string_equal(m.outcomes.o[1].served, "example.com 7\n");
	message_fini(&m);
	buf_fini(&b);
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	for (int type = WIRE_OP; type < TYPES; type++) {
		struct buf b;

		sample_bytes(&b, type);
		for (size_t len = 0; len < b.len; len++)
			assert_int_equal(try_bytes(b.data, len), ERR_FORMAT);
		buf_u8(&b, 0);
		assert_int_equal(try_bytes(b.data, b.len), ERR_FORMAT);
		buf_fini(&b);
	}
}

static void every_flipped_bit_is_decoded_or_refused(void **state)
{
	(void)state;
	for (int type = WIRE_OP; type < TYPES; type++) {
		struct buf b;

		sample_bytes(&b, type);
		for (size_t bit = 0; bit < b.len * 8; bit++) {
			b.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
			try_bytes(b.data, b.len);
			b.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		}
		buf_fini(&b);
	}
}

static void random_damage_is_decoded_or_refused(void **state)
{
	static const uint8_t nasty[] = {0, 1, 2, 0x7f, 0x80, 0xfe, 0xff};

	(void)state;
	srand(2);
	for (int round = 0; round < 30000; round++) {
		struct buf b;
		int damages = 1 + rand() % 8;

		sample_bytes(&b, WIRE_OP + round % (TYPES - 1));
		while (damages--) {
			/* behind the head, so that bodies are reached */
			size_t at = 4 + (size_t)rand() % (b.len - 4);
			bool is_nasty = rand() % 2;

			b.data[at] =
			    is_nasty ? nasty[(size_t)rand() % sizeof(nasty)] : (uint8_t)rand();
		}
		try_bytes(b.data, b.len);
		buf_fini(&b);
	}
}

static void another_protocol_version_is_said_to_be_one(void **state)
{
	uint8_t head[] = {'Z', 'F', WIRE_VERSION + 1};

	(void)state;
	assert_int_equal(try_bytes(head, sizeof(head)), ERR_PROTOCOL);
	head[0] = 'z';
	assert_int_equal(try_bytes(head, sizeof(head)), ERR_FORMAT);
	for (int type = WIRE_OP; type < TYPES; type++) {
		struct buf b;

		sample_bytes(&b, type);
		b.data[2] = 0;
		assert_int_equal(try_bytes(b.data, b.len), ERR_PROTOCOL);
		buf_fini(&b);
	}
}

static void an_unknown_type_is_refused(void **state)
{
	static const uint8_t none[] = {'Z', 'F', WIRE_VERSION, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	static const uint8_t high[] = {'Z', 'F', WIRE_VERSION, 255, 0, 0, 0, 0, 0, 0, 0, 0};

	(void)state;
	assert_int_equal(try_bytes(none, sizeof(none)), ERR_FORMAT);
	assert_int_equal(try_bytes(high, sizeof(high)), ERR_FORMAT);
}

/* ---- what a peer must not get away with ---- */

static void expect_refused(struct message *m)
{
	struct buf b;

	encode(&b, m);
	assert_int_equal(try_bytes(b.data, b.len), ERR_FORMAT);
	buf_fini(&b);
	message_fini(m);
}

static void an_op_of_two_dots_is_refused(void **state)
{
	struct message m;

	(void)state;
	a_message(&m, WIRE_OP);
	version_put(m.op.op.items[1].version);
	m.op.op.items[1].version = file_version((struct dot){77, 6});
	expect_refused(&m);
}

static void an_op_of_nothing_is_refused(void **state)
{
	struct message m = {.type = WIRE_OP};

	(void)state;
	m.op.op.dot = (struct dot){1, 1};
	expect_refused(&m);
}

static void paths_that_leave_the_tree_are_refused(void **state)
{
	static const char *const paths[] = {"",     "/etc/passwd", "../x",     "a/../b",
					    "a//b", ".",           ".zonefs/x"};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct message m;

		a_message(&m, WIRE_OP);
		free(m.op.op.items[0].path);
		m.op.op.items[0].path = text(paths[i]);
		expect_refused(&m);
		a_message(&m, WIRE_LISTING);
		free(m.listing.p[1].path);
		m.listing.p[1].path = text(paths[i]);
		expect_refused(&m);
		a_message(&m, WIRE_OUTCOMES);
		free(m.outcomes.o[0].path);
		m.outcomes.o[0].path = text(paths[i]);
		expect_refused(&m);
	}
}

static void inline_content_of_another_size_is_refused(void **state)
{
	struct message m;

	(void)state;
	a_message(&m, WIRE_OP);
	m.op.contents[0].len--;
	expect_refused(&m);
	a_message(&m, WIRE_OP);
	m.op.contents[1] = m.op.contents[0]; /* a tombstone has none */
	expect_refused(&m);
}

static void a_piece_beyond_its_content_is_refused(void **state)
{
	struct message m;

	(void)state;
	a_message(&m, WIRE_PIECES);
	m.pieces.p[0].total--;
	expect_refused(&m);
	a_message(&m, WIRE_PIECES);
	m.pieces.p[0].offset = UINT64_MAX;
	expect_refused(&m);
	a_message(&m, WIRE_PIECES);
	m.pieces.p[0].status = 2;
	expect_refused(&m);
}

static void more_than_a_list_may_hold_is_refused(void **state)
{
	struct message m;

	(void)state;
	a_message(&m, WIRE_TOLD);
	m.told = WIRE_OUTCOMES_MAX + 1;
	expect_refused(&m);
	a_message(&m, WIRE_OUTCOMES);
	for (uint32_t i = 0; i < 2; i++)
		outcome_fini(&m.outcomes.o[i]);
	free(m.outcomes.o);
	m.outcomes.n = WIRE_OUTCOMES_MAX + 1;
	m.outcomes.o = calloc(m.outcomes.n, sizeof(struct outcome));
	for (uint32_t i = 0; i < m.outcomes.n; i++)
		m.outcomes.o[i] = an_outcome("h");
	expect_refused(&m);
}

static void ranges_that_are_none_are_refused(void **state)
{
	static const struct wire_range wrong[] = {
	    {0, 1, 1}, {1, 0, 1}, {1, 2, 1}, {UINT64_C(1) << 63, 1, 1}, {1, 1, UINT64_C(1) << 63}};
	struct message m;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		a_message(&m, WIRE_RECALL);
		m.recall.p[1] = wrong[i];
		expect_refused(&m);
	}
	a_message(&m, WIRE_RECORDS);
	m.records.whole = WIRE_RANGES_MAX + 1;
	expect_refused(&m);
	a_message(&m, WIRE_RECORDS);
	m.records.upto = UINT64_MAX;
	expect_refused(&m);
}

static void words_are_cut_not_refused(void **state)
{
	struct message m, back;
	struct buf b;
	char *words = malloc(100001);

	(void)state;
	memset(words, 'w', 100000);
	words[100000] = '\0';
	a_message(&m, WIRE_REFUSE);
	free(m.refuse.words);
	m.refuse.words = words;
	encode(&b, &m);
	assert_int_equal(message_decode(&back, b.data, b.len), 0);
	assert_int_equal(strlen(back.refuse.words), WIRE_WORDS_MAX);
	message_fini(&back);
	message_fini(&m);
	buf_fini(&b);
}

static void names_that_would_break_a_line_are_refused(void **state)
{
	struct message m;

	(void)state;
	a_message(&m, WIRE_HELLO);
	strcpy(m.hello.node, "ns1\nns2");
	expect_refused(&m);
	a_message(&m, WIRE_HELLO);
	m.hello.node[0] = '\0';
	expect_refused(&m);
	a_message(&m, WIRE_PAGE);
	m.page.origins[0].origin = 0;
	expect_refused(&m);
}

static void a_full_op_fits_a_message(void **state)
{
	struct dot dot = {1, 1};
	struct message m = {.type = WIRE_OP}, back;
	struct buf b;

	(void)state;
	m.op.op = (struct op){.dot = dot, .n = OP_VERSIONS_MAX};
	m.op.op.items = calloc(OP_VERSIONS_MAX, sizeof(struct item));
	for (int i = 0; i < OP_VERSIONS_MAX; i++) {
		char path[32];

		snprintf(path, sizeof(path), "d/%d", i);
		m.op.op.items[i] = (struct item){text(path), file_version(dot)};
	}
	encode(&b, &m);
	assert_int_equal(message_decode(&back, b.data, b.len), 0);
	assert_int_equal(back.op.op.n, OP_VERSIONS_MAX);
	message_fini(&back);
	message_fini(&m);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_message_comes_back_as_it_was),
	    cmocka_unit_test(an_op_brings_its_contents_inline),
	    cmocka_unit_test(the_shortest_outcome_is_one),
	    cmocka_unit_test(an_outcome_tells_an_install_from_a_hook),
	    cmocka_unit_test(every_truncation_is_refused),
	    cmocka_unit_test(every_flipped_bit_is_decoded_or_refused),
	    cmocka_unit_test(random_damage_is_decoded_or_refused),
	    cmocka_unit_test(another_protocol_version_is_said_to_be_one),
	    cmocka_unit_test(an_unknown_type_is_refused),
	    cmocka_unit_test(an_op_of_two_dots_is_refused),
	    cmocka_unit_test(an_op_of_nothing_is_refused),
	    cmocka_unit_test(paths_that_leave_the_tree_are_refused),
	    cmocka_unit_test(inline_content_of_another_size_is_refused),
	    cmocka_unit_test(a_piece_beyond_its_content_is_refused),
	    cmocka_unit_test(more_than_a_list_may_hold_is_refused),
	    cmocka_unit_test(ranges_that_are_none_are_refused),
	    cmocka_unit_test(words_are_cut_not_refused),
	    cmocka_unit_test(names_that_would_break_a_line_are_refused),
	    cmocka_unit_test(a_full_op_fits_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
