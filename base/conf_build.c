/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From libConfuse's values to ours. A value that is wrong is reported, and the others are looked at
 * all the same: every mistake that can be found is found in one go.
 */
#include "base/conf_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/err.h"

#define HOOK_ARGS_MAX 64
#define FILE_SIZE_MAX (INT64_C(1) << 40)
#define KEEP_SIZE_MIN (1024 * 1024)

/* STATE/control must fit into a socket's address. */
#define STATE_LEN_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof "/control")

int conf_line_of(const struct conf_source *s, const char *name)
{
	return conf_line(s->text, s->section, name, 0);
}

char *conf_take_str(struct conf_source *s, const char *name)
{
	const char *value = cfg_getstr(s->cfg, name);

	if (!value) {
		const struct section *section = s->section;

		if (!conf_given(section, name) && section->kind)
			mistake(s->mistakes, conf_line_of(s, name), "the %s \"%s\" has no %s",
				section->kind->name, cfg_title(s->cfg), name);
		else if (!conf_given(section, name))
			mistake(s->mistakes, 0, "%s is missing", name);
		return NULL;
	}
	char *copy = strdup(value);
	s->failed |= !copy;
	return copy;
}

char *conf_take_name(struct conf_source *s, const char *name)
{
	char *value = conf_take_str(s, name);

	if (value && !conf_name_ok(value))
		mistake(s->mistakes, conf_line_of(s, name),
			"%s is 1 to 63 letters, digits, '.', '_' and '-', not \"%s\"", name, value);
	return value;
}

char *conf_take_path(struct conf_source *s, const char *name)
{
	char *value = conf_take_str(s, name);
	const char *wrong = value ? conf_path_wrong(value) : NULL;

	if (wrong)
		mistake(s->mistakes, conf_line_of(s, name), "%s \"%s\" %s", name, value, wrong);
	return value;
}

static char *take_address(struct conf_source *s, const char *name, bool any)
{
	char *value = conf_take_str(s, name);

	if (value && !conf_address_ok(value, any))
		mistake(s->mistakes, conf_line_of(s, name),
			"%s is tcp://HOST:PORT or tcp://[IPV6]:PORT, port 1 to 65534, not \"%s\"",
			name, value);
	return value;
}

int conf_take_int(struct conf_source *s, const char *name, int min, int max)
{
	long value = cfg_getint(s->cfg, name);

	if (value < min || value > max) {
		mistake(s->mistakes, conf_line_of(s, name), "%s is between %d and %d, not %ld", name,
			min, max, value);
		return min;
	}
	return (int)value;
}

/* Adds a list's patterns with `add`. */
static void take_patterns(struct conf_source *s, const char *name, void *to,
			  int (*add)(void *to, const char *pattern, const char **why))
{
	for (unsigned i = 0; i < cfg_size(s->cfg, name); i++) {
		const char *pattern = cfg_getnstr(s->cfg, name, i);
		const char *why;

		int r = add(to, pattern, &why);
		s->failed |= r == -ENOMEM;
		if (r < 0 && r != -ENOMEM)
			mistake(s->mistakes, conf_line(s->text, s->section, name, i),
				"%s \"%.100s\": %s", name, pattern, why);
	}
}

static int add_exclude(void *to, const char *pattern, const char **why)
{
	return locality_exclude(to, pattern, why);
}

static int add_include(void *to, const char *pattern, const char **why)
{
	return locality_include(to, pattern, why);
}

static int add_match(void *to, const char *pattern, const char **why)
{
	return patterns_add(to, pattern, why);
}

/* What is taken from a peer: all, where nothing is said. */
static void take_accept(struct conf_source *s, struct conf_peer *peer)
{
	if (!conf_given(s->section, "accept"))
		return;
	peer->accept = patterns_new();
	s->failed |= !peer->accept;
	if (!peer->accept)
		return;
	take_patterns(s, "accept", peer->accept, add_match);
	if (conf_has(s->section, "accept") && cfg_size(s->cfg, "accept") == 0)
		mistake(s->mistakes, conf_line_of(s, "accept"),
			"an empty accept takes nothing: receive-only = true says so");
	else if (peer->receive_only)
		mistake(s->mistakes, conf_line_of(s, "accept"),
			"the peer \"%s\" is receive-only: nothing is taken from it, whatever accept "
			"says",
			cfg_title(s->cfg));
}

static void take_peer(struct conf_source *s, struct conf_peer *peer)
{
	peer->name = strdup(cfg_title(s->cfg));
	peer->line = s->text->tokens[s->section->title].line;
	s->failed |= !peer->name;
	if (!conf_name_ok(cfg_title(s->cfg)))
		mistake(s->mistakes, peer->line,
			"a peer's name is 1 to 63 letters, digits, '.', '_' and '-', not \"%s\"",
			cfg_title(s->cfg));
	peer->address = take_address(s, "address", false);
	peer->receive_only = cfg_getbool(s->cfg, "receive-only");
	take_accept(s, peer);

	CLEANUP_FREE char *key = conf_take_str(s, "key");
	if (key && !conf_z85_ok(key))
		mistake(s->mistakes, conf_line_of(s, "key"),
			"the key is not 40 characters of Z85 (in single quotes)");
	else if (key)
		memcpy(peer->key, key, CONF_KEY_LEN + 1);
}

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

static void take_alert(struct conf_source *s, struct conf *c)
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

static void take_server(struct conf_source *s, struct conf *c)
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

static void take_hook(struct conf_source *s, struct conf_hook *hook, const char *mount)
{
	take_program(s, hook, mount);
	hook->match = patterns_new();
	s->failed |= !hook->match;
	hook->quiet_msec = conf_take_int(s, "quiet", 0, 1000);
	hook->persistent = cfg_getbool(s->cfg, "persistent") == cfg_true;
	if (!hook->match)
		return;
	take_patterns(s, "match", hook->match, add_match);
	if (conf_has(s->section, "match") && cfg_size(s->cfg, "match") == 0)
		mistake(s->mistakes, conf_line_of(s, "match"), "an empty match matches nothing");
	const char *why;
	if (!conf_given(s->section, "match"))
		s->failed |= patterns_add(hook->match, "**", &why) < 0;
}

static void take_sizes(struct conf_source *s, struct conf *c)
{
	CLEANUP_FREE char *size = conf_take_str(s, "max-file-size");
	CLEANUP_FREE char *keep = conf_take_str(s, "keep-size");

	if (size && (!conf_size(size, &c->max_file_size) || c->max_file_size < 1 ||
		     c->max_file_size > FILE_SIZE_MAX))
		mistake(
		    s->mistakes, conf_line_of(s, "max-file-size"),
		    "max-file-size is a number of bytes, or one with K, M or G, up to 1024G, not "
		    "\"%s\"",
		    size);
	if (keep && (!conf_size(keep, &c->keep_bytes) || c->keep_bytes < KEEP_SIZE_MIN ||
		     c->keep_bytes > FILE_SIZE_MAX))
		mistake(
		    s->mistakes, conf_line_of(s, "keep-size"),
		    "keep-size is a number of bytes, or one with K, M or G, 1M to 1024G, not \"%s\"",
		    keep);
}

static void take_level(struct conf_source *s, struct conf *c)
{
	static const char *const levels[] = {"error", "warning", "notice", "info", "debug"};

	c->log_level = conf_take_str(s, "log-level");
	if (!c->log_level)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (strcmp(c->log_level, levels[i]) == 0)
			return;
	mistake(s->mistakes, conf_line_of(s, "log-level"),
		"log-level is error, warning, notice, info or debug, not \"%s\"", c->log_level);
}

static void take_top(struct conf_source *s, struct conf *c)
{
	c->node = conf_take_name(s, "node");
	c->mount = conf_take_path(s, "mount");
	c->state = conf_take_path(s, "state");
	c->listen = take_address(s, "listen", true);
	c->key_file = conf_take_path(s, "key-file");
	c->user = conf_take_name(s, "user");
	c->mount_line = conf_line_of(s, "mount");
	c->state_line = conf_line_of(s, "state");
	c->key_file_line = conf_line_of(s, "key-file");
	c->user_line = conf_line_of(s, "user");
	c->dev = cfg_getbool(s->cfg, "dev");
	take_sizes(s, c);
	c->delete_delay_msec = conf_take_int(s, "delete-delay", 0, 60000);
	c->settle_msec = conf_take_int(s, "settle", 10, 600000);
	c->close_delay_msec = conf_take_int(s, "close-delay", 0, 10000);
	c->stop_timeout_sec = conf_take_int(s, "stop-timeout", 0, 3600);
	c->keep_versions = conf_take_int(s, "keep-versions", 1, 10000);
	c->keep_age_days = conf_take_int(s, "keep-age", 1, 36500);
	c->forget_after_days = conf_take_int(s, "forget-after", 0, 36500);
	c->brake_share = conf_take_int(s, "brake-share", 0, 100);
	c->brake_paths = conf_take_int(s, "brake-paths", 0, 1000000);
	c->allow_setid = cfg_getbool(s->cfg, "allow-setid");
	take_level(s, c);
	c->locality = locality_new();
	if (!c->locality) {
		s->failed = true;
		return;
	}
	take_patterns(s, "exclude", c->locality, add_exclude);
	take_patterns(s, "include", c->locality, add_include);
}

/* What must hold between the places. */
static void check_places(struct conf_source *s, const struct conf *c)
{
	if (c->state && strlen(c->state) > STATE_LEN_MAX)
		mistake(s->mistakes, conf_line_of(s, "state"),
			"state is longer than %zu bytes: the control socket's name wouldn't fit",
			STATE_LEN_MAX);
	if (c->mount && c->state && conf_path_within(c->state, c->mount))
		mistake(s->mistakes, conf_line_of(s, "state"), "state lies in the mounted tree");
	else if (c->mount && c->state && conf_path_within(c->mount, c->state))
		mistake(s->mistakes, conf_line_of(s, "mount"), "mount lies in the state directory");
	if (c->mount && c->key_file && conf_path_within(c->key_file, c->mount))
		mistake(s->mistakes, conf_line_of(s, "key-file"),
			"key-file lies in the mounted tree: the peers would get the secret key");
}

static void check_peer(struct conf_source *s, const struct conf *c, size_t n)
{
	const struct conf_peer *peer = &c->peers[n];
	int line = peer->line;

	if (c->node && peer->name && strcmp(peer->name, c->node) == 0)
		mistake(s->mistakes, line, "the peer \"%s\" has this node's own name", peer->name);
	if (c->listen && peer->address && strcasecmp(peer->address, c->listen) == 0)
		mistake(s->mistakes, line, "the peer \"%s\" has this node's own address",
			peer->name);
	for (size_t i = 0; i < n; i++) {
		const struct conf_peer *other = &c->peers[i];

		if (peer->address && other->address &&
		    strcasecmp(peer->address, other->address) == 0)
			mistake(s->mistakes, line,
				"the peers \"%s\" and \"%s\" have the same address", other->name,
				peer->name);
		if (peer->key[0] && strcmp(peer->key, other->key) == 0)
			mistake(s->mistakes, line, "the peers \"%s\" and \"%s\" have the same key",
				other->name, peer->name);
	}
}

/* The sections of one kind: libConfuse's nth is the nth of ours. */
static void take_sections(const struct conf_source *top, const char *kind, struct conf *c, bool *failed)
{
	unsigned nth = 0;

	for (size_t i = 1; i < top->text->nsections; i++) {
		struct conf_source s = *top;

		s.section = &top->text->sections[i];
		if (strcmp(s.section->kind->name, kind) != 0)
			continue;
		s.cfg = cfg_getnsec(top->cfg, kind, nth++);
		if (strcmp(kind, "peer") == 0)
			take_peer(&s, &c->peers[c->npeers++]);
		else if (strcmp(kind, "alert") == 0)
			take_alert(&s, c);
		else if (strcmp(kind, "server") == 0)
			take_server(&s, c);
		else if (strcmp(kind, "health") == 0)
			conf_take_health(&s, c);
		else if (strcmp(kind, "probe") == 0)
			conf_take_probe(&s, c);
		else if (strcmp(kind, "zone") == 0)
			conf_take_zone(&s, &c->zones[c->nzones++]);
		else
			take_hook(&s, &c->hooks[c->nhooks++], c->mount);
		*failed |= s.failed;
	}
}

int conf_build(struct conf *c, cfg_t *cfg, const struct conf_text *text)
{
	struct conf_source s = {
	    .cfg = cfg,
	    .section = &text->sections[0],
	    .text = text,
	    .mistakes = text->mistakes,
	};

	c->peers = calloc(cfg_size(cfg, "peer") + 1, sizeof *c->peers);
	c->hooks = calloc(cfg_size(cfg, "hook") + 1, sizeof *c->hooks);
	c->probes = calloc(cfg_size(cfg, "probe") + 1, sizeof *c->probes);
	c->zones = calloc(cfg_size(cfg, "zone") + 1, sizeof *c->zones);
	if (!c->peers || !c->hooks || !c->probes || !c->zones)
		return -ENOMEM;
	take_top(&s, c);
	take_sections(&s, "peer", c, &s.failed);
	take_sections(&s, "hook", c, &s.failed);
	take_sections(&s, "alert", c, &s.failed);
	take_sections(&s, "server", c, &s.failed);
	take_sections(&s, "probe", c, &s.failed);
	take_sections(&s, "health", c, &s.failed);
	take_sections(&s, "zone", c, &s.failed);
	if (s.failed)
		return -ENOMEM;
	check_places(&s, c);
	conf_check_health(&s, c);
	for (size_t i = 0; i < c->npeers; i++)
		check_peer(&s, c, i);
	return 0;
}
