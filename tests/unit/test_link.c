/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Links between nodes that list each other: what they exchange, and how they come and go.
 */
#include "tests/unit/link_help.h"

static void two_links_exchange(const char *host)
{
	struct node a, b;

	make_pair(&a, &b, host);
	node_start(&a);
	node_start(&b);
	exchange(&a, &b);
	node_stop(&a);
	node_stop(&b);
}

static void two_links_exchange_broadcasts_requests_and_answers(void **state)
{
	(void)state;
	two_links_exchange("127.0.0.1");
}

static void they_do_so_over_ipv6(void **state)
{
	(void)state;
	two_links_exchange("[::1]");
}

static void a_link_may_listen_at_all_addresses(void **state)
{
	static const char *const hosts[] = {"0.0.0.0", "[::]"};
	static const char *const seen_as[] = {"127.0.0.1", "127.0.0.1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct node a, b;
		char listen[64];

		make_pair(&a, &b, seen_as[i]);
		snprintf(listen, sizeof listen, "tcp://%s%s", hosts[i], strrchr(a.address, ':'));
		a.conf.listen = listen;
		node_start(&a);
		node_start(&b);
		exchange(&a, &b);
		node_stop(&a);
		node_stop(&b);
	}
}

static void a_wrong_server_key_is_told_in_words(void **state)
{
	struct node a, b;
	char address[LINK_ADDRESS_MAX];

	(void)state;
	make_pair(&a, &b, "127.0.0.1");
	memcpy(b.peers[0].key, b.keys.public_key, sizeof b.peers[0].key);
	node_start(&a);
	node_start(&b);
	await(&a, &b, NULL, says(&b, 0, "is the peer's key right?"));
	/* one of its next tries is seen early enough to know its address */
	await(&a, &b, NULL, link_refused(a.link, address, sizeof address) > 0 && address[0]);
	assert_string_equal(address, "127.0.0.1");
	assert_false(connected(&b, 0));
	node_stop(&a);
	node_stop(&b);
}

static void a_key_that_is_listed_later_gets_in(void **state)
{
	struct node a, b;

	(void)state;
	make_pair(&a, &b, "127.0.0.1");
	a.conf.npeers = 0;
	node_start(&a);
	node_start(&b);
	await(&a, &b, NULL, says(&b, 0, "is this node's public key in its configuration?"));
	node_stop(&a);
	a.conf.npeers = 1;
	node_start(&a);
	exchange(&a, &b);
	node_stop(&a);
	node_stop(&b);
}

static void a_peer_that_vanishes_is_seen_and_comes_back(void **state)
{
	struct node a, b;

	(void)state;
	make_pair(&a, &b, "127.0.0.1");
	node_start(&b);
	await(NULL, &b, NULL, says(&b, 0, "cannot connect"));
	node_start(&a);
	exchange(&a, &b);
	for (int round = 1; round <= 3; round++) {
		node_stop(&a);
		await(NULL, &b, NULL, b.count[0][LINK_DISCONNECTED] == round);
		assert_int_equal(link_request(b.link, 0, "x", 1), -EAGAIN);
		await(NULL, &b, NULL, link_answer(b.link, &b.route, "x", 1) == -EHOSTUNREACH);
		node_start(&a);
		await(&a, &b, NULL, b.count[0][LINK_CONNECTED] == round + 1);
		b.count[0][LINK_BROADCAST] = 0;
		await(&a, &b, NULL, broadcast_heard(&a, &b, 0));
	}
	node_stop(&a);
	node_stop(&b);
}

static void what_is_queued_at_the_end_still_leaves(void **state)
{
	struct node a, b;

	(void)state;
	make_pair(&a, &b, "127.0.0.1");
	node_start(&a);
	node_start(&b);
	exchange(&a, &b);
	a.count[0][LINK_BROADCAST] = a.count[0][LINK_REQUEST] = 0;
	assert_int_equal(link_broadcast(b.link, "last news", 9), 0);
	assert_int_equal(link_request(b.link, 0, "last words", 10), 0);
	node_stop(&b);
	await(&a, NULL, NULL, a.count[0][LINK_REQUEST] && a.count[0][LINK_BROADCAST]);
	assert_string_equal(a.text[LINK_REQUEST], "last words");
	assert_string_equal(a.text[LINK_BROADCAST], "last news");
	node_stop(&a);
}

static void an_address_in_use_is_an_error(void **state)
{
	struct node a, b;
	struct link *l = NULL;

	(void)state;
	make_pair(&a, &b, "127.0.0.1");
	node_start(&a);
	b.conf.listen = a.address;
	assert_int_equal(link_open(&l, &b.conf, &b.keys, NULL), -EADDRINUSE);
	assert_null(l);
	memcpy(b.keys.public_key, a.keys.public_key, sizeof b.keys.public_key);
	assert_int_equal(link_open(&l, &b.conf, &b.keys, NULL), ERR_CONFIG);
	node_stop(&a);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_links_exchange_broadcasts_requests_and_answers),
	    cmocka_unit_test(they_do_so_over_ipv6),
	    cmocka_unit_test(a_link_may_listen_at_all_addresses),
	    cmocka_unit_test(a_wrong_server_key_is_told_in_words),
	    cmocka_unit_test(a_key_that_is_listed_later_gets_in),
	    cmocka_unit_test(a_peer_that_vanishes_is_seen_and_comes_back),
	    cmocka_unit_test(what_is_queued_at_the_end_still_leaves),
	    cmocka_unit_test(an_address_in_use_is_an_error),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
