/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The keeper's parts, for its own files only: the mount, its two children, and the checks before
 * anything is started. All of it belongs to the main thread, but for the invalidation thread, which
 * has a socket and the device of its own worker.
 */
#ifndef FS_KEEPER_PARTS_H
#define FS_KEEPER_PARTS_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/conf.h"
#include "base/log.h"
#include "fs/account.h"

/* ---- the mount: keeper_mount.c ---- */

struct keeper_mount {
	char path[PATH_MAX]; /* without symbolic links */
	int root;      /* O_PATH of the directory beneath, from before the mount; -1: not open */
	int lock;      /* of the same directory; holds the lock */
	int device;    /* -1: none */
	int control;   /* its connection's `abort` in fusectl; -1: none */
	dev_t dev;     /* of what is mounted, or was: then it may be somebody else's by now */
	bool attached; /* it is mounted on the path */
};

/* Opens and locks the directory; a dead mount of an earlier run is cleared away, also one in which
 * everybody hangs. 0, or an error that has been logged. */
int keeper_mount_open(struct keeper_mount *m, const char *mount);
/* Opens a new device and mounts it. 0, or an error that has been logged. */
int keeper_mount_attach(struct keeper_mount *m, bool devices, bool trial);
/* The plain directory is back for new path look-ups; those inside stay inside, and are served on
 * unless `end`. */
void keeper_mount_detach(struct keeper_mount *m, bool end);
/* Ends the connection: everything in the mount gets ENOTCONN from now on. Once the worker is gone
 * and the invalidation thread has ended, keeper_mount_close_device follows. */
void keeper_mount_abort(struct keeper_mount *m);
void keeper_mount_close_device(struct keeper_mount *m);
void keeper_mount_close(struct keeper_mount *m);
/* The mount is still what the path leads to. */
bool keeper_mount_there(const struct keeper_mount *m);
/* Logs the processes that live in the mount as "SENTENCE: NAME (PID), ...": how many (BENEATH_MAX
 * at most). */
int keeper_mount_log_inside(const struct keeper_mount *m, const char *sentence);

/* ---- a dead node that still holds its mount: keeper_hung.c ---- */

/* Of the mount on `path`, whose parent is the mount `mount_id` (mountinfo): 1 if those who served it
 * are dead, but for a thread that hangs in the kernel; 0 if there is no such thread; -EAGAIN if
 * there is, and somebody who lives, too; or another error. Sends the mount no request. */
int keeper_hung(const char *path, uint64_t mount_id);

/* ---- processes: keeper_child.c ---- */

#define CHILD_FDS_MAX 8

struct child {
	pid_t pid; /* 0: none */
	int pidfd;
};

struct child_spec {
	const char *path; /* of the program */
	int program; /* O_PATH of it, for where `path` cannot be reached as the account; or -1 */
	const char *const *argv;
	const char *const *envp;
	int fds[CHILD_FDS_MAX]; /* become 3, 4, ... */
	int nfds;
	bool quiet;                    /* output and error go nowhere */
	const struct account *account; /* without rights, for good; NULL: as the caller is */
};

/* 0 once the program has been executed, or an error. The child dies with its parent's main thread.
 */
int child_spawn(struct child *c, const struct child_spec *spec);
/* "exited with status 1", "was ended by signal 9 (Killed)": waits for its end. True: exited with 0.
 */
bool child_reap(struct child *c, char *how, size_t size);
void child_kill(const struct child *c, int sig);

/* ---- before anything is started: keeper_check.c ---- */

struct keeper_secrets {
	struct account account; /* the replicator's */
	struct conf_keys keys;
};

/* Who starts it, mount, user, key file and state directory are as they must be: all mistakes are
 * reported. 0 or ERR_CONFIG. */
int keeper_check(const struct conf *conf, struct keeper_secrets *secrets, conf_report *report,
		 void *arg);
/* The hooks' users and programs: likewise. */
int keeper_check_hooks(const struct conf *conf, conf_report *report, void *arg);
/* Makes the state directory if it is missing. 0 or an error, logged. */
int keeper_make_state(const struct conf *conf, const struct account *account);

/* ---- the mark of a clean end: keeper_clean.c ---- */

/* Before the mount: 1 if the mark was there (it is gone now, durably), 0 if not, or -errno. */
int keeper_clean_take(const struct conf *conf);
/* After the last writer: syncs the file system of `tree` (-1: nothing was mounted), and leaves the
 * mark. What goes wrong is logged. */
void keeper_clean_leave(const struct conf *conf, int tree);

/* ---- the node ---- */

enum keeper_state {
	KEEPER_STARTING, /* no worker has said READY */
	KEEPER_RUNNING,
	KEEPER_STOPPING, /* detached; those inside are served */
	KEEPER_ENDING,   /* the connection is aborted */
};

#define KEEPER_CRASHES_MAX 5
#define KEEPER_CRASHES_MSEC 60000

struct keeper_worker {
	struct child child;
	int sock; /* to it */
	bool ready;
	int64_t deadline_msec; /* for READY; when ending, for its end. 0: none */
	pthread_t inval;
	bool has_inval;
};

struct keeper_replicator {
	struct child child;
	char path[PATH_MAX];
	int program;
	int64_t started_msec;
	int64_t next_msec; /* not to be started before */
	int failures;      /* short lives in a row */
	int64_t kill_msec; /* SIGKILL then; 0: not being stopped */
};

struct keeper {
	const struct conf *conf;
	const char *conf_text;
	size_t conf_len;
	bool foreground;
	bool trial; /* not the machine's root */
	bool clean; /* the last end was one */
	enum keeper_state state;
	int status; /* to exit with */
	int signals;
	int parent;        /* pipe to the process that waits for the mount to be usable; -1 */
	int64_t stop_msec; /* stopping: end of the service for those inside */
	int64_t crashes[KEEPER_CRASHES_MAX];
	struct keeper_secrets secrets;
	struct keeper_mount mount;
	struct keeper_worker worker;
	struct keeper_replicator replicator;
};

enum log_level keeper_log_level(const struct conf *conf);

/* ---- the worker's life: keeper_worker.c ---- */

/* Mounts and starts a worker with its invalidation thread. 0, or an error that has been logged. */
int keeper_worker_start(struct keeper *k);
/* Reads what the worker has to say. True once, when it has become ready. */
bool keeper_worker_read(struct keeper *k);
/* Sends one packet, with a descriptor unless fd is -1. 0 or an error. */
int keeper_worker_send(struct keeper *k, uint8_t type, int fd);
/* After its end: detaches the mount, ends the connection, closes all that was the worker's. */
void keeper_worker_clear(struct keeper *k);

/* ---- the replicator's life: keeper_replicator.c ---- */

int keeper_replicator_find(struct keeper *k);
/* With a new port, whose other end goes to the worker. 0 or an error, logged. */
int keeper_replicator_start(struct keeper *k);
/* Asks it to end; it is killed later if it does not. */
void keeper_replicator_stop(struct keeper *k);
/* It has ended: reaps and decides when to start the next. */
void keeper_replicator_ended(struct keeper *k);
/* What time brings: start, kill. When to be called next, or INT64_MAX. */
int64_t keeper_replicator_tick(struct keeper *k, int64_t now_msec);

#endif
