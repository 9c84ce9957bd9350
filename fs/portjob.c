/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One list, oldest first. A worker takes the first job that nothing before it stands in the way of.
 */
#include "fs/portjob.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/port.h"
#include "fs/fs.h"

struct portjobs {
	struct fs *fs;
	void (*finished)(void *arg, struct portjob *job);
	void *arg;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t wake;
	struct portjob_list list; /* waiting and running, without hooks */
	struct portjob_list own; /* those with a thread of their own, as far as they can be ended */
	unsigned hooks;
	unsigned idle; /* workers that wait */
	bool stopping;
	int nworkers;
	pthread_t workers[PORTJOB_WORKERS];
};

struct hook_thread {
	struct portjobs *jobs;
	struct portjob *job;
};

struct portjob *portjob_new(uint64_t session, uint8_t type, uint32_t id, const void *packet,
			    size_t len)
{
	struct portjob *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->session = session;
	job->type = type;
	job->id = id;
	job->fd = -1;
	job->sync_fd = -1;
	job->end_fd = -1;
	job->len = len;
	buf_init(&job->answer, PORT_PACKET_MAX);
	job->packet = malloc(len ? len : 1);
	if (!job->packet) {
		free(job);
		return NULL;
	}
	memcpy(job->packet, packet, len);
	return job;
}

void portjob_free(struct portjob *job)
{
	if (job->fd >= 0)
		close(job->fd);
	if (job->end_fd >= 0)
		close(job->end_fd);
	buf_fini(&job->answer);
	free(job->packet);
	free(job->path);
	free(job);
}

void portjob_answer(struct portjob *job, int status)
{
	buf_reset(&job->answer);
	port_begin(&job->answer, job->type | PORT_ANSWER, job->id);
	buf_u32(&job->answer, (uint32_t)status);
}

struct portjobs *portjobs_new(struct fs *fs, void (*finished)(void *arg, struct portjob *job),
			      void *arg)
{
	struct portjobs *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->fs = fs;
	j->finished = finished;
	j->arg = arg;
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->wake, NULL);
	TAILQ_INIT(&j->list);
	TAILQ_INIT(&j->own);
	return j;
}

/* The answer as it goes out: one that does not fit is an error. */
static void finish(struct portjobs *j, struct portjob *job)
{
	if (job->answer.err)
		portjob_answer(job, job->answer.err);
	free(job->packet);
	job->packet = NULL;
	j->finished(j->arg, job);
}

/* The answer first: the replicator's commit, which comes next there, and this sync here share the
 * time. */
static void finish_and_sync(struct portjobs *j, struct portjob *job)
{
	char name[STAGING_NAME];
	int fd = job->sync_fd;

	memcpy(name, job->sync_name, sizeof(name));
	finish(j, job);
	if (fd >= 0)
		staging_sync(j->fs->staging, name, fd);
}

static bool touch(const char *a, const char *b)
{
	return strcmp(a, b) == 0 || path_below(a, b) || path_below(b, a);
}

static bool in_the_way(const struct portjob *before, const struct portjob *job)
{
	if (!before->path || !job->path || (!before->changes && !job->changes))
		return false;
	return touch(before->path, job->path);
}

/* With the lock held. */
static struct portjob *next_job(struct portjobs *j)
{
	struct portjob *job;
	struct portjob *before;

	TAILQ_FOREACH(job, &j->list, list) {
		if (job->running)
			continue;
		TAILQ_FOREACH(before, &j->list, list)
			if (before == job || in_the_way(before, job))
				break;
		if (before == job)
			return job;
	}
	return NULL;
}

/* With the lock held: whoever takes a job, or ends one that stood in the way, wakes one more if
 * there is work for him, not all. */
static void wake_one(struct portjobs *j)
{
	if (j->idle > 0 && next_job(j))
		pthread_cond_signal(&j->wake);
}

static void *worker_main(void *arg)
{
	struct portjobs *j = arg;
	struct portjob *job;

	pthread_mutex_lock(&j->lock);
	while (!j->stopping) {
		job = next_job(j);
		if (!job) {
			j->idle++;
			pthread_cond_wait(&j->wake, &j->lock);
			j->idle--;
			continue;
		}
		job->running = true;
		wake_one(j);
		pthread_mutex_unlock(&j->lock);
		portreq_carry_out(j->fs, job);
		pthread_mutex_lock(&j->lock);
		TAILQ_REMOVE(&j->list, job, list);
		wake_one(j);
		pthread_mutex_unlock(&j->lock);
		finish_and_sync(j, job);
		pthread_mutex_lock(&j->lock);
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

int portjobs_start(struct portjobs *j)
{
	for (int i = 0; i < PORTJOB_WORKERS; i++) {
		int rc = pthread_create(&j->workers[i], NULL, worker_main, j);
		if (rc != 0)
			return -rc;
		j->nworkers++;
	}
	return 0;
}

static void *hook_main(void *arg)
{
	struct hook_thread t = *(struct hook_thread *)arg;

	free(arg);
	portreq_carry_out(t.jobs->fs, t.job);
	pthread_mutex_lock(&t.jobs->lock);
	if (t.job->end_fd >= 0)
		TAILQ_REMOVE(&t.jobs->own, t.job, list);
	bool stopping = t.jobs->stopping;
	/* Counted until the answer is handed over: the server must outlive that. */
	if (!stopping)
		finish(t.jobs, t.job);
	else
		portjob_free(t.job);
	t.jobs->hooks--;
	pthread_mutex_unlock(&t.jobs->lock);
	return NULL;
}

static int start_hook(struct portjobs *j, struct portjob *job)
{
	struct hook_thread *t = malloc(sizeof(*t));
	pthread_attr_t attr;
	pthread_t thread;

	if (!t)
		return -ENOMEM;
	*t = (struct hook_thread){.jobs = j, .job = job};
	if (job->type == PORT_CHECK) /* without one it comes to its end by itself */
		job->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_lock(&j->lock);
	int rc = j->hooks < PORTJOB_HOOKS_MAX ? 0 : ERR_LIMIT;
	j->hooks += rc == 0;
	if (rc == 0 && job->end_fd >= 0)
		TAILQ_INSERT_TAIL(&j->own, job, list);
	pthread_mutex_unlock(&j->lock);
	if (rc == 0) {
		pthread_attr_init(&attr);
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		rc = -pthread_create(&thread, &attr, hook_main, t);
		pthread_attr_destroy(&attr);
		if (rc == 0)
			return 0;
		pthread_mutex_lock(&j->lock);
		j->hooks--;
		if (job->end_fd >= 0)
			TAILQ_REMOVE(&j->own, job, list);
		pthread_mutex_unlock(&j->lock);
	}
	free(t);
	return rc;
}

/* The check that this one is about, if it has not been answered yet. */
static void end_check(struct portjobs *j, struct portjob *job)
{
	const uint64_t one = 1;
	struct port_head head;
	struct portjob *other;
	struct rd r;

	int rc = port_parse(&r, job->packet, job->len, &head);
	uint32_t id = rc == 0 ? rd_u32(&r) : 0;
	if (rc == 0)
		rc = rd_end(&r);
	pthread_mutex_lock(&j->lock);
	TAILQ_FOREACH(other, &j->own, list)
		if (rc == 0 && other->session == job->session && other->id == id &&
		    write(other->end_fd, &one, sizeof(one)) < 0)
			rc = -errno;
	pthread_mutex_unlock(&j->lock);
	portjob_answer(job, rc);
	finish(j, job);
}

void portjobs_add(struct portjobs *j, struct portjob *job)
{
	if (job->type == PORT_CHECK_END) {
		end_check(j, job);
		return;
	}
	if (job->type == PORT_HOOK || job->type == PORT_ALERT || job->type == PORT_CHECK) {
		int rc = start_hook(j, job);
		if (rc < 0) {
			portjob_answer(job, rc);
			finish(j, job);
		}
		return;
	}
	portreq_place(job);
	pthread_mutex_lock(&j->lock);
	TAILQ_INSERT_TAIL(&j->list, job, list);
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
}

bool portjobs_stop(struct portjobs *j)
{
	pthread_mutex_lock(&j->lock);
	j->stopping = true;
	pthread_cond_broadcast(&j->wake);
	pthread_mutex_unlock(&j->lock);
	for (int i = 0; i < j->nworkers; i++)
		pthread_join(j->workers[i], NULL);
	while (!TAILQ_EMPTY(&j->list)) {
		struct portjob *job = TAILQ_FIRST(&j->list);
		TAILQ_REMOVE(&j->list, job, list);
		portjob_free(job);
	}
	pthread_mutex_lock(&j->lock);
	bool idle = j->hooks == 0;
	pthread_mutex_unlock(&j->lock);
	if (!idle)
		return false;
	pthread_mutex_destroy(&j->lock);
	pthread_cond_destroy(&j->wake);
	free(j);
	return true;
}
