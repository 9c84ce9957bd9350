/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefs.conf: the option tables, and the way from a file to a configuration.
 */
#include "base/conf_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

#define STR(name) CFG_STR(name, NULL, CFGF_NONE)
#define LIST(name) CFG_STR_LIST(name, NULL, CFGF_NONE)
#define INT(name, by_default) CFG_INT(name, by_default, CFGF_NONE)

#define SECTION_FLAGS (CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES)

static cfg_opt_t peer_options[] = {
    STR("address"), STR("key"), CFG_BOOL("receive-only", cfg_false, CFGF_NONE),
    LIST("accept"), CFG_END(),
};

static cfg_opt_t hook_options[] = {
    LIST("run"), STR("user"), LIST("match"), INT("quiet", 50), INT("timeout", 30),
    CFG_BOOL("persistent", cfg_false, CFGF_NONE), CFG_END(),
};

static cfg_opt_t alert_options[] = {
    LIST("run"), STR("user"), INT("timeout", 30), INT("after", 60), CFG_END(),
};

static cfg_opt_t server_options[] = {
    CFG_STR("root", "", CFGF_NONE),
    CFG_STR("conf", "", CFGF_NONE),
    STR("user"),
    CFG_STR("checkconf", "/usr/bin/named-checkconf", CFGF_NONE),
    CFG_STR("checkzone", "/usr/bin/named-checkzone", CFGF_NONE),
    CFG_STR("verify", "/usr/bin/dnssec-verify", CFGF_NONE),
    CFG_STR("check-user", "nobody", CFGF_NONE),
    INT("timeout", 60),
    CFG_BOOL("gate", cfg_true, CFGF_NONE),
    CFG_END(),
};

static cfg_opt_t zone_options[] = {
    STR("file"),
    STR("serial"),
    INT("guard-shrink", CONF_GUARD_SHRINK),
    CFG_END(),
};

static cfg_opt_t probe_options[] = {
    STR("address"),
    INT("port", 53),
    LIST("zones"),
    STR("view"),
    CFG_STR("type", "SOA", CFGF_NONE),
    CFG_BOOL("udp", cfg_true, CFGF_NONE),
    CFG_BOOL("tcp", cfg_true, CFGF_NONE),
    CFG_STR("answer", "authoritative", CFGF_NONE),
    INT("sample", 8),
    CFG_END(),
};

static cfg_opt_t health_options[] = {
    CFG_STR("state", "/var/lib/zonefs-health", CFGF_NONE),
    LIST("service"),
    INT("service-port", 53),
    INT("interval", 120),
    INT("fast-interval", 10),
    INT("timeout", 3),
    INT("fall", 5),
    INT("rise", 3),
    INT("start-timeout", 60),
    CFG_STR("on-data", "demote", CFGF_NONE),
    CFG_STR("on-stop", "stay", CFGF_NONE),
    INT("lag-limit", 300),
    INT("stale-limit", 300),
    INT("behind-limit", 300),
    INT("cut-off-limit", 3600),
    INT("damping", 60),
    INT("lease", 30),
    INT("min-announcing", 1),
    CFG_STR("disable", "/etc/zonefs/health.disable", CFGF_NONE),
    INT("command-timeout", 10),
    LIST("add-address"),
    LIST("remove-address"),
    LIST("announce"),
    LIST("withdraw"),
    LIST("withdrawn"),
    LIST("demote"),
    LIST("promote"),
    LIST("alert"),
    CFG_END(),
};

static cfg_opt_t options[] = {
    STR("node"),
    STR("mount"),
    STR("state"),
    STR("listen"),
    STR("key-file"),
    CFG_STR("user", "zonefs", CFGF_NONE),
    CFG_BOOL("dev", cfg_true, CFGF_NONE),
    CFG_STR("max-file-size", "1G", CFGF_NONE),
    INT("delete-delay", 100),
    INT("settle", 1000),
    INT("close-delay", 10),
    INT("stop-timeout", 10),
    INT("keep-versions", 10),
    INT("keep-age", 365),
    CFG_STR("keep-size", "10G", CFGF_NONE),
    INT("forget-after", 90),
    INT("brake-share", 25),
    INT("brake-paths", 20),
    CFG_BOOL("allow-setid", cfg_false, CFGF_NONE),
    CFG_STR("log-level", "notice", CFGF_NONE),
    LIST("exclude"),
    LIST("include"),
    CFG_SEC("peer", peer_options, SECTION_FLAGS),
    CFG_SEC("hook", hook_options, SECTION_FLAGS),
    CFG_SEC("alert", alert_options, SECTION_FLAGS),
    CFG_SEC("server", server_options, SECTION_FLAGS),
    CFG_SEC("probe", probe_options, SECTION_FLAGS),
    CFG_SEC("health", health_options, SECTION_FLAGS),
    CFG_SEC("zone", zone_options, SECTION_FLAGS),
    CFG_END(),
};

/* libConfuse's error callback has no argument of ours. */
static _Thread_local struct mistakes *confuse_mistakes;

static void confuse_error(cfg_t *cfg, const char *format, va_list args)
{
	CLEANUP_FREE char *sentence = NULL;

	if (vasprintf(&sentence, format, args) < 0) {
		sentence = NULL;
		return;
	}
	mistake(confuse_mistakes, cfg->line, "%s", sentence);
}

/* Values of what is in order, into c. */
static int parse_values(struct conf *c, const struct conf_text *text)
{
	cfg_t *cfg = cfg_init(options, CFGF_NONE);
	size_t before = text->mistakes->total;

	if (!cfg)
		return -ENOMEM;
	confuse_mistakes = text->mistakes;
	cfg_set_error_function(cfg, confuse_error);
	int r = cfg_parse_buf(cfg, text->text);
	confuse_mistakes = NULL;
	if (r == CFG_SUCCESS)
		r = conf_build(c, cfg, text);
	else if (text->mistakes->total == before)
		r = -ENOMEM; /* it says nothing for lack of memory only */
	cfg_free(cfg);
	return r;
}

static int parse(struct conf *c, const char *text, size_t len, struct mistakes *m)
{
	struct conf_text t;
	const char *nul = memchr(text, 0, len);
	int r = 0;

	if (len > CONF_SIZE_MAX) {
		mistake(m, 0, "is longer than %d bytes", CONF_SIZE_MAX);
		return 0;
	}
	if (nul) {
		mistake(m, 0, "has a NUL byte in it");
		return 0;
	}
	r = conf_text_init(&t, text, len, m);
	if (r < 0)
		return r;
	conf_index(&t, options);
	if (!t.broken)
		r = parse_values(c, &t);
	conf_text_fini(&t);
	return r;
}

struct conf *conf_parse(const char *file, const char *text, size_t len, conf_report *report,
			void *arg)
{
	struct mistakes m = {0};
	struct conf *c = calloc(1, sizeof *c);
	int r = -ENOMEM;

	if (c)
		c->file = strdup(file);
	if (c && c->file)
		r = parse(c, text, len, &m);
	if (r == -ENOMEM)
		mistake(&m, 0, "%s", err_text(r));
	if (mistakes_report(&m, file, report, arg))
		return c;
	conf_free(c);
	return NULL;
}

/* The whole file, or NULL with the reason in m. */
static char *read_file(const char *file, size_t *len, struct mistakes *m)
{
	struct stat st;
	size_t at = 0;
	CLEANUP_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, &st) < 0) {
		mistake(m, 0, "can't be opened: %s%s", strerror(errno),
			errno == ENOENT ? " (zonefs.conf(5) says what is in it)" : "");
		return NULL;
	}
	if (!S_ISREG(st.st_mode))
		mistake(m, 0, "is not a regular file");
	else if (st.st_mode & 022)
		mistake(m, 0, "may be written by others (mode %04o): chmod go-w %s",
			st.st_mode & 07777, file);
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		mistake(m, 0, "belongs to user %u, neither root nor %u who runs this", st.st_uid,
			geteuid());
	else if (st.st_size > CONF_SIZE_MAX)
		mistake(m, 0, "is longer than %d bytes", CONF_SIZE_MAX);
	if (m->total)
		return NULL;
	char *text = malloc(CONF_SIZE_MAX + 1);
	ssize_t got = 0;
	while (text && at <= CONF_SIZE_MAX) {
		got = read(fd, text + at, CONF_SIZE_MAX + 1 - at);
		if (got <= 0)
			break;
		at += (size_t)got;
	}
	if (!text || got < 0) {
		mistake(m, 0, "can't be read: %s", strerror(errno));
		free(text);
		return NULL;
	}
	*len = at;
	return text;
}

char *conf_load(const char *file, size_t *len, conf_report *report, void *arg)
{
	struct mistakes m = {0};
	char *text = read_file(file, len, &m);

	if (mistakes_report(&m, file, report, arg))
		return text;
	free(text);
	return NULL;
}

struct conf *conf_read(const char *file, conf_report *report, void *arg)
{
	size_t len = 0;
	CLEANUP_FREE char *text = conf_load(file, &len, report, arg);

	return text ? conf_parse(file, text, len, report, arg) : NULL;
}

static void free_hook(struct conf_hook *hook)
{
	free(hook->name);
	for (size_t i = 0; hook->run && hook->run[i]; i++)
		free(hook->run[i]);
	free(hook->run);
	free(hook->user);
	patterns_free(hook->match);
}

static void free_server(struct conf_server *server)
{
	if (!server)
		return;
	free(server->name);
	free(server->root);
	free(server->conf);
	free(server->user);
	free(server->checkconf);
	free(server->checkzone);
	free(server->verify);
	free(server->check_user);
	free(server);
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->npeers; i++) {
		free(c->peers[i].name);
		free(c->peers[i].address);
		patterns_free(c->peers[i].accept);
	}
	for (size_t i = 0; i < c->nhooks; i++)
		free_hook(&c->hooks[i]);
	if (c->alert)
		free_hook(c->alert);
	free(c->alert);
	free_server(c->server);
	conf_free_health(c);
	conf_free_zones(c);
	free(c->peers);
	free(c->hooks);
	free(c->file);
	free(c->node);
	free(c->mount);
	free(c->state);
	free(c->listen);
	free(c->key_file);
	free(c->user);
	free(c->log_level);
	locality_free(c->locality);
	free(c);
}

void conf_report_stderr(void *arg, const char *file, int line, const char *sentence)
{
	(void)arg;
	if (line > 0)
		fprintf(stderr, "%s:%d: %s\n", file, line, sentence);
	else
		fprintf(stderr, "%s: %s\n", file, sentence);
}

char *conf_control_path(const struct conf *c)
{
	char *path;

	return asprintf(&path, "%s/control", c->state) < 0 ? NULL : path;
}
