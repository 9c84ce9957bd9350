/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One zone: its files as they would be, and as they were released last; then the name server's checker and
 * the examination, side by side.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/named_include.h"
#include "replicator/checks.h"
#include "replicator/judge/judge_internal.h"
#include "replicator/judge/judge_serials.h"
#include "replicator/judge/judge_watch.h"
#include "replicator/portal.h"
#include "replicator/thinker.h"

bool judge_zone_add(struct judgement *j, const struct named_zone *z, const char *path)
{
	struct judge_zone **grown = reallocarray(j->zones, j->nzones + 1, sizeof(*grown));
	struct judge_zone *to = grown ? calloc(1, sizeof(*to)) : NULL;

	if (grown)
		j->zones = grown;
	if (!to)
		return false;
	to->judgement = j;
	to->name = strdup(z->name);
	to->zclass = strdup(z->zclass);
	to->view = strdup(z->view ? z->view : "");
	to->path = strdup(path);
	to->checks = z->checks;
	to->text = z->checks.format == NAMED_TEXT;
	to->signs_itself = z->inline_signed;
	j->zones[j->nzones++] = to;
	return to->name && to->zclass && to->view && to->path;
}

static void files_free(struct judge_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		judge_file_fini(&f->list[i]);
	free(f->list);
}

static void side_free(struct examine_side *s)
{
	free(s->files);
	s->files = NULL;
}

void judge_zone_free(struct judge_zone *z)
{
	if (z->examined)
		examine_fini(&z->examine);
	side_free(&z->examine.is);
	side_free(&z->examine.was);
	files_free(&z->is);
	files_free(&z->was);
	free(z->name);
	free(z->zclass);
	free(z->view);
	free(z->path);
	free(z);
}

/* ---- its files ---- */

typedef bool file_at(struct judgement *j, const char *path, struct judge_file *to);

struct scan {
	struct judge_zone *zone;
	struct judge_files *files;
	file_at *at;
	size_t from; /* which is being looked through */
	bool failed;
};

/* Its place, -1: out of memory, or too many. */
static long add_file(struct scan *s, const char *path)
{
	struct judge_files *f = s->files;

	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->list[i].path, path) == 0)
			return (long)i;
	if (f->n == JUDGE_FILES_MAX)
		return -1;
	struct judge_file *grown = reallocarray(f->list, f->n + 1, sizeof(*grown));
	if (!grown)
		return -1;
	f->list = grown;
	if (!s->at(s->zone->judgement, path, &grown[f->n]))
		return -1;
	return (long)f->n++;
}

/* What lies elsewhere than in the tree is left out: the checker says what is wrong with it. */
static bool included(void *arg, const char *name, size_t line)
{
	struct scan *s = arg;
	struct judgement *j = s->zone->judgement;
	CLEANUP_FREE char *absolute = named_conf_absolute(j->directory, name);
	CLEANUP_FREE char *path = absolute ? zones_path(j->node->conf, absolute) : NULL;

	(void)line;
	if (!path)
		return true;
	long to = add_file(s, path);
	struct judge_file *f = &s->files->list[s->from];
	struct examine_include *grown =
	    to < 0 ? NULL : reallocarray(f->included, f->nincluded + 1, sizeof(*grown));
	char *copy = grown ? strdup(name) : NULL;
	if (grown)
		f->included = grown;
	s->failed |= !copy;
	if (copy)
		f->included[f->nincluded++] = (struct examine_include){copy, (size_t)to};
	return copy;
}

/* True: all that is included is known. */
static bool scan(struct judge_zone *z, struct judge_files *f, file_at *at)
{
	struct scan s = {.zone = z, .files = f, .at = at};

	if (f->n == 0 && add_file(&s, z->path) < 0) {
		judge_say(z->judgement, VERDICT_UNKNOWN, "%s", err_text(-ENOMEM));
		return true;
	}
	for (; f->scanned < f->n; f->scanned++) {
		const struct judge_text *t = f->list[f->scanned].text;

		if (t && !t->read)
			return false;
		s.from = f->scanned;
		if (t && t->status == 0 && z->text)
			named_include_zone(t->data, t->len, included, &s);
	}
	if (s.failed)
		judge_say(z->judgement, VERDICT_BAD, "%s: includes too many files", z->path);
	return true;
}

static void stage(struct judge_zone *z)
{
	for (size_t i = 0; i < z->is.n; i++)
		if (z->is.list[i].text && judge_differs(z->judgement, z->is.list[i].path))
			judge_text_stage(z->is.list[i].text);
}

/* ---- the checker ---- */

/* It is not as it should be: so another content of any of its files may mend it. */
void judge_zone_watch(const struct judge_zone *z)
{
	for (size_t i = 0; i < z->is.n; i++)
		watch_look(z->judgement, z->is.list[i].path);
}

bool judge_zone_has(const struct judge_zone *z, const char *path)
{
	for (size_t i = 0; i < z->is.n; i++)
		if (strcmp(z->is.list[i].path, path) == 0)
			return true;
	return false;
}

static void checked(void *arg, const struct check_result *r)
{
	struct judge_zone *z = arg;
	size_t len = strlen(r->words);

	z->asked--;
	z->judgement->asked--;
	z->check = 0;
	z->passed = r->verdict == CHECK_GOOD;
	if (r->verdict == CHECK_BAD)
		judge_zone_watch(z);
	while (len > 0 && r->words[len - 1] == '\n')
		len--;
	if (z->verified && !z->passed) {
		judge_say(z->judgement, r->verdict == CHECK_BAD ? VERDICT_BAD : VERDICT_UNKNOWN,
			  "%s: its signatures %s: %.*s", z->path,
			  r->verdict == CHECK_BAD ? "are not good" : "could not be checked",
			  (int)len, r->words);
		return;
	}
	if (r->verdict == CHECK_BAD)
		judge_say(z->judgement, VERDICT_BAD, "%s%s%s%.*s", z->view[0] ? "in view " : "",
			  z->view, z->view[0] ? ": " : "", (int)len, r->words);
	else if (r->verdict == CHECK_COULD_NOT)
		judge_say(z->judgement, VERDICT_UNKNOWN, "%s could not be checked: %.*s", z->path,
			  (int)len, r->words);
}

static int send_check(struct judge_zone *z, enum check_kind kind)
{
	struct judgement *j = z->judgement;
	struct check *c CLEANUP_FREE = calloc(1, sizeof(*c));
	const char *author = NULL;
	int err = 0;

	if (!c)
		return -ENOMEM;
	if (!j->trial->own)
		author = j->author ? j->author : core_origin_node(j->node->core, j->trial->items[0].version->dot.origin);
	c->kind = kind;
	snprintf(c->author, sizeof(c->author), "%s", author ? author : "");
	snprintf(c->zone, sizeof(c->zone), "%s", z->name);
	snprintf(c->zclass, sizeof(c->zclass), "%s", z->zclass);
	snprintf(c->path, sizeof(c->path), "%s", z->path);
	snprintf(c->directory, sizeof(c->directory), "%s", j->directory);
	c->checks = z->checks;
	for (size_t i = 0; i < z->is.n && err == 0; i++)
		if (judge_differs(j, z->is.list[i].path))
			err = judge_check_item(c, &z->is.list[i]);
	if (err == 0)
		err = checks_start(j->node, c, checked, z);
	if (err == 0)
		z->check = portal_begun(j->node->portal);
	check_fini(c);
	return err;
}

/* ---- the examination ---- */

static bool make_side(struct examine_side *side, const struct judge_files *f, uint64_t *size)
{
	if (f->n == 0 || !f->list[0].text || f->list[0].text->status < 0)
		return true;
	side->files = calloc(f->n, sizeof(*side->files));
	if (!side->files)
		return false;
	side->n = f->n;
	for (size_t i = 0; i < f->n; i++) {
		const struct judge_file *from = &f->list[i];
		struct examine_file *to = &side->files[i];
		bool there = from->text && from->text->status == 0;

		to->path = from->path;
		to->text = there ? from->text->data : "";
		to->len = there ? from->text->len : 0;
		to->included = from->included;
		to->n = from->nincluded;
		*size += to->len;
	}
	return true;
}

static void work(void *arg)
{
	struct judge_zone *z = arg;

	examine_zone(&z->examine);
}

static void worked(void *arg)
{
	struct judge_zone *z = arg;

	z->asked--;
	z->judgement->asked--;
	z->examined = true;
	judge_examined(z);
}

static int start_examination(struct judge_zone *z)
{
	struct judgement *j = z->judgement;
	struct conf_zone_options o = conf_zone_options(j->node->conf, z->name);
	struct examine *e = &z->examine;
	uint64_t size = 0;

	e->zone = z->name;
	e->stop = &j->given_up;
	e->shrink = (unsigned)o.guard_shrink;
	e->limits = (struct lint_limits){z->checks.max_records_per_type, z->checks.max_types_per_name};
	e->known = serials_highest(j->node, z->name, z->view, &e->highest);
	e->raises = o.serial == CONF_SERIAL_RAISE && j->trial->own;
	if (!make_side(&e->is, &z->is, &size) || !make_side(&e->was, &z->was, &size))
		return -ENOMEM;
	return thinker_start(j->node->thinker, size > JUDGE_LARGE, work, worked, z);
}

/* ---- all of it ---- */

static void count(struct judge_zone *z)
{
	z->asked++;
	z->judgement->asked++;
}

/* False: not now. */
static bool ask(struct judge_zone *z)
{
	struct judgement *j = z->judgement;
	const struct judge_text *t = z->is.list[0].text;

	if (!t) { /* an include of a zone that is not there itself */
		return true;
	}
	if (t->status == ERR_LIMIT) {
		judge_say(j, VERDICT_BAD, "%s: is larger than %d MiB, which is not checked",
			  z->path, JUDGE_TEXT_MAX >> 20);
		return true;
	}
	int err = send_check(z, CHECK_ZONE);
	if (err == -EAGAIN)
		return false;
	if (err == 0)
		count(z);
	else
		judge_say(j, err == ERR_LIMIT ? VERDICT_BAD : VERDICT_UNKNOWN,
			  "%s could not be checked: %s", z->path,
			  err == ERR_LIMIT ? "it includes too many changed files" : err_text(err));
	if (!z->text)
		return true;
	err = start_examination(z);
	if (err == 0)
		count(z);
	else
		judge_say(j, VERDICT_UNKNOWN, "%s could not be examined: %s", z->path,
			  err_text(err));
	return true;
}

/* Signatures, once the rest is good. What named has had since before zonefs was is served already. False:
 * not now. */
static bool ask_verification(struct judge_zone *z)
{
	const struct judgement *j = z->judgement;

	if (z->verified || !z->examined || !z->passed || !z->examine.verifiable ||
	    z->signs_itself || !j->node->conf->server->verify[0] ||
	    (j->trial->own && !judge_has_doubts(j)))
		return true;
	int err = send_check(z, CHECK_VERIFY);
	if (err == -EAGAIN)
		return false;
	z->verified = true;
	if (err == 0)
		count(z);
	else
		judge_say(z->judgement, VERDICT_UNKNOWN,
			  "%s: its signatures could not be checked: %s", z->path, err_text(err));
	return true;
}

bool judge_zone_work(struct judge_zone *z)
{
	struct judgement *j = z->judgement;

	if (z->state == ZONE_WAITS)
		z->state = ZONE_FILES;
	if (z->state == ZONE_FILES && z->is.n == 0 && !j->directory)
		z->state = ZONE_OVER;
	if (z->state == ZONE_FILES && scan(z, &z->is, judge_file_now) &&
	    scan(z, &z->was, judge_file_then)) {
		stage(z);
		z->state = z->is.n && z->was.n ? ZONE_STAGING : ZONE_OVER;
	}
	if (z->state == ZONE_STAGING && judge_texts_ready(j) && ask(z))
		z->state = ZONE_ASKED;
	if (z->state == ZONE_ASKED && z->asked == 0 && ask_verification(z) && z->asked == 0)
		z->state = ZONE_OVER;
	return z->state == ZONE_OVER;
}
