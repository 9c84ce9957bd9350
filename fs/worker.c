/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Set-up and end of the worker. The main thread only listens to the keeper; readers serve the
 * kernel, the port's thread the replicator.
 */
#include "fs/worker.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "base/port.h"
#include "fs/backing.h"
#include "fs/cred.h"
#include "fs/fs.h"
#include "fs/handle.h"
#include "fs/hookkeep.h"
#include "fs/keeper.h"
#include "fs/portserver.h"
#include "fs/reader.h"

#define FILES_WANTED 65536

struct worker {
	struct fs fs;
	int keeper;
	int ended_fd; /* an eventfd */
	atomic_int readers_left;
};

/* ---- called by readers ---- */

static void ready(void *arg)
{
	struct worker *w = arg;
	uint8_t packet = KEEPER_READY;

	if (send(w->keeper, &packet, 1, MSG_NOSIGNAL) < 0)
		log_error("the keeper cannot be told: %s", err_text(-errno));
}

static void ended(void *arg)
{
	struct worker *w = arg;
	uint64_t one = 1;

	if (atomic_fetch_sub(&w->readers_left, 1) == 1 && write(w->ended_fd, &one, sizeof(one)) < 0)
		log_error("the worker's end cannot be told: %s", err_text(-errno));
}

/* ---- set-up ---- */

static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_max < FILES_WANTED) {
		struct rlimit more = {FILES_WANTED, FILES_WANTED};
		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
	}
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("open files are limited to %llu: %s",
			    (unsigned long long)limit.rlim_cur, err_text(-errno));
}

/* As mountinfo writes it. */
static char *mount_path(int root)
{
	char proc[BACKING_PROC_MAX];
	char path[PATH_MAX];
	ssize_t n = readlink(backing_proc(proc, root), path, sizeof(path) - 1);

	return n < 0 ? NULL : strndup(path, (size_t)n);
}

static void wake(void *arg)
{
	struct fs *fs = arg;

	portserver_wake(fs->port);
}

static int set_up_tables(struct fs *fs)
{
	fs->capture = capture_new(PORT_HINTS_MAX, wake, fs);
	fs->floor = floor_new(FLOOR_KEEP_MSEC);
	fs->mounts = mounts_new(fs->mount);
	fs->busy = fs->capture ? busy_new(fs->capture) : NULL;
	fs->port = portserver_new(fs);
	fs->hookkeep = hookkeep_new(fs->conf);
	if (!fs->hookkeep || !fs->capture || !fs->floor || !fs->mounts || !fs->busy || !fs->port)
		return -ENOMEM;
	return 0;
}

static int set_up(struct worker *w, const struct conf *conf, const struct worker_fds *fds)
{
	struct fs *fs = &w->fs;
	struct fhandle root;

	fs->conf = conf;
	TAILQ_INIT(&fs->saves);
	fs->saves_due = INT64_MAX;
	slots_init(&fs->open_handles);
	pthread_mutex_init(&fs->handles_lock, NULL);
	pthread_mutex_init(&fs->settling, NULL);
	locks_init(&fs->locks);
	do {
		if (getrandom(&fs->life, sizeof(fs->life), 0) < 0)
			return -errno;
	} while (fs->life == 0);
	raise_limits();
	fs->plain = fds->root;
	fs->mount = mount_path(fs->plain);
	if (!fs->mount)
		return -ENOMEM;
	int rc = backing_init(fs, fds->root, &root);
	if (rc < 0)
		return rc;
	cred_drop();
	rc = nodes_init(&fs->nodes, &root);
	if (rc < 0)
		return rc;
	fs->staging = staging_new(fs, &rc);
	if (rc < 0) {
		log_error("%s/%s: %s", conf->mount, PATH_STAGING, err_text(rc));
		return rc;
	}
	fs->dirsync = dirsync_new();
	return fs->dirsync ? set_up_tables(fs) : -ENOMEM;
}

static int start(struct worker *w, const struct worker_fds *fds)
{
	struct fs *fs = &w->fs;
	int rc;

	fs->inval = inval_new(fds->inval);
	if (!fs->inval)
		return -ENOMEM;
	w->readers_left = READER_THREADS;
	fs->reader = reader_new(fs, fds->device, ready, ended, w, &rc);
	if (rc == 0)
		rc = portserver_start(fs->port);
	if (rc == 0)
		rc = reader_start(fs->reader);
	return rc;
}

/* ---- the keeper ---- */

static int take_descriptor(const struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/* False: the keeper is gone. What is mounted is served on. */
static bool hear_keeper(struct worker *w)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	uint8_t type = 0;
	struct iovec iov = {&type, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.space,
			     .msg_controllen = sizeof(control.space)};

	ssize_t n = recvmsg(w->keeper, &msg, MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0) {
		log_error("the keeper is gone: what is mounted is served on, without installs");
		return false;
	}
	int fd = take_descriptor(&msg);
	if (type == KEEPER_PORT && fd >= 0) {
		portserver_connect(w->fs.port, fd);
		return true;
	}
	if (fd >= 0)
		close(fd);
	if (type == KEEPER_END)
		log_info("detached: those inside are served to their end");
	return true;
}

/* Until the readers have ended. */
static void serve(struct worker *w)
{
	bool keeper = true;

	for (;;) {
		struct pollfd fds[2] = {
		    {.fd = w->ended_fd, .events = POLLIN},
		    {.fd = keeper ? w->keeper : -1, .events = POLLIN},
		};
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents)
			return;
		if (fds[1].revents)
			keeper = hear_keeper(w);
	}
}

/* ---- the end ---- */

static void free_saves(struct fs *fs)
{
	while (!TAILQ_EMPTY(&fs->saves)) {
		struct save *s = TAILQ_FIRST(&fs->saves);
		TAILQ_REMOVE(&fs->saves, s, list);
		s->node->save = NULL;
		free(s->from);
		free(s);
	}
}

/* A last hint for what is still open would reach nobody: the scan at the next start finds it. */
static void tear_down(struct worker *w)
{
	struct fs *fs = &w->fs;

	reader_free(fs->reader);
	bool ended_all = portserver_stop(fs->port);
	staging_free(fs->staging);
	if (!ended_all) {
		log_notice("a hook still runs");
		return; /* with what it needs */
	}
	hookkeep_free(fs->hookkeep);
	inval_free(fs->inval);
	dirsync_free(fs->dirsync);
	free_saves(fs);
	busy_free(fs->busy);
	mounts_free(fs->mounts);
	floor_free(fs->floor);
	capture_free(fs->capture);
	nodes_fini(&fs->nodes);
	handles_free(fs);
	locks_fini(&fs->locks);
	pthread_mutex_destroy(&fs->handles_lock);
	pthread_mutex_destroy(&fs->settling);
	backing_fini(fs);
	close(fs->plain);
	free(fs->mount);
	close(w->ended_fd);
	close(w->keeper);
	free(w);
}

int worker_run(const struct conf *conf, const struct worker_fds *fds)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->keeper = fds->keeper;
	w->ended_fd = eventfd(0, EFD_CLOEXEC);
	int rc = w->ended_fd < 0 ? -errno : set_up(w, conf, fds);
	if (rc == 0)
		rc = start(w, fds);
	if (rc < 0) {
		/* The process ends, and takes with it what was made so far. */
		log_error("the worker cannot start: %s", err_text(rc));
		return rc;
	}
	serve(w);
	tear_down(w);
	return 0;
}
