/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For tests that need a store: a folder to work in.
 */
#ifndef TESTS_SCRATCH_HELP_H
#define TESTS_SCRATCH_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "replicator/store/store.h"

static int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int scratch_make(void **state)
{
	char *dir = strdup("/tmp/zonefs-store-XXXXXX");

	if (!mkdtemp(dir))
		return -1;
	*state = dir;
	return 0;
}

static inline int scratch_remove(void **state)
{
	nftw(*state, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return 0;
}

static inline struct store *store_at(const char *dir)
{
	struct store *s;

	assert_int_equal(store_open(&s, dir, false), 0);
	return s;
}

#endif
