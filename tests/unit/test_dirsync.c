/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Shared fsyncs of directories: all who ask are served, and the table is empty afterwards.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/dirsync.h"

#define THREADS 8
#define ROUNDS 20

struct asker {
	struct dirsync *sync;
	int dir;
	struct fhandle handle;
	int failed;
	pthread_t thread;
};

static void *ask(void *arg)
{
	struct asker *a = arg;

	for (int i = 0; i < ROUNDS; i++)
		a->failed |= dirsync_do(a->sync, a->dir, &a->handle) < 0;
	return NULL;
}

static void many_who_ask_at_once_are_all_served(void **state)
{
	struct dirsync *sync = dirsync_new();
	struct asker askers[THREADS];
	char path[] = "/tmp/zonefs-dirsync.XXXXXX";

	(void)state;
	assert_non_null(sync);
	assert_non_null(mkdtemp(path));
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	for (int i = 0; i < THREADS; i++) {
		askers[i] = (struct asker){.sync = sync, .dir = dir};
		askers[i].handle.len = 1;
		askers[i].handle.bytes[0] = (uint8_t)(i % 2); /* as if they were two */
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(askers[i].thread, NULL);
		assert_false(askers[i].failed);
	}
	close(dir);
	rmdir(path);
	dirsync_free(sync);
}

static void what_cannot_be_synced_is_an_error_for_him_who_asked(void **state)
{
	struct dirsync *sync = dirsync_new();
	struct fhandle handle = {.len = 1};

	(void)state;
	assert_non_null(sync);
	assert_true(dirsync_do(sync, -1, &handle) < 0);
	int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(dirsync_do(sync, dir, &handle), 0); /* nobody remembers it */
	close(dir);
	dirsync_free(sync);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(many_who_ask_at_once_are_all_served),
	    cmocka_unit_test(what_cannot_be_synced_is_an_error_for_him_who_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
