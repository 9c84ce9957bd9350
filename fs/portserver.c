/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A loop around poll: the port's socket, an eventfd by which everybody else wakes it, and the list
 * of mounts while somebody waits for one to go. Of a packet that was not taken, nothing is lost: it
 * is kept, or, with a new port, its hints count as unacknowledged.
 *
 * No answer overtakes a hint: what a LOOK has seen of a user's save is heard of after that save. So
 * answers that are complete are taken aside, then all hints are sent that were given until that
 * moment, then these answers. Hints and answers that come meanwhile are the next turn's: neither
 * can keep the other waiting for ever, and both wait for nothing but the replicator to read.
 */
#include "fs/portserver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/err.h"
#include "base/log.h"
#include "base/port.h"
#include "fs/fs.h"
#include "fs/treemark.h"
#include "fs/portjob.h"
#include "fs/portwait.h"

#define HINTS_BYTES (32 * 1024) /* in one packet */
#define RECEIVE_BURST 64        /* packets, before answers are sent again */
#define BAD_PACKETS_MAX 1000    /* then the port is closed */

struct portserver {
	struct fs *fs;
	pthread_t thread;
	bool running;
	int event;
	atomic_bool awake;   /* the eventfd was written to */
	atomic_bool waiting; /* there are waiters */
	struct portjobs *jobs;

	pthread_mutex_t lock; /* of what follows, up to the blank line */
	bool stop;
	int next_sock; /* a new port, -1: none */
	struct portjob_list answers;

	/* the thread's own */
	struct portjob_list ready; /* answers that were taken aside */
	uint64_t ready_serial;     /* the latest hint's then */
	int sock;                  /* -1: no port */
	uint64_t session;
	unsigned in_flight; /* accepted, and the answer not sent */
	unsigned bad;
	struct buf out; /* a packet that the socket did not take; len 0: none */
	struct portwaits waits;
	uint8_t in[PORT_PACKET_MAX];
};

void portserver_wake(struct portserver *p)
{
	uint64_t one = 1;

	if (p && !atomic_exchange(&p->awake, true) && write(p->event, &one, sizeof(one)) < 0)
		log_limited(LOG_LEVEL_ERROR, "the port's thread cannot be woken: %s",
			    err_text(-errno));
}

void portserver_writer_gone(struct portserver *p)
{
	if (p && atomic_load(&p->waiting))
		portserver_wake(p);
}

static void job_finished(void *arg, struct portjob *job)
{
	struct portserver *p = arg;

	pthread_mutex_lock(&p->lock);
	TAILQ_INSERT_TAIL(&p->answers, job, list);
	pthread_mutex_unlock(&p->lock);
	portserver_wake(p);
}

struct portserver *portserver_new(struct fs *fs)
{
	struct portserver *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->fs = fs;
	p->sock = p->next_sock = -1;
	p->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->jobs = portjobs_new(fs, job_finished, p);
	if (p->event < 0 || !p->jobs) {
		free(p);
		return NULL;
	}
	pthread_mutex_init(&p->lock, NULL);
	TAILQ_INIT(&p->answers);
	TAILQ_INIT(&p->ready);
	buf_init(&p->out, PORT_PACKET_MAX);
	return p;
}

/* ---- the port comes and goes ---- */

static void drop(struct portjob_list *list)
{
	struct portjob *job;

	while ((job = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, job, list);
		portjob_free(job);
	}
}

static void drop_answers(struct portserver *p)
{
	drop(&p->ready);
	pthread_mutex_lock(&p->lock);
	drop(&p->answers);
	pthread_mutex_unlock(&p->lock);
}

static void disconnect(struct portserver *p)
{
	if (p->sock < 0)
		return;
	close(p->sock);
	p->sock = -1;
	p->session++;
	p->in_flight = 0;
	p->bad = 0;
	buf_reset(&p->out);
	drop_answers(p);
	portwaits_fini(&p->waits);
	atomic_store(&p->waiting, false);
	staging_forget(p->fs->staging);
}

static void hello(struct portserver *p)
{
	struct tree_mark mark;

	treemark_read(p->fs, &mark);
	port_begin(&p->out, PORT_HELLO, 0);
	buf_u64(&p->out, p->fs->life);
	buf_u32(&p->out, p->fs->tick_msec);
	buf_tree_mark(&p->out, &mark);
}

static void take_new_port(struct portserver *p)
{
	pthread_mutex_lock(&p->lock);
	int sock = p->next_sock;
	p->next_sock = -1;
	pthread_mutex_unlock(&p->lock);
	if (sock < 0)
		return;
	disconnect(p);
	p->sock = sock;
	fcntl(sock, F_SETFL, fcntl(sock, F_GETFL) | O_NONBLOCK);
	hello(p);
	capture_resend(p->fs->capture);
}

void portserver_connect(struct portserver *p, int sock)
{
	pthread_mutex_lock(&p->lock);
	if (p->next_sock >= 0)
		close(p->next_sock);
	p->next_sock = sock;
	pthread_mutex_unlock(&p->lock);
	portserver_wake(p);
}

/* ---- sending ---- */

/* False: the socket is full, or gone. */
static bool send_packet(struct portserver *p, const struct buf *b, int fd)
{
	int rc = port_send(p->sock, b, fd);

	if (rc == 0)
		return true;
	if (rc != -EAGAIN && rc != -ENOBUFS) {
		if (rc != ERR_CLOSED)
			log_error("the port: %s", err_text(rc));
		disconnect(p);
	}
	return false;
}

/* False: there are none. Whatever made a hint due before they were complete has given it by now. */
static bool take_answers(struct portserver *p)
{
	if (!TAILQ_EMPTY(&p->ready))
		return true;
	pthread_mutex_lock(&p->lock);
	TAILQ_CONCAT(&p->ready, &p->answers, list);
	pthread_mutex_unlock(&p->lock);
	p->ready_serial = capture_serial(p->fs->capture);
	return !TAILQ_EMPTY(&p->ready);
}

/* True: the socket takes no more for now. */
static bool send_answers(struct portserver *p)
{
	struct portjob *job;

	while ((job = TAILQ_FIRST(&p->ready))) {
		bool mine = p->sock >= 0 && job->session == p->session;
		if (mine && !send_packet(p, &job->answer, job->fd))
			return p->sock >= 0;
		if (mine)
			p->in_flight--;
		TAILQ_REMOVE(&p->ready, job, list);
		portjob_free(job);
	}
	return false;
}

/* Those given up to the serial, at least. Likewise. */
static bool send_hints(struct portserver *p, uint64_t serial)
{
	while (p->sock >= 0) {
		if (p->out.len == 0 && !capture_behind(p->fs->capture, serial))
			return false;
		if (p->out.len == 0)
			capture_next(p->fs->capture, &p->out, HINTS_BYTES);
		crash_point("fs-hints");
		if (!send_packet(p, &p->out, -1))
			return p->sock >= 0;
		buf_reset(&p->out);
	}
	return false;
}

/* Likewise. Ends: no request is received meanwhile. */
static bool send_all(struct portserver *p)
{
	while (take_answers(p))
		if (send_hints(p, p->ready_serial) || send_answers(p))
			return true;
	return send_hints(p, capture_serial(p->fs->capture));
}

/* ---- receiving ---- */

static void take_acks(struct portserver *p, struct rd *r)
{
	unsigned n = rd_u16(r);

	if (rd_left(r) != n * sizeof(uint64_t)) {
		rd_fail(r);
		return;
	}
	crash_point("fs-acknowledged");
	for (unsigned i = 0; i < n; i++)
		capture_ack(p->fs->capture, rd_u64(r));
}

/* 0, or the error that counts as a bad packet. */
static int take_packet(struct portserver *p, size_t len)
{
	struct port_head head;
	struct rd r;

	int rc = port_parse(&r, p->in, len, &head);
	if (rc < 0)
		return rc;
	if (head.type == PORT_ACK) {
		take_acks(p, &r);
		return rd_end(&r);
	}
	if (head.type < PORT_LIST || head.type > PORT_CHECK_END)
		return ERR_FORMAT;
	struct portjob *job = portjob_new(p->session, head.type, head.id, p->in, len);
	if (!job)
		return -ENOMEM;
	p->in_flight++;
	if (head.type != PORT_WAIT) {
		portjobs_add(p->jobs, job);
		return 0;
	}
	rc = portwaits_add(&p->waits, job, &r);
	if (rc < 0) {
		portjob_answer(job, rc);
		job_finished(p, job);
	}
	atomic_store(&p->waiting, p->waits.n > 0);
	return 0;
}

static void receive(struct portserver *p)
{
	for (int i = 0; i < RECEIVE_BURST && p->sock >= 0 && p->in_flight < PORTJOB_MAX; i++) {
		int fd;
		long len = port_receive(p->sock, p->in, &fd);
		if (fd >= 0)
			close(fd); /* nothing that comes from there has one */
		if (len == -EAGAIN)
			return;
		if (len == ERR_CLOSED) {
			log_info("the replicator has closed the port");
			disconnect(p);
			return;
		}
		int rc = len < 0 ? (int)len : take_packet(p, (size_t)len);
		if (rc == 0)
			continue;
		log_limited(LOG_LEVEL_WARNING, "a bad packet from the replicator: %s",
			    err_text(rc));
		if (++p->bad > BAD_PACKETS_MAX) {
			log_error("the replicator sends nonsense: the port is closed");
			disconnect(p);
		}
	}
}

/* ---- the loop ---- */

static int64_t look_at_waits(struct portserver *p, int64_t now_msec)
{
	struct portjob *job;
	int64_t next;
	bool done;

	while ((job = portwaits_next(&p->waits, p->fs, now_msec, &done, &next))) {
		if (done) {
			portjob_answer(job, 0);
			buf_u16(&job->answer, 0);
			job_finished(p, job);
		} else {
			portjobs_add(p->jobs, job); /* says who keeps it open */
		}
	}
	atomic_store(&p->waiting, p->waits.n > 0);
	return next;
}

static int64_t run_timers(struct portserver *p)
{
	int64_t now = clock_monotonic_msec();
	int64_t next = save_timers(p->fs, now);
	int64_t busy = busy_timers(p->fs->busy, now);
	int64_t wait = look_at_waits(p, now);

	next = busy < next ? busy : next;
	return wait < next ? wait : next;
}

static int timeout_until(int64_t next)
{
	int64_t left = next - clock_monotonic_msec();

	if (next == INT64_MAX)
		return -1;
	return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

static void wait_for_something(struct portserver *p, int64_t next, bool full)
{
	bool mounts = busy_mounts_wanted(p->fs->busy);
	struct pollfd fds[3] = {
	    {.fd = p->event, .events = POLLIN},
	    {.fd = p->sock},
	    {.fd = mounts ? mounts_fd(p->fs->mounts) : -1, .events = POLLPRI},
	};
	uint64_t count;

	if (full)
		fds[1].events |= POLLOUT;
	if (p->in_flight < PORTJOB_MAX)
		fds[1].events |= POLLIN;
	if (poll(fds, 3, timeout_until(next)) < 0)
		return;
	if (fds[0].revents && read(p->event, &count, sizeof(count)) > 0)
		atomic_store(&p->awake, false);
	if (fds[1].revents)
		receive(p);
	if (fds[2].revents)
		busy_mounts_changed(p->fs->busy, p->fs->mounts);
}

static bool stopping(struct portserver *p)
{
	pthread_mutex_lock(&p->lock);
	bool stop = p->stop;
	pthread_mutex_unlock(&p->lock);
	return stop;
}

static void *server_main(void *arg)
{
	struct portserver *p = arg;

	while (!stopping(p)) {
		take_new_port(p);
		int64_t next = run_timers(p);
		bool full = send_all(p);
		wait_for_something(p, next, full);
	}
	return NULL;
}

int portserver_start(struct portserver *p)
{
	int rc = portjobs_start(p->jobs);

	if (rc == 0)
		rc = -pthread_create(&p->thread, NULL, server_main, p);
	p->running = rc == 0;
	return rc;
}

bool portserver_stop(struct portserver *p)
{
	if (!p)
		return true;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_mutex_unlock(&p->lock);
	portserver_wake(p);
	if (p->running)
		pthread_join(p->thread, NULL);
	bool ended = portjobs_stop(p->jobs);
	disconnect(p);
	if (!ended)
		return false;
	drop_answers(p);
	if (p->next_sock >= 0)
		close(p->next_sock);
	close(p->event);
	buf_fini(&p->out);
	pthread_mutex_destroy(&p->lock);
	free(p);
	return true;
}
