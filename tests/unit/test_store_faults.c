/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The store on a bad day: killed, damaged, of another version, already open, and with its disk
 * full.
 */
#include "tests/unit/store_help.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/err.h"

static int try_open(const char *dir, bool readonly)
{
	struct store *s;
	int err = store_open(&s, dir, readonly);

	if (!err)
		store_close(s);
	return err;
}

/* ---- killed ---- */

/* In a child that is then killed as by a power cut of the process. */
static void killed_after(const char *dir, void (*work)(struct store *s))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct store *s;

		if (store_open(&s, dir, false) == 0)
			work(s);
		raise(SIGKILL);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void save_and_commit(struct store *s)
{
	save(s, "committed", 1, "first", 1);
	store_commit(s);
}

static void save_only(struct store *s)
{
	save_and_commit(s);
	save(s, "lost", 2, "second", 2);
}

static void what_was_committed_survives_a_kill_and_nothing_else(void **state)
{
	killed_after(*state, save_only);
	struct store *s = store_at(*state);
	load_from(s);
	assert_int_equal(loaded.nversions, 1);
	assert_string_equal(loaded.versions[0].path, "committed");
	assert_true(has_content(s, "first"));
	assert_false(has_content(s, "second"));
	assert_int_equal(save(s, "lost", 2, "second", 2), 0);
	assert_int_equal(store_commit(s), 0);
	s = reopened(s, *state);
	assert_int_equal(loaded.nversions, 2);
	store_close(s);
}

/* ---- refused in words ---- */

static void a_later_schema_is_refused(void **state)
{
	assert_int_equal(try_open(*state, false), 0);
	execute(*state, "PRAGMA user_version = 3");
	assert_int_equal(try_open(*state, false), ERR_PROTOCOL);
	assert_int_equal(try_open(*state, true), ERR_PROTOCOL);
	execute(*state, "PRAGMA user_version = 2");
	assert_int_equal(try_open(*state, false), 0);
}

static void somebody_elses_database_is_refused(void **state)
{
	execute(*state, "CREATE TABLE mail(body)");
	assert_int_equal(try_open(*state, false), ERR_CORRUPT);
}

static void damage(const char *dir, off_t at, size_t len)
{
	char file[300];
	CLEANUP_FREE char *junk = malloc(len);

	snprintf(file, sizeof(file), "%s/zonefs.db", dir);
	CLEANUP_CLOSE int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	memset(junk, 0xa5, len);
	assert_int_equal(pwrite(fd, junk, len, at), len);
}

static void what_is_no_database_is_refused(void **state)
{
	damage(*state, 0, 8192);
	assert_int_equal(try_open(*state, false), ERR_CORRUPT);
	assert_int_equal(try_open(*state, true), ERR_CORRUPT);
}

static void a_damaged_database_is_refused(void **state)
{
	struct store *s = store_at(*state);

	for (uint64_t i = 1; i <= 2000; i++)
		assert_int_equal(save(s, "some/path/that/fills/pages", i, "content", 1), 0);
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	assert_int_equal(try_open(*state, false), 0);
	damage(*state, 40 * 4096, 20 * 4096);
	s = store_at(*state);
	loaded_forget();
	assert_int_equal(store_load(s, NULL), ERR_CORRUPT);
	assert_true(store_damaged(s));
	store_close(s);
	assert_int_equal(try_open(*state, false), ERR_CORRUPT);
}

/* The place of some bytes in the database, which are in it once. */
static long place_of(const char *dir, const char *bytes)
{
	static char all[1 << 20];
	char file[300];
	long found = -1;

	snprintf(file, sizeof(file), "%s/zonefs.db", dir);
	FILE *f = fopen(file, "re");
	assert_non_null(f);
	size_t n = fread(all, 1, sizeof(all), f);
	fclose(f);
	for (size_t i = 0; i + strlen(bytes) <= n; i++) {
		if (memcmp(all + i, bytes, strlen(bytes)) != 0)
			continue;
		assert_int_equal(found, -1);
		found = (long)i;
	}
	assert_true(found > 0);
	return found;
}

static void flip(const char *dir, long at)
{
	char file[300];

	snprintf(file, sizeof(file), "%s/zonefs.db", dir);
	FILE *f = fopen(file, "r+e");
	assert_non_null(f);
	fseek(f, at, SEEK_SET);
	int c = fgetc(f);
	fseek(f, at, SEEK_SET);
	fputc(c ^ 4, f);
	assert_int_equal(fclose(f), 0);
}

static void a_bit_that_falls_over_in_a_record_is_noticed(void **state)
{
	struct store *s = store_at(*state);

	/* In the middle of a value: nothing of the structure is harmed. */
	assert_int_equal(store_value_put(s, "name", "some value of ours", 18), 0);
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	flip(*state, place_of(*state, "some value of ours") + 5);
	char got[20];
	s = store_at(*state);
	assert_int_equal(store_value_get(s, "name", got, sizeof(got)), ERR_CORRUPT);
	assert_true(store_damaged(s));
	store_close(s);
	assert_int_equal(try_open(*state, false), ERR_CORRUPT);
	assert_int_equal(store_put_aside(*state, STORE_ASIDE_DAMAGED), 0);
	assert_int_equal(try_open(*state, false), 0);
}

static void a_page_that_got_to_another_ones_place_is_noticed(void **state)
{
	static uint8_t page[4096];
	struct store *s = store_at(*state);
	char file[300];

	/* Each has a page of its own for its end. */
	memset(page, 'x', sizeof(page));
	for (int i = 0; i < 2; i++) {
		memcpy(page + 2000, i ? "second" : "first!", 6);
		assert_int_equal(store_value_put(s, i ? "b" : "a", page, 3000), 0);
	}
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	long from = place_of(*state, "first!") / 4096 * 4096;
	long to = place_of(*state, "second") / 4096 * 4096;
	assert_int_not_equal(from, to);
	snprintf(file, sizeof(file), "%s/zonefs.db", (const char *)*state);
	FILE *f = fopen(file, "r+e");
	assert_non_null(f);
	fseek(f, from, SEEK_SET);
	assert_int_equal(fread(page, sizeof(page), 1, f), 1);
	fseek(f, to, SEEK_SET);
	assert_int_equal(fwrite(page, sizeof(page), 1, f), 1);
	assert_int_equal(fclose(f), 0);
	s = store_at(*state);
	assert_int_equal(store_value_get(s, "a", page, sizeof(page)), 3000);
	assert_int_equal(store_value_get(s, "b", page, sizeof(page)), ERR_CORRUPT);
	store_close(s);
}

static void ignore(void *arg, struct hash hash, bool whole)
{
	(void)arg;
	(void)hash;
	(void)whole;
}

/* Goes through all of it: 0, or an error. */
static int check_all(const char *dir)
{
	struct store *s = store_at(dir);
	struct store_check *k = store_check_new(s);
	int more;

	while ((more = store_check_go_on(k, ignore, NULL)) > 0)
		;
	store_check_free(k);
	store_close(s);
	return more;
}

static void a_check_reads_each_page(void **state)
{
	struct store *s = store_at(*state);

	for (uint64_t i = 1; i <= 2000; i++)
		assert_int_equal(save(s, "some/path/that/fills/pages", i, "content", 0), 0);
	assert_int_equal(save(s, "needle", 2001, "content", 0), 0);
	assert_int_equal(apply_dot(s, STORE_SUPERSEDED, "needle", (struct dot){1, 2001}), 0);
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	assert_int_equal(check_all(*state), 0);
	execute(*state, "DROP INDEX version_path");
	flip(*state, place_of(*state, "needle") + 2);
	assert_int_equal(check_all(*state), ERR_CORRUPT);
}

/* As an earlier version made it. */
static void make_unsealed(const char *file)
{
	static const char *const copy[] = {
	    "INSERT INTO version SELECT * FROM old.version",
	    "INSERT INTO content SELECT * FROM old.content",
	    "INSERT INTO value SELECT * FROM old.value",
	    "DETACH old",
	    "PRAGMA application_id = 0x5a6f4653",
	    "PRAGMA user_version = 1",
	};
	char made[320], sql[400];
	sqlite3 *db, *old;
	sqlite3_stmt *st;

	snprintf(made, sizeof(made), "%s-made", file);
	assert_int_equal(sqlite3_open(file, &old), SQLITE_OK);
	assert_int_equal(sqlite3_open(made, &db), SQLITE_OK);
	sqlite3_prepare_v2(old, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL", -1, &st,
			   NULL);
	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *words = (const char *)sqlite3_column_text(st, 0);
		assert_int_equal(sqlite3_exec(db, words, NULL, NULL, NULL), SQLITE_OK);
	}
	sqlite3_finalize(st);
	assert_int_equal(sqlite3_close(old), SQLITE_OK);
	snprintf(sql, sizeof(sql), "ATTACH '%s' AS old", file);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	for (size_t i = 0; i < sizeof(copy) / sizeof(copy[0]); i++)
		assert_int_equal(sqlite3_exec(db, copy[i], NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(rename(made, file), 0);
}

static void pages_without_seals_get_them(void **state)
{
	struct store *s = store_at(*state);
	char file[300];
	uint8_t header[100];

	for (uint64_t i = 1; i <= 500; i++)
		assert_int_equal(save(s, "f", i, "content", 1), 0);
	assert_int_equal(store_value_put(s, "name", "some value of ours", 18), 0);
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	snprintf(file, sizeof(file), "%s/zonefs.db", (const char *)*state);
	make_unsealed(file);
	for (int sealed = 0; sealed < 2; sealed++) {
		FILE *f = fopen(file, "re");
		assert_non_null(f);
		assert_int_equal(fread(header, sizeof(header), 1, f), 1);
		fclose(f);
		assert_int_equal(header[20], sealed ? SEAL_BYTES : 0);
		assert_int_equal(try_open(*state, true), 0);
		assert_int_equal(check_all(*state), 0); /* opens it for writing */
	}
	s = store_at(*state);
	assert_int_equal(store_value_get(s, "name", header, sizeof(header)), 18);
	loaded_forget();
	assert_int_equal(store_load(s, NULL), 0);
	store_close(s);
	flip(*state, place_of(*state, "some value of ours"));
	s = store_at(*state);
	assert_int_equal(store_value_get(s, "name", header, sizeof(header)), ERR_CORRUPT);
	store_close(s);
}

static void a_row_that_is_no_version_is_refused(void **state)
{
	struct store *s = store_at(*state);

	assert_int_equal(save(s, "f", 1, "content", 1), 0);
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	execute(*state, "UPDATE version SET data = x'00010203'");
	s = store_at(*state);
	loaded_forget();
	assert_int_equal(store_load(s, NULL), ERR_CORRUPT);
	store_close(s);
	execute(*state, "UPDATE version SET path = CAST('../../etc/passwd' AS BLOB)");
	s = store_at(*state);
	loaded_forget();
	assert_int_equal(store_load(s, NULL), ERR_CORRUPT);
	store_close(s);
}

static void a_second_one_is_kept_out(void **state)
{
	struct store *s = store_at(*state);

	assert_int_equal(try_open(*state, false), -EBUSY);
	store_close(s);
	assert_int_equal(try_open(*state, false), 0);
}

static void a_place_that_cannot_be_is_an_error(void **state)
{
	char dir[300];

	snprintf(dir, sizeof(dir), "%s/no/such/place", (const char *)*state);
	assert_int_equal(try_open(dir, false), -ENOENT);
	assert_int_equal(try_open(dir, true), -ENOENT);
}

static void nobody_else_may_look_into_it(void **state)
{
	struct stat st;

	assert_int_equal(chmod(*state, 0755), 0);
	assert_int_equal(try_open(*state, false), 0);
	assert_int_equal(stat(*state, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

/* ---- looking on ---- */

static int count_record(void *arg, const struct log_record *r)
{
	(void)r;
	++*(int *)arg;
	return 0;
}

static int records_seen(const char *dir)
{
	struct store *s;
	int n = 0;

	assert_int_equal(store_open(&s, dir, true), 0);
	assert_int_equal(store_log(s, &(struct log_filter){0}, count_record, &n), 0);
	assert_false(store_prune(s, &(struct store_keep){.versions = 1, .days = 365}));
	store_close(s);
	return n;
}

static void a_reader_sees_what_is_committed_in_a_running_and_in_a_stopped_store(void **state)
{
	struct store *s = store_at(*state);

	assert_int_equal(save(s, "f", 1, "one", 1), 0);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(save(s, "g", 2, "two", 1), 0);
	assert_int_equal(records_seen(*state), 1);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(records_seen(*state), 2);
	store_close(s);
	assert_int_equal(records_seen(*state), 2);
}

static void a_reader_sees_what_a_killed_one_had_committed(void **state)
{
	killed_after(*state, save_only);
	assert_int_equal(records_seen(*state), 1);
	struct store *s = store_at(*state); /* and does not stand in its way */
	assert_int_equal(save(s, "g", 2, "two", 1), 0);
	assert_int_equal(store_commit(s), 0);
	store_close(s);
}

/* ---- a full disk ---- */

static int small_disk_make(void **state)
{
	if (scratch_make(state))
		return -1;
	if (mount("tmpfs", *state, "tmpfs", 0, "size=4m,mode=0700") == 0)
		return 0;
	fprintf(stderr, "no small disk: %s (these stories need root)\n", strerror(errno));
	rmdir(*state);
	free(*state);
	*state = NULL;
	return 0;
}

static int small_disk_remove(void **state)
{
	if (!*state)
		return 0;
	umount2(*state, MNT_DETACH);
	return scratch_remove(state);
}

/* Fills it with a file, whose name is given. */
static const char *fill(const char *dir)
{
	static char file[300];
	char block[4096] = {0};

	snprintf(file, sizeof(file), "%s/ballast", dir);
	CLEANUP_CLOSE int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) == (ssize_t)sizeof(block))
		;
	assert_int_equal(errno, ENOSPC);
	return file;
}

static void save_numbered(struct store *s, uint64_t i, int expected)
{
	char path[32], content[64];

	snprintf(path, sizeof(path), "path/%d", (int)i);
	snprintf(content, sizeof(content), "content of number %d", (int)i);
	assert_int_equal(save(s, path, i, content, (int64_t)i), expected);
}

static void expect_numbered(struct store *s, const char *dir, uint64_t n)
{
	char content[64];

	s = reopened(s, dir);
	assert_int_equal(loaded.nversions, n);
	for (uint64_t i = 1; i <= n; i++) {
		snprintf(content, sizeof(content), "content of number %d", (int)i);
		assert_int_equal(loaded.versions[i - 1].version->dot.seq, i);
		assert_true(has_content(s, content));
	}
	store_close(s);
}

static void a_full_disk_delays_and_loses_nothing(void **state)
{
	uint64_t i = 0;

	if (!*state)
		skip();
	struct store *s = store_at(*state);
	while (i < 10)
		save_numbered(s, ++i, 0);
	assert_int_equal(store_commit(s), 0);
	const char *ballast = fill(*state);
	/* What fits SQLite's memory is found not to fit the disk at the commit ... */
	while (i < 100)
		save_numbered(s, ++i, 0);
	assert_int_equal(store_commit(s), -ENOSPC);
	assert_true(store_dirty(s));
	/* ... and what comes after it waits behind it. */
	while (i < 200)
		save_numbered(s, ++i, -ENOSPC);
	assert_int_equal(store_value_put(s, "v", "later", 5), -ENOSPC);
	assert_int_equal(store_commit(s), -ENOSPC);
	assert_int_equal(store_commit(s), -ENOSPC);
	assert_true(has_content(s, "content of number 150"));
	char got[8];
	assert_int_equal(store_value_get(s, "v", got, sizeof(got)), 5);
	assert_int_equal(unlink(ballast), 0);
	assert_int_equal(store_commit(s), 0);
	assert_false(store_dirty(s));
	while (i < 300)
		save_numbered(s, ++i, 0);
	assert_int_equal(store_commit(s), 0);
	expect_numbered(s, *state, 300);
}

static void a_kill_on_a_full_disk_leaves_the_last_commit(void **state)
{
	if (!*state)
		skip();
	killed_after(*state, save_and_commit);
	const char *ballast = fill(*state);
	killed_after(*state, save_only);
	assert_int_equal(unlink(ballast), 0);
	struct store *s = store_at(*state);
	load_from(s);
	assert_true(loaded.nversions >= 1);
	assert_string_equal(loaded.versions[0].path, "committed");
	store_close(s);
}

/* More than SQLite keeps in memory is written before the commit, so that it fails in the middle. */
static void a_disk_that_fills_up_in_the_middle_of_a_transaction_loses_nothing(void **state)
{
	CLEANUP_FREE char *content = calloc(1, 60001);
	uint64_t i = 0;
	int err = 0;

	if (!*state)
		skip();
	struct store *s = store_at(*state);
	memset(content, 'c', 60000);
	for (; i < 500; i++) {
		char path[32];

		snprintf(path, sizeof(path), "large/%d", (int)i);
		memcpy(content, path, strlen(path));
		int one = save(s, path, i + 1, content, 1);
		assert_true(one == err || (err == 0 && one == -ENOSPC));
		err = one;
	}
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(store_commit(s), -ENOSPC);
	assert_int_equal(mount("tmpfs", *state, "tmpfs", MS_REMOUNT, "size=128m"), 0);
	assert_int_equal(store_commit(s), 0);
	s = reopened(s, *state);
	assert_int_equal(loaded.nversions, 500);
	for (uint32_t v = 0; v < loaded.nversions; v++)
		assert_true(store_has(s, loaded.versions[v].version->attrs.hash));
	store_close(s);
}

static void an_object_on_a_full_disk_goes_on_when_there_is_room(void **state)
{
	size_t len = 200000;
	CLEANUP_FREE char *content = calloc(1, len);
	struct incoming *in;
	uint64_t total;

	if (!*state)
		skip();
	struct store *s = store_at(*state);
	struct hash hash = content_hash(content, len);
	assert_int_equal(incoming_open(s, hash, false, &in), 0);
	assert_int_equal(incoming_write(in, content, 1000), 0);
	const char *ballast = fill(*state);
	assert_int_equal(incoming_write(in, content, 190000), -ENOSPC);
	assert_int_equal(incoming_size(in), 1000);
	assert_int_equal(unlink(ballast), 0);
	assert_int_equal(incoming_write(in, content, 190000), 0);
	assert_int_equal(incoming_write(in, content, len - 191000), 0);
	assert_int_equal(incoming_finish(in), 0);
	assert_int_equal(store_read(s, hash, len - 1, content, 10, &total), 1);
	assert_int_equal(total, len);
	store_close(s);
}

#define story(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
#define small_disk(name) cmocka_unit_test_setup_teardown(name, small_disk_make, small_disk_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    story(what_was_committed_survives_a_kill_and_nothing_else),
	    story(a_later_schema_is_refused),
	    story(somebody_elses_database_is_refused),
	    story(what_is_no_database_is_refused),
	    story(a_damaged_database_is_refused),
	    story(a_bit_that_falls_over_in_a_record_is_noticed),
	    story(a_page_that_got_to_another_ones_place_is_noticed),
	    story(a_check_reads_each_page),
	    story(pages_without_seals_get_them),
	    story(a_row_that_is_no_version_is_refused),
	    story(a_second_one_is_kept_out),
	    story(a_place_that_cannot_be_is_an_error),
	    story(nobody_else_may_look_into_it),
	    story(a_reader_sees_what_is_committed_in_a_running_and_in_a_stopped_store),
	    story(a_reader_sees_what_a_killed_one_had_committed),
	    small_disk(a_full_disk_delays_and_loses_nothing),
	    small_disk(a_kill_on_a_full_disk_leaves_the_last_commit),
	    small_disk(a_disk_that_fills_up_in_the_middle_of_a_transaction_loses_nothing),
	    small_disk(an_object_on_a_full_disk_goes_on_when_there_is_room),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	loaded_forget();
	return failed;
}
