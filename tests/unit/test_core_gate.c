/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate, told as stories: what begins with `z` is judged before its author tells it, and again by
 * each node before it is installed there.
 */
#include "tests/unit/core_help.h"

static struct story s;
#define N1 (&s.host[0])
#define N2 (&s.host[1])
#define N3 (&s.host[2])

static int end(void **state)
{
	(void)state;
	story_end(&s);
	return 0;
}

static bool is_gated(void *arg, const char *path)
{
	(void)arg;
	return path[0] == 'z';
}

static void begin(void)
{
	story_begin(&s, 2);
	N1->conf.gated = N2->conf.gated = is_gated;
	story_up(&s, N1);
	story_up(&s, N2);
}

static void say(struct host *h, struct verdict v)
{
	struct event e = {.type = EVENT_VERDICT, .verdict = &v};

	assert_non_null(s.trial[h->index]);
	if (!v.id)
		v.id = s.trial[h->index]->id;
	story_event(&s, h, &e);
	story_run(&s);
}

static void judge(struct host *h, enum verdict_kind kind, const char *words)
{
	say(h, (struct verdict){.kind = kind, .words = words});
}

static void decide(struct host *h, enum event_type type, const char *path, bool force)
{
	struct decision d = {.paths = &path, .n = path != NULL, .force = force};
	struct event e = {.type = type, .decision = &d};

	story_event(&s, h, &e);
	story_run(&s);
	story_wait(&s, 2000);
}

static void hold(struct host *h)
{
	struct hold set = {.why = "w", .user = "u"};
	struct event e = {.type = EVENT_HOLD, .hold = &set};

	story_event(&s, h, &e);
	story_run(&s);
}

static void judge_again(struct host *h)
{
	struct event e = {.type = EVENT_REJUDGE};

	story_event(&s, h, &e);
	story_run(&s);
}

static void crash(struct host *h)
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

static bool find(void *arg, const struct core_path *p)
{
	struct found *f = arg;

	if (strcmp(p->path, f->path) != 0)
		return true;
	f->verdict = p->verdict;
	f->waits = p->waiting != NULL;
	snprintf(f->words, sizeof f->words, "%s", p->words ? p->words : "");
	return false;
}

static struct found found(struct host *h, const char *path)
{
	struct found f = {.path = path};

	core_each(h->core, "", find, &f);
	return f;
}

static uint32_t trials(struct host *h)
{
	return s.trials[h->index];
}

/* As on both nodes, content 1. */
static void begin_with_z(void)
{
	begin();
	user_saves(&s, N1, "z", 1);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 1);
}

static void it_is_judged_before_it_is_told_and_before_it_is_installed(void **state)
{
	struct core_gate gate;

	(void)state;
	begin();
	user_saves(&s, N1, "z", 1);
	assert_int_equal(N1->acked, N1->serial); /* the store has it */
	assert_int_equal(N1->broadcasts, 0);
	assert_true(s.trial[0]->own);
	assert_string_equal(s.trial[0]->items[0].path, "z");
	core_gate(N1->core, &gate);
	assert_int_equal(gate.judging, 1);
	judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(N1->broadcasts, 1);
	assert_int_equal(core_held(N1->core), 0);
	expect_absent(N2, "z");
	assert_false(s.trial[1]->own);
	core_gate(N2->core, &gate);
	assert_int_equal(gate.waiting, 1);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 1);
}

static void other_paths_go_as_ever(void **state)
{
	(void)state;
	begin();
	user_saves(&s, N1, "a", 1);
	expect_content(N2, "a", 1);
	assert_int_equal(trials(N1) + trials(N2), 0);
}

static void what_is_bad_stays_here_until_a_good_save(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_BAD, "line 3");
	assert_int_equal(core_held(N1->core), 1);
	assert_string_equal(found(N1, "z").words, "line 3");
	assert_int_equal(found(N1, "z").verdict, VERDICT_BAD);
	expect_content(N1, "z", 2);
	expect_content(N2, "z", 1);
	user_saves(&s, N1, "z", 3);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 3);
	assert_int_equal(core_held(N1->core), 0);
}

static void what_goes_is_what_was_judged(void **state)
{
	uint64_t first;

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	first = s.trial[0]->id;
	user_saves(&s, N1, "z", 3);
	N1->broadcasts = 0;
	say(N1, (struct verdict){.id = first, .kind = VERDICT_GOOD});
	assert_int_equal(N1->broadcasts, 0);
	judge(N1, VERDICT_BAD, "no");
	assert_int_equal(N1->broadcasts, 0);
	expect_content(N2, "z", 1);
}

static void what_it_needs_goes_with_it(void **state)
{
	const char *need = "new";

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	say(N1, (struct verdict){
		    .kind = VERDICT_BAD, .words = "new is missing", .needs = &need, .nneeds = 1});
	user_saves(&s, N1, "new", 5); /* not gated for itself */
	expect_absent(N2, "new");
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	assert_true(dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "new")->dot));
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 2);
	expect_content(N2, "new", 5);
}

static void a_judgement_that_failed_does_not_forget_what_it_needs(void **state)
{
	const char *need = "new";

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	say(N1, (struct verdict){.kind = VERDICT_BAD, .needs = &need, .nneeds = 1});
	user_saves(&s, N1, "z", 3);
	judge(N1, VERDICT_UNKNOWN, "the checker was killed");
	user_saves(&s, N1, "new", 5);
	expect_absent(N2, "new");
	judge(N1, VERDICT_GOOD, NULL);
	assert_true(dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "new")->dot));
}

/* The file that it needs has come while it was being judged. */
static void what_it_needs_may_have_come_meanwhile(void **state)
{
	const char *need = "new";

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	user_saves(&s, N1, "new", 5);
	say(N1, (struct verdict){.kind = VERDICT_BAD, .needs = &need, .nneeds = 1});
	assert_int_equal(found(N1, "z").verdict, VERDICT_NONE);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 2);
}

static void a_peer_does_not_install_what_is_bad_there(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_BAD, "unknown option");
	expect_content(N2, "z", 1);
	assert_int_equal(s.refusals, 1); /* its author hears of it */
	assert_true(found(N2, "z").waits);
	assert_string_equal(found(N2, "z").words, "unknown option");
	story_wait(&s, 100000);
	assert_int_equal(trials(N2), 2);
	user_saves(&s, N1, "a", 7); /* others are not in its way */
	expect_content(N2, "a", 7);
	user_saves(&s, N1, "z", 3);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 3);
}

static void what_was_refused_may_be_judged_again(void **state)
{
	struct core_gate gate;

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_BAD, "no");
	core_gate(N2->core, &gate);
	assert_int_equal(gate.refused, 1);
	judge_again(N2);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 2);
}

static void a_rename_waits_as_a_whole(void **state)
{
	(void)state;
	begin_with_z();
	user_renames(&s, N1, "z", "zz");
	story_wait(&s, 2000);
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(s.trial[1]->n, 2);
	judge(N2, VERDICT_BAD, "no");
	story_wait(&s, 100000);
	expect_content(N2, "z", 1); /* else it would be nowhere */
	judge_again(N2);
	judge(N2, VERDICT_GOOD, NULL);
	story_wait(&s, 2000);
	if (disk_find(&N2->disk, "z")) /* the old name, for itself */
		judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "zz", 1);
	expect_absent(N2, "z");
}

static void a_deletion_is_judged(void **state)
{
	(void)state;
	begin_with_z();
	user_deletes(&s, N1, "z");
	story_wait(&s, 2000);
	expect_content(N2, "z", 1);
	judge(N1, VERDICT_DOUBT, "a configured zone's file");
	expect_content(N2, "z", 1);
	decide(N1, EVENT_APPROVE, "z", false);
	judge(N2, VERDICT_DOUBT, NULL); /* its author has decided */
	expect_absent(N2, "z");
}

static void attributes_are_not_judged(void **state)
{
	uint32_t before;

	(void)state;
	begin_with_z();
	before = trials(N1) + trials(N2);
	s.now += 10;
	disk_find(&N1->disk, "z")->mode = 0600;
	disk_touch(&N1->disk, disk_find(&N1->disk, "z"), s.now);
	story_hint(&s, N1, "z", "");
	story_run(&s);
	assert_int_equal(disk_find(&N2->disk, "z")->mode, 0600);
	assert_int_equal(trials(N1) + trials(N2), before);
}

static void a_doubt_is_held_until_it_is_approved(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_DOUBT, "half of it is gone");
	decide(N1, EVENT_RELEASE, "z", false); /* that is not for doubts; but it is judged again */
	judge(N1, VERDICT_DOUBT, "half of it is gone");
	expect_content(N2, "z", 1);
	decide(N1, EVENT_APPROVE, NULL, false);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 2);
	assert_false(core_visible(N2->core, "z")->forced);
}

static void what_is_bad_is_not_approved(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_BAD, "no");
	decide(N1, EVENT_APPROVE, NULL, false);
	assert_int_equal(core_held(N1->core), 1);
	expect_content(N2, "z", 1);
}

static void what_is_forced_passes_every_gate(void **state)
{
	uint32_t before;

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_BAD, "no");
	before = trials(N2);
	N2->notes = 0;
	decide(N1, EVENT_RELEASE, "z", true);
	expect_content(N2, "z", 2);
	assert_int_equal(trials(N2), before);
	assert_int_equal(N2->notes, 1); /* but it is said */
	assert_true(core_visible(N2->core, "z")->forced);
	user_saves(&s, N1, "z", 3);
	assert_int_equal(core_held(N1->core), 1); /* that was for the one */
}

static void it_can_be_put_back(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_BAD, "no");
	decide(N1, EVENT_DISCARD, "z", false);
	judge(N1, VERDICT_GOOD, NULL); /* what is put back is judged, too */
	expect_content(N1, "z", 1);
	assert_int_equal(core_held(N1->core), 0);
}

static void what_cannot_be_judged_is_judged_later(void **state)
{
	uint32_t before;

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	before = trials(N1);
	judge(N1, VERDICT_UNKNOWN, "no checker");
	assert_int_equal(found(N1, "z").verdict, VERDICT_UNKNOWN);
	assert_int_equal(trials(N1), before);
	story_wait(&s, 1500);
	assert_int_equal(trials(N1), before + 1);
	judge(N1, VERDICT_UNKNOWN, "no checker");
	story_wait(&s, 1500); /* ever later */
	assert_int_equal(trials(N1), before + 1);
	story_wait(&s, 1000);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_UNKNOWN, "no checker");
	expect_content(N2, "z", 1);
	story_wait(&s, 1500);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 2);
}

static struct rewrite as(uint64_t content)
{
	return (struct rewrite){.path = "z", .hash = content_hash(content), .size = content_size(content)};
}

/* What was held there, and is in the history: made of that content. */
static bool was_made_of(struct host *h, const char *path, uint64_t content, uint64_t of)
{
	const struct stored_path *p = storage_find(&h->store, path);

	for (uint32_t i = 0; p && i < p->nhistory; i++)
		if (p->history[i]->draft &&
		    hash_same(p->history[i]->attrs.hash, content_hash(content)) &&
		    hash_same(p->history[i]->replaced, content_hash(of)))
			return true;
	return false;
}

static void what_is_rewritten_is_told_as_that(void **state)
{
	struct rewrite r = as(9);
	int64_t saved;

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	saved = disk_find(&N1->disk, "z")->mtime;
	storage_put(&N1->store, r.hash);
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	expect_content(N1, "z", 9);
	assert_true(disk_find(&N1->disk, "z")->mtime > saved);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 9);
	assert_string_equal(core_visible(N2->core, "z")->user, "admin"); /* it is still theirs */
	assert_int_equal(core_held(N1->core), 0);
	assert_true(was_made_of(N1, "z", 9, 2));
	assert_true(hash_same(core_visible(N1->core, "z")->replaced, content_hash(1)));
}

/* What is mended is asked for again: it is as it has to be when it goes. */
static void what_is_approved_is_rewritten_too(void **state)
{
	struct rewrite r = as(8);
	uint64_t before;

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	storage_put(&N1->store, content_hash(8));
	storage_put(&N1->store, content_hash(9));
	say(N1, (struct verdict){.kind = VERDICT_DOUBT, .words = "half", .rewrites = &r, .nrewrites = 1});
	expect_content(N1, "z", 2);
	before = trials(N1);
	decide(N1, EVENT_APPROVE, "z", false);
	assert_int_equal(trials(N1), before + 1);
	r = as(9);
	say(N1, (struct verdict){.kind = VERDICT_DOUBT, .words = "half", .rewrites = &r, .nrewrites = 1});
	expect_content(N1, "z", 9);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 9);
	assert_int_equal(core_held(N1->core), 0);
}

static struct rewrite beside(uint64_t of, uint64_t content)
{
	return (struct rewrite){"z", content_hash(of), content_hash(content), content_size(content)};
}

static void begin_with_beside(void)
{
	begin_with_z();
	storage_put(&N1->store, content_hash(9));
	user_saves(&s, N1, "z.inc", 2);
	N1->broadcasts = 0;
}

static void what_was_not_saved_is_rewritten_beside_what_was(void **state)
{
	struct rewrite r = beside(1, 9);

	(void)state;
	begin_with_beside();
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	expect_content(N1, "z", 9);
	assert_int_equal(N1->broadcasts, 1);
	assert_int_equal(s.trial[1]->n, 2);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 9);
	expect_content(N2, "z.inc", 2);
	assert_true(dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "z.inc")->dot));
	assert_string_equal(core_visible(N2->core, "z")->user, "admin");
	assert_int_equal(core_held(N1->core), 0);
}

static void a_save_made_meanwhile_is_not_rewritten_beside_it(void **state)
{
	struct rewrite r = beside(1, 9);

	(void)state;
	begin_with_beside();
	s.hold = EFFECT_INSTALL;
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	s.now += 10;
	disk_write(&s, N1, "z", 3);
	story_hint(&s, N1, "z", "");
	s.hold = -1;
	story_run(&s);
	expect_content(N1, "z", 3);
	assert_int_equal(N1->broadcasts, 0);
	judge(N1, VERDICT_GOOD, NULL); /* of the save */
	assert_int_equal(N1->broadcasts, 1);
	story_wait(&s, 2000);
	judge(N1, VERDICT_GOOD, NULL); /* of what was to be rewritten: asked for again */
	assert_int_equal(N1->broadcasts, 2);
	expect_content(N1, "z", 3);
}

/* It was being looked at when the verdict came, and is another one once that is done. */
static void a_save_looked_at_meanwhile_is_not_rewritten_beside_it(void **state)
{
	struct rewrite r = beside(1, 9);

	(void)state;
	begin_with_beside();
	s.hold = EFFECT_LOOK;
	s.now += 10;
	disk_write(&s, N1, "z", 3);
	story_hint(&s, N1, "z", "");
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	s.hold = -1;
	story_run(&s);
	expect_content(N1, "z", 3);
	assert_int_equal(N1->broadcasts, 0);
	judge(N1, VERDICT_GOOD, NULL); /* of the save */
	assert_int_equal(N1->broadcasts, 1);
	story_wait(&s, 2000);
	judge(N1, VERDICT_GOOD, NULL); /* of what was saved first */
	assert_int_equal(N1->broadcasts, 2);
	expect_content(N1, "z", 3);
}

static void what_has_changed_is_asked_for_again_and_not_rewritten(void **state)
{
	struct rewrite r = beside(7, 9);
	uint64_t before;

	(void)state;
	begin_with_beside();
	before = trials(N1);
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	assert_int_equal(trials(N1), before + 1);
	expect_content(N1, "z", 1);
	judge(N1, VERDICT_GOOD, NULL);
	expect_content(N1, "z", 1);
	assert_int_equal(N1->broadcasts, 1);
}

static void a_save_made_meanwhile_is_not_rewritten(void **state)
{
	struct rewrite r = as(9);

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	storage_put(&N1->store, r.hash);
	N1->broadcasts = 0;
	s.hold = EFFECT_INSTALL;
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	s.now += 10;
	disk_write(&s, N1, "z", 3);
	story_hint(&s, N1, "z", "");
	s.hold = -1;
	story_run(&s);
	expect_content(N1, "z", 3);
	assert_int_equal(N1->broadcasts, 0);
	assert_true(hash_same(s.trial[0]->items[0].version->attrs.hash, content_hash(3)));
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 3);
}

static void a_restart_keeps_what_is_held_and_judges_it_anew(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_BAD, "line 3");
	crash(N1);
	assert_int_equal(core_held(N1->core), 1);
	assert_string_equal(found(N1, "z").words, "line 3");
	expect_content(N2, "z", 1);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 2);
}

static void a_restart_keeps_together_what_belongs_together(void **state)
{
	const char *need = "new";

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	say(N1, (struct verdict){.kind = VERDICT_BAD, .needs = &need, .nneeds = 1});
	user_saves(&s, N1, "new", 5);
	crash(N1);
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	assert_true(dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "new")->dot));
}

static void a_set_is_judged_as_a_whole_when_it_is_released(void **state)
{
	struct core_set set;
	uint32_t before;

	(void)state;
	begin_with_z();
	before = trials(N1);
	hold(N1);
	user_saves(&s, N1, "z", 2);
	user_saves(&s, N1, "a", 5);
	assert_int_equal(trials(N1), before);
	decide(N1, EVENT_RELEASE, NULL, false);
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_BAD, "line 3");
	assert_true(core_set(N1->core, &set)); /* nothing goes, and it stays open */
	assert_string_equal(set.words, "line 3");
	assert_false(core_releasing(N1->core));
	expect_absent(N2, "a");
	user_saves(&s, N1, "z", 3);
	user_saves(&s, N1, "b", 6);
	decide(N1, EVENT_RELEASE, NULL, false);
	judge(N1, VERDICT_GOOD, NULL);
	assert_false(core_set(N1->core, &set));
	expect_content(N2, "a", 5);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 3);
	assert_true(dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "a")->dot));
}

static void a_set_without_such_paths_goes_at_once(void **state)
{
	(void)state;
	begin_with_z();
	hold(N1);
	user_saves(&s, N1, "a", 5);
	decide(N1, EVENT_RELEASE, NULL, false);
	expect_content(N2, "a", 5);
}

static void release_everywhere(void)
{
	struct decision d = {.everywhere = true};
	struct event e = {.type = EVENT_RELEASE, .decision = &d};

	story_event(&s, N1, &e);
	story_run(&s);
	story_wait(&s, 2000);
}

static void a_set_that_is_to_be_agreed_upon_is_judged_in_any_case(void **state)
{
	struct core_set set;
	uint64_t first;

	(void)state;
	begin_with_z();
	hold(N1);
	user_saves(&s, N1, "a", 5); /* no path that is gated */
	release_everywhere();
	assert_true(s.trial[0]->everywhere);
	first = s.trial[0]->id;
	assert_true(core_hears(N1->core, first));
	expect_absent(N2, "a");
	user_saves(&s, N1, "a", 6);
	assert_false(core_hears(N1->core, first)); /* it is another question */
	assert_true(s.trial[0]->everywhere && s.trial[0]->id != first);
	judge(N1, VERDICT_BAD, "ns2 refuses");
	assert_true(core_set(N1->core, &set));
	assert_string_equal(set.words, "ns2 refuses");
	expect_absent(N2, "a");
	release_everywhere();
	judge(N1, VERDICT_GOOD, NULL);
	assert_false(core_set(N1->core, &set));
	expect_content(N2, "a", 6);
	hold(N1);
	user_saves(&s, N1, "z", 2);
	decide(N1, EVENT_RELEASE, NULL, false);
	assert_false(s.trial[0]->everywhere);
}

/* Be it that the gate mends what is in it. */
static void a_set_goes_with_what_is_saved_while_it_is_judged(void **state)
{
	struct rewrite r = as(9);
	struct core_set set;

	(void)state;
	begin_with_z();
	hold(N1);
	user_saves(&s, N1, "z", 2);
	decide(N1, EVENT_RELEASE, NULL, false);
	user_saves(&s, N1, "a", 5);
	storage_put(&N1->store, r.hash);
	N1->broadcasts = 0;
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	expect_content(N1, "z", 9);
	assert_int_equal(N1->broadcasts, 0);
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	assert_false(core_set(N1->core, &set));
	assert_int_equal(core_held(N1->core), 0);
	assert_true(dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "a")->dot));
}

static void close_file(struct host *h, const char *path)
{
	disk_find(&h->disk, path)->writers = 0;
	story_hint(&s, h, path, "");
	story_run(&s);
}

/* The first release waits for a file that is open, and so does the second, which takes its place. */
static void what_is_released_twice_goes_as_one_change(void **state)
{
	struct core_set set;
	uint32_t before;

	(void)state;
	begin_with_z();
	before = trials(N1);
	hold(N1);
	user_saves(&s, N1, "z", 2);
	disk_find(&N1->disk, "z")->writers = 1;
	decide(N1, EVENT_RELEASE, NULL, false);
	user_saves(&s, N1, "zz", 3);
	decide(N1, EVENT_RELEASE, NULL, false);
	assert_int_equal(trials(N1), before);
	assert_true(core_set(N1->core, &set));
	close_file(N1, "z");
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	assert_false(core_set(N1->core, &set));
	assert_true(dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "zz")->dot));
}

/* The first is being judged already when the second has to wait. */
static void what_is_released_again_waits_for_the_rest(void **state)
{
	struct core_set set;
	uint64_t first;

	(void)state;
	begin_with_z();
	hold(N1);
	user_saves(&s, N1, "z", 2);
	decide(N1, EVENT_RELEASE, NULL, false);
	first = s.trial[0]->id;
	user_saves(&s, N1, "zz", 3);
	disk_find(&N1->disk, "zz")->writers = 1;
	N1->broadcasts = 0;
	decide(N1, EVENT_RELEASE, NULL, false);
	say(N1, (struct verdict){.id = first, .kind = VERDICT_GOOD});
	assert_int_equal(N1->broadcasts, 0);
	assert_true(core_set(N1->core, &set));
	close_file(N1, "zz");
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	assert_false(core_set(N1->core, &set));
	assert_int_equal(N1->broadcasts, 1);
	assert_true(dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "zz")->dot));
}

/* What is set aside, and waits for another path before it can be there again, is not left behind. */
static void what_is_set_aside_is_released_with_the_rest(void **state)
{
	(void)state;
	begin_with_z();
	hold(N1);
	user_saves(&s, N1, "y", 2);
	user_saves(&s, N1, "zz", 3);
	decide(N1, EVENT_SET_ASIDE, "y", false);
	expect_absent(N1, "y");
	s.hold = EFFECT_STAGE;
	decide(N1, EVENT_RELEASE, NULL, false);
	user_saves(&s, N1, "zzz", 4);
	decide(N1, EVENT_RELEASE, NULL, false);
	N1->broadcasts = 0;
	for (int i = 0; i < 3; i++) /* whatever is asked */
		judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(N1->broadcasts, 0);
	s.hold = -1;
	story_run(&s);
	assert_int_equal(s.trial[0]->n, 3);
	judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(N1->broadcasts, 1);
	assert_int_equal(core_held(N1->core), 0);
	expect_content(N2, "y", 2);
}

/* It is being written, so it stays as it is; but it is not released any more. */
static void what_is_discarded_leaves_its_release(void **state)
{
	uint32_t before;

	(void)state;
	begin_with_z();
	hold(N1);
	user_saves(&s, N1, "z", 2);
	decide(N1, EVENT_RELEASE, NULL, false);
	before = trials(N1);
	disk_write(&s, N1, "z", 3);
	disk_find(&N1->disk, "z")->writers = 1;
	decide(N1, EVENT_DISCARD, NULL, false);
	close_file(N1, "z");
	judge(N1, VERDICT_GOOD, NULL); /* comes too late */
	assert_int_equal(trials(N1), before);
	assert_int_equal(core_held(N1->core), 1);
	expect_content(N2, "z", 1);
}

static void a_verdict_comes_too_late_for_what_is_discarded(void **state)
{
	struct decision all = {0};
	struct event e = {.type = EVENT_DISCARD, .decision = &all};

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	N1->broadcasts = 0;
	s.hold = EFFECT_LOOK;
	story_event(&s, N1, &e);
	judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(N1->broadcasts, 0);
	s.hold = -1;
	story_run(&s);
	judge(N1, VERDICT_GOOD, NULL); /* what is put back */
	expect_content(N1, "z", 1);
	assert_int_equal(N1->broadcasts, 0);
}

/* A conflict's winner, and what is ordered, come through the same gate. */
static void whatever_is_installed_is_judged(void **state)
{
	struct attrs back;
	struct order_item item = {"z", &back, NULL};
	struct order o = {.items = &item, .n = 1};
	struct event e = {.type = EVENT_ORDER, .order = &o};

	(void)state;
	begin_with_z();
	back = core_visible(N1->core, "z")->attrs;
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	story_event(&s, N1, &e);
	story_run(&s);
	expect_content(N1, "z", 2);
	judge(N1, VERDICT_GOOD, NULL);
	expect_content(N1, "z", 1);
	expect_content(N2, "z", 2);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 1);
}

/* While it is set aside nothing is told of it, whatever is said of it. */
static void what_is_set_aside_is_judged_when_it_is_back(void **state)
{
	uint64_t asked;

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	asked = s.trial[0]->id;
	decide(N1, EVENT_SET_ASIDE, NULL, false);
	judge(N1, VERDICT_GOOD, NULL); /* what was told before, to be installed */
	expect_content(N1, "z", 1);
	N1->broadcasts = 0;
	say(N1, (struct verdict){.id = asked, .kind = VERDICT_GOOD});
	assert_int_equal(N1->broadcasts, 0);
	assert_int_equal(core_held(N1->core), 1);
	decide(N1, EVENT_EDIT, NULL, false);
	expect_content(N1, "z", 2);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 2);
	assert_int_equal(versions_of(N2, "z"), 1);
}

/* Bad, set aside, and mended: over what is there, which is what was told before. */
static void what_is_bad_and_set_aside_can_be_mended(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_BAD, "line 3");
	decide(N1, EVENT_SET_ASIDE, NULL, false);
	judge(N1, VERDICT_GOOD, NULL);
	expect_content(N1, "z", 1);
	crash(N1);
	expect_content(N1, "z", 1);
	assert_string_equal(found(N1, "z").words, "line 3");
	decide(N1, EVENT_EDIT, "z", false);
	expect_content(N1, "z", 2);
	judge(N1, VERDICT_BAD, "line 3");
	expect_content(N2, "z", 1);
	user_saves(&s, N1, "z", 3);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 3);
	assert_int_equal(core_held(N1->core), 0);
}

/* One of two that go together is being rewritten, and the other one set aside: neither is told. */
static void what_belongs_to_what_is_set_aside_waits(void **state)
{
	const char *need = "new";
	struct rewrite r = as(9);

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	say(N1, (struct verdict){.kind = VERDICT_BAD, .needs = &need, .nneeds = 1});
	user_saves(&s, N1, "new", 5);
	storage_put(&N1->store, r.hash);
	s.hold = EFFECT_STAGE;
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	N1->broadcasts = 0;
	decide(N1, EVENT_SET_ASIDE, "new", false);
	expect_absent(N1, "new");
	s.hold = -1;
	story_run(&s);
	assert_int_equal(N1->broadcasts, 0);
	assert_int_equal(core_held(N1->core), 2);
	decide(N1, EVENT_EDIT, "new", false);
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 9);
	expect_content(N2, "new", 5);
}

/* The look that sets it aside finds a later save, of which the hint is yet to come. */
static void what_is_found_when_it_is_set_aside_is_judged_in_its_place(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_BAD, "line 3");
	s.now += 10;
	disk_write(&s, N1, "z", 3);
	decide(N1, EVENT_SET_ASIDE, NULL, false);
	judge(N1, VERDICT_GOOD, NULL);
	expect_content(N1, "z", 1);
	decide(N1, EVENT_EDIT, NULL, false);
	expect_content(N1, "z", 3);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 3);
	assert_int_equal(core_held(N1->core), 0);
}

static void what_is_saved_late_goes_with_what_is_rewritten(void **state)
{
	struct rewrite r = as(9);
	struct core_set set;

	(void)state;
	begin_with_z();
	hold(N1);
	user_saves(&s, N1, "z", 2);
	decide(N1, EVENT_RELEASE, NULL, false);
	user_saves(&s, N1, "b", 6);
	N1->broadcasts = 0;
	storage_put(&N1->store, r.hash);
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	assert_int_equal(N1->broadcasts, 0);
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	assert_false(core_set(N1->core, &set));
	assert_int_equal(core_held(N1->core), 0);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 9);
	expect_content(N2, "b", 6);
}

/* It is judged with the other name, whatever was decided about the path before. */
static void a_rename_onto_what_is_approved_is_judged(void **state)
{
	struct decision all = {0};
	struct event e = {.type = EVENT_APPROVE, .decision = &all};

	(void)state;
	story_begin(&s, 2);
	N1->conf.gated = N2->conf.gated = is_gated;
	N1->conf.brake_share = 25;
	N1->conf.brake_paths = 1;
	story_up(&s, N1);
	story_up(&s, N2);
	for (char name[] = "a"; name[0] < 'e'; name[0]++)
		user_saves(&s, N1, name, 1);
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	for (char name[] = "a"; name[0] < 'e'; name[0]++)
		user_deletes(&s, N1, name);
	story_wait(&s, 90000);
	assert_int_equal(core_braked(N1->core), 4);
	s.hold = EFFECT_LOOK;
	story_event(&s, N1, &e);
	user_renames(&s, N1, "z", "a");
	s.hold = -1;
	story_run(&s);
	story_wait(&s, 2000);
	expect_content(N2, "a", 1);
	expect_absent(N2, "b");
	judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(core_held(N1->core), 0);
	expect_content(N2, "a", 2);
}

/* Its new name alone is being judged by then. */
static void a_rename_onto_what_is_judged_goes_with_it(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "b", 2);
	hold(N1);
	user_saves(&s, N1, "z", 3);
	decide(N1, EVENT_RELEASE, "z", false);
	user_renames(&s, N1, "b", "z");
	story_wait(&s, 2000);
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(core_held(N1->core), 0);
	assert_true(dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "b")->dot));
}

/* What was said of a set is known to the next life, too: a doubt can be approved there. */
static void a_restart_keeps_what_was_said_of_a_set(void **state)
{
	struct core_set set;

	(void)state;
	begin_with_z();
	hold(N1);
	user_saves(&s, N1, "z", 2);
	decide(N1, EVENT_RELEASE, NULL, false);
	judge(N1, VERDICT_DOUBT, "half of it is gone");
	crash(N1);
	assert_true(core_set(N1->core, &set));
	assert_int_equal(set.verdict, VERDICT_DOUBT);
	assert_string_equal(set.words, "half of it is gone");
	decide(N1, EVENT_APPROVE, NULL, false);
	judge(N1, VERDICT_DOUBT, "half of it is gone");
	assert_int_equal(core_held(N1->core), 0);
	assert_false(core_set(N1->core, &set));
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 2);
}

/* Gone for a moment with its directory, and found again by a scan while a look at it has failed: the
 * judgement of its absence is nobody's. */
static void what_is_there_again_is_not_told_as_gone(void **state)
{
	(void)state;
	begin();
	user_makes_dir(&s, N1, "z");
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	user_saves(&s, N1, "z/f", 1);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	user_moves_dir(&s, N1, "z", "y");
	story_wait(&s, 2000);
	assert_int_equal(core_draft(N1->core, "z/f")->attrs.kind, KIND_ABSENT);
	s.unreadable = "z/f";
	story_hint(&s, N1, "z/f", "");
	story_run(&s);
	s.unreadable = NULL;
	N1->broadcasts = 0;
	user_moves_dir(&s, N1, "y", "z");
	judge(N1, VERDICT_GOOD, NULL);
	judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(N1->broadcasts, 0);
	story_wait(&s, 40000);
	judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(core_held(N1->core), 0);
	expect_content(N1, "z/f", 1);
	expect_content(N2, "z/f", 1);
}

/* While a judgement is put off, another version comes, is judged in its stead, and goes again. */
static void what_is_good_is_what_was_asked_about(void **state)
{
	(void)state;
	story_begin(&s, 3);
	N2->conf.gated = is_gated;
	for (int i = 0; i < 3; i++)
		story_up(&s, &s.host[i]);
	s.cut[0][2] = s.cut[2][0] = true;
	user_saves(&s, N1, "z", 1);
	judge(N2, VERDICT_UNKNOWN, "no checker");
	s.hold = EFFECT_LOOK;
	story_hint(&s, N2, "z", ""); /* a look is out: nothing is installed meanwhile */
	user_saves(&s, N3, "z", 2);
	story_release(&s, N3, EFFECT_LOOK, "z");
	story_wait(&s, 1500);
	assert_true(hash_same(s.trial[1]->items[0].version->attrs.hash, content_hash(2)));
	user_deletes(&s, N3, "z");
	story_release(&s, N3, EFFECT_LOOK, "z");
	story_wait(&s, 200);
	story_release(&s, N3, EFFECT_LOOK, "z");
	judge(N2, VERDICT_GOOD, NULL); /* of 2 */
	s.hold = -1;
	story_run(&s);
	expect_absent(N2, "z");
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 1);
}

/* A power cut has torn what was about to be there again: it is not told as it was. */
static void what_is_back_is_judged_when_it_has_been_looked_at(void **state)
{
	uint32_t before;

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_BAD, "line 3");
	decide(N1, EVENT_SET_ASIDE, NULL, false);
	judge(N1, VERDICT_GOOD, NULL);
	s.mute = true;
	decide(N1, EVENT_EDIT, "z", false);
	s.mute = false;
	expect_content(N1, "z", 2);
	disk_write(&s, N1, "z", PARTS);
	before = trials(N1);
	N1->power_cut = true;
	s.hold = EFFECT_LOOK;
	story_crash(&s, N1);
	story_up(&s, N1);
	story_release(&s, N1, EFFECT_LOOK, "z");
	assert_int_equal(trials(N1), before);
	s.hold = -1;
	story_run(&s);
	judge(N1, VERDICT_GOOD, NULL); /* what is put back */
	expect_content(N1, "z", 1);
	expect_content(N2, "z", 1);
}

#define TEST(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(it_is_judged_before_it_is_told_and_before_it_is_installed),
	    TEST(other_paths_go_as_ever),
	    TEST(what_is_bad_stays_here_until_a_good_save),
	    TEST(what_goes_is_what_was_judged),
	    TEST(what_it_needs_goes_with_it),
	    TEST(a_judgement_that_failed_does_not_forget_what_it_needs),
	    TEST(what_it_needs_may_have_come_meanwhile),
	    TEST(a_peer_does_not_install_what_is_bad_there),
	    TEST(what_was_refused_may_be_judged_again),
	    TEST(a_rename_waits_as_a_whole),
	    TEST(a_deletion_is_judged),
	    TEST(attributes_are_not_judged),
	    TEST(a_doubt_is_held_until_it_is_approved),
	    TEST(what_is_bad_is_not_approved),
	    TEST(what_is_forced_passes_every_gate),
	    TEST(it_can_be_put_back),
	    TEST(what_cannot_be_judged_is_judged_later),
	    TEST(what_is_rewritten_is_told_as_that),
	    TEST(what_is_approved_is_rewritten_too),
	    TEST(what_was_not_saved_is_rewritten_beside_what_was),
	    TEST(a_save_made_meanwhile_is_not_rewritten_beside_it),
	    TEST(a_save_looked_at_meanwhile_is_not_rewritten_beside_it),
	    TEST(what_has_changed_is_asked_for_again_and_not_rewritten),
	    TEST(a_save_made_meanwhile_is_not_rewritten),
	    TEST(a_restart_keeps_what_is_held_and_judges_it_anew),
	    TEST(a_restart_keeps_together_what_belongs_together),
	    TEST(a_set_is_judged_as_a_whole_when_it_is_released),
	    TEST(a_set_without_such_paths_goes_at_once),
	    TEST(a_set_that_is_to_be_agreed_upon_is_judged_in_any_case),
	    TEST(a_set_goes_with_what_is_saved_while_it_is_judged),
	    TEST(what_is_released_twice_goes_as_one_change),
	    TEST(what_is_released_again_waits_for_the_rest),
	    TEST(what_is_set_aside_is_released_with_the_rest),
	    TEST(what_is_discarded_leaves_its_release),
	    TEST(a_verdict_comes_too_late_for_what_is_discarded),
	    TEST(whatever_is_installed_is_judged),
	    TEST(what_is_set_aside_is_judged_when_it_is_back),
	    TEST(what_is_bad_and_set_aside_can_be_mended),
	    TEST(what_belongs_to_what_is_set_aside_waits),
	    TEST(what_is_found_when_it_is_set_aside_is_judged_in_its_place),
	    TEST(what_is_saved_late_goes_with_what_is_rewritten),
	    TEST(a_rename_onto_what_is_approved_is_judged),
	    TEST(a_rename_onto_what_is_judged_goes_with_it),
	    TEST(a_restart_keeps_what_was_said_of_a_set),
	    TEST(what_is_there_again_is_not_told_as_gone),
	    TEST(what_is_good_is_what_was_asked_about),
	    TEST(what_is_back_is_judged_when_it_has_been_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
