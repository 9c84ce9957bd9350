/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The store on a disk that cannot be read: system calls fail here and there, those of its database by
 * SQLite's own seam for them. What cannot be read is damage like any other.
 */
#include "tests/unit/store_help.h"

#include <errno.h>
#include <sys/syscall.h>

#include "base/err.h"
#include "replicator/store/internal.h"

#define PAGE 4096
#define FILL 600 /* values, of a page each */

static struct {
	int err;          /* what reads fail with; 0: they do not */
	const char *file; /* of that name alone, in its end */
	off_t from;       /* and from here on */
	int after;        /* so many more succeed */
	unsigned failed;
} fails;

static bool is_to_fail(int fd, off_t at, size_t n)
{
	char link[64], path[4096];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t len = readlink(link, path, sizeof(path) - 1);
	if (!fails.err || len < 0)
		return false;
	path[len] = '\0';
	size_t tail = strlen(fails.file);
	if ((size_t)len < tail || strcmp(path + len - tail, fails.file) != 0 ||
	    at + (off_t)n <= fails.from || fails.after-- > 0)
		return false;
	fails.failed++;
	return true;
}

/* Instead of the C library's. */
ssize_t pread(int fd, void *p, size_t n, off_t at)
{
	if (is_to_fail(fd, at, n)) {
		errno = fails.err;
		return -1;
	}
	return syscall(SYS_pread64, fd, p, n, at);
}

static ssize_t read_on(int fd, void *p, size_t n)
{
	if (is_to_fail(fd, lseek(fd, 0, SEEK_CUR), n)) {
		errno = fails.err;
		return -1;
	}
	return read(fd, p, n);
}

/* With SQLite's defaults again: NULL. */
static void take_calls(bool ours)
{
	static const char *const names[] = {"read", "pread", "pread64"};
	sqlite3_vfs *vfs = sqlite3_vfs_find("unix");

	assert_non_null(vfs);
	for (int i = 0; i < 3; i++) {
		sqlite3_syscall_ptr p =
		    i ? (sqlite3_syscall_ptr)pread : (sqlite3_syscall_ptr)read_on;

		assert_int_equal(vfs->xSetSystemCall(vfs, names[i], ours ? p : NULL), SQLITE_OK);
	}
}

static int setup(void **state)
{
	take_calls(true);
	return scratch_make(state);
}

static int teardown(void **state)
{
	memset(&fails, 0, sizeof(fails));
	take_calls(false);
	return scratch_remove(state);
}

static void begin(int err, const char *file, off_t from)
{
	memset(&fails, 0, sizeof(fails));
	fails.err = err;
	fails.file = file;
	fails.from = from;
}

static void end(void)
{
	assert_true(fails.failed > 0);
	fails.err = 0;
}

static const char *name_of(int i)
{
	static char name[16];

	snprintf(name, sizeof(name), "v%04d", i);
	return name;
}

/* More than what is kept in memory by a store that has just been opened. */
static void fill(struct store *s)
{
	static uint8_t value[PAGE - 300];

	for (int i = 0; i < FILL; i++) {
		memset(value, i, sizeof(value));
		assert_int_equal(store_value_put(s, name_of(i), value, sizeof(value)), 0);
	}
	assert_int_equal(store_commit(s), 0);
}

static bool is_there(struct store *s, int i)
{
	uint8_t value[PAGE];

	return store_value_get(s, name_of(i), value, sizeof(value)) == PAGE - 300 &&
	       value[0] == (uint8_t)i;
}

static int open_again(struct store **s, const char *dir)
{
	return store_open(s, dir, false);
}

static void a_page_that_cannot_be_read_is_damage(void **state)
{
	static const int errs[] = {EIO, ENODATA, EBADMSG, EUCLEAN, ENXIO};
	struct store *s = store_at(*state);

	fill(s);
	store_close(s);
	for (size_t i = 0; i < sizeof(errs) / sizeof(*errs); i++) {
		uint8_t value[PAGE];

		s = store_at(*state);
		begin(errs[i], "/zonefs.db", 300 * PAGE);
		assert_int_equal(store_value_get(s, name_of(FILL - 1), value, sizeof(value)),
				 ERR_CORRUPT);
		assert_true(store_damaged(s));
		end();
		/* The next one looks at all of it. It was only for a moment: nothing is lost. */
		store_close(s);
		assert_int_equal(open_again(&s, *state), 0);
		assert_true(is_there(s, FILL - 1));
		assert_false(store_damaged(s));
		store_close(s);
	}
}

static void what_still_cannot_be_read_at_the_next_start_is_put_aside(void **state)
{
	struct store *s = store_at(*state);

	fill(s);
	store_close(s);
	s = store_at(*state);
	begin(EIO, "/zonefs.db", 300 * PAGE);
	assert_false(is_there(s, FILL - 1));
	store_close(s);
	assert_int_equal(open_again(&s, *state), ERR_CORRUPT);
	assert_int_equal(store_put_aside(*state, STORE_ASIDE_DAMAGED), 0);
	end();
	assert_int_equal(open_again(&s, *state), 0);
	assert_false(is_there(s, FILL - 1));
	store_close(s);
}

static void for_want_of_memory_nothing_is_damaged(void **state)
{
	struct store *s = store_at(*state);

	fill(s);
	store_close(s);
	s = store_at(*state);
	begin(ENOMEM, "/zonefs.db", 300 * PAGE);
	assert_false(is_there(s, FILL - 1));
	assert_false(store_damaged(s));
	end();
	assert_true(is_there(s, FILL - 1));
	store_close(s);
}

/* Its seals would not be looked at, nor be made. */
static void a_header_that_cannot_be_read_opens_nothing(void **state)
{
	struct store *s = store_at(*state);

	fill(s);
	store_close(s);
	for (int after = 0; after < 4; after++) {
		begin(EIO, "/zonefs.db", 0);
		fails.after = after;
		assert_int_equal(open_again(&s, *state), ERR_CORRUPT);
		end();
	}
	assert_int_equal(open_again(&s, *state), 0);
	assert_true(is_there(s, 1));
	store_close(s);
}

static void a_check_that_cannot_read_a_page_finds_damage(void **state)
{
	struct store *s = store_at(*state);

	fill(s);
	store_close(s);
	s = store_at(*state);
	struct store_check *k = store_check_new(s);
	int err = 1;
	begin(EIO, "/zonefs.db", 300 * PAGE);
	while (err > 0)
		err = store_check_go_on(k, NULL, NULL);
	assert_int_equal(err, ERR_CORRUPT);
	assert_true(store_damaged(s));
	end();
	store_check_free(k);
	store_close(s);
}

static void a_log_that_cannot_be_read_back_is_damage(void **state)
{
	struct store *s = store_at(*state);

	fill(s);
	begin(EIO, "/zonefs.db-wal", 64 * PAGE);
	database_checkpoint(s, true);
	assert_true(store_damaged(s));
	end();
	store_close(s);
	/* By then it can be: all is there. */
	assert_int_equal(open_again(&s, *state), 0);
	for (int i = 0; i < FILL; i++)
		assert_true(is_there(s, i));
	store_close(s);
}

static void an_object_that_cannot_be_read_is_damaged(void **state)
{
	static char content[200000], got[1000];
	struct store *s = store_at(*state);
	struct incoming *in;
	struct hash hash;
	uint64_t size, total;
	char text[HASH_TEXT];

	memset(content, 'x', sizeof(content));
	assert_int_equal(incoming_open_new(s, &in), 0);
	assert_int_equal(incoming_write(in, content, sizeof(content)), 0);
	assert_int_equal(incoming_finish_new(in, &hash, &size), 0);
	hash_text(text, hash);
	begin(EIO, text + 2, 0);
	assert_int_equal(store_read(s, hash, 100, got, sizeof(got), &total), ERR_CORRUPT);
	assert_int_equal(store_prove(s, hash), ERR_CORRUPT);
	end();
	begin(EBADMSG, text + 2, 1);
	assert_int_equal(store_read(s, hash, 100, got, sizeof(got), &total), ERR_CORRUPT);
	end();
	begin(ENOMEM, text + 2, 1);
	assert_int_equal(store_read(s, hash, 100, got, sizeof(got), &total), -ENOMEM);
	end();
	assert_false(store_damaged(s));
	assert_int_equal(store_read(s, hash, 100, got, sizeof(got), &total), sizeof(got));
	store_close(s);
}

#define story(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    story(a_page_that_cannot_be_read_is_damage),
	    story(what_still_cannot_be_read_at_the_next_start_is_put_aside),
	    story(for_want_of_memory_nothing_is_damaged),
	    story(a_header_that_cannot_be_read_opens_nothing),
	    story(a_check_that_cannot_read_a_page_finds_damage),
	    story(an_object_that_cannot_be_read_is_damaged),
	    story(a_log_that_cannot_be_read_back_is_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
