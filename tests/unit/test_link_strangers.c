/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who is not listed gets nothing, in whatever way it asks.
 */
#include "tests/unit/link_help.h"

/* Two strangers knock at both sockets of `a`, until `a` has refused both; `b` is let in and hears
 * what they do not. (One without CURVE may leave by itself before `a` has read a byte of it.) */
static void knock(struct node *a, struct node *b, const struct conf_keys *keys)
{
	CLEANUP_FREE char *request_address = conf_request_address(a->address);
	struct stranger sub, dealer;
	bool heard = false;

	await(a, b, NULL, !b || broadcast_heard(a, b, 0));
	stranger_connect(&sub, ZMQ_SUB, a->address, keys, a->keys.public_key);
	stranger_connect(&dealer, ZMQ_DEALER, request_address, keys, a->keys.public_key);
	await(a, b, NULL, ({
		      link_broadcast(a->link, "news", 4);
		      heard |= gets_anything(&sub);
		      heard |= gets_anything(&dealer);
		      bool out = stranger_ended(&sub);
		      out = stranger_ended(&dealer) && out;
		      heard || (keys ? refused(a) >= 2 : out);
	      }));
	assert_false(heard);
	assert_int_equal(a->count[0][LINK_REQUEST], 0);
	stranger_end(&sub);
	stranger_end(&dealer);
}

static void an_unlisted_key_gets_nothing_and_is_refused(void **state)
{
	struct node a, b;
	struct conf_keys keys;
	char address[LINK_ADDRESS_MAX];

	(void)state;
	make_pair(&a, &b, "127.0.0.1");
	node_start(&a);
	node_start(&b);
	assert_int_equal(zmq_curve_keypair(keys.public_key, keys.secret_key), 0);
	knock(&a, &b, &keys);
	link_refused(a.link, address, sizeof address);
	assert_string_equal(address, "127.0.0.1");
	node_stop(&a);
	node_stop(&b);
}

static void without_the_handler_even_a_listed_key_is_refused(void **state)
{
	struct node a, b;
	struct link_options options = {.without_zap = true};

	(void)state;
	make_pair(&a, &b, "127.0.0.1");
	assert_int_equal(link_open(&a.link, &a.conf, &a.keys, &options), 0);
	knock(&a, NULL, &b.keys);
	node_start(&b);
	await(&a, &b, NULL, refused(&a) >= 4);
	assert_false(connected(&b, 0));
	assert_int_equal(a.count[0][LINK_REQUEST], 0);
	assert_int_equal(b.count[0][LINK_BROADCAST], 0);
	assert_int_equal(link_request(b.link, 0, "x", 1), -EAGAIN);
	node_stop(&a);
	node_stop(&b);
}

static void a_client_without_curve_gets_nothing(void **state)
{
	struct node a, b;

	(void)state;
	make_pair(&a, &b, "127.0.0.1");
	node_start(&a);
	node_start(&b);
	knock(&a, &b, NULL);
	node_stop(&a);
	node_stop(&b);
}

/* Bytes of protocols that are not ours: the connection is closed without an answer of substance. */
static void other_protocols_get_nothing(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} tries[] = {
	    {"\x01\x00\x02\x01\x00", 5}, /* ZMTP 1.0: no mechanism at all */
	    {"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x01\x01\x00\x00\x00\x01\x00", 17}, /* 2.0 */
	    {"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
	     64}, /* 3.0, not encrypted */
	    {"GET / HTTP/1.0\r\n\r\n", 18},
	    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16},
	};
	struct node a, b;

	(void)state;
	make_pair(&a, &b, "127.0.0.1");
	node_start(&a);
	node_start(&b);
	await(&a, &b, NULL, broadcast_heard(&a, &b, 0));
	for (size_t i = 0; i < 2 * ARRAY_SIZE(tries); i++) {
		int port = atoi(strrchr(a.address, ':') + 1) + (int)(i & 1);
		struct sockaddr_in sa = {.sin_family = AF_INET,
					 .sin_port = htons((uint16_t)port),
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		char reply[512];
		size_t got = 0;
		ssize_t rc = -1;

		assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
		assert_true(send(fd, tries[i / 2].bytes, tries[i / 2].len, MSG_NOSIGNAL) > 0);
		shutdown(fd, SHUT_WR);
		/* until the node closes it; a greeting may come, a message may not */
		await(&a, &b, NULL,
		      (link_broadcast(a.link, "a secret", 8),
		       rc = recv(fd, reply + got, sizeof reply - got, MSG_DONTWAIT),
		       got += rc > 0 ? (size_t)rc : 0,
		       rc == 0 || (rc < 0 && errno != EAGAIN) || got == sizeof reply));
		assert_true(got < sizeof reply);
		assert_null(memmem(reply, got, "a secret", 8));
	}
	await(&a, &b, NULL, refused(&a) >= 2); /* those of 3.0 got as far as to be told apart */
	assert_int_equal(a.count[0][LINK_REQUEST], 0);
	b.count[0][LINK_BROADCAST] = 0;
	await(&a, &b, NULL, broadcast_heard(&a, &b, 0));
	node_stop(&a);
	node_stop(&b);
}

static void only_names_that_the_handler_gives_are_peers(void **state)
{
	uint32_t peer = 7;

	(void)state;
	assert_true(zap_peer("1", 2, &peer));
	assert_int_equal(peer, 1);
	assert_false(zap_peer(NULL, 2, &peer));
	assert_false(zap_peer("", 2, &peer));
	assert_false(zap_peer("2", 2, &peer));
	assert_false(zap_peer("-1", 2, &peer));
	assert_false(zap_peer(" 1", 2, &peer));
	assert_false(zap_peer("1x", 2, &peer));
	assert_false(zap_peer("99999999999999999999999", 2, &peer));
	assert_int_equal(peer, 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_unlisted_key_gets_nothing_and_is_refused),
	    cmocka_unit_test(without_the_handler_even_a_listed_key_is_refused),
	    cmocka_unit_test(a_client_without_curve_gets_nothing),
	    cmocka_unit_test(other_protocols_get_nothing),
	    cmocka_unit_test(only_names_that_the_handler_gives_are_peers),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
