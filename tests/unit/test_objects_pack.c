/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Large contents that are compressed after a while: nobody who reads them notices, damage is, and
 * what does not become smaller stays as it is.
 */
#include "tests/unit/store_help.h"

#include <errno.h>
#include <fcntl.h>

#include "base/err.h"

#define LEN 1000000 /* four blocks, the last one short */

static char zone[LEN], got[LEN + 1];

static struct hash zone_text(void)
{
	for (int i = 0; i < LEN; i += 50) {
		char line[64] = "";

		snprintf(line, sizeof(line), "host-%07d 3600 IN A 192.0.2.%-3d ; of many %3d\n", i,
			 i / 50 % 250, i % 7);
		memcpy(zone + i, line, 50);
	}
	for (int i = 0; i < LEN; i++)
		if (!zone[i])
			zone[i] = '\n';
	return content_hash(zone, LEN);
}

static struct hash noise(void)
{
	srand(5);
	for (int i = 0; i < LEN; i++)
		zone[i] = (char)rand();
	return content_hash(zone, LEN);
}

static void put(struct store *s, const char *path, struct hash hash)
{
	struct version *v = a_version((struct dot){1, 1}, "x");
	struct incoming *in;
	uint64_t size;

	assert_int_equal(incoming_open_new(s, &in), 0);
	assert_int_equal(incoming_write(in, zone, LEN), 0);
	assert_int_equal(incoming_finish_new(in, &v->attrs.hash, &size), 0);
	assert_true(hash_same(v->attrs.hash, hash));
	v->attrs.size = LEN;
	assert_int_equal(apply_version(s, STORE_VERSION, path, v, 1), 0);
	assert_int_equal(store_commit(s), 0);
}

static const char *file_of(const char *dir, struct hash hash)
{
	static char file[400];
	char text[HASH_TEXT];

	hash_text(text, hash);
	snprintf(file, sizeof(file), "%s/objects/%.2s/%s", dir, text, text);
	return file;
}

static void make_old(const char *dir, struct hash hash)
{
	const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	assert_int_equal(utimensat(AT_FDCWD, file_of(dir, hash), times, 0), 0);
}

static long file_size(const char *dir, struct hash hash)
{
	struct stat st;

	assert_int_equal(stat(file_of(dir, hash), &st), 0);
	return (long)st.st_size;
}

static int format_of(const char *dir, struct hash hash)
{
	FILE *f = fopen(file_of(dir, hash), "r");
	int format = getc(f);

	fclose(f);
	return format;
}

static void prune(struct store *s)
{
	int pieces = 0;

	while (store_prune(s, &(struct store_keep){.versions = 10, .days = 365}))
		assert_true(++pieces < 10000);
}

static long read_at(struct store *s, struct hash hash, uint64_t offset, size_t len)
{
	uint64_t total = 0;
	long n = store_read(s, hash, offset, got, len, &total);

	if (n >= 0)
		assert_int_equal(total, LEN);
	return n;
}

static void expect_whole(struct store *s, struct hash hash)
{
	assert_true(store_has(s, hash));
	assert_int_equal(read_at(s, hash, 0, LEN + 1), LEN);
	assert_memory_equal(got, zone, LEN);
	assert_int_equal(read_at(s, hash, 262100, 100), 100); /* of two blocks */
	assert_memory_equal(got, zone + 262100, 100);
	assert_int_equal(read_at(s, hash, LEN - 7, 100), 7);
	assert_memory_equal(got, zone + LEN - 7, 7);
	assert_int_equal(read_at(s, hash, LEN, 100), 0);
}

/* A store with one packed object. */
static struct store *packed(const char *dir, struct hash hash)
{
	struct store *s = store_at(dir);

	put(s, "f", hash);
	make_old(dir, hash);
	prune(s);
	assert_int_equal(format_of(dir, hash), 1);
	return s;
}

static void a_large_content_is_compressed_after_an_hour(void **state)
{
	struct store *s = store_at(*state);
	struct hash hash = zone_text();
	struct store_usage u;
	struct stat st;

	put(s, "f", hash);
	prune(s);
	assert_int_equal(file_size(*state, hash), LEN + 1); /* young */
	make_old(*state, hash);
	s = reopened(s, *state);
	assert_int_equal(store_usage(s, &u), 0);
	assert_int_equal(u.objects_bytes, LEN + 1);
	prune(s);
	assert_in_range(file_size(*state, hash), 1000, LEN / 3);
	assert_int_equal(store_usage(s, &u), 0);
	assert_int_equal(u.objects_bytes, file_size(*state, hash));
	assert_int_equal(stat(file_of(*state, hash), &st), 0);
	assert_int_equal(st.st_mtime, 1); /* as old as it was */
	expect_whole(s, hash);
	s = reopened(s, *state);
	expect_whole(s, hash);
	prune(s);
	expect_whole(s, hash);
	store_close(s);
}

static void what_does_not_become_smaller_stays_as_it_is(void **state)
{
	struct store *s = store_at(*state);
	struct hash hash = noise();

	put(s, "f", hash);
	make_old(*state, hash);
	prune(s);
	assert_int_equal(file_size(*state, hash), LEN + 1);
	assert_int_equal(format_of(*state, hash), 2); /* and is not tried again */
	expect_whole(s, hash);
	store_close(s);
}

static void the_same_content_saved_again_may_take_its_place(void **state)
{
	struct hash hash = zone_text();
	struct store *s = packed(*state, hash);
	struct store_usage u;

	assert_int_equal(store_usage(s, &u), 0);
	put(s, "g", hash);
	assert_int_equal(store_usage(s, &u), 0);
	assert_int_equal(u.objects_bytes, LEN + 1);
	expect_whole(s, hash);
	store_close(s);
}

static void a_store_that_is_closed_in_the_middle_keeps_the_plain_one(void **state)
{
	const struct store_keep keep = {.versions = 10, .days = 365};
	struct store *s = store_at(*state);
	struct hash hash = zone_text();
	char name[300];

	put(s, "f", hash);
	make_old(*state, hash);
	snprintf(name, sizeof(name), "%s/incoming/pack", (const char *)*state);
	while (access(name, F_OK) < 0)
		assert_true(store_prune(s, &keep));
	s = reopened(s, *state);
	assert_int_equal(access(name, F_OK), -1);
	assert_int_equal(format_of(*state, hash), 0);
	expect_whole(s, hash);
	prune(s);
	assert_int_equal(format_of(*state, hash), 1);
	expect_whole(s, hash);
	store_close(s);
}

static void a_damaged_plain_one_is_not_replaced(void **state)
{
	struct store *s = store_at(*state);
	struct hash hash = zone_text();

	put(s, "f", hash);
	int fd = open(file_of(*state, hash), O_WRONLY);
	assert_int_equal(pwrite(fd, "?", 1, 500000), 1);
	close(fd);
	make_old(*state, hash);
	prune(s);
	assert_int_equal(format_of(*state, hash), 0);
	assert_int_equal(file_size(*state, hash), LEN + 1);
	store_close(s);
}

/* Each byte of the head and the marks, and some of each block. */
static void damage_is_noticed_wherever_it_is(void **state)
{
	struct hash hash = zone_text();
	struct store *s = packed(*state, hash);
	long size = file_size(*state, hash);
	int fd = open(file_of(*state, hash), O_RDWR);

	for (long at = 1; at < size; at += at < 9 + 4 * 16 ? 1 : 997) {
		char byte, wrong;
		uint64_t total;
		long n;

		assert_int_equal(pread(fd, &byte, 1, at), 1);
		wrong = (char)(byte ^ 0x10);
		assert_int_equal(pwrite(fd, &wrong, 1, at), 1);
		n = store_read(s, hash, 0, got, LEN + 1, &total);
		if (n == LEN)
			assert_memory_equal(got, zone, LEN); /* a bit that means nothing */
		else
			assert_int_equal(n, ERR_CORRUPT);
		if (at < 9 + 4 * 16)
			assert_int_equal(n, ERR_CORRUPT);
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	expect_whole(s, hash);
	assert_int_equal(ftruncate(fd, size - 1), 0);
	assert_int_equal(read_at(s, hash, 0, LEN), ERR_CORRUPT);
	assert_int_equal(read_at(s, hash, 0, 1000), 1000); /* the first block is whole */
	assert_int_equal(ftruncate(fd, 5), 0);
	assert_int_equal(read_at(s, hash, 0, 10), ERR_CORRUPT);
	close(fd);
	store_close(s);
}

#define story(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    story(a_large_content_is_compressed_after_an_hour),
	    story(what_does_not_become_smaller_stays_as_it_is),
	    story(the_same_content_saved_again_may_take_its_place),
	    story(a_store_that_is_closed_in_the_middle_keeps_the_plain_one),
	    story(a_damaged_plain_one_is_not_replaced),
	    story(damage_is_noticed_wherever_it_is),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	loaded_forget();
	return failed;
}
