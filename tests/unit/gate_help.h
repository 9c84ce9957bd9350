/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two nodes with a gate for what begins with `z`, and what the stories of the gate say to it.
 */
#ifndef TEST_GATE_HELP_H
#define TEST_GATE_HELP_H

#include "tests/unit/core_help.h"

static struct story s;
#define N1 (&s.host[0])
#define N2 (&s.host[1])
#define N3 (&s.host[2])

static inline int end(void **state)
{
	(void)state;
	story_end(&s);
	return 0;
}

static inline bool is_gated(void *arg, const char *path)
{
	(void)arg;
	return path[0] == 'z';
}

static inline void begin(void)
{
	story_begin(&s, 2);
	N1->conf.gated = N2->conf.gated = is_gated;
	story_up(&s, N1);
	story_up(&s, N2);
}

static inline void say(struct host *h, struct verdict v)
{
	struct event e = {.type = EVENT_VERDICT, .verdict = &v};

	assert_non_null(s.trial[h->index]);
	if (!v.id)
		v.id = s.trial[h->index]->id;
	story_event(&s, h, &e);
	story_run(&s);
}

static inline void judge(struct host *h, enum verdict_kind kind, const char *words)
{
	say(h, (struct verdict){.kind = kind, .words = words});
}

static inline void decide(struct host *h, enum event_type type, const char *path, bool force)
{
	struct decision d = {.paths = &path, .n = path != NULL, .force = force};
	struct event e = {.type = type, .decision = &d};

	story_event(&s, h, &e);
	story_run(&s);
	story_wait(&s, 2000);
}

static inline void hold(struct host *h)
{
	struct hold set = {.why = "w", .user = "u"};
	struct event e = {.type = EVENT_HOLD, .hold = &set};

	story_event(&s, h, &e);
	story_run(&s);
}

static inline void judge_again(struct host *h)
{
	struct event e = {.type = EVENT_REJUDGE};

	story_event(&s, h, &e);
	story_run(&s);
}

static inline void crash(struct host *h)
{
	story_crash(&s, h);
	story_up(&s, h);
	story_run(&s);
	story_wait(&s, 2000);
}

struct found {
	const char *path;
	enum verdict_kind verdict;
	char words[64];
	bool waits;
};

static inline bool find(void *arg, const struct core_path *p)
{
	struct found *f = arg;

	if (strcmp(p->path, f->path) != 0)
		return true;
	f->verdict = p->verdict;
	f->waits = p->waiting != NULL;
	snprintf(f->words, sizeof f->words, "%s", p->words ? p->words : "");
	return false;
}

static inline struct found found(struct host *h, const char *path)
{
	struct found f = {.path = path};

	core_each(h->core, "", find, &f);
	return f;
}

static inline uint32_t trials(struct host *h)
{
	return s.trials[h->index];
}

/* As on both nodes, content 1. */
static inline void begin_with_z(void)
{
	begin();
	user_saves(&s, N1, "z", 1);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 1);
}

static inline struct rewrite as(uint64_t content)
{
	return (struct rewrite){
	    .path = "z", .hash = content_hash(content), .size = content_size(content)};
}

#define TEST(f) cmocka_unit_test_teardown(f, end)

#endif
