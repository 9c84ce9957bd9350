/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One life of the worker: a device and its mount, the process that serves it, the thread that
 * writes its invalidations. The program is our own, executed anew.
 */
#include "fs/keeper_parts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/inval.h"
#include "fs/keeper.h"
#include "fs/memfile.h"

#define READY_MSEC 30000
#define END_MSEC 5000
#define JOIN_SEC 5

/* ---- the invalidation thread ---- */

struct inval_thread {
	int sock;
	int device;
	char mount[PATH_MAX];
};

static void *inval_main(void *arg)
{
	struct inval_thread *t = arg;

	pthread_setname_np(pthread_self(), "zonefs-inval");
	inval_serve(t->sock, t->device, t->mount);
	close(t->sock);
	free(t);
	return NULL;
}

/* Takes the socket on success. */
static int start_inval(struct keeper *k, int sock)
{
	struct inval_thread *t = malloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->sock = sock;
	t->device = k->mount.device;
	snprintf(t->mount, sizeof(t->mount), "%s", k->mount.path);
	int rc = pthread_create(&k->worker.inval, NULL, inval_main, t);
	if (rc != 0) {
		free(t);
		return -rc;
	}
	k->worker.has_inval = true;
	return 0;
}

static void join_inval(struct keeper *k)
{
	struct timespec until;

	if (!k->worker.has_inval)
		return;
	k->worker.has_inval = false;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += JOIN_SEC;
	if (pthread_timedjoin_np(k->worker.inval, NULL, &until) != 0) {
		log_error("%s: an invalidation does not end", k->mount.path);
		pthread_detach(k->worker.inval);
	}
}

/* ---- start ---- */

static int spawn(struct keeper *k, int keeper_sock, int inval_sock)
{
	const char *argv[] = {
	    "zonefs: worker", "--worker", "-c", k->conf->file, k->foreground ? "-f" : NULL, NULL};
	int text CLEANUP_CLOSE = memfile_new("zonefs.conf", k->conf_text, k->conf_len);
	if (text < 0)
		return text;
	struct child_spec spec = {
	    .path = "/proc/self/exe",
	    .program = -1,
	    .argv = argv,
	    .envp = (const char *const *)(uintptr_t)environ,
	    .fds = {k->mount.device, k->mount.root, keeper_sock, inval_sock, text},
	    .nfds = 5,
	    .quiet = !k->foreground,
	};
	return child_spawn(&k->worker.child, &spec);
}

/* The worker's ends are closed here once it has them: its death is then the end of both sockets. */
static int start_process(struct keeper *k)
{
	int talk[2], inval[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) < 0)
		return -errno;
	k->worker.sock = talk[0];
	int theirs CLEANUP_CLOSE = talk[1];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, inval) < 0)
		return -errno;
	int their_inval CLEANUP_CLOSE = inval[1];
	int rc = spawn(k, theirs, their_inval);
	if (rc == 0)
		rc = start_inval(k, inval[0]);
	if (rc < 0)
		close(inval[0]);
	return rc;
}

int keeper_worker_start(struct keeper *k)
{
	int rc = keeper_mount_attach(&k->mount, k->conf->dev, k->trial);
	if (rc < 0)
		return rc;
	rc = start_process(k);
	if (rc < 0) {
		char how[128];
		log_error("the worker cannot be started: %s", err_text(rc));
		child_kill(&k->worker.child, SIGKILL);
		if (k->worker.child.pid > 0)
			child_reap(&k->worker.child, how, sizeof(how));
		keeper_worker_clear(k);
		return rc;
	}
	k->worker.deadline_msec = clock_monotonic_msec() + READY_MSEC;
	return 0;
}

/* ---- talk ---- */

bool keeper_worker_read(struct keeper *k)
{
	uint8_t type;
	ssize_t n = recv(k->worker.sock, &type, 1, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		/* It is about to end, and takes no port any more. */
		close(k->worker.sock);
		k->worker.sock = -1;
		k->worker.ready = false;
		k->worker.deadline_msec = clock_monotonic_msec() + END_MSEC;
		return false;
	}
	if (n < 1 || type != KEEPER_READY || k->worker.ready)
		return false;
	k->worker.ready = true;
	k->worker.deadline_msec = 0;
	return true;
}

int keeper_worker_send(struct keeper *k, uint8_t type, int fd)
{
	struct iovec iov = {&type, 1};
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.space = {0}};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (k->worker.sock < 0)
		return ERR_CLOSED;
	if (fd >= 0) {
		msg.msg_control = control.space;
		msg.msg_controllen = sizeof(control.space);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	return sendmsg(k->worker.sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* ---- end ---- */

void keeper_worker_clear(struct keeper *k)
{
	struct keeper_worker *w = &k->worker;

	keeper_mount_detach(&k->mount, true);
	keeper_mount_abort(&k->mount);
	join_inval(k);
	keeper_mount_close_device(&k->mount);
	if (w->sock >= 0)
		close(w->sock);
	*w = (struct keeper_worker){.sock = -1, .child = {.pid = 0, .pidfd = -1}};
}
