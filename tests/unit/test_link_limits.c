/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A listed peer that misbehaves: too much, in the wrong form, or read too slowly. It harms itself alone.
 */
#include "tests/unit/link_help.h"

static void a_message_over_the_limit_does_not_kill(void **state)
{
	struct node a, b;
	size_t len = LINK_FRAME_MAX + 1;
	CLEANUP_FREE char *big = calloc(1, len);

	(void)state;
	make_pair(&a, &b, "127.0.0.1");
	node_start(&a);
	node_start(&b);
	exchange(&a, &b);
	assert_int_equal(link_request(b.link, 0, big, WIRE_MESSAGE_MAX + 1), ERR_LIMIT);
	assert_int_equal(link_broadcast(b.link, big, WIRE_MESSAGE_MAX + 1), ERR_LIMIT);
	assert_int_equal(link_request(b.link, 0, big, WIRE_MESSAGE_MAX), 0);
	await(&a, &b, NULL, b.count[0][LINK_ANSWER] == 2);

	CLEANUP_FREE char *address = conf_request_address(a.address);
	struct stranger s;
	int requests = a.count[0][LINK_REQUEST];
	stranger_connect(&s, ZMQ_DEALER, address, &b.keys, a.keys.public_key);
	zmq_send(s.socket, big, len, 0);
	await(&a, &b, NULL, stranger_ended(&s) || a.count[0][LINK_REQUEST] > requests);
	assert_int_equal(a.count[0][LINK_REQUEST], requests);
	stranger_end(&s);
	assert_int_equal(link_request(b.link, 0, "still there?", 12), 0);
	await(&a, &b, NULL, b.count[0][LINK_ANSWER] == 3);
	node_stop(&a);
	node_stop(&b);
}

static void an_answer_over_the_limit_ends_only_that_connection(void **state)
{
	struct node a, b;
	size_t len = LINK_FRAME_MAX + 1;
	CLEANUP_FREE char *big = calloc(1, len);
	struct stranger s;
	char id[256];
	int id_len = -1;

	(void)state;
	make_pair(&a, &b, "127.0.0.1");
	CLEANUP_FREE char *address = conf_request_address(a.address);
	stranger_bind(&s, ZMQ_ROUTER, address, &a.keys);
	node_start(&b);
	await(&b, NULL, NULL, b.count[0][LINK_CONNECTED] == 1);
	assert_int_equal(link_request(b.link, 0, "question", 8), 0);
	await(&b, NULL, NULL, (id_len = zmq_recv(s.socket, id, sizeof id, ZMQ_DONTWAIT)) >= 0);
	zmq_send(s.socket, id, (size_t)id_len, ZMQ_SNDMORE);
	zmq_send(s.socket, big, len, 0);
	await(&b, NULL, NULL, b.count[0][LINK_CONNECTED] == 2);
	assert_int_equal(b.count[0][LINK_DISCONNECTED], 1);
	assert_int_equal(b.count[0][LINK_ANSWER], 0);
	node_stop(&b);
	stranger_end(&s);
}

static void messages_of_several_frames_are_dropped_and_counted(void **state)
{
	enum { BAD = 2000 };
	struct node a, b;
	struct stranger s;
	int sent = 0;
	int frame = 0;

	(void)state;
	make_pair(&a, &b, "127.0.0.1");
	CLEANUP_FREE char *address = conf_request_address(a.address);
	node_start(&a);
	node_start(&b);
	exchange(&a, &b);
	int requests = a.count[0][LINK_REQUEST];
	stranger_connect(&s, ZMQ_DEALER, address, &b.keys, a.keys.public_key);
	/* three frames each; the others' requests pass between them */
	await(&a, &b, NULL, ({
		while (sent < BAD && zmq_send(s.socket, "part", 4,
					      ZMQ_DONTWAIT | (frame < 2 ? ZMQ_SNDMORE : 0)) >= 0) {
			sent += frame == 2;
			frame = (frame + 1) % 3;
		}
		if (connected(&b, 0) && b.count[0][LINK_ANSWER] < 5)
			link_request(b.link, 0, "hello", 5);
		bad_messages(&a, 0) >= BAD;
	}));
	await(&a, &b, NULL, b.count[0][LINK_ANSWER] >= 5);
	assert_int_equal(bad_messages(&a, 0), BAD);
	assert_true(a.count[0][LINK_REQUEST] >= requests + 4);
	assert_string_equal(a.text[LINK_REQUEST], "hello");
	stranger_end(&s);
	node_stop(&a);
	node_stop(&b);
}

static void broadcasts_of_several_frames_are_dropped_and_counted(void **state)
{
	struct node a, b;
	struct stranger s;

	(void)state;
	make_pair(&a, &b, "127.0.0.1");
	stranger_bind(&s, ZMQ_PUB, a.address, &a.keys);
	node_start(&b);
	await(&b, NULL, NULL,
	      (zmq_send(s.socket, "one", 3, ZMQ_SNDMORE), zmq_send(s.socket, "two", 3, 0),
	       zmq_send(s.socket, "whole", 5, 0),
	       bad_messages(&b, 0) > 0 && b.count[0][LINK_BROADCAST] > 0));
	assert_string_equal(b.text[LINK_BROADCAST], "whole");
	node_stop(&b);
	stranger_end(&s);
}

static void a_long_route_is_dropped_and_counted(void **state)
{
	struct node a, b;
	struct stranger s;
	char id[LINK_ROUTE_MAX + 1];
	CLEANUP_FREE char *address = NULL;

	(void)state;
	make_pair(&a, &b, "127.0.0.1");
	address = conf_request_address(a.address);
	node_start(&a);
	stranger_connect(&s, ZMQ_DEALER, address, &b.keys, a.keys.public_key);
	assert_int_equal(zmq_disconnect(s.socket, address), 0);
	memset(id, 'i', sizeof id);
	zmq_setsockopt(s.socket, ZMQ_ROUTING_ID, id, sizeof id);
	assert_int_equal(zmq_connect(s.socket, address), 0);
	await(&a, NULL, NULL, (gets_anything(&s), bad_messages(&a, 0) > 0));
	assert_int_equal(a.count[0][LINK_REQUEST], 0);
	stranger_end(&s);
	node_stop(&a);
}

/* The reader holds one message and reads no more; the sender comes to its bound, says so, and goes
 * on. */
static void a_peer_that_never_reads_does_not_block_or_fill_the_memory(void **state)
{
	struct node a, b;
	struct stranger s;
	size_t len = 1024 * 1024;
	CLEANUP_FREE char *big = calloc(1, len);
	int bound = LINK_QUEUE_MAX / (int)len;
	int taken = 0;
	char byte;

	(void)state;
	make_pair(&a, &b, "127.0.0.1");
	node_start(&a);
	stranger_connect(&s, ZMQ_SUB, a.address, &b.keys, a.keys.public_key);
	await(&a, NULL, NULL,
	      (link_broadcast(a.link, "x", 1), zmq_recv(s.socket, &byte, 1, 0) >= 0));
	/* Nothing waits, and what is over the bound is left out. More than the bound is taken, one
	 * now and one then, until the kernel's buffers are full: less than twice as much. */
	for (int i = 0; i < 4 * bound; i++) {
		int rc = link_broadcast(a.link, big, len);

		assert_true(rc == 0 || rc == -EAGAIN);
		taken += rc == 0;
		assert_true(atomic_load(&a.link->pub_budget.bytes) <= LINK_QUEUE_MAX);
	}
	assert_true(taken >= bound - 1);
	assert_true(taken < 2 * bound);
	stranger_end(&s);
	await(&a, NULL, NULL, atomic_load(&a.link->pub_budget.bytes) == 0);
	node_start(&b);
	await(&a, &b, NULL, broadcast_heard(&a, &b, 0));
	node_stop(&a);
	node_stop(&b);
}

/* Longer than a connection with heartbeats would be given: libzmq then ends a process that has not
 * read for so long (libzmq issue 3937). */
#define HELD_UP_MSEC 10000

static void who_is_held_up_for_seconds_gets_all_that_was_sent(void **state)
{
	struct node a, b;
	size_t len = 16 * 1024;
	CLEANUP_FREE char *part = calloc(1, len);
	int parts = LINK_QUEUE_MAX / 2 / (int)len;

	(void)state;
	make_pair(&a, &b, "127.0.0.1");
	node_start(&a);
	node_start(&b);
	exchange(&a, &b);
	while (link_receive(a.link, &(struct link_event){0}) == 1)
		;
	a.count[0][LINK_BROADCAST] = 0;
	for (int i = 0; i < parts; i++)
		assert_int_equal(link_broadcast(b.link, part, len), 0);
	int64_t end = clock_monotonic_msec() + HELD_UP_MSEC;
	await(&b, NULL, NULL, clock_monotonic_msec() > end);
	await(&a, &b, NULL, a.count[0][LINK_BROADCAST] >= parts);
	assert_int_equal(a.count[0][LINK_DISCONNECTED] + b.count[0][LINK_DISCONNECTED], 0);
	exchange(&a, &b);
	node_stop(&a);
	node_stop(&b);
}

static void answers_to_one_who_does_not_read_end_with_eagain(void **state)
{
	struct node a, b;
	struct stranger s;
	size_t len = 1024 * 1024;
	CLEANUP_FREE char *big = calloc(1, len);
	CLEANUP_FREE char *address = NULL;
	int rc = 0;

	(void)state;
	make_pair(&a, &b, "127.0.0.1");
	address = conf_request_address(a.address);
	node_start(&a);
	stranger_connect(&s, ZMQ_DEALER, address, &b.keys, a.keys.public_key);
	zmq_send(s.socket, "ask", 3, 0);
	await(&a, NULL, NULL, a.count[0][LINK_REQUEST] == 1);
	for (int i = 0; rc == 0 && i < 1000; i++)
		rc = link_answer(a.link, &a.route, big, len);
	assert_int_equal(rc, -EAGAIN);
	stranger_end(&s);
	await(&a, NULL, NULL, link_answer(a.link, &a.route, big, len) == -EHOSTUNREACH);
	node_stop(&a);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_message_over_the_limit_does_not_kill),
	    cmocka_unit_test(an_answer_over_the_limit_ends_only_that_connection),
	    cmocka_unit_test(messages_of_several_frames_are_dropped_and_counted),
	    cmocka_unit_test(broadcasts_of_several_frames_are_dropped_and_counted),
	    cmocka_unit_test(a_long_route_is_dropped_and_counted),
	    cmocka_unit_test(a_peer_that_never_reads_does_not_block_or_fill_the_memory),
	    cmocka_unit_test(who_is_held_up_for_seconds_gets_all_that_was_sent),
	    cmocka_unit_test(answers_to_one_who_does_not_read_end_with_eagain),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
