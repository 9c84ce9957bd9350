/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The commands about what was: history, content, conflicts, resolve, restore, restore-at: which
 * requests are refused and in which words, what is answered, and which order comes of it.
 */
#include "tests/unit/control_help.h"

#include "base/base64.h"
#include "replicator/control/control_json.h"

/* ---- asking ---- */

static int asking(const char *request)
{
	int fd = dial();

	say(fd, "{\"zonefs\":1,");
	say(fd, request);
	say(fd, "}\n");
	return fd;
}

/* One request that is answered by its last line. */
static void answered(const char *request, int status, const char *words)
{
	int fd = asking(request);

	hears_end(fd, status, words);
	close(fd);
}

static const char *id_of(uint64_t seq)
{
	static char text[CONTROL_ID_TEXT];

	control_id_text(text, (struct dot){1, seq});
	return text;
}

static void ordered(const char *format, const char *id, int status, const char *words)
{
	char request[500];

	snprintf(request, sizeof(request), format, id);
	answered(request, status, words);
}

/* The path as the core knows it: versions (1, first) and on, of other contents. */
static void core_knows(const char *path, uint64_t first, uint32_t n)
{
	fake.path_known = path;
	for (uint32_t i = 0; i < n; i++) {
		char content[8];

		snprintf(content, sizeof(content), "%d", (int)(first + i));
		fake.entry[i] = a_version((struct dot){1, first + i}, content);
	}
	fake.nentry = n;
	fake.conflict = n > 1;
}

static void bad_requests_are_refused_in_words(void **state)
{
	static const struct {
		const char *request, *words;
	} list[] = {
	    {"\"command\":\"history\"", "\"path\""},
	    {"\"command\":\"history\",\"path\":\"\"", "\"path\""},
	    {"\"command\":\"history\",\"path\":7", "\"path\""},
	    {"\"command\":\"history\",\"path\":\"a/../b\"", "\"path\""},
	    {"\"command\":\"content\",\"version\":\"x\"", "\"path\""},
	    {"\"command\":\"content\",\"path\":\"a\"", "no \"version\""},
	    {"\"command\":\"content\",\"path\":\"a\",\"version\":7", "no \"version\""},
	    {"\"command\":\"restore\",\"version\":\"x\"", "\"path\""},
	    {"\"command\":\"restore\",\"path\":\"a\"", "no \"version\""},
	    {"\"command\":\"restore\",\"path\":\"/a\",\"version\":\"x\"", "\"path\""},
	    {"\"command\":\"resolve\",\"path\":\"a\"", "no \"take\""},
	    {"\"command\":\"resolve\",\"path\":\"a\",\"take\":true", "no \"take\""},
	    {"\"command\":\"restore-at\"", "\"at\""},
	    {"\"command\":\"restore-at\",\"at\":0", "\"at\""},
	    {"\"command\":\"restore-at\",\"at\":2001", "\"at\""},
	    {"\"command\":\"restore-at\",\"at\":\"1\"", "\"at\""},
	    {"\"command\":\"restore-at\",\"at\":1,\"path\":\"..\"", "\"path\""},
	    {"\"command\":\"restore-at\",\"at\":1,\"dry_run\":1", "\"dry_run\""},
	    {"\"command\":\"restore-at\",\"at\":1,\"pattern\":1", "\"pattern\""},
	    {"\"command\":\"restore-at\",\"at\":1,\"pattern\":\"\"", ": "},
	    {"\"command\":\"approve\",\"path\":1", "\"path\""},
	    {"\"command\":\"discard\",\"path\":\"a//b\"", "\"path\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		answered(list[i].request, 1, list[i].words);
	assert_int_equal(fake.ordered, 0);
	assert_false(fake.decided);
}

/* ---- history and content ---- */

static void a_history_has_all_versions_the_oldest_first(void **state)
{
	int fd;
	json_t *o;

	(void)state;
	assert_int_equal(apply_origin(node.store, 1, "ns1"), 0);
	saved("etc/a", 1, "one");
	saved("etc/b", 2, "other");
	saved("etc/a", 3, "three");
	assert_int_equal(apply_dot(node.store, STORE_SUPERSEDED, "etc/a", (struct dot){1, 1}), 0);
	core_knows("etc/a", 3, 1);
	fd = asking("\"command\":\"history\",\"path\":\"etc/a\"");
	o = hear(fd);
	assert_string_equal(text_of(o, "version"), "0000000000000001:1");
	assert_string_equal(text_of(o, "id"), id_of(1));
	assert_string_equal(text_of(o, "node"), "ns1");
	assert_int_equal(json_integer_value(json_object_get(o, "learned")), 1001);
	assert_true(json_is_true(json_object_get(o, "history")));
	assert_true(json_is_false(json_object_get(o, "visible")));
	assert_true(json_is_true(json_object_get(o, "content_here")));
	json_decref(o);
	o = hear(fd);
	assert_string_equal(text_of(o, "version"), "0000000000000001:3");
	assert_true(json_is_true(json_object_get(o, "visible")));
	assert_true(json_is_false(json_object_get(o, "history")));
	json_decref(o);
	hears_end(fd, 0, "2 versions");
	close(fd);
	answered("\"command\":\"history\",\"path\":\"etc\"", 1, "nothing is known of etc");
}

#define MANY 3000

static void save_many(void)
{
	for (uint64_t i = 1; i <= MANY; i++)
		assert_int_equal(save(node.store, "a", i, "x", (int64_t)i), 0);
	saved("a", MANY + 1, "y");
}

/* What was once told was cut at 1,000, or at what a client's output takes. */
static void the_oldest_of_three_thousand_versions_is_listed_and_found(void **state)
{
	int fd;

	(void)state;
	save_many();
	fd = asking("\"command\":\"history\",\"path\":\"a\"");
	for (uint64_t i = 1; i <= MANY + 1; i++)
		hears_type(fd, "version", "id", id_of(i));
	hears_end(fd, 0, "3001 versions");
	close(fd);
	ordered("\"command\":\"restore\",\"path\":\"a\",\"version\":\"%s\"", id_of(1), 0, "done");
	assert_int_equal(fake.ordered, 1);
	ordered("\"command\":\"restore\",\"path\":\"a\",\"version\":\"%s\"", "0000000000000001:2",
		0, "nothing to do");
}

static void who_names_none_of_them_is_told_the_newest(void **state)
{
	char words[100];

	(void)state;
	save_many();
	answered("\"command\":\"content\",\"path\":\"a\",\"version\":\"uuuuuu\"", 1,
		 "a has no version uuuuuu; there are: (2873 older ones) ");
	snprintf(words, sizeof(words), " %s", id_of(MANY + 1));
	answered("\"command\":\"content\",\"path\":\"a\",\"version\":\"uuuuuu\"", 1, words);
	ordered("\"command\":\"content\",\"path\":\"a\",\"version\":\"%.1s\"", id_of(1), 1,
		"versions whose names begin with");
	answered("\"command\":\"content\",\"path\":\"b\",\"version\":\"x\"", 1,
		 "nothing is known of b");
}

static void a_content_comes_in_pieces(void **state)
{
	static char content[STORE_SMALL_MAX];
	uint8_t got[STORE_SMALL_MAX + 64];
	size_t len = 0;
	char request[200];
	json_t *o;

	(void)state;
	memset(content, 'z', sizeof(content) - 1);
	saved("a", 1, content);
	snprintf(request, sizeof(request),
		 "\"command\":\"content\",\"path\":\"a\",\"version\":\"%s\"", id_of(1));
	int fd = asking(request);
	hears_type(fd, "version", "path", "a");
	while ((o = hear(fd)) && strcmp(text_of(o, "type"), "content") == 0) {
		const char *text = text_of(o, "data");
		long n = base64_decode(got + len, sizeof(got) - len, text);

		assert_true(n > 0);
		len += (size_t)n;
		json_decref(o);
	}
	assert_true(json_is_true(json_object_get(o, "end")));
	json_decref(o);
	assert_int_equal(len, sizeof(content) - 1);
	assert_memory_equal(got, content, len);
	close(fd);
}

static void a_content_that_is_elsewhere_is_said_to_be(void **state)
{
	char request[200];

	(void)state;
	assert_int_equal(apply_version(node.store, STORE_VERSION, "a",
				       a_version((struct dot){1, 1}, "never stored"), 1),
			 0);
	assert_int_equal(store_commit(node.store), 0);
	snprintf(request, sizeof(request),
		 "\"command\":\"content\",\"path\":\"a\",\"version\":\"%s\"", id_of(1));
	int fd = asking(request);
	hears_type(fd, "version", "id", id_of(1));
	hears_end(fd, 1, "not on this node");
	close(fd);
	ordered("\"command\":\"restore\",\"path\":\"a\",\"version\":\"%s\"", id_of(1), 1,
		"its content is not on this node");
	assert_int_equal(fake.ordered, 0);
}

/* ---- restore ---- */

static void a_restore_is_an_order_of_who_asked(void **state)
{
	(void)state;
	saved("a", 1, "1");
	saved("a", 2, "2");
	core_knows("a", 2, 1);
	ordered("\"command\":\"restore\",\"path\":\"a\",\"user\":\"alice\",\"login_uid\":1005,"
		"\"tty\":\"pts/3\",\"version\":\"%s\"",
		id_of(1), 0, "done: it is version");
	assert_int_equal(fake.ordered, 1);
	assert_string_equal(fake.order_path, "a");
	assert_true(hash_same(fake.order.hash, content_hash("1", 1)));
	assert_string_equal(fake.order_user, "alice");
	assert_int_equal(fake.order_who.login_uid, 1005);
	assert_string_equal(fake.order_who.tty, "pts/3");
	assert_int_equal(fake.order_who.pid, getpid());
}

static void what_cannot_be_restored_is_said(void **state)
{
	static const char request[] = "\"command\":\"restore\",\"path\":\"a\",\"version\":\"%s\"";

	(void)state;
	saved("a", 1, "1");
	assert_int_equal(
	    apply_version(node.store, STORE_VERSION, "a", a_version((struct dot){1, 2}, NULL), 1),
	    0);
	assert_int_equal(store_commit(node.store), 0);
	ordered(request, id_of(2), 1, "that version is its deletion");
	fake.joining = true;
	ordered(request, id_of(1), 1, "this node is joining");
	fake.joining = false;
	fake.local = true;
	ordered(request, id_of(1), 1, "stays on its host");
	fake.local = false;
	core_knows("a/b", 5, 1);
	ordered(request, id_of(1), 1, "it is a directory now");
	fake.path_known = "c";
	assert_int_equal(fake.ordered, 0);
	fake.order_error = -ENOSPC;
	ordered(request, id_of(1), 1, "the store cannot be written");
	fake.order_error = 0;
	saved("a", 3, "larger than three bytes");
	conf.max_file_size = 3;
	ordered(request, id_of(3), 1, "larger than max-file-size");
}

/* ---- conflicts ---- */

static void conflicts_are_listed_and_resolved(void **state)
{
	static const char take[] = "\"command\":\"resolve\",\"path\":\"a\",\"take\":\"%s\"";
	json_t *o;

	(void)state;
	answered("\"command\":\"conflicts\"", 0, "no conflicts");
	saved("a", 1, "1");
	saved("a", 2, "2");
	core_knows("a", 1, 2);
	int fd = asking("\"command\":\"conflicts\"");
	o = hear(fd);
	assert_string_equal(text_of(o, "id"), id_of(1));
	assert_true(json_is_true(json_object_get(o, "visible")));
	json_decref(o);
	o = hear(fd);
	assert_string_equal(text_of(o, "id"), id_of(2));
	assert_true(json_is_false(json_object_get(o, "visible")));
	json_decref(o);
	hears_end(fd, 1, "1 path in conflict");
	close(fd);
	ordered(take, "uuuuuu", 1, "uuuuuu is none of those in conflict: ");
	ordered(take, "directory", 1, "directory is none of those in conflict: ");
	answered("\"command\":\"resolve\",\"path\":\"b\",\"take\":\"x\"", 1,
		 "nothing is in conflict");
	assert_int_equal(fake.ordered, 0);
	ordered(take, id_of(2), 0, "done");
	assert_true(hash_same(fake.order.hash, content_hash("2", 1)));
	fake.conflict = false;
	ordered(take, id_of(2), 1, "nothing is in conflict");
	assert_int_equal(fake.ordered, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(bad_requests_are_refused_in_words),
	    TEST(a_history_has_all_versions_the_oldest_first),
	    TEST(the_oldest_of_three_thousand_versions_is_listed_and_found),
	    TEST(who_names_none_of_them_is_told_the_newest),
	    TEST(a_content_comes_in_pieces),
	    TEST(a_content_that_is_elsewhere_is_said_to_be),
	    TEST(a_restore_is_an_order_of_who_asked),
	    TEST(what_cannot_be_restored_is_said),
	    TEST(conflicts_are_listed_and_resolved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
