/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl diff: two versions of a path, by the system's diff, which gets them as files in memory; or
 * by their records (diff_records.h).
 * Exit status as diff's: 0 the same, 1 different, 2 trouble.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/diff_records.h"
#include "tools/zonefsctl/lines.h"
#include "tools/zonefsctl/text.h"
#include "tools/zonefsctl/zone_of.h"
#include "tools/zonefsctl/zonefsctl.h"

#define SILENCE_SEC 30
#define TROUBLE 2

/* ---- which versions ---- */

struct known {
	char *before;   /* the last one that is not shown now: what was there before, or another */
	char *conflict; /* the last one in conflict */
	char *now;
	char *held; /* what is on disk here, and no peer has */
};

static void keep(char **to, const json_t *line)
{
	free(*to);
	*to = strdup(line_text(line, "version"));
}

static void learn(void *arg, const json_t *line)
{
	struct known *k = arg;

	if (!line_is(line, "version"))
		return;
	if (line_bool(line, "held"))
		keep(&k->held, line);
	else if (line_bool(line, "visible"))
		keep(&k->now, line);
	else if (!line_bool(line, "history"))
		keep(&k->conflict, line);
	else
		keep(&k->before, line);
}

static int ask(const char *path, struct known *k)
{
	CLEANUP_FREE char *words = NULL;
	struct client_call call = {.command = "history",
				   .request = json_object(),
				   .silence_sec = SILENCE_SEC,
				   .each = learn,
				   .arg = k,
				   .words = &words};

	if (lines_add_path(call.request, path) != CTL_OK) {
		json_decref(call.request);
		return TROUBLE;
	}
	int status = client_call(&call);
	if (status != CTL_OK && words)
		ctl_fail("%s", words);
	return status == CTL_OK ? 0 : TROUBLE;
}

/* ---- the two sides ---- */

struct side {
	FILE *file;
	char name[32]; /* "/dev/fd/5" */
	char *label;
	json_t *line;
};

static int fetch(struct side *s, const char *path, const char *version)
{
	int fd = memfd_create("version", 0);
	char when[TEXT_MAX];

	s->file = fd < 0 ? NULL : fdopen(fd, "w+");
	if (!s->file) {
		ctl_fail("no memory for %s: %s", path, strerror(errno));
		return TROUBLE;
	}
	if (lines_content(path, version, s->file, &s->line) != CTL_OK)
		return TROUBLE;
	if (strcmp(line_text(s->line, "kind"), "link") == 0)
		fprintf(s->file, "-> %s\n", line_text(s->line, "target"));
	text_time(when, line_number(s->line, "time"));
	if (asprintf(&s->label, "%s@%s\t%.19s %s%s", line_text(s->line, "path"),
		     line_text(s->line, "id"), when, line_text(s->line, "node"),
		     strcmp(line_text(s->line, "kind"), "absent") == 0 ? " (deleted)" : "") < 0)
		s->label = NULL;
	snprintf(s->name, sizeof(s->name), "/dev/fd/%d", fd);
	return fflush(s->file) == 0 && s->label ? 0 : TROUBLE;
}

static void side_fini(struct side *s)
{
	if (s->file)
		fclose(s->file);
	free(s->label);
	json_decref(s->line);
}

static int say_attribute(const struct side *a, const struct side *b, const char *name)
{
	const char *old = line_text(a->line, name), *new = line_text(b->line, name);

	if (!old[0] || !new[0] || strcmp(old, new) == 0)
		return 0;
	printf("%s %s -> %s\n", name, old, new);
	return 1;
}

static int run_diff(const struct side *a, const struct side *b)
{
	int status;

	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		execlp("diff", "diff", "-u", "--label", a->label, "--label", b->label, "--",
		       a->name, b->name, (char *)NULL);
		fprintf(stderr, "zonefsctl: diff: %s\n", strerror(errno));
		_exit(TROUBLE);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		ctl_fail("diff: %s", strerror(errno));
		return TROUBLE;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : TROUBLE;
}

static int by_lines(const struct side *a, const struct side *b)
{
	int changed = say_attribute(a, b, "kind") + say_attribute(a, b, "mode") +
		      say_attribute(a, b, "owner") + say_attribute(a, b, "group");
	int status = run_diff(a, b);

	return status == 0 && changed ? 1 : status;
}

/* ---- as records ---- */

struct text {
	char *name; /* PATH@VERSION */
	char *map;
	size_t len;
};

static int text_of(struct text *t, const struct side *s)
{
	off_t len = lseek(fileno(s->file), 0, SEEK_END);
	const char *kind = line_text(s->line, "kind");

	if (asprintf(&t->name, "%s@%s", line_text(s->line, "path"), line_text(s->line, "id")) < 0)
		t->name = NULL;
	if (!t->name || len < 0) {
		ctl_fail("no memory to compare with");
		return TROUBLE;
	}
	if (strcmp(kind, "file") != 0 && strcmp(kind, "absent") != 0) {
		ctl_fail("%s: no file, so no records", t->name);
		return TROUBLE;
	}
	if (len == 0) /* deleted, too */
		return 0;
	t->map = mmap(NULL, (size_t)len, PROT_READ, MAP_PRIVATE, fileno(s->file), 0);
	if (t->map == MAP_FAILED) {
		t->map = NULL;
		ctl_fail("%s: %s", t->name, strerror(errno));
		return TROUBLE;
	}
	t->len = (size_t)len;
	return 0;
}

static void text_fini(struct text *t)
{
	if (t->map)
		munmap(t->map, t->len);
	free(t->name);
}

static int by_records(const char *zone, const char *path, const struct side *a,
		      const struct side *b)
{
	struct text was = {0}, is = {0};
	CLEANUP_FREE char *found = NULL;
	int status = text_of(&was, a);

	if (status == 0)
		status = text_of(&is, b);
	struct diff_text old = {was.name, was.map ? was.map : "", was.len};
	struct diff_text new = {is.name, is.map ? is.map : "", is.len};
	if (status == 0 && !zone && !diff_records_says_zone(&old, &new))
		zone = found = zone_of_path(path);
	if (status == 0)
		status = diff_records(zone, &old, &new, &(struct diff_telling){.indent = ""});
	text_fini(&was);
	text_fini(&is);
	return status;
}

struct how {
	bool records;
	const char *zone; /* NULL: as the texts say */
};

static int compare(const struct how *how, const char *path, const char *from, const char *to)
{
	struct side a = {0}, b = {0};
	int status = fetch(&a, path, from);

	if (status == 0)
		status = fetch(&b, path, to);
	if (status == 0)
		status = how->records ? by_records(how->zone, path, &a, &b) : by_lines(&a, &b);
	side_fini(&a);
	side_fini(&b);
	return status;
}

/* A zone's name in a path's place: the path of its file is there then. */
static int by_name(struct how *how, char **path, char **zone)
{
	char *file;

	if (!how->records)
		return 0;
	if (zone_of_name(*path, &file, zone) != CTL_OK)
		return TROUBLE;
	if (file) {
		free(*path);
		*path = file;
	}
	if (*zone && !how->zone)
		how->zone = *zone;
	return 0;
}

/* False: used wrongly. */
static bool options(struct how *how, int argc, char **argv)
{
	static const struct option known[] = {
	    {"records", no_argument, NULL, 'r'}, {"zone", required_argument, NULL, 'z'}, {0}};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'r')
			how->records = true;
		else if (c == 'z')
			how->zone = optarg;
		else
			return false;
	}
	return (how->records || !how->zone) && optind < argc && optind + 2 >= argc;
}

int cmd_diff(int argc, char **argv)
{
	struct how how = {0};
	CLEANUP_FREE char *path = NULL, *from = NULL, *zone = NULL;
	struct known k = {0};
	int status = TROUBLE;

	if (!options(&how, argc, argv))
		return ctl_usage("diff");
	const char *to = optind + 2 == argc ? argv[optind + 1] : NULL;
	bool named = lines_cut(argv[optind], &path, &from);
	if (to && (!named || to[0] != '@' || !to[1]))
		return ctl_usage("diff");
	if (path && by_name(&how, &path, &zone) != 0)
		return TROUBLE;
	if (!to || !named)
		status = ask(path, &k);
	const char *new = k.held ? k.held : k.now;
	const char *old = named ? from : k.held ? k.now : k.conflict ? k.conflict : k.before;
	if (to)
		status = compare(&how, path, from, to + 1);
	else if (status == 0 && !new)
		ctl_fail("%s: nothing that has a version is shown there now", path);
	else if (status == 0 && !old && k.held)
		ctl_fail("%s: it is new, and held here: zonefsctl show %s@%s", path, path, k.held);
	else if (status == 0 && !old)
		ctl_fail("%s has only one version", path);
	else if (status == 0)
		status = compare(&how, path, old, new);
	bool found = new && old;
	free(k.before);
	free(k.conflict);
	free(k.now);
	free(k.held);
	return !to && !found ? TROUBLE : status;
}
