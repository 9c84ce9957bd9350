/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The replicator's lives. Each has a port of its own, whose other end goes to the worker. It dies?
 * The next is started at once; if that one is short-lived too, with growing pauses. The mount does
 * not notice.
 *
 * It gets its port as descriptor 3, the configuration's text as 4 and the keys as 5, and nothing
 * else: no rights, no way to the tree.
 */
#include "fs/keeper_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/keeper.h"
#include "fs/memfile.h"

#define NAME "zonefs-replicator"
#define DELAY_FIRST_MSEC 100
#define DELAY_MAX_MSEC 10000
#define LIFE_MSEC 60000
#define STOP_MSEC 15000 /* its last checkpoint may be of tens of megabytes */
#define ENV_MAX 16

/* The environment may hold what is not the replicator's business: only these are passed on. */
static const char *const env_names[] = {
    "PATH=",
    "TZ=",
    "ZONEFS_CLOCK_OFFSET=",
    "ZONEFS_CLOCK_FILE=",
    "TSAN_OPTIONS=",
    "ASAN_OPTIONS=",
    "UBSAN_OPTIONS=",
    "LSAN_OPTIONS=",
#ifdef CRASH
    "ZONEFS_CRASH=",
#endif
};

static void set_environment(const char *envp[ENV_MAX])
{
	int n = 0;

	envp[n++] = "LANG=C";
	for (char **e = environ; *e && n < ENV_MAX - 1; e++)
		for (size_t i = 0; i < ARRAY_SIZE(env_names); i++)
			if (strncmp(*e, env_names[i], strlen(env_names[i])) == 0 && n < ENV_MAX - 1)
				envp[n++] = *e;
	envp[n] = NULL;
}

/* Beside our own program (a build folder), else where it is installed. */
int keeper_replicator_find(struct keeper *k)
{
	struct keeper_replicator *r = &k->replicator;
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(self, '/');
	if (slash) {
		*slash = '\0';
		int len = snprintf(r->path, sizeof(r->path), "%s/%s", self, NAME);
		if (len > 0 && (size_t)len < sizeof(r->path))
			r->program = open(r->path, O_PATH | O_CLOEXEC);
	}
	if (r->program < 0) {
		snprintf(r->path, sizeof(r->path), "%s/%s", LIBEXECDIR, NAME);
		r->program = open(r->path, O_PATH | O_CLOEXEC);
	}
	if (r->program < 0) {
		int err = -errno;
		log_error("%s: %s", r->path, err_text(err));
		return err;
	}
	return 0;
}

static int key_file(const struct conf_keys *keys)
{
	char text[2 * (CONF_KEY_LEN + 16)];
	int n = snprintf(text, sizeof(text), "public = '%s'\nsecret = '%s'\n", keys->public_key,
			 keys->secret_key);
	int fd = memfile_new("zonefs.key", text, (size_t)n);

	explicit_bzero(text, sizeof(text));
	return fd;
}

static int spawn(struct keeper *k, int port)
{
	struct keeper_replicator *r = &k->replicator;
	const char *argv[] = {NAME, "-c", k->conf->file, NULL, NULL, NULL};
	int n = 3;
	const char *envp[ENV_MAX];
	int text CLEANUP_CLOSE = memfile_new("zonefs.conf", k->conf_text, k->conf_len);
	int keys CLEANUP_CLOSE = key_file(&k->secrets.keys);

	if (text < 0 || keys < 0)
		return text < 0 ? text : keys;
	if (k->foreground)
		argv[n++] = "-f";
	if (k->clean)
		argv[n++] = "-e";
	set_environment(envp);
	struct child_spec spec = {
	    .path = r->path,
	    .program = r->program,
	    .argv = argv,
	    .envp = envp,
	    .fds = {port, text, keys},
	    .nfds = 3,
	    .quiet = !k->foreground,
	    .account = &k->secrets.account,
	};
	return child_spawn(&r->child, &spec);
}

/* At once after a long life, and once after a short one; then the pause grows. */
static int64_t schedule(struct keeper_replicator *r, int64_t now)
{
	int64_t delay = 0;

	if (r->started_msec > 0 && now - r->started_msec >= LIFE_MSEC)
		r->failures = 0;
	if (r->failures > 0)
		delay = (int64_t)DELAY_FIRST_MSEC << (r->failures - 1);
	if (delay < DELAY_MAX_MSEC)
		r->failures++;
	else
		delay = DELAY_MAX_MSEC;
	r->next_msec = now + delay;
	return delay;
}

int keeper_replicator_start(struct keeper *k)
{
	struct keeper_replicator *r = &k->replicator;
	int port[2];

	r->started_msec = clock_monotonic_msec();
	r->kill_msec = 0;
	int rc = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, port) < 0 ? -errno : 0;
	if (rc == 0) {
		int theirs CLEANUP_CLOSE = port[0];
		int workers CLEANUP_CLOSE = port[1];
		rc = spawn(k, theirs);
		/* If it does not get there, the replicator sees the end of its port and ends too.
		 */
		int sent = rc == 0 ? keeper_worker_send(k, KEEPER_PORT, workers) : 0;
		if (sent < 0)
			log_error("the worker does not take a port: %s", err_text(sent));
	}
	if (rc < 0) {
		log_error("%s cannot be started: %s", r->path, err_text(rc));
		schedule(r, clock_monotonic_msec());
		return rc;
	}
	log_info("the replicator is process %d", (int)r->child.pid);
	return 0;
}

void keeper_replicator_stop(struct keeper *k)
{
	struct keeper_replicator *r = &k->replicator;

	if (r->child.pid == 0 || r->kill_msec != 0)
		return;
	child_kill(&r->child, SIGTERM);
	r->kill_msec = clock_monotonic_msec() + STOP_MSEC;
}

void keeper_replicator_ended(struct keeper *k)
{
	struct keeper_replicator *r = &k->replicator;
	int64_t now = clock_monotonic_msec();
	/* Without the worker it has no port, and ends by itself. */
	bool stopped = r->kill_msec != 0 || !k->worker.ready;
	char how[128];

	pid_t pid = r->child.pid;
	bool in_order = child_reap(&r->child, how, sizeof(how));
	r->kill_msec = 0;
	if (stopped) {
		r->next_msec = now;
		log_info("the replicator (process %d) %s", (int)pid, how);
		return;
	}
	int64_t delay = schedule(r, now);
	/* In order: something has changed that it goes by from its start on. */
	log_write(in_order ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
		  "the replicator (process %d) %s: the next one starts in %lld ms", (int)pid, how,
		  (long long)delay);
}

int64_t keeper_replicator_tick(struct keeper *k, int64_t now_msec)
{
	struct keeper_replicator *r = &k->replicator;

	if (r->child.pid > 0) {
		if (r->kill_msec == 0)
			return INT64_MAX;
		if (now_msec < r->kill_msec)
			return r->kill_msec;
		log_warning("the replicator does not end: killed");
		child_kill(&r->child, SIGKILL);
		r->kill_msec = INT64_MAX;
		return INT64_MAX;
	}
	if (k->state != KEEPER_RUNNING || !k->worker.ready)
		return INT64_MAX;
	if (now_msec < r->next_msec)
		return r->next_msec;
	return keeper_replicator_start(k) < 0 ? r->next_msec : INT64_MAX;
}
