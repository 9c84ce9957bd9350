/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A new text of a zone beside the released one: what is an error, a doubt, a warning, and what is none of
 * these since it is released already.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "replicator/zone/examine.h"
#include "tests/unit/zone_help.h"

#define HEAD(serial) "$TTL 300\n@ SOA ns root " #serial " 2 3 4 6\n NS ns\nns A 192.0.2.1\n"

/* Files of a side: path, text, path, text, NULL; each includes all others by their paths. */
static struct examine_side side(const char *const *files)
{
	struct examine_side s = {0};

	while (files && files[2 * s.n])
		s.n++;
	s.files = calloc(s.n + 1, sizeof(*s.files));
	for (size_t i = 0; i < s.n; i++) {
		struct examine_include *in = calloc(s.n, sizeof(*in));

		for (size_t k = 0; k < s.n; k++)
			in[k] = (struct examine_include){files[2 * k], k};
		s.files[i] = (struct examine_file){.path = files[2 * i],
						   .text = files[2 * i + 1],
						   .len = strlen(files[2 * i + 1]),
						   .included = in,
						   .n = s.n};
	}
	return s;
}

static void side_free(struct examine_side *s)
{
	for (size_t i = 0; i < s->n; i++)
		free((void *)(uintptr_t)s->files[i].included);
	free(s->files);
}

static struct examine asked(const char *const *was, const char *const *is)
{
	return (struct examine){
	    .zone = "example", .was = side(was), .is = side(is), .shrink = 30, .limits = {100, 100}};
}

static const char *text_of(const struct buf *b)
{
	return b->len ? (const char *)b->data : "";
}

static void expect(struct examine *e, const char *errors, const char *doubts, const char *warnings)
{
	const char *const expected[] = {errors, doubts, warnings};
	struct buf *const got[] = {&e->errors, &e->doubts, &e->warnings};

	examine_zone(e);
	assert_int_equal(e->err, 0);
	for (size_t i = 0; i < ARRAY_SIZE(got); i++)
		if (!expected[i] ? got[i]->len > 0 : !strstr(text_of(got[i]), expected[i]))
			fail_msg("\"%s\" where \"%s\" was expected", text_of(got[i]),
				 expected[i] ? expected[i] : "nothing");
}

static void end(struct examine *e)
{
	examine_fini(e);
	side_free(&e->is);
	side_free(&e->was);
}

static void one(const char *was, const char *is, uint32_t highest, const char *errors,
		const char *doubts, const char *warnings)
{
	const char *const a[] = {"z", was, NULL}, *const b[] = {"z", is, NULL};
	struct examine e = asked(was ? a : NULL, b);

	e.known = highest > 0;
	e.highest = highest;
	expect(&e, errors, doubts, warnings);
	end(&e);
}

static void what_is_wrong_is_said_with_file_and_line(void **state)
{
	(void)state;
	one(NULL, HEAD(1), 0, NULL, NULL, NULL);
	one(NULL, HEAD(1) "www.other. A 192.0.2.2\n", 0, "z:5: ", NULL, NULL);
	one(NULL, HEAD(1) "www CNAME nowhere\n", 0, NULL, "z:5: ", NULL);
	one(NULL, HEAD(1) "www CNAME ns.example\n", 0, NULL, "z:5: ", NULL);
}

static void what_is_released_already_is_no_reason(void **state)
{
	(void)state;
	one(HEAD(1) "www CNAME nowhere\nx.other. A 192.0.2.2\n",
	    HEAD(2) "new A 192.0.2.3\nwww CNAME nowhere\nx.other. A 192.0.2.2\n", 1, NULL, NULL,
	    NULL);
	one(HEAD(1) "www CNAME nowhere\n", HEAD(2) "www CNAME nowhere\nweb CNAME nobody\n", 1, NULL,
	    "z:6: ", NULL);
}

static void the_guard_compares_with_what_was_released(void **state)
{
	char many[4096] = HEAD(1), few[4096] = HEAD(2);

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "h%d A 192.0.2.%d\n", i,
			 i);
		if (i < 20)
			snprintf(few + strlen(few), sizeof(few) - strlen(few), "h%d A 192.0.2.%d\n",
				 i, i);
	}
	one(many, few, 1, NULL, "z: 20 of 42 records are gone", NULL);
	many[strlen(many) / 2] = '\0';
	one(few, HEAD(3) " TXT a\n", 2, NULL, "records are gone", NULL);
	one(HEAD(1), HEAD(30000001), 1, NULL, "the serial jumps", NULL);
	one(HEAD(5), HEAD(4) " TXT a\n", 5, NULL, "the serial goes back", NULL);
}

static void the_serial_is_compared_with_the_highest_of_all_nodes(void **state)
{
	(void)state;
	one(HEAD(5), HEAD(5) " TXT a\n", 5, NULL, NULL, "serial 5 not raised");
	one(HEAD(5), HEAD(6) " TXT a\n", 6, NULL, NULL, "serial 6 not raised");
	one(HEAD(5), HEAD(7) " TXT a\n", 6, NULL, NULL, NULL);
	one(HEAD(5), "; no record has changed\n" HEAD(5), 5, NULL, NULL, NULL);
	one(HEAD(5), HEAD(5) " TXT a\n", 0, NULL, NULL, NULL);
}

static void one_that_is_raised_is_no_doubt(void **state)
{
	const char *const was[] = {"z", HEAD(5), NULL}, *const is[] = {"z", HEAD(4) " TXT a\n",
								       NULL};
	const char *const sig[] = {"z", HEAD(4) " TXT a\n TYPE46 \\# 1 00\n", NULL};
	struct examine e = asked(was, is);

	(void)state;
	e.known = e.raises = true;
	e.highest = 5;
	expect(&e, NULL, NULL, NULL);
	assert_true(e.low && e.raises && !e.is_signed);
	assert_int_equal(e.serial, 4);
	end(&e);
	e = asked(was, sig);
	e.known = e.raises = true;
	e.highest = 5;
	examine_zone(&e);
	assert_true(e.is_signed && !e.raises);
	end(&e);
}

static void what_is_included_counts(void **state)
{
	const char *const was[] = {"z", HEAD(1) "$INCLUDE inc\n", "inc",
				   "a A 192.0.2.9\nb A 192.0.2.8\n", NULL};
	const char *const is[] = {"z", HEAD(1) "$INCLUDE inc\n", "inc", "a CNAME nowhere\n", NULL};
	const char *const cut[] = {"z", HEAD(1) "$INCLUDE inc\n", "inc", "a A 192.0.2.9\n", NULL};
	const char *const soa[] = {"z", "$INCLUDE inc\n", "inc", HEAD(1) "x TXT a\n", NULL};
	struct examine e = asked(was, is);

	(void)state;
	e.known = true;
	e.highest = 1;
	expect(&e, NULL, "inc:1: ", "z: serial 1 not raised");
	end(&e);
	e = asked(was, cut);
	expect(&e, NULL, "inc: the text is the beginning of what it was", NULL);
	end(&e);
	e = asked(was, soa);
	e.known = true;
	e.highest = 1;
	expect(&e, NULL, NULL, "inc: serial 1 not raised");
	assert_int_equal(e.serial_file, 1);
	end(&e);
}

static void what_cannot_be_read_is_left_to_the_checker(void **state)
{
	const char *const was[] = {"z", HEAD(5), NULL};
	const char *const is[] = {"z", HEAD(5) "www AVC \"x\"\n", NULL};
	struct examine e = asked(was, is);

	(void)state;
	e.known = true;
	e.highest = 5;
	expect(&e, NULL, NULL, "serial 5 not raised");
	assert_true(e.unread && e.why[0]);
	end(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_wrong_is_said_with_file_and_line),
	    cmocka_unit_test(what_is_released_already_is_no_reason),
	    cmocka_unit_test(the_guard_compares_with_what_was_released),
	    cmocka_unit_test(the_serial_is_compared_with_the_highest_of_all_nodes),
	    cmocka_unit_test(one_that_is_raised_is_no_doubt),
	    cmocka_unit_test(what_is_included_counts),
	    cmocka_unit_test(what_cannot_be_read_is_left_to_the_checker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
