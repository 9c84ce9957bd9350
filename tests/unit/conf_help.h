/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For tests of the configuration: a text is parsed, and what was reported is compared.
 */
#ifndef TESTS_CONF_HELP_H
#define TESTS_CONF_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/conf.h"
#include "base/err.h"

#define KEY1 "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define KEY2 "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define KEY3 "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"

/* Lines 1 to 5. */
#define REQUIRED                                                                                   \
	"node = \"ns1\"\n"                                                                         \
	"mount = \"/var/named/chroot\"\n"                                                          \
	"state = \"/var/lib/zonefs\"\n"                                                            \
	"listen = \"tcp://192.0.2.1:7740\"\n"                                                      \
	"key-file = \"/etc/zonefs/ns1.key\"\n"

/* What was reported, "LINE:sentence\n" each. */
static char said[64 * 1024];

static inline void collect(void *arg, const char *file, int line, const char *sentence)
{
	size_t len = strlen(said);

	assert_ptr_equal(arg, said);
	assert_string_equal(file, "test.conf");
	snprintf(said + len, sizeof said - len, "%d:%s\n", line, sentence);
}

static inline struct conf *parse(const char *text)
{
	said[0] = '\0';
	return conf_parse("test.conf", text, strlen(text), collect, said);
}

static inline struct conf *parse_well(const char *text)
{
	struct conf *c = parse(text);

	if (!c)
		print_error("%s", said);
	assert_non_null(c);
	assert_string_equal(said, "");
	return c;
}

/* Every one of the lines "N:words" is found at the start of what was said, in this order, and
 * nothing else. */
static inline void expect_mistakes(const char *text, const char *const *expected)
{
	const char *at = said;

	assert_null(parse(text));
	for (; *expected; expected++) {
		size_t len = strcspn(at, "\n");
		const char *colon = strchr(*expected, ':');
		size_t number = (size_t)(colon - *expected) + 1;
		CLEANUP_FREE char *line = strndup(at, len);

		if (strncmp(line, *expected, number) != 0 || !strstr(line + number, colon + 1))
			fail_msg("expected %s, but all that was said is:\n%s", *expected, said);
		at += len + (at[len] == '\n');
	}
	if (*at)
		fail_msg("also said: %s", at);
}

#define EXPECT(text, ...) expect_mistakes(text, (const char *const[]){__VA_ARGS__, NULL})

#endif
