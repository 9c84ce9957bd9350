/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * libfuse takes requests apart and puts replies together; reading and writing is ours, for the
 * number has to be taken under the lock around the read: without that, a barrier misses one of a
 * few hundred.
 */
#include "fs/reader.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "fs/cred.h"
#include "fs/ops.h"

#define REQUEST_MAX (1024 * 1024 + 4096)

struct reader_thread {
	struct reader *reader;
	pthread_t thread;
	bool running;
	uint64_t current; /* the request being carried out, 0: none; protected by done_lock */
};

struct reader {
	struct fs *fs;
	int device;
	struct fuse_session *session;
	void (*ready)(void *arg);
	void (*ended)(void *arg);
	void *arg;
	pthread_mutex_t read_lock; /* held while one thread reads */
	uint64_t received;         /* protected by read_lock */
	pthread_mutex_t done_lock;
	pthread_cond_t done;
	struct reader_thread threads[READER_THREADS];
};

static _Thread_local struct reader_thread *self;
static _Thread_local const struct fuse_in_header *head; /* of the request being carried out */
static _Thread_local char *buffer;
static _Thread_local size_t buffer_size;

char *reader_buffer(size_t size)
{
	if (size > buffer_size || !buffer) {
		free(buffer);
		buffer_size = size < 65536 ? 65536 : size;
		buffer = malloc(buffer_size);
		if (!buffer)
			buffer_size = 0;
	}
	return buffer;
}

static ssize_t io_read(int fd, void *buf, size_t len, void *userdata)
{
	(void)userdata;
	return read(fd, buf, len);
}

bool reader_kills_setid(void)
{
	const void *body = head + 1;

	switch (head->opcode) {
	case FUSE_OPEN:
		return ((const struct fuse_open_in *)body)->open_flags & FUSE_OPEN_KILL_SUIDGID;
	case FUSE_WRITE:
		return ((const struct fuse_write_in *)body)->write_flags & FUSE_WRITE_KILL_SUIDGID;
	case FUSE_SETATTR:
		return ((const struct fuse_setattr_in *)body)->valid & FATTR_KILL_SUIDGID;
	default:
		return false;
	}
}

void reader_inval_attr(struct reader *r, uint64_t nodeid)
{
	/* -ENOENT: the kernel has nothing of it */
	int rc = fuse_lowlevel_notify_inval_inode(r->session, nodeid, -1, 0);

	if (rc < 0 && rc != -ENOENT)
		log_limited(LOG_LEVEL_WARNING, "attributes may be shown late: %s", err_text(rc));
}

/* What libfuse's answer to INIT leaves out. */
static void amend_init(const struct iovec *iov, int count)
{
	const struct fuse_init_in *in = (const void *)(head + 1);
	struct fuse_init_out *out = count > 1 ? iov[1].iov_base : NULL;

	if (out && iov[1].iov_len >= sizeof(*out))
		out->flags |= in->flags & FUSE_HANDLE_KILLPRIV_V2;
}

static ssize_t io_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	(void)userdata;
	if (head->opcode == FUSE_INIT && ((struct fuse_out_header *)iov[0].iov_base)->unique != 0)
		amend_init(iov, count);
	return writev(fd, iov, count);
}

struct reader *reader_new(struct fs *fs, int device, void (*ready)(void *arg),
			  void (*ended)(void *arg), void *arg, int *rc)
{
	static const struct fuse_custom_io io = {.read = io_read, .writev = io_writev};
	struct reader *r = calloc(1, sizeof(*r));
	char name[] = "zonefs";
	char *argv[] = {name, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_lowlevel_ops ops;

	*rc = -ENOMEM;
	if (!r) {
		close(device);
		return NULL;
	}
	r->fs = fs;
	r->device = device;
	r->ready = ready;
	r->ended = ended;
	r->arg = arg;
	pthread_mutex_init(&r->read_lock, NULL);
	pthread_mutex_init(&r->done_lock, NULL);
	pthread_cond_init(&r->done, NULL);
	ops_fill(&ops);
	r->session = fuse_session_new(&args, &ops, sizeof(ops), fs);
	fuse_opt_free_args(&args);
	*rc = r->session ? fuse_session_custom_io(r->session, &io, device) : -EINVAL;
	if (*rc == 0)
		return r;
	close(device);
	if (r->session)
		fuse_session_destroy(r->session);
	free(r);
	return NULL;
}

/* One request and its number: its length, 0: again, or -errno. */
static ssize_t receive(struct reader_thread *t, char *request)
{
	struct reader *r = t->reader;

	pthread_mutex_lock(&r->read_lock);
	ssize_t n = read(r->device, request, REQUEST_MAX);
	int err = errno;
	if (n > 0) {
		pthread_mutex_lock(&r->done_lock);
		t->current = ++r->received;
		pthread_mutex_unlock(&r->done_lock);
	}
	pthread_mutex_unlock(&r->read_lock);
	if (n >= 0)
		return n;
	return err == EINTR || err == ENOENT || err == EAGAIN ? 0 : -err;
}

static void finish(struct reader_thread *t)
{
	struct reader *r = t->reader;

	pthread_mutex_lock(&r->done_lock);
	t->current = 0;
	pthread_cond_broadcast(&r->done);
	pthread_mutex_unlock(&r->done_lock);
}

void reader_barrier(struct reader *r)
{
	bool earlier;

	pthread_mutex_lock(&r->done_lock);
	do {
		earlier = false;
		for (int i = 0; i < READER_THREADS; i++)
			if (r->threads[i].current != 0 && r->threads[i].current < self->current)
				earlier = true;
		if (earlier)
			pthread_cond_wait(&r->done, &r->done_lock);
	} while (earlier);
	pthread_mutex_unlock(&r->done_lock);
}

static void serve(struct reader_thread *t, char *request)
{
	struct reader *r = t->reader;
	ssize_t n;

	while ((n = receive(t, request)) >= 0) {
		if (n == 0)
			continue;
		head = (const void *)request;
		struct fuse_buf buf = {.mem = request, .size = (size_t)n};
		fuse_session_process_buf(r->session, &buf);
		finish(t);
		if (head->opcode == FUSE_INIT)
			r->ready(r->arg);
	}
	if (n != -ENODEV)
		log_error("the FUSE connection: %s", err_text((int)n));
}

static void *reader_main(void *arg)
{
	struct reader_thread *t = arg;
	struct reader *r = t->reader;
	char *request = NULL;

	self = t;
	int rc = cred_thread_init();
	if (rc < 0)
		log_error("a reader cannot start: %s", err_text(rc));
	else if (posix_memalign((void **)&request, 4096, REQUEST_MAX) == 0)
		serve(t, request);
	free(request);
	free(buffer);
	r->ended(r->arg);
	return NULL;
}

int reader_start(struct reader *r)
{
	for (int i = 0; i < READER_THREADS; i++) {
		struct reader_thread *t = &r->threads[i];
		t->reader = r;
		int rc = pthread_create(&t->thread, NULL, reader_main, t);
		if (rc != 0)
			return -rc;
		t->running = true;
	}
	return 0;
}

void reader_free(struct reader *r)
{
	if (!r)
		return;
	for (int i = 0; i < READER_THREADS; i++)
		if (r->threads[i].running)
			pthread_join(r->threads[i].thread, NULL);
	fuse_session_destroy(r->session); /* closes the device */
	pthread_mutex_destroy(&r->read_lock);
	pthread_mutex_destroy(&r->done_lock);
	pthread_cond_destroy(&r->done);
	free(r);
}
