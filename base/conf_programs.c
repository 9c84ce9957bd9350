/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The sections that name programs to run: hooks, the alert, and the name server with its checkers.
 * Nothing is run from the tree itself: who may write there would choose what runs here.
 */
#include "base/conf_text.h"

#include <stdlib.h>
#include <string.h>

#define HOOK_ARGS_MAX 64

static void take_run(struct conf_source *s, struct conf_hook *hook, const char *mount)
{
	unsigned n = cfg_size(s->cfg, "run");

	if (n == 0 && (conf_has(s->section, "run") || !conf_given(s->section, "run")))
		mistake(s->mistakes, conf_line_of(s, "run"), "the %s \"%s\" has nothing to run",
			s->section->kind->name, cfg_title(s->cfg));
	if (n > HOOK_ARGS_MAX)
		mistake(s->mistakes, conf_line_of(s, "run"), "run has more than %d arguments",
			HOOK_ARGS_MAX);
	hook->run = calloc(n + 1, sizeof *hook->run);
	if (!hook->run) {
		s->failed = true;
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		hook->run[i] = strdup(cfg_getnstr(s->cfg, "run", i));
		s->failed |= !hook->run[i];
	}
	if (n == 0 || !hook->run[0])
		return;
	const char *wrong = conf_path_wrong(hook->run[0]);
	if (wrong)
		mistake(s->mistakes, conf_line_of(s, "run"), "the program \"%s\" %s", hook->run[0],
			wrong);
	else if (mount && conf_path_within(hook->run[0], mount))
		mistake(s->mistakes, conf_line_of(s, "run"),
			"the program \"%s\" lies in the tree: nothing from there is run",
			hook->run[0]);
}

/* What hooks and alerts have in common. */
static void take_program(struct conf_source *s, struct conf_hook *hook, const char *mount)
{
	const char *kind = s->section->kind->name;

	hook->name = strdup(cfg_title(s->cfg));
	hook->line = s->text->tokens[s->section->title].line;
	s->failed |= !hook->name;
	if (!conf_name_ok(cfg_title(s->cfg)))
		mistake(s->mistakes, hook->line,
			"%s %s's name is 1 to 63 letters, digits, '.', '_' and '-', not \"%s\"",
			kind[0] == 'a' ? "an" : "a", kind, cfg_title(s->cfg));
	take_run(s, hook, mount);
	hook->user = conf_take_name(s, "user");
	hook->timeout_sec = conf_take_int(s, "timeout", 1, 3600);
}

void conf_take_alert(struct conf_source *s, struct conf *c)
{
	c->alert = calloc(1, sizeof *c->alert);
	if (!c->alert) {
		s->failed = true;
		return;
	}
	take_program(s, c->alert, c->mount);
	c->alert->after_sec = conf_take_int(s, "after", 0, 86400);
}

/* A program that is run with arguments of ours. */
static char *take_checker(struct conf_source *s, const char *name, const char *mount)
{
	char *value = conf_take_path(s, name);

	if (value && mount && conf_path_within(value, mount))
		mistake(s->mistakes, conf_line_of(s, name),
			"the program \"%s\" lies in the tree: nothing from there is run", value);
	return value;
}

/* A path that may be left out: "". */
static char *take_optional_path(struct conf_source *s, const char *name)
{
	return conf_given(s->section, name) ? conf_take_path(s, name) : conf_take_str(s, name);
}

/* Named's root: the mount unless it is said, and "/" where it has none of its own. */
static char *take_root(struct conf_source *s, const struct conf *c)
{
	const char *value = cfg_getstr(s->cfg, "root");

	if (!conf_given(s->section, "root") && c->mount)
		value = c->mount;
	else if (!value || strcmp(value, "/") != 0)
		return take_optional_path(s, "root");
	char *copy = strdup(value);
	s->failed |= !copy;
	return copy;
}

void conf_take_server(struct conf_source *s, struct conf *c)
{
	struct conf_server *server = calloc(1, sizeof *server);

	c->server = server;
	if (!server) {
		s->failed = true;
		return;
	}
	server->name = strdup(cfg_title(s->cfg));
	server->line = s->text->tokens[s->section->title].line;
	s->failed |= !server->name;
	server->root = take_root(s, c);
	server->conf = take_optional_path(s, "conf");
	server->user = conf_take_name(s, "user");
	server->checkconf = take_checker(s, "checkconf", c->mount);
	server->checkzone = take_checker(s, "checkzone", c->mount);
	server->verify = cfg_getstr(s->cfg, "verify")[0] ? take_checker(s, "verify", c->mount)
							 : conf_take_str(s, "verify");
	server->check_user = conf_take_name(s, "check-user");
	server->timeout_sec = conf_take_int(s, "timeout", 1, 3600);
	server->gate = cfg_getbool(s->cfg, "gate");
}

void conf_take_hook(struct conf_source *s, struct conf_hook *hook, const char *mount)
{
	take_program(s, hook, mount);
	hook->match = patterns_new();
	s->failed |= !hook->match;
	hook->quiet_msec = conf_take_int(s, "quiet", 0, 1000);
	hook->persistent = cfg_getbool(s->cfg, "persistent") == cfg_true;
	if (!hook->match)
		return;
	conf_take_patterns(s, "match", hook->match, conf_add_match);
	if (conf_has(s->section, "match") && cfg_size(s->cfg, "match") == 0)
		mistake(s->mistakes, conf_line_of(s, "match"), "an empty match matches nothing");
	const char *why;
	if (!conf_given(s->section, "match"))
		s->failed |= patterns_add(hook->match, "**", &why) < 0;
}
