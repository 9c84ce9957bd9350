/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From libConfuse's values to ours: the top of the file, the peers, and what must hold between the
 * places. Other sections have files of their own; single values are in conf_take.c. A value that is
 * wrong is reported, and the others are looked at all the same: every mistake that can be found is
 * found in one go.
 */
#include "base/conf_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/cleanup.h"

#define FILE_SIZE_MAX (INT64_C(1) << 40)
#define KEEP_SIZE_MIN (1024 * 1024)

/* STATE/control must fit into a socket's address. */
#define STATE_LEN_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof "/control")

static char *take_address(struct conf_source *s, const char *name, bool any)
{
	char *value = conf_take_str(s, name);

	if (value && !conf_address_ok(value, any))
		mistake(s->mistakes, conf_line_of(s, name),
			"%s is tcp://HOST:PORT or tcp://[IPV6]:PORT, port 1 to 65534, not \"%s\"",
			name, value);
	return value;
}

static int add_exclude(void *to, const char *pattern, const char **why)
{
	return locality_exclude(to, pattern, why);
}

static int add_include(void *to, const char *pattern, const char **why)
{
	return locality_include(to, pattern, why);
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
	conf_take_patterns(s, "accept", peer->accept, conf_add_match);
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
	conf_take_patterns(s, "exclude", c->locality, add_exclude);
	conf_take_patterns(s, "include", c->locality, add_include);
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
			conf_take_alert(&s, c);
		else if (strcmp(kind, "server") == 0)
			conf_take_server(&s, c);
		else if (strcmp(kind, "health") == 0)
			conf_take_health(&s, c);
		else if (strcmp(kind, "probe") == 0)
			conf_take_probe(&s, c);
		else if (strcmp(kind, "zone") == 0)
			conf_take_zone(&s, &c->zones[c->nzones++]);
		else
			conf_take_hook(&s, &c->hooks[c->nhooks++], c->mount);
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
