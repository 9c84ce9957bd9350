/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The files that hold the configuration and the keys: who may write them, and who read them.
 */
#include "tests/unit/conf_help.h"

#include <sys/stat.h>
#include <unistd.h>

/* A file of this content and mode in a new directory; both are removed by drop_file. */
static char file_name[64];

static void make_file(const char *text, mode_t mode)
{
	char dir[] = "/tmp/test_conf.XXXXXX";

	assert_non_null(mkdtemp(dir));
	snprintf(file_name, sizeof file_name, "%s/file", dir);
	CLEANUP_FCLOSE FILE *f = fopen(file_name, "w");
	assert_non_null(f);
	fputs(text, f);
	fchmod(fileno(f), mode);
}

static void drop_file(void)
{
	unlink(file_name);
	*strrchr(file_name, '/') = '\0';
	rmdir(file_name);
}

static void collect_any(void *arg, const char *file, int line, const char *sentence)
{
	(void)file;
	collect(arg, "test.conf", line, sentence);
}

static void a_file_that_others_may_write_is_not_read(void **state)
{
	(void)state;
	static const mode_t bad[] = {0666, 0664, 0646, 0622};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		said[0] = '\0';
		make_file(REQUIRED, bad[i]);
		assert_null(conf_read(file_name, collect_any, said));
		assert_non_null(strstr(said, "chmod go-w"));
		drop_file();
	}
	said[0] = '\0';
	make_file(REQUIRED, 0644);
	struct conf *c = conf_read(file_name, collect_any, said);
	assert_non_null(c);
	assert_string_equal(c->file, file_name);
	conf_free(c);
	drop_file();
	assert_null(conf_read(file_name, collect_any, said));
	assert_string_equal(said,
			    "0:can't be opened: No such file or directory (zonefs.conf(5) says "
			    "what is in it)\n");
	said[0] = '\0';
	assert_null(conf_read("/dev/null", collect_any, said));
	assert_string_equal(said, "0:is not a regular file\n");
}

static void keys_are_read_from_a_private_file_only(void **state)
{
	(void)state;
	static const char good[] = "# zonefs\npublic = '" KEY1 "'\n\nsecret='" KEY2 "'  \n";
	struct conf_keys keys;

	make_file(good, 0600);
	said[0] = '\0';
	assert_int_equal(conf_read_keys(file_name, &keys, collect_any, said), 0);
	assert_string_equal(keys.public_key, KEY1);
	assert_string_equal(keys.secret_key, KEY2);
	for (mode_t bit = 1; bit < 0100; bit <<= 1) {
		said[0] = '\0';
		chmod(file_name, 0600 | bit);
		assert_int_equal(conf_read_keys(file_name, &keys, collect_any, said), ERR_CONFIG);
		assert_non_null(strstr(said, "chmod 600"));
	}
	if (geteuid() == 0) {
		said[0] = '\0';
		chmod(file_name, 0600);
		assert_int_equal(chown(file_name, 12345, 0), 0);
		assert_int_equal(conf_read_keys(file_name, &keys, collect_any, said), ERR_CONFIG);
		assert_non_null(strstr(said, "chown 0"));
	}
	drop_file();
}

static void mistakes_in_a_key_file_have_their_line_and_show_no_key(void **state)
{
	(void)state;
	static const struct {
		const char *text, *expected;
	} cases[] = {
	    {"", "0:the line public = '...' is missing\n0:the line secret = '...' is missing\n"},
	    {"public = '" KEY1 "'\n", "0:the line secret = '...' is missing\n"},
	    {"public = '" KEY1 "'\nsecret = '" KEY2 "x'\n",
	     "2:the secret key is not 40 characters in single quotes\n"},
	    {"public = '" KEY1 "'\nsecret = '" KEY2 "\n",
	     "2:the secret key is not 40 characters in single quotes\n"},
	    {"public = '" KEY1 "'\nsecret = '" KEY2 "' x\n",
	     "2:the secret key is not 40 characters in single quotes\n"},
	    {"public = '" KEY1 "'\nsecret = \"" KEY2 "\"\n", "2:neither public"},
	    {"public = '" KEY1 "'\npublic = '" KEY1 "'\nsecret = '" KEY2 "'\n",
	     "2:a second public key\n"},
	    {"public = '~234567890123456789012345678901234567890'\nsecret = '" KEY2 "'\n",
	     "1:the public key holds characters that are not Z85\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf_keys keys = {0};

		make_file(cases[i].text, 0600);
		said[0] = '\0';
		assert_int_equal(conf_read_keys(file_name, &keys, collect_any, said), ERR_CONFIG);
		drop_file();
		if (strncmp(said, cases[i].expected, strlen(cases[i].expected)) != 0)
			fail_msg("%zu: %s", i, said);
		assert_null(strstr(said, "Yne@"));
		assert_string_equal(keys.secret_key, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_file_that_others_may_write_is_not_read),
	    cmocka_unit_test(keys_are_read_from_a_private_file_only),
	    cmocka_unit_test(mistakes_in_a_key_file_have_their_line_and_show_no_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
