/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every kind of message goes through its bytes and comes back; and whatever else arrives (cut off,
 * with flipped bits, with lies about lengths) is decoded or refused, and nothing worse.
 */
#include "tests/unit/message_help.h"

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
	    cmocka_unit_test(a_full_op_fits_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
