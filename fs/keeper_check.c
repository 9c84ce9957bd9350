/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What must hold outside the configuration's text: the directories, the users, the key file, the
 * hooks' programs. The same checks for `zonefs --check` and for the start.
 */
#include "fs/keeper_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/hookcheck.h"

#define SENTENCE_MAX 8192
#define DEVICE "/dev/fuse"

struct reporter {
	const struct conf *conf;
	conf_report *report;
	void *arg;
	int mistakes;
};

static void mistake(struct reporter *r, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void mistake(struct reporter *r, int line, const char *format, ...)
{
	char sentence[SENTENCE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	r->report(r->arg, r->conf->file, line, sentence);
	r->mistakes++;
}

static void check_device(struct reporter *r)
{
	if (access(DEVICE, F_OK) == 0)
		return;
	r->report(r->arg, DEVICE, 0,
		  "is not there: modprobe fuse; a container has to be given the device");
	r->mistakes++;
}

static void check_mount(struct reporter *r)
{
	struct statx st;
	const char *path = r->conf->mount;

	/* Without asking it: a mount of ours that hangs would never answer. */
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0) {
		/* A dead mount of an earlier run: the start clears it. */
		if (errno != ENOTCONN && errno != ECONNABORTED)
			mistake(r, r->conf->mount_line, "mount: %s: %s%s", path, err_text(-errno),
				errno == ENOENT ? ": name the directory that is to be "
						  "replicated, or make it"
						: "");
	} else if (!S_ISDIR(st.stx_mode)) {
		mistake(r, r->conf->mount_line, "mount: %s is not a directory", path);
	}
}

static void check_user(struct reporter *r, struct account *account)
{
	int rc = account_find(account, r->conf->user);

	if (rc == ERR_UNKNOWN)
		mistake(r, r->conf->user_line,
			"user: there is no user \"%s\": adduser --system --group --no-create-home "
			"--home %s %s",
			r->conf->user, r->conf->state, r->conf->user);
	else if (rc < 0)
		mistake(r, r->conf->user_line, "user: %s: %s", r->conf->user, err_text(rc));
	else if (account->uid == 0 && !account->fixed)
		mistake(r, r->conf->user_line, "user: the replicator never runs as root");
}

/* An existing one. */
static void check_state_stat(struct reporter *r, const struct account *account,
			     const struct stat *st)
{
	const char *path = r->conf->state;

	if (!S_ISDIR(st->st_mode))
		mistake(r, r->conf->state_line, "state: %s is not a directory", path);
	else if (st->st_uid != account->uid)
		mistake(r, r->conf->state_line,
			"state: %s belongs to user %u, not to \"%s\" (%u): chown it, or choose "
			"another directory",
			path, st->st_uid, r->conf->user, account->uid);
	else if (st->st_mode & 077)
		mistake(r, r->conf->state_line,
			"state: %s may be entered by others (mode %04o): chmod 700 %s", path,
			st->st_mode & 07777, path);
}

static void check_state(struct reporter *r, const struct account *account)
{
	struct stat st;
	const char *path = r->conf->state;

	if (stat(path, &st) == 0) {
		check_state_stat(r, account, &st);
		return;
	}
	int err = -errno;
	char *parent CLEANUP_FREE = strdup(path);
	char *slash = parent ? strrchr(parent, '/') : NULL;
	if (slash && slash != parent)
		*slash = '\0';
	if (err != -ENOENT)
		mistake(r, r->conf->state_line, "state: %s: %s", path, err_text(err));
	else if (slash && slash != parent && (stat(parent, &st) < 0 || !S_ISDIR(st.st_mode)))
		mistake(r, r->conf->state_line, "state: there is no directory %s to make it in",
			parent);
}

/* What a tired hand pastes: the line that was printed here instead of there. */
static void check_keys(struct reporter *r, struct conf_keys *keys)
{
	if (conf_read_keys(r->conf->key_file, keys, r->report, r->arg) < 0) {
		r->mistakes++;
		return;
	}
	for (size_t i = 0; i < r->conf->npeers; i++) {
		const struct conf_peer *peer = &r->conf->peers[i];

		if (strcmp(peer->key, keys->public_key) == 0)
			mistake(r, peer->line,
				"the peer \"%s\" has this node's own key: its key is what "
				"`zonefsctl keygen -p` prints on that host",
				peer->name);
	}
}

int keeper_check(const struct conf *conf, struct keeper_secrets *secrets, conf_report *report,
		 void *arg)
{
	struct reporter r = {conf, report, arg, 0};

	/* Another's eyes would see other mistakes. */
	if (geteuid() != 0) {
		mistake(&r, 0, "zonefs has to be started by root (or in a namespace: unshare -rm)");
		return ERR_CONFIG;
	}
	check_device(&r);
	check_mount(&r);
	check_user(&r, &secrets->account);
	if (r.mistakes == 0)
		check_state(&r, &secrets->account);
	check_keys(&r, &secrets->keys);
	return r.mistakes > 0 ? ERR_CONFIG : 0;
}

static void check_program(struct reporter *r, const char *kind, const struct conf_hook *hook)
{
	struct account *account CLEANUP_FREE = malloc(sizeof(*account));
	char why[SENTENCE_MAX / 2];

	int rc = account ? account_find(account, hook->user) : -ENOMEM;
	if (rc < 0)
		mistake(r, hook->line, "%s \"%s\": user \"%s\": %s", kind, hook->name, hook->user,
			rc == ERR_UNKNOWN ? "there is no such user" : err_text(rc));
	if (hookcheck_program(hook->run[0], r->conf->mount, why, sizeof(why)) < 0)
		mistake(r, hook->line, "%s \"%s\": %s", kind, hook->name, why);
}

static void check_server(struct reporter *r, const struct conf_server *server)
{
	const struct {
		char *program, *user;
	} checkers[] = {
	    {server->checkconf, server->user},
	    {server->checkzone, server->check_user},
	    {server->verify, server->check_user},
	};

	for (size_t i = 0; i < ARRAY_SIZE(checkers); i++) {
		char *const words[] = {checkers[i].program, NULL};
		const struct conf_hook checker = {.name = server->name,
						  .line = server->line,
						  .run = (char **)(uintptr_t)words,
						  .user = checkers[i].user};

		if (words[0][0]) /* else signatures are not checked */
			check_program(r, "server", &checker);
	}
}

int keeper_check_hooks(const struct conf *conf, conf_report *report, void *arg)
{
	struct reporter r = {conf, report, arg, 0};

	for (size_t i = 0; i < conf->nhooks; i++)
		check_program(&r, "hook", &conf->hooks[i]);
	if (conf->alert)
		check_program(&r, "alert", conf->alert);
	if (conf->server)
		check_server(&r, conf->server);
	return r.mistakes > 0 ? ERR_CONFIG : 0;
}

int keeper_make_state(const struct conf *conf, const struct account *account)
{
	int rc = 0;

	if (mkdir(conf->state, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	int fd CLEANUP_CLOSE = open(conf->state, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || (!account->fixed && fchown(fd, account->uid, account->gid) < 0) ||
	    fchmod(fd, 0700) < 0)
		rc = -errno;
	if (rc < 0)
		log_error("%s: %s", conf->state, err_text(rc));
	else
		log_notice("made %s", conf->state);
	return rc;
}
