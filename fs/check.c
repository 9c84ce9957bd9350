/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Arguments, view, run, answer.
 */
#include "fs/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/port.h"
#include "base/port_check.h"
#include "fs/account.h"
#include "fs/checkfiles.h"
#include "fs/checkrun.h"
#include "fs/checkview.h"
#include "fs/fs.h"
#include "fs/hookcheck.h"
#include "fs/memfile.h"

struct checking {
	struct fs *fs;
	struct portjob *job;
	struct check check;
	struct account account;
	struct checkview view;
	struct checkrun run;
	char *conf; /* in the root */
	char version[64];
	char ttl[16];
	char file[PATH_LEN_MAX + 3];
	char words[CHECKFILES_WORDS + 256];
	bool refused; /* by us: the content is bad, in these words */
};

/* ---- arguments ---- */

static const char *mode_text(enum named_mode mode)
{
	return mode == NAMED_FAIL ? "fail" : mode == NAMED_WARN ? "warn" : "ignore";
}

static void add(struct checking *k, size_t *n, const char *option, const char *value)
{
	k->run.argv[(*n)++] = option;
	if (value)
		k->run.argv[(*n)++] = value;
}

/* `dump`: all of its text, without includes, instead of words. */
static void zone_arguments(struct checking *k, bool dump)
{
	const struct named_checks *s = &k->check.checks;
	size_t n = 0;

	add(k, &n, k->fs->conf->server->checkzone, NULL);
	if (dump) {
		add(k, &n, "-q", "-D");
		add(k, &n, "-F", "text");
		add(k, &n, "-o", "-");
	}
	add(k, &n, "-t", ".");
	add(k, &n, "-w", k->check.directory);
	add(k, &n, "-i", s->integrity ? s->sibling ? "local" : "local-sibling" : "none");
	add(k, &n, "-c", k->check.zclass);
	add(k, &n, "-f", s->format == NAMED_TEXT ? "text" : "raw");
	add(k, &n, "-k", mode_text(s->names));
	add(k, &n, "-m", mode_text(s->mx));
	add(k, &n, "-M", mode_text(s->mx_cname));
	add(k, &n, "-S", mode_text(s->srv_cname));
	add(k, &n, "-r", mode_text(s->dup_records));
	add(k, &n, "-T", s->spf == NAMED_IGNORE ? "ignore" : "warn");
	add(k, &n, "-W", s->wildcard ? "warn" : "ignore");
	if (s->max_ttl > 0) {
		snprintf(k->ttl, sizeof(k->ttl), "%u", s->max_ttl);
		add(k, &n, "-l", k->ttl);
	}
	add(k, &n, k->check.zone, NULL);
	add(k, &n, k->conf, NULL);
	k->run.argv[n] = NULL;
}

static void conf_arguments(struct checking *k)
{
	bool own_root = strcmp(k->fs->conf->server->root, "/") != 0;
	size_t n = 0;

	add(k, &n, k->fs->conf->server->checkconf, NULL);
	if (own_root)
		add(k, &n, "-t", ".");
	if (k->check.kind == CHECK_MAP)
		add(k, &n, "-px", NULL);
	add(k, &n, k->conf, NULL);
	k->run.argv[n] = NULL;
}

/* ---- running ---- */

static int find_program(struct checking *k, const char *program, const char *user)
{
	char why[CHECKFILES_WORDS];
	int rc = hookcheck_program(program, k->fs->conf->mount, why, sizeof(why));

	if (rc < 0) {
		snprintf(k->words, sizeof(k->words), "%s", why);
		return rc;
	}
	rc = account_find(&k->account, user);
	if (rc < 0)
		snprintf(k->words, sizeof(k->words), "user %s: %s", user,
			 rc == ERR_UNKNOWN ? "no such user" : err_text(rc));
	k->run.account = &k->account;
	k->run.timeout_sec = k->fs->conf->server->timeout_sec;
	k->run.end_fd = k->job->end_fd;
	k->run.output_max = PORT_OUTPUT_MAX;
	k->run.view = checkview_make;
	k->run.arg = &k->view;
	return rc;
}

static int no_view(void *arg)
{
	(void)arg;
	return 0;
}

static int run(struct checking *k)
{
	int rc = checkrun(&k->run);

	if (rc < 0)
		snprintf(k->words, sizeof(k->words), "%s", k->run.output ? k->run.output : "");
	return rc;
}

/* What `named-checkconf -v` says. */
static int find_version(struct checking *k)
{
	k->run.argv[0] = k->fs->conf->server->checkconf;
	k->run.argv[1] = "-v";
	k->run.argv[2] = NULL;
	k->run.view = no_view;
	int rc = run(k);
	if (rc == 0 && k->run.output)
		snprintf(k->version, sizeof(k->version), "%.*s", (int)strcspn(k->run.output, "\n"),
			 k->run.output);
	free(k->run.output);
	k->run.output = NULL;
	k->run.view = checkview_make;
	return rc;
}

static int add_items(struct checking *k)
{
	for (size_t i = 0; i < k->check.n; i++) {
		const char *path = k->check.items[i].path;
		int fd = k->check.items[i].gone ? -1 : checkfiles_open(k->fs, &k->check, path);

		if (fd < 0 && !k->check.items[i].gone)
			return fd;
		int rc = checkview_add(&k->view, path, fd);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int check_conf(struct checking *k)
{
	const struct conf_server *server = k->fs->conf->server;
	int rc = find_program(k, server->checkconf, server->user);

	k->view.root = server->root;
	k->conf = checkfiles_conf(k->fs, &k->check);
	if (rc == 0 && !k->conf)
		rc = -ENOMEM;
	if (rc == 0 && k->check.kind == CHECK_MAP)
		rc = find_version(k);
	if (rc == 0)
		rc = add_items(k);
	if (rc < 0)
		return rc;
	conf_arguments(k);
	if (k->check.kind == CHECK_MAP)
		k->run.output_max = CHECK_OUTPUT_MAX;
	return run(k);
}

/* The program knows no other root: what it reads includes nothing. So of a zone in several files it gets
 * the text that the zone's checker makes of them. */
static int in_one_file(struct checking *k)
{
	int rc = find_program(k, k->fs->conf->server->checkzone, k->fs->conf->server->check_user);

	k->run.output_max = CHECK_OUTPUT_MAX;
	if (rc == 0)
		rc = run(k);
	if (rc == 0 && (k->run.cut || k->run.exit_status != 0 || !k->run.output)) {
		snprintf(k->words, sizeof(k->words),
			 k->run.cut ? "with what it includes it is larger than %d MiB"
				    : "with what it includes it could not be read",
			 CHECK_OUTPUT_MAX >> 20);
		rc = k->run.cut ? ERR_LIMIT : -EIO;
	}
	if (rc < 0)
		return rc;
	int fd = memfile_new("zonefs-zone", k->run.output, k->run.output_len);
	free(k->run.output);
	k->run.output = NULL;
	if (fd < 0)
		return fd;
	checkview_fini(&k->view);
	return checkview_add(&k->view, "zone", fd);
}

/* All signed by keys of the zone, one of which signs these: whoever has only one has a key signing key. */
static int verify(struct checking *k)
{
	const struct conf_server *server = k->fs->conf->server;
	int rc = k->view.n > 1 ? in_one_file(k) : 0;
	size_t n = 0;

	if (rc == 0)
		rc = find_program(k, server->verify, server->check_user);
	if (rc < 0)
		return rc;
	snprintf(k->file, sizeof(k->file), "./%s", k->view.files[0].path);
	add(k, &n, server->verify, "-q");
	add(k, &n, "-x", "-z");
	add(k, &n, "-o", k->check.zone);
	add(k, &n, "-c", k->check.zclass);
	add(k, &n, k->file, NULL);
	k->run.argv[n] = NULL;
	return run(k);
}

static int check_zone(struct checking *k)
{
	const struct conf_server *server = k->fs->conf->server;
	int rc = find_program(k, server->checkzone, server->check_user);

	k->conf = checkfiles_in_root(k->fs->conf, k->check.path);
	if (rc == 0 && !k->conf)
		rc = -ENOMEM;
	if (rc < 0)
		return rc;
	rc = checkfiles_zone(k->fs, &k->check, &k->view, k->words);
	if (rc < 0)
		snprintf(k->words, sizeof(k->words), "%.512s: %s", k->check.path,
			 rc == -ELOOP
			     ? "is, or leads over, a symbolic link: zonefs does not follow it"
			     : err_text(rc));
	k->refused = rc > 0 || rc == -ENOENT || rc == -EISDIR || rc == -EINVAL || rc == -ELOOP;
	if (rc != 0)
		return k->refused ? 0 : rc;
	zone_arguments(k, k->check.kind == CHECK_VERIFY);
	if (k->check.kind == CHECK_VERIFY)
		return verify(k);
	return run(k);
}

/* ---- the answer ---- */

static void answer(struct checking *k, int rc)
{
	struct buf *b = &k->job->answer;
	bool whole = rc == 0 && !k->refused;
	bool map = whole && k->check.kind == CHECK_MAP && k->run.exit_status == 0;
	const char *output = whole && k->run.output ? k->run.output : k->words;
	size_t len = whole && k->run.output ? k->run.output_len : strlen(k->words);

	if (map && k->run.cut)
		rc = ERR_LIMIT;
	if (map && rc == 0) {
		k->job->fd = memfile_new("zonefs-map", output, len);
		rc = k->job->fd < 0 ? k->job->fd : 0;
	}
	portjob_answer(k->job, rc);
	buf_u32(b, (uint32_t)(k->refused ? 1 : k->run.exit_status));
	buf_u32(b, (uint32_t)k->run.signal);
	buf_u8(b, k->run.timed_out);
	buf_u32(b, k->run.run_msec);
	buf_bytes(b, output, map ? 0 : len < PORT_OUTPUT_MAX ? len : PORT_OUTPUT_MAX);
	buf_str(b, k->version);
	if (k->check.kind >= CHECK_ZONE || !k->conf)
		buf_u16(b, 0);
	else
		checkfiles_list(k->fs, &k->check, k->conf, b);
}

int check_request(struct fs *fs, struct portjob *job, struct rd *r)
{
	struct checking *k CLEANUP_FREE = calloc(1, sizeof(*k));
	struct stat st;

	if (!k)
		return -ENOMEM;
	k->fs = fs;
	k->job = job;
	rd_check(r, &k->check);
	int rc = rd_end(r) < 0 ? ERR_FORMAT : fs->conf->server ? 0 : ERR_UNKNOWN;
	if (rc == 0 && fstat(fs->root, &st) < 0)
		rc = -errno;
	if (rc < 0) {
		check_fini(&k->check);
		return rc;
	}
	k->run.exit_status = -1;
	k->view.mount = fs->mount;
	k->view.dev = st.st_dev;
	k->view.ino = st.st_ino;
	rc = k->check.kind >= CHECK_ZONE ? check_zone(k) : check_conf(k);
	answer(k, rc);
	check_fini(&k->check);
	checkview_fini(&k->view);
	free(k->run.output);
	free(k->conf);
	return 0;
}
