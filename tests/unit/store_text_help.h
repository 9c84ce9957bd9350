/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For tests of the store: its log, and what became of versions, as a line of text.
 */
#ifndef TESTS_STORE_TEXT_HELP_H
#define TESTS_STORE_TEXT_HELP_H

#include "tests/unit/store_help.h"

struct lines {
	char text[4096];
	int64_t last_id;
	int stop_after;
};

static inline int note_record(void *arg, const struct log_record *r)
{
	struct lines *l = arg;
	size_t len = strlen(l->text);

	snprintf(l->text + len, sizeof(l->text) - len, "%s:%llu%s%s ", r->path,
		 (unsigned long long)r->version->dot.seq, r->history ? "h" : "", r->node);
	assert_true(r->id > l->last_id);
	l->last_id = r->id;
	return l->stop_after && --l->stop_after == 0 ? 42 : 0;
}

static inline const char *log_text(struct store *s, const struct log_filter *f)
{
	static struct lines l;

	l = (struct lines){0};
	assert_int_equal(store_log(s, f, note_record, &l), 0);
	return l.text;
}

static inline int outcome(struct store *s, struct dot dot, const char *path, const char *hook,
			  bool told)
{
	struct outcome o = {.dot = dot,
			    .path = (char *)(uintptr_t)path,
			    .node = (char *)(uintptr_t) "ns2",
			    .after_msec = 3,
			    .hook = (char *)(uintptr_t)hook,
			    .words = (char *)(uintptr_t) "words",
			    .served = (char *)(uintptr_t) ""};

	return store_outcome(s, &o, told);
}

static inline int note_outcome(void *arg, const struct outcome *o)
{
	char *text = arg;

	assert_string_equal(o->node, "ns2");
	sprintf(text + strlen(text), "%s:%s ", o->path, o->hook ? o->hook : "installed");
	return 0;
}

#endif
