/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The invalidation socket, both sides, with a datagram socket in place of the device: each
 * notification is one packet there, and can be held up by not reading.
 */
#include <errno.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "fs/inval.h"

#define WAIT_MSEC 10000

struct bench {
	struct inval *inval;
	int device; /* where the kernel would read */
	int keepers_device;
	int sock; /* the keeper's */
	pthread_t keeper;
	bool served;
};

static void *keeper_main(void *arg)
{
	struct bench *b = arg;

	inval_serve(b->sock, b->keepers_device, "/");
	close(b->sock);
	close(b->keepers_device);
	return NULL;
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	int socks[2], device[2];

	assert_non_null(b);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socks), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, device), 0);
	b->inval = inval_new(socks[0]);
	b->sock = socks[1];
	b->device = device[0];
	b->keepers_device = device[1];
	assert_non_null(b->inval);
	assert_int_equal(pthread_create(&b->keeper, NULL, keeper_main, b), 0);
	b->served = true;
	*state = b;
	return 0;
}

static void end_worker(struct bench *b)
{
	inval_free(b->inval);
	b->inval = NULL;
}

static void end_keeper(struct bench *b)
{
	if (b->served)
		pthread_join(b->keeper, NULL);
	b->served = false;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	end_worker(b);
	end_keeper(b);
	close(b->device);
	free(b);
	return 0;
}

/* The next notification's length, 0 if there is none and no one to write one. */
static size_t next_notification(struct bench *b, uint8_t *p, size_t size)
{
	struct pollfd wait = {b->device, POLLIN, 0};

	assert_int_equal(poll(&wait, 1, WAIT_MSEC), 1);
	ssize_t n = recv(b->device, p, size, 0);
	assert_true(n >= 0);
	return (size_t)n;
}

static void expect_name(struct bench *b, uint64_t parent, const char *name)
{
	uint8_t p[1024];
	size_t n = next_notification(b, p, sizeof(p));
	struct fuse_out_header head;
	struct fuse_notify_inval_entry_out body;

	assert_int_equal(n, sizeof(head) + sizeof(body) + strlen(name) + 1);
	memcpy(&head, p, sizeof(head));
	memcpy(&body, p + sizeof(head), sizeof(body));
	assert_int_equal(head.len, n);
	assert_int_equal(head.error, FUSE_NOTIFY_INVAL_ENTRY);
	assert_int_equal(head.unique, 0);
	assert_int_equal(body.parent, parent);
	assert_int_equal(body.namelen, strlen(name));
	assert_string_equal((char *)p + sizeof(head) + sizeof(body), name);
}

static void expect_inode(struct bench *b, uint64_t nodeid)
{
	uint8_t p[1024];
	size_t n = next_notification(b, p, sizeof(p));
	struct fuse_out_header head;
	struct fuse_notify_inval_inode_out body;

	assert_int_equal(n, sizeof(head) + sizeof(body));
	memcpy(&head, p, sizeof(head));
	memcpy(&body, p + sizeof(head), sizeof(body));
	assert_int_equal(head.error, FUSE_NOTIFY_INVAL_INODE);
	assert_int_equal(body.ino, nodeid);
	assert_int_equal(body.off, -1);
}

static void expect_nothing_more(struct bench *b)
{
	uint8_t p[16];

	assert_int_equal(next_notification(b, p, sizeof(p)), 0);
}

static void names_and_inodes_are_written_in_their_order(void **state)
{
	struct bench *b = *state;
	const struct inval_item items[] = {{INVAL_NAME, 7, "example.zone"}, {INVAL_INODE, 0x500000008ULL, NULL}, {INVAL_NAME, 7, "old"}};

	int64_t ticket = inval_prepare(b->inval, items, 3);
	assert_true(ticket > 0);
	assert_int_equal(inval_go(b->inval, ticket), 0);
	expect_name(b, 7, "example.zone");
	expect_inode(b, 0x500000008ULL);
	expect_name(b, 7, "old");
}

static void what_was_cancelled_is_not_written(void **state)
{
	struct bench *b = *state;
	const struct inval_item no = {INVAL_NAME, 1, "no"}, yes = {INVAL_NAME, 1, "yes"};

	inval_cancel(b->inval, inval_prepare(b->inval, &no, 1));
	assert_int_equal(inval_go(b->inval, inval_prepare(b->inval, &yes, 1)), 0);
	expect_name(b, 1, "yes");
	end_worker(b);
	end_keeper(b);
	expect_nothing_more(b);
}

static void what_a_dead_worker_prepared_is_carried_out(void **state)
{
	struct bench *b = *state;
	const struct inval_item first = {INVAL_NAME, 1, "first"}, second = {INVAL_NAME, 2, "second"}, third = {INVAL_NAME, 3, "third"};

	assert_true(inval_prepare(b->inval, &first, 1) > 0);
	int64_t cancelled = inval_prepare(b->inval, &second, 1);
	assert_true(inval_prepare(b->inval, &third, 1) > 0);
	inval_cancel(b->inval, cancelled);
	end_worker(b);
	end_keeper(b);
	expect_name(b, 1, "first");
	expect_name(b, 3, "third");
	expect_nothing_more(b);
}

static void tickets_are_limited_and_come_back(void **state)
{
	struct bench *b = *state;
	const struct inval_item item = {INVAL_NAME, 1, "a"};
	int64_t tickets[100];
	int n = 0;

	while (n < 100 && (tickets[n] = inval_prepare(b->inval, &item, 1)) > 0)
		n++;
	assert_int_equal(n, 64);
	assert_int_equal(tickets[n], ERR_LIMIT);
	for (int i = 1; i < n; i++)
		inval_cancel(b->inval, tickets[i]);
	assert_int_equal(inval_go(b->inval, tickets[0]), 0);
	for (int i = 0; i < 1000; i++) {
		int64_t ticket = inval_prepare(b->inval, &item, 1);
		assert_true(ticket > 0);
		assert_int_equal(inval_go(b->inval, ticket), 0);
		expect_name(b, 1, "a");
	}
}

static void wrong_items_are_refused(void **state)
{
	struct bench *b = *state;
	char name[300];
	const struct inval_item empty = {INVAL_NAME, 1, ""}, longer = {INVAL_NAME, 1, name};
	const struct inval_item none = {INVAL_NAME, 1, NULL}, named = {INVAL_SETTLE, 1, "a"}, no = {0, 1, NULL};

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(inval_prepare(b->inval, &empty, 1), -EINVAL);
	assert_int_equal(inval_prepare(b->inval, &longer, 1), -EINVAL);
	assert_int_equal(inval_prepare(b->inval, &none, 1), -EINVAL);
	assert_int_equal(inval_prepare(b->inval, &named, 1), -EINVAL);
	assert_int_equal(inval_prepare(b->inval, &no, 1), -EINVAL);
	assert_int_equal(inval_prepare(b->inval, &longer, 0), -EINVAL);
	assert_int_equal(inval_prepare(b->inval, &longer, INVAL_ITEMS_MAX + 1), -EINVAL);
}

static void without_a_keeper_everybody_is_told(void **state)
{
	struct bench *b = *state;
	const struct inval_item item = {INVAL_NAME, 1, "a"};
	int64_t ticket = inval_prepare(b->inval, &item, 1);

	shutdown(b->sock, SHUT_RDWR);
	end_keeper(b);
	expect_name(b, 1, "a");
	assert_int_equal(inval_go(b->inval, ticket), ERR_CLOSED);
	assert_int_equal(inval_prepare(b->inval, &item, 1), ERR_CLOSED);
}

static void an_error_of_the_kernel_is_the_answer(void **state)
{
	struct bench *b = *state;
	const struct inval_item item = {INVAL_NAME, 1, "a"};

	shutdown(b->device, SHUT_RD);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(inval_go(b->inval, inval_prepare(b->inval, &item, 1)), -EPIPE);
}

#define THREADS 8
#define ROUNDS 500

static void *many_main(void *arg)
{
	struct inval *i = arg;
	const struct inval_item item = {INVAL_NAME, 1, "a"};

	for (int n = 0; n < ROUNDS; n++) {
		int64_t ticket = inval_prepare(i, &item, 1);
		if (ticket < 0 || inval_go(i, ticket) != 0)
			return arg;
	}
	return NULL;
}

static void several_threads_wait_at_once(void **state)
{
	struct bench *b = *state;
	pthread_t threads[THREADS];
	void *failed;

	for (int t = 0; t < THREADS; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, many_main, b->inval), 0);
	for (int n = 0; n < THREADS * ROUNDS; n++)
		expect_name(b, 1, "a");
	for (int t = 0; t < THREADS; t++) {
		pthread_join(threads[t], &failed);
		assert_null(failed);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(names_and_inodes_are_written_in_their_order),
	    T(what_was_cancelled_is_not_written),
	    T(what_a_dead_worker_prepared_is_carried_out),
	    T(tickets_are_limited_and_come_back),
	    T(wrong_items_are_refused),
	    T(without_a_keeper_everybody_is_told),
	    T(an_error_of_the_kernel_is_the_answer),
	    T(several_threads_wait_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
