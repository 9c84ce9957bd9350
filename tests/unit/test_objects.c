/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Large contents: written in pieces, cut off, resumed, proved, and swept when nobody needs them.
 */
#include "tests/unit/store_help.h"

#include <errno.h>
#include <fcntl.h>

#include "base/err.h"

#define LEN 300000

static uint8_t content[LEN];

static struct hash make_content(void)
{
	srand(3);
	for (size_t i = 0; i < LEN; i++)
		content[i] = (uint8_t)rand();
	return content_hash(content, LEN);
}

static void expect_content(struct store *s, struct hash hash)
{
	uint8_t *got = malloc(LEN + 1);
	uint64_t total = 0;

	assert_true(store_has(s, hash));
	assert_int_equal(store_read(s, hash, 0, got, LEN + 1, &total), LEN);
	assert_int_equal(total, LEN);
	assert_memory_equal(got, content, LEN);
	assert_int_equal(store_read(s, hash, LEN - 7, got, 100, &total), 7);
	assert_memory_equal(got, content + LEN - 7, 7);
	assert_int_equal(store_read(s, hash, LEN, got, 100, &total), 0);
	free(got);
}

static int files_in(const char *dir, const char *name)
{
	char command[300];
	int n = -1;

	snprintf(command, sizeof(command), "find %s/%s -type f | wc -l", dir, name);
	FILE *f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &n), 1);
	pclose(f);
	return n;
}

static struct incoming *resumed(struct store *s, struct hash hash)
{
	struct incoming *in;
	int more;

	assert_int_equal(incoming_open(s, hash, true, &in), 0);
	while ((more = incoming_take_in(in)) > 0)
		;
	assert_int_equal(more, 0);
	return in;
}

static void a_content_comes_in_pieces(void **state)
{
	struct store *s = store_at(*state);
	struct hash hash = make_content();
	struct incoming *in;

	in = resumed(s, hash);
	assert_int_equal(incoming_size(in), 0);
	for (size_t at = 0; at < LEN; at += 1000)
		assert_int_equal(incoming_write(in, content + at, 1000), 0);
	assert_false(store_has(s, hash));
	assert_int_equal(incoming_finish(in), 0);
	expect_content(s, hash);
	assert_int_equal(files_in(*state, "incoming"), 0);
	s = reopened(s, *state);
	expect_content(s, hash);
	store_close(s);
}

static void a_cut_off_content_goes_on_where_it_ended(void **state)
{
	struct store *s = store_at(*state);
	struct hash hash = make_content();
	struct incoming *in;

	in = resumed(s, hash);
	assert_int_equal(incoming_write(in, content, 100000), 0);
	incoming_cancel(in, true);
	in = resumed(s, hash);
	assert_int_equal(incoming_size(in), 100000);
	assert_int_equal(incoming_write(in, content + 100000, 100000), 0);
	incoming_cancel(in, true);
	s = reopened(s, *state); /* also after a restart */
	in = resumed(s, hash);
	assert_int_equal(incoming_size(in), 200000);
	assert_int_equal(incoming_write(in, content + 200000, 100000), 0);
	assert_int_equal(incoming_finish(in), 0);
	expect_content(s, hash);
	store_close(s);
}

/* A piece of MANY; the content is as many of them. */
static uint8_t piece[1024 * 1024];
#define MANY 20

static void write_many(struct incoming *in)
{
	for (int i = 0; i < MANY; i++) {
		memset(piece, i, sizeof(piece));
		assert_int_equal(incoming_write(in, piece, sizeof(piece)), 0);
	}
}

static void what_was_there_is_taken_in_piece_by_piece(void **state)
{
	struct store *s = store_at(*state);
	struct hash hash = make_content();
	struct incoming *in = resumed(s, hash);
	uint64_t before = 0;

	write_many(in);
	incoming_cancel(in, true);
	assert_int_equal(incoming_open(s, hash, true, &in), 0);
	while (incoming_take_in(in) > 0) {
		assert_true(incoming_size(in) - before <= sizeof(piece));
		before = incoming_size(in);
	}
	assert_int_equal(incoming_size(in), MANY * sizeof(piece));
	incoming_cancel(in, false);
	store_close(s);
}

/* What the kernel was told of a file, instead of the C library's. */
static uint64_t waited_for, told_to_write;
static int write_fails;

int sync_file_range(int fd, off_t offset, off_t n, unsigned flags)
{
	uint64_t end = (uint64_t)(offset + n);

	(void)fd;
	if (write_fails) {
		errno = write_fails;
		return -1;
	}
	if (flags & SYNC_FILE_RANGE_WAIT_BEFORE && end > waited_for)
		waited_for = end;
	if (flags & SYNC_FILE_RANGE_WRITE && end > told_to_write)
		told_to_write = end;
	return 0;
}

static void little_is_left_to_write_at_the_end(void **state)
{
	const uint64_t size = MANY * sizeof(piece), mega = 1024 * 1024;
	struct store *s = store_at(*state);
	struct incoming *in;
	uint64_t got;
	struct hash hash;

	waited_for = told_to_write = 0;
	assert_int_equal(incoming_open_new(s, &in), 0);
	write_many(in);
	assert_in_range(told_to_write, size - 5 * mega, size);
	assert_in_range(waited_for, size - 10 * mega, told_to_write);
	assert_int_equal(incoming_finish_new(in, &hash, &got), 0);
	assert_int_equal(got, size);
	store_close(s);
}

static void a_disk_that_cannot_write_is_told_by_the_next_piece(void **state)
{
	struct store *s = store_at(*state);
	struct incoming *in;
	int err = 0;

	assert_int_equal(incoming_open_new(s, &in), 0);
	write_fails = EIO;
	for (int i = 0; i < MANY && err == 0; i++)
		err = incoming_write(in, piece, sizeof(piece));
	write_fails = 0;
	assert_int_equal(err, -EIO);
	incoming_cancel(in, false);
	store_close(s);
}

static void a_content_begins_anew_where_nobody_resumes(void **state)
{
	struct store *s = store_at(*state);
	struct hash hash = make_content();
	struct incoming *in;

	in = resumed(s, hash);
	assert_int_equal(incoming_write(in, "wrong", 5), 0);
	incoming_cancel(in, true);
	assert_int_equal(incoming_open(s, hash, false, &in), 0);
	assert_int_equal(incoming_size(in), 0);
	incoming_cancel(in, false);
	assert_int_equal(files_in(*state, "incoming"), 0);
	store_close(s);
}

static void a_wrong_content_is_thrown_away(void **state)
{
	struct store *s = store_at(*state);
	struct hash hash = make_content();
	struct incoming *in;

	in = resumed(s, hash);
	assert_int_equal(incoming_write(in, content, LEN - 1), 0);
	assert_int_equal(incoming_finish(in), ERR_CORRUPT);
	assert_false(store_has(s, hash));
	assert_int_equal(files_in(*state, "incoming"), 0);
	assert_int_equal(files_in(*state, "objects"), 0);
	in = resumed(s, hash);
	assert_int_equal(incoming_size(in), 0);
	assert_int_equal(incoming_write(in, content, LEN), 0);
	assert_int_equal(incoming_finish(in), 0);
	expect_content(s, hash);
	store_close(s);
}

static void a_damaged_part_is_found_by_the_hash(void **state)
{
	struct store *s = store_at(*state);
	struct hash hash = make_content();
	struct incoming *in;
	char file[400], text[HASH_TEXT];

	in = resumed(s, hash);
	assert_int_equal(incoming_write(in, content, 100000), 0);
	incoming_cancel(in, true);
	hash_text(text, hash);
	snprintf(file, sizeof(file), "%s/incoming/%s", (const char *)*state, text);
	int fd = open(file, O_WRONLY);
	assert_int_equal(pwrite(fd, "\0\0\0\0\0", 5, 50000), 5);
	close(fd);
	in = resumed(s, hash);
	assert_int_equal(incoming_write(in, content + 100000, 200000), 0);
	assert_int_equal(incoming_finish(in), ERR_CORRUPT);
	in = resumed(s, hash);
	assert_int_equal(incoming_size(in), 0);
	incoming_cancel(in, false);
	store_close(s);
}

static void a_local_file_is_hashed_while_it_is_written(void **state)
{
	struct store *s = store_at(*state);
	struct hash expected = make_content(), hash;
	struct incoming *in, *other;
	uint64_t size;

	for (int round = 0; round < 2; round++) { /* the second finds it there */
		assert_int_equal(incoming_open_new(s, &in), 0);
		assert_int_equal(incoming_open_new(s, &other), 0);
		assert_int_equal(incoming_write(in, content, LEN), 0);
		assert_int_equal(incoming_finish_new(in, &hash, &size), 0);
		incoming_cancel(other, true);
		assert_true(hash_same(hash, expected));
		assert_int_equal(size, LEN);
	}
	expect_content(s, hash);
	assert_int_equal(files_in(*state, "incoming"), 0);
	assert_int_equal(files_in(*state, "objects"), 1);
	struct store_usage u;
	assert_int_equal(store_usage(s, &u), 0);
	assert_int_equal(u.objects_bytes, LEN + 1);
	store_close(s);
}

static void one_content_is_written_once_at_a_time(void **state)
{
	struct store *s = store_at(*state);
	struct hash hash = make_content();
	struct incoming *in, *second;

	in = resumed(s, hash);
	assert_int_equal(incoming_open(s, hash, true, &second), -EBUSY);
	incoming_cancel(in, true);
	in = resumed(s, hash);
	incoming_cancel(in, true);
	store_close(s);
}

static void an_empty_content_is_one_too(void **state)
{
	struct store *s = store_at(*state);
	struct incoming *in;
	struct hash hash;
	uint64_t size, total = 1;

	assert_int_equal(incoming_open_new(s, &in), 0);
	assert_int_equal(incoming_finish_new(in, &hash, &size), 0);
	assert_true(hash_same(hash, content_hash("", 0)));
	assert_int_equal(store_read(s, hash, 0, content, 10, &total), 0);
	assert_int_equal(total, 0);
	store_close(s);
}

static void an_object_of_another_format_is_not_given_out(void **state)
{
	struct store *s = store_at(*state);
	struct hash hash = make_content();
	struct incoming *in;
	char command[300];
	uint64_t total;

	in = resumed(s, hash);
	assert_int_equal(incoming_write(in, content, LEN), 0);
	assert_int_equal(incoming_finish(in), 0);
	snprintf(
	    command, sizeof(command),
	    "for f in %s/objects/*/*; do printf '\\007' | dd of=$f conv=notrunc status=none; done",
	    (const char *)*state);
	assert_int_equal(system(command), 0);
	assert_int_equal(store_read(s, hash, 0, content, 10, &total), ERR_CORRUPT);
	store_close(s);
}

/* ---- sweeping ---- */

static struct hash put_object(struct store *s, uint8_t first)
{
	struct hash hash;
	struct incoming *in;
	uint64_t size;

	content[0] = first;
	assert_int_equal(incoming_open_new(s, &in), 0);
	assert_int_equal(incoming_write(in, content, LEN), 0);
	assert_int_equal(incoming_finish_new(in, &hash, &size), 0);
	return hash;
}

static void make_old(const char *dir, struct hash hash)
{
	char file[400], text[HASH_TEXT];
	const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	hash_text(text, hash);
	snprintf(file, sizeof(file), "%s/objects/%.2s/%s", dir, text, text);
	assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
}

static void objects_that_nobody_needs_are_swept(void **state)
{
	struct store *s = store_at(*state);
	struct version *v = a_version((struct dot){1, 1}, "x");

	make_content();
	struct hash named = put_object(s, 1), orphan = put_object(s, 2), young = put_object(s, 3),
		    asked = put_object(s, 4);
	v->attrs.hash = named;
	v->attrs.size = LEN;
	assert_int_equal(apply_version(s, STORE_VERSION, "f", v, 1), 0);
	assert_int_equal(store_commit(s), 0);
	make_old(*state, named);
	make_old(*state, orphan);
	make_old(*state, asked);
	while (store_prune(s, &(struct store_keep){.versions = 10, .days = 365}))
		;
	assert_int_equal(files_in(*state, "objects"),
			 4); /* lately put: on their way to a version */
	s = reopened(s, *state);
	assert_true(store_has(s, asked));
	while (store_prune(s, &(struct store_keep){.versions = 10, .days = 365}))
		;
	assert_true(store_has(s, named));
	assert_true(store_has(s, young));
	assert_true(store_has(s, asked));
	assert_false(store_has(s, orphan));
	assert_int_equal(files_in(*state, "objects"), 3);
	store_close(s);
}

static void old_leftovers_are_removed_at_start(void **state)
{
	struct store *s = store_at(*state);
	struct hash hash = make_content();
	struct incoming *in;
	char command[300];

	in = resumed(s, hash);
	incoming_cancel(in, true);
	store_close(s);
	snprintf(command, sizeof(command), "touch %s/incoming/new-0", (const char *)*state);
	assert_int_equal(system(command), 0);
	assert_int_equal(files_in(*state, "incoming"), 2);
	s = store_at(*state);
	assert_int_equal(files_in(*state, "incoming"), 1);
	store_close(s);
	snprintf(command, sizeof(command), "touch -d '3 days ago' %s/incoming/*",
		 (const char *)*state);
	assert_int_equal(system(command), 0);
	s = store_at(*state);
	assert_int_equal(files_in(*state, "incoming"), 0);
	store_close(s);
}

#define story(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    story(a_content_comes_in_pieces),
	    story(a_cut_off_content_goes_on_where_it_ended),
	    story(what_was_there_is_taken_in_piece_by_piece),
	    story(little_is_left_to_write_at_the_end),
	    story(a_disk_that_cannot_write_is_told_by_the_next_piece),
	    story(a_content_begins_anew_where_nobody_resumes),
	    story(a_wrong_content_is_thrown_away),
	    story(a_damaged_part_is_found_by_the_hash),
	    story(a_local_file_is_hashed_while_it_is_written),
	    story(one_content_is_written_once_at_a_time),
	    story(an_empty_content_is_one_too),
	    story(an_object_of_another_format_is_not_given_out),
	    story(objects_that_nobody_needs_are_swept),
	    story(old_leftovers_are_removed_at_start),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	loaded_forget();
	return failed;
}
