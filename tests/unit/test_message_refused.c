/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a peer must not get away with: messages that are well formed and mean what cannot be.
 */
#include "tests/unit/message_help.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_op_of_two_dots_is_refused),
	    cmocka_unit_test(an_op_of_nothing_is_refused),
	    cmocka_unit_test(paths_that_leave_the_tree_are_refused),
	    cmocka_unit_test(inline_content_of_another_size_is_refused),
	    cmocka_unit_test(a_piece_beyond_its_content_is_refused),
	    cmocka_unit_test(more_than_a_list_may_hold_is_refused),
	    cmocka_unit_test(ranges_that_are_none_are_refused),
	    cmocka_unit_test(words_are_cut_not_refused),
	    cmocka_unit_test(names_that_would_break_a_line_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
