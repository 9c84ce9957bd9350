/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl join --dry-run: on a host where zonefs has never run. The peers are asked over the link by
 * the program that speaks with peers, as its own user (zonefs-replicator -j), which they do not take for
 * a node; the tree is read here, by root.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/join_tree.h"
#include "tools/zonefsctl/stopped.h"
#include "tools/zonefsctl/text.h"
#include "tools/zonefsctl/zonefsctl.h"

#define OUT_FD 3 /* of replicator/main.c */
#define CONF_FD 4
#define KEYS_FD 5
#define HIGH_FD 10
#define CLOCK_MSEC 1000

struct join {
	bool json;
	json_t *peers;   /* their lines */
	json_t *entries; /* by path */
	bool ended;
	bool returning;  /* a peer has heard this node's key */
	int established; /* peers that have a tree */
	int problems;
	uint64_t n[JOIN_ACTIONS];
	uint64_t bytes[JOIN_ACTIONS];
};

/* ---- is there anything to ask? ---- */

static int has_joined(const struct conf *c)
{
	CLEANUP_FREE char *store = NULL;
	struct statfs fs;
	struct stat st;

	if (statfs(c->mount, &fs) == 0 && fs.f_type == FUSE_SUPER_MAGIC)
		return ctl_fail("zonefs is running at %s: this node has joined, or is joining; "
				"zonefsctl status says how it stands",
				c->mount);
	if (asprintf(&store, "%s/zonefs.db", c->state) < 0)
		return ctl_fail("out of memory");
	if (stat(store, &st) == 0)
		return ctl_fail(
		    "%s is there: zonefs was started here before, and this node has joined: "
		    "when it is started again, it catches up",
		    store);
	if (stat(c->mount, &st) < 0)
		return ctl_fail("%s: %s: make the directory first", c->mount, strerror(errno));
	if (c->npeers == 0)
		return ctl_fail("%s: no peer is configured: there is nobody to join", c->file);
	return CTL_OK;
}

/* ---- asking the peers ---- */

/* In the child: becomes the replicator's user, and the replicator. */
static void become(const struct conf *c, const struct passwd *user, int out, int conf_fd,
		   int keys_fd)
{
	char program[PATH_MAX];
	int fds[] = {fcntl(out, F_DUPFD, HIGH_FD), fcntl(conf_fd, F_DUPFD, HIGH_FD),
		     fcntl(keys_fd, F_DUPFD, HIGH_FD)};

	stopped_program(program);
	for (int i = 0; i < 3; i++)
		if (fds[i] < 0 || dup2(fds[i], OUT_FD + i) < 0)
			_exit(127);
	closefrom(KEYS_FD + 1);
	if (user &&
	    (setgroups(0, NULL) < 0 || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0)) {
		ctl_fail("cannot become the user %s: %s", c->user, strerror(errno));
		_exit(127);
	}
	execl(program, "zonefs-replicator", "-j", "-c", c->file, (char *)NULL);
	ctl_fail("%s: %s", program, strerror(errno));
	_exit(127);
}

static FILE *start(const struct conf *c, pid_t *pid)
{
	const struct passwd *user = geteuid() == 0 ? getpwnam(c->user) : NULL;
	struct conf_keys keys;
	int pair[2];

	if (geteuid() == 0 && !user) {
		ctl_fail("%s: there is no user \"%s\" on this host", c->file, c->user);
		return NULL;
	}
	/* For its sentences only: whose it is, and who may read it. */
	int err = conf_read_keys(c->key_file, &keys, conf_report_stderr, NULL);
	explicit_bzero(&keys, sizeof(keys));
	if (err < 0)
		return NULL;
	CLEANUP_CLOSE int conf_fd = open(c->file, O_RDONLY | O_CLOEXEC);
	CLEANUP_CLOSE int keys_fd = open(c->key_file, O_RDONLY | O_CLOEXEC);
	if (conf_fd < 0 || keys_fd < 0 || pipe2(pair, O_CLOEXEC) < 0) {
		ctl_fail("%s: %s", conf_fd < 0 ? c->file : c->key_file, strerror(errno));
		return NULL;
	}
	*pid = fork();
	if (*pid == 0)
		become(c, user, pair[1], conf_fd, keys_fd);
	close(pair[1]);
	FILE *from = *pid > 0 ? fdopen(pair[0], "r") : NULL;
	if (!from) {
		ctl_fail("no process can be started: %s", strerror(errno));
		close(pair[0]);
	}
	return from;
}

static void take(struct join *j, json_t *line)
{
	if (line_is(line, "peer"))
		json_array_append(j->peers, line);
	else if (line_is(line, "entry"))
		json_object_set(j->entries, line_text(line, "path"), line);
	else if (line_bool(line, "end"))
		j->ended = true;
}

static int ask(struct join *j, const struct conf *c)
{
	CLEANUP_FREE char *text = NULL;
	size_t size = 0;
	pid_t pid = 0;
	int status = 0;
	FILE *from = start(c, &pid);

	if (!from)
		return CTL_FAILED;
	while (getline(&text, &size, from) > 0) {
		json_t *line = json_loads(text, 0, NULL);

		if (json_is_object(line))
			take(j, line);
		json_decref(line);
	}
	fclose(from);
	waitpid(pid, &status, 0);
	if (j->ended && status == 0)
		return CTL_OK;
	return ctl_fail("the peers could not be asked");
}

/* ---- what the peers say ---- */

static void problem(struct join *j, const char *peer, const char *words)
{
	j->problems++;
	if (!j->json)
		printf("%s: %s\n", peer, words);
}

static void say_clock(const char *name, long long offset)
{
	char span[CLOCK_SPAN_TEXT];

	clock_span(span, offset < 0 ? -offset : offset);
	if (offset > CLOCK_MSEC || offset < -CLOCK_MSEC)
		printf("%s: its clock is %s %s of this one: are both set by NTP?\n", name, span,
		       offset < 0 ? "behind" : "ahead");
}

static void judge_peer(struct join *j, const struct conf *c, const json_t *p)
{
	const char *name = line_text(p, "peer");
	CLEANUP_FREE char *words = NULL;

	if (!line_bool(p, "answered")) {
		problem(j, name, line_text(p, "words"));
		return;
	}
	j->returning |= line_bool(p, "known");
	j->established += !line_bool(p, "joining");
	if (!j->json)
		printf("%s: lets this node in; %lld path%s\n", name, line_number(p, "paths"),
		       line_number(p, "paths") == 1 ? "" : "s");
	if (line_bool(p, "joining"))
		problem(j, name, "it is joining itself, and has no tree to take yet");
	if (line_bool(p, "paused"))
		problem(j, name, "replication is paused there: this node would wait for it");
	if (line_bool(p, "patterns_differ"))
		problem(j, name, "its \"exclude\" and \"include\" are others than here");
	if (line_bool(p, "receive_only_there"))
		problem(j, name, "it has this node as receive-only: it takes nothing from it");
	if (strcmp(line_text(p, "as"), c->node) != 0 &&
	    asprintf(&words, "it has this node's key as that of \"%s\", and this node is \"%s\"",
		     line_text(p, "as"), c->node) > 0)
		problem(j, name, words);
	if (!j->json)
		say_clock(name, line_number(p, "clock_offset_ms"));
}

/* ---- the plan ---- */

static const char *action_text(const struct join *j, enum join_action action)
{
	switch (action) {
	case JOIN_TAKE:
		return "take";
	case JOIN_REPLACE:
		return "replace";
	case JOIN_ONLY:
		return j->returning ? "set aside" : "publish";
	case JOIN_STAYS:
		return "stays";
	default:
		return "same";
	}
}

static void say_plan(const struct join *j, const struct join_plan *p)
{
	char size[TEXT_MAX];

	text_size(size, (int64_t)(p->action == JOIN_TAKE ? p->there : p->here));
	printf("%-9s  %s", action_text(j, p->action), p->path);
	if (p->what[0])
		printf(": %s", p->what);
	if (p->here || p->there)
		printf(" (%s)", size);
	putchar('\n');
}

static void print(json_t *o)
{
	CLEANUP_FREE char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	if (text)
		puts(text);
}

static void plan(void *arg, const struct join_plan *p)
{
	struct join *j = arg;
	json_t *o;

	j->n[p->action]++;
	j->bytes[p->action] +=
	    p->action == JOIN_TAKE || p->action == JOIN_REPLACE ? p->there : p->here;
	if (p->action == JOIN_SAME)
		return;
	if (!j->json) {
		say_plan(j, p);
		return;
	}
	o = json_pack("{s:s, s:s, s:s, s:s}", "type", "planned", "action",
		      action_text(j, p->action), "path", p->path, "words", p->what);
	if (p->peer[0])
		json_object_set_new(o, "peer", json_string(p->peer));
	json_object_set_new(o, "bytes_here", json_integer((json_int_t)p->here));
	json_object_set_new(o, "bytes_there", json_integer((json_int_t)p->there));
	print(o);
}

static void say_end_json(const struct join *j)
{
	static const enum join_action told[] = {JOIN_SAME, JOIN_TAKE, JOIN_REPLACE, JOIN_ONLY,
						JOIN_STAYS};
	json_t *o = json_object();

	json_object_set_new(o, "type", json_string("summary"));
	json_object_set_new(o, "role",
			    json_string(j->established == 0 ? "first"
					: j->returning      ? "returning"
							    : "newcomer"));
	json_object_set_new(o, "problems", json_integer(j->problems));
	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		CLEANUP_FREE char *bytes = NULL;

		json_object_set_new(o, action_text(j, told[i]),
				    json_integer((json_int_t)j->n[told[i]]));
		if (asprintf(&bytes, "%s_bytes", action_text(j, told[i])) > 0)
			json_object_set_new(o, bytes, json_integer((json_int_t)j->bytes[told[i]]));
	}
	print(o);
}

static void say_end(const struct join *j)
{
	char taken[TEXT_MAX], replaced[TEXT_MAX], only[TEXT_MAX];

	text_size(taken, (int64_t)j->bytes[JOIN_TAKE]);
	text_size(replaced, (int64_t)j->bytes[JOIN_REPLACE]);
	text_size(only, (int64_t)j->bytes[JOIN_ONLY]);
	printf("%llu the same here; %llu would be taken from the peers (%s); %llu would be "
	       "replaced by "
	       "theirs (%s), and what is here %s; %llu only here (%s) would %s\n",
	       (unsigned long long)j->n[JOIN_SAME], (unsigned long long)j->n[JOIN_TAKE], taken,
	       (unsigned long long)j->n[JOIN_REPLACE], replaced,
	       j->returning ? "kept in the history"
			    : "kept in the history, and listed by conflicts",
	       (unsigned long long)j->n[JOIN_ONLY], only,
	       j->returning ? "go to the history" : "be published to the peers");
	if (j->returning)
		puts(
		    "the peers have heard this node before, and its store is not here: what it has "
		    "otherwise than they may be old");
	puts(j->problems ? "not all is ready: see above; nothing has been changed"
			 : "nothing has been changed: zonefs joins when it is started");
}

static int go(struct join *j, const struct conf *c)
{
	const json_t *p;
	size_t i;

	if (ask(j, c) != CTL_OK)
		return CTL_FAILED;
	json_array_foreach(j->peers, i, p)
	{
		if (j->json)
			print(json_incref((json_t *)(uintptr_t)p));
		judge_peer(j, c, p);
	}
	if (j->established > 0) {
		if (join_compare(c, j->entries, plan, j) < 0)
			return ctl_fail("nothing more can be said; nothing has been changed");
	} else if (!j->json) {
		puts("no peer that has a tree has answered: what would change here is not known; "
		     "nothing "
		     "has been changed");
	}
	if (j->json)
		say_end_json(j);
	else if (j->established > 0)
		say_end(j);
	return j->problems ? CTL_FAILED : CTL_OK;
}

int cmd_join(int argc, char **argv)
{
	static const struct option options[] = {
	    {"dry-run", no_argument, NULL, 'n'}, {"json", no_argument, NULL, 'j'}, {0}};
	struct join j = {.json = false};
	bool dry = false;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "n", options, NULL)) != -1) {
		if (c == 'n')
			dry = true;
		else if (c == 'j')
			j.json = true;
		else
			return ctl_usage("join");
	}
	if (optind != argc || !dry) {
		if (optind == argc)
			fputs("zonefsctl: a node joins by itself when zonefs is started for the "
			      "first "
			      "time; join --dry-run says before what that would change\n",
			      stderr);
		return ctl_usage("join");
	}
	const struct conf *conf = client_conf();
	if (!conf || has_joined(conf) != CTL_OK)
		return CTL_FAILED;
	j.peers = json_array();
	j.entries = json_object();
	int status = go(&j, conf);
	json_decref(j.peers);
	json_decref(j.entries);
	return status;
}
