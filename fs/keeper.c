/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The keeper's course: start, one loop that sleeps until a signal, a child or a deadline wants
 * something, stop.
 *
 *   STARTING -READY-> RUNNING -SIGTERM-> STOPPING -last gone, or time limit-> ENDING -children
 * gone-> exit |  ^ worker dead: detach, end the connection, all anew
 */
#include "fs/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/keeper_parts.h"

#define FILES_WANTED 1048576
#define END_MSEC 2000

enum log_level keeper_log_level(const struct conf *conf)
{
	static const char *const names[] = {"error", "warning", "notice", "info", "debug"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(conf->log_level, names[i]) == 0)
			return (enum log_level)i;
	return LOG_LEVEL_NOTICE;
}

/* ---- those who wait for us ---- */

/* sd_notify(3), where a service manager asked for it. */
static void notify_manager(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;

	if (n < 2 || n >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, n);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	int fd CLEANUP_CLOSE = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (void *)&to, len) < 0)
		log_warning("the service manager cannot be told %s: %s", state, err_text(-errno));
}

/* The process that was called waits for the mount; the node goes on in a session of its own. In
 * the parent: its exit status, 0 or 1; in the child: -1. */
static int go_to_background(struct keeper *k)
{
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC) < 0) {
		log_error("pipe: %s", err_text(-errno));
		return 1;
	}
	pid_t pid = fork();
	if (pid < 0) {
		log_error("fork: %s", err_text(-errno));
		return 1;
	}
	if (pid == 0) {
		close(pipes[0]);
		k->parent = pipes[1];
		setsid();
		return -1;
	}
	uint8_t usable;
	ssize_t n;
	close(pipes[1]);
	do
		n = read(pipes[0], &usable, 1);
	while (n < 0 && errno == EINTR);
	close(pipes[0]);
	if (n != 1)
		waitpid(pid, NULL, 0);
	return n == 1 ? 0 : 1;
}

static void say_usable(struct keeper *k)
{
	notify_manager("READY=1");
	log_notice("node %s: %s is mounted", k->conf->node, k->mount.path);
	if (k->parent < 0)
		return;
	log_open("zonefs", false, keeper_log_level(k->conf));
	int null CLEANUP_CLOSE = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	uint8_t usable = 1;
	if (write(k->parent, &usable, 1) < 0)
		log_warning("who started zonefs is gone: %s", err_text(-errno));
	close(k->parent);
	k->parent = -1;
}

/* ---- start ---- */

static void raise_limits(void)
{
	struct rlimit wanted = {FILES_WANTED, FILES_WANTED}, have;

	if (setrlimit(RLIMIT_NOFILE, &wanted) == 0 || getrlimit(RLIMIT_NOFILE, &have) < 0)
		return;
	have.rlim_cur = have.rlim_max;
	setrlimit(RLIMIT_NOFILE, &have);
}

static int open_signals(struct keeper *k)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigdelset(&set, SIGPIPE);
	k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return k->signals < 0 ? -errno : 0;
}

static void report_error(void *arg, const char *file, int line, const char *sentence)
{
	(void)arg;
	if (line > 0)
		log_error("%s:%d: %s", file, line, sentence);
	else
		log_error("%s: %s", file, sentence);
}

static void report_warning(void *arg, const char *file, int line, const char *sentence)
{
	(void)arg;
	log_warning("%s:%d: %s", file, line, sentence);
}

/* Errors have been logged. */
static int start(struct keeper *k)
{
	const struct conf *conf = k->conf;

	raise_limits();
	if (chdir("/") < 0 || open_signals(k) < 0) {
		log_error("signals: %s", err_text(-errno));
		return -errno;
	}
	k->trial = account_fixed();
	int rc = keeper_check(conf, &k->secrets, report_error, NULL);
	if (rc == 0)
		rc = keeper_make_state(conf, &k->secrets.account);
	if (rc == 0)
		rc = keeper_replicator_find(k);
	if (rc < 0)
		return rc;
	keeper_check_hooks(conf, report_warning, NULL);
	k->clean = keeper_clean_take(conf) == 1;
	if (k->trial)
		log_notice("a trial: all processes run as you, and %s",
			   conf->dev ? "devices in the tree cannot be opened" : "without devices");
	rc = keeper_mount_open(&k->mount, conf->mount);
	return rc < 0 ? rc : keeper_worker_start(k);
}

/* ---- end ---- */

/* No more service for those inside. */
static void end_service(struct keeper *k)
{
	keeper_mount_log_inside(&k->mount, "served no longer, restart them");
	keeper_mount_abort(&k->mount);
	k->worker.deadline_msec = clock_monotonic_msec() + END_MSEC;
	k->state = KEEPER_ENDING;
}

static void stop(struct keeper *k)
{
	int seconds = k->conf->stop_timeout_sec;
	char sentence[80];

	notify_manager("STOPPING=1");
	k->state = KEEPER_STOPPING;
	k->stop_msec = clock_monotonic_msec() + (int64_t)seconds * 1000;
	k->worker.deadline_msec = 0;
	keeper_mount_detach(&k->mount, false);
	keeper_replicator_stop(k);
	int rc = keeper_worker_send(k, KEEPER_END, -1);
	if (rc < 0 && rc != -EPIPE) /* it has ended with the mount */
		log_warning("the worker cannot be told to end: %s", err_text(rc));
	log_notice("node %s: %s is unmounted", k->conf->node, k->mount.path);
	snprintf(sentence, sizeof(sentence), "still inside, served for %d s at most", seconds);
	keeper_mount_log_inside(&k->mount, sentence);
}

/* Everything is over, by a failure (1) or in order (0). */
static void end(struct keeper *k, int status)
{
	k->state = KEEPER_ENDING;
	k->status = status;
	keeper_replicator_stop(k);
}

/* ---- the worker's death ---- */

static bool too_many_crashes(struct keeper *k, int64_t now)
{
	memmove(k->crashes, k->crashes + 1, sizeof(k->crashes) - sizeof(k->crashes[0]));
	k->crashes[KEEPER_CRASHES_MAX - 1] = now;
	return k->crashes[0] > 0 && now - k->crashes[0] < KEEPER_CRASHES_MSEC;
}

static void restart_worker(struct keeper *k)
{
	keeper_mount_detach(&k->mount, true);
	keeper_mount_log_inside(&k->mount, "in the mount that died, restart them");
	keeper_worker_clear(k);
	if (too_many_crashes(k, clock_monotonic_msec())) {
		log_error("the worker died %d times within a minute: giving up",
			  KEEPER_CRASHES_MAX);
		end(k, 1);
		return;
	}
	/* The port was the dead one's; a new one comes with a new replicator. */
	keeper_replicator_stop(k);
	if (keeper_worker_start(k) < 0)
		end(k, 1);
}

static void worker_ended(struct keeper *k)
{
	char how[128];
	pid_t pid = k->worker.child.pid;
	bool orderly = child_reap(&k->worker.child, how, sizeof(how));
	bool lost = k->state == KEEPER_RUNNING && keeper_mount_there(&k->mount);

	if (k->state != KEEPER_STARTING && (lost || !orderly))
		log_error("the worker (process %d) %s%s", (int)pid, how,
			  lost ? ": mounting afresh" : "");
	if (lost) {
		restart_worker(k);
		return;
	}
	if (k->state == KEEPER_RUNNING) {
		log_notice("%s was unmounted by somebody", k->mount.path);
		k->mount.attached = false;
		end(k, 0);
	} else if (k->state == KEEPER_STARTING) {
		log_error("the worker %s before the mount was usable%s", how,
			  k->foreground ? "" : " (see the system's log, or start with -f)");
		end(k, 1);
	}
	keeper_worker_clear(k);
	k->state = KEEPER_ENDING;
}

static void worker_ready(struct keeper *k)
{
	if (k->state != KEEPER_STARTING) {
		/* The replicator follows by itself. */
		log_notice("%s is mounted again", k->mount.path);
		return;
	}
	k->state = KEEPER_RUNNING;
	if (keeper_replicator_start(k) < 0) {
		stop(k);
		k->status = 1;
		return;
	}
	say_usable(k);
}

/* ---- the loop ---- */

static void read_signals(struct keeper *k)
{
	struct signalfd_siginfo info;

	while (read(k->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			log_notice("SIGHUP: the configuration is read at the start only");
		else if (k->state == KEEPER_STOPPING)
			end_service(k);
		else if (k->state != KEEPER_ENDING)
			stop(k);
	}
}

/* What time brings; when there is more, in milliseconds for poll. */
static int tick(struct keeper *k)
{
	int64_t now = clock_monotonic_msec();
	int64_t next = INT64_MAX;

	if (k->state == KEEPER_STOPPING && now >= k->stop_msec)
		end_service(k);
	if (k->state == KEEPER_STOPPING)
		next = k->stop_msec;
	struct keeper_worker *w = &k->worker;
	if (w->deadline_msec > 0 && now >= w->deadline_msec) {
		log_error("the worker %s: killed",
			  w->ready ? "does not end" : "does not get ready");
		child_kill(&w->child, SIGKILL);
		w->deadline_msec = 0;
	}
	if (w->deadline_msec > 0 && w->deadline_msec < next)
		next = w->deadline_msec;
	int64_t replicator = keeper_replicator_tick(k, now);
	if (replicator < next)
		next = replicator;
	if (next == INT64_MAX)
		return -1;
	now = clock_monotonic_msec();
	return next <= now ? 0 : (int)(next - now < 60000 ? next - now : 60000);
}

static void loop(struct keeper *k)
{
	while (k->state != KEEPER_ENDING || k->worker.child.pid > 0 ||
	       k->replicator.child.pid > 0) {
		int timeout = tick(k);
		struct pollfd p[] = {
		    {k->signals, POLLIN, 0},
		    {k->worker.sock, POLLIN, 0},
		    {k->worker.child.pidfd, POLLIN, 0},
		    {k->replicator.child.pidfd, POLLIN, 0},
		};
		if (poll(p, ARRAY_SIZE(p), timeout) <= 0)
			continue;
		if (p[0].revents)
			read_signals(k);
		if (p[1].revents && keeper_worker_read(k))
			worker_ready(k);
		if (p[2].revents)
			worker_ended(k);
		if (p[3].revents)
			keeper_replicator_ended(k);
	}
}

static void init(struct keeper *k, const struct conf *conf, const char *text, size_t len,
		 const struct keeper_options *options)
{
	memset(k, 0, sizeof(*k));
	k->conf = conf;
	k->conf_text = text;
	k->conf_len = len;
	k->foreground = options->foreground;
	k->signals = k->parent = -1;
	k->mount.root = k->mount.lock = k->mount.device = k->mount.control = -1;
	k->worker.sock = k->worker.child.pidfd = -1;
	k->replicator.child.pidfd = k->replicator.program = -1;
}

int keeper_run(const struct conf *conf, const char *conf_text, size_t conf_len,
	       const struct keeper_options *options)
{
	struct keeper *k CLEANUP_FREE = malloc(sizeof(*k));
	if (!k)
		return 1;
	init(k, conf, conf_text, conf_len, options);
	if (!k->foreground) {
		int status = go_to_background(k);
		if (status >= 0)
			return status;
	}
	if (start(k) == 0) {
		loop(k);
		keeper_clean_leave(conf, k->mount.lock);
	} else {
		k->status = 1;
		if (k->clean) /* nothing has been written since */
			keeper_clean_leave(conf, -1);
	}
	keeper_mount_close(&k->mount);
	explicit_bzero(&k->secrets.keys, sizeof(k->secrets.keys));
	if (k->replicator.program >= 0)
		close(k->replicator.program);
	if (k->signals >= 0)
		close(k->signals);
	return k->status;
}
