/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What zonefs-health says to its peers and hears of them, with replicators' control sockets that are
 * the test's: a hub that carries what one says to the other, or does not.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/err.h"
#include "tools/health/mirrors.h"

#define LEASE 10000
#define TICK 1000

/* ---- notes ---- */

static void a_note_comes_back_as_it_was(void **state)
{
	struct note a = {.life = 7,
			 .serial = 3,
			 .asks = true,
			 .state = NOTE_DEMOTED,
			 .reason = REASON_DATA,
			 .since_sec = 5,
			 .words = "SERVFAIL for a\x1b.test",
			 .n = 1,
			 .granted = {{9, 8}}};
	struct note b;
	struct buf buf;

	(void)state;
	buf_init(&buf, NOTE_MAX);
	note_encode(&buf, &a);
	assert_int_equal(note_decode(&b, buf.data, buf.len), 0);
	assert_string_equal(b.words, "SERVFAIL for a?.test");
	assert_true(b.asks && !b.announces);
	assert_int_equal(b.state, NOTE_DEMOTED);
	assert_int_equal(b.reason, REASON_DATA);
	assert_int_equal(b.since_sec, 5);
	assert_int_equal(note_for(&b, 9).granted_serial, 8);
	assert_int_equal(note_for(&b, 8).granted_life, 0);
	for (size_t len = 0; len < buf.len; len++)
		assert_int_equal(note_decode(&b, buf.data, len), ERR_FORMAT);
	buf.data[0] = NOTE_VERSION + 1;
	assert_int_equal(note_decode(&b, buf.data, buf.len), ERR_PROTOCOL);
	buf_fini(&buf);
}

/* ---- two nodes and what is between them ---- */

static struct node {
	struct conf conf;
	struct conf_peer peer;
	struct conf_health health;
	char dir[64];
	int fd; /* its replicator's socket; -1: it does not run */
	char said[2 * NOTE_MAX];
	int64_t said_at; /* by the hub's clock */
	struct mirrors *mirrors;
} nodes[2];
static bool cut[2]; /* what this one says is not carried */

static void replicator_start(struct node *n)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof a.sun_path, "%s/control", n->dir);
	n->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(n->fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(n->fd, 4), 0);
}

static void replicator_stop(struct node *n)
{
	char path[128];

	close(n->fd);
	n->fd = -1;
	snprintf(path, sizeof path, "%s/control", n->dir);
	unlink(path);
}

static int setup(void **state)
{
	static const char *const names[] = {"ns1", "ns2"};

	(void)state;
	memset(nodes, 0, sizeof nodes);
	memset(cut, 0, sizeof cut);
	for (int i = 0; i < 2; i++) {
		struct node *n = &nodes[i];

		strcpy(n->dir, "/tmp/mirrors.XXXXXX");
		assert_non_null(mkdtemp(n->dir));
		n->peer.name = (char *)names[1 - i];
		n->health = (struct conf_health){.lease_sec = LEASE / 1000, .min_announcing = 1};
		n->conf.node = (char *)names[i];
		n->conf.state = n->dir;
		n->conf.peers = &n->peer;
		n->conf.npeers = 1;
		n->conf.health = &n->health;
		replicator_start(n);
		n->mirrors = mirrors_new(&n->conf, 0);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		mirrors_free(nodes[i].mirrors);
		replicator_stop(&nodes[i]);
		rmdir(nodes[i].dir);
	}
	return 0;
}

/* Takes a request, if there is one, and answers it with what the other one said. */
static void serve(struct node *n, int64_t now)
{
	struct node *other = &nodes[n == nodes];
	char line[4 * NOTE_MAX];
	int fd = n->fd >= 0 ? accept(n->fd, NULL, NULL) : -1;

	if (fd < 0)
		return;
	ssize_t len = recv(fd, line, sizeof line, 0);
	assert_true(len > 0 && line[len - 1] == '\n');
	json_t *request = json_loadb(line, (size_t)len, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(request, "command")), "notes");
	if (!cut[n - nodes]) {
		snprintf(n->said, sizeof n->said, "%s",
			 json_string_value(json_object_get(request, "say")));
		n->said_at = now;
	}
	json_decref(request);
	len =
	    snprintf(line, sizeof line,
		     "{\"type\":\"note\",\"peer\":\"%s\",\"reachable\":true%s%s%s,\"age_ms\":%lld}"
		     "\n{\"end\":true,\"exit\":0,\"words\":\"\"}\n",
		     other->conf.node, other->said[0] ? ",\"note\":\"" : "", other->said,
		     other->said[0] ? "\"" : "", (long long)(now - other->said_at));
	assert_int_equal(send(fd, line, (size_t)len, MSG_NOSIGNAL), len);
	close(fd);
}

static void set(int i, bool announces, bool asks)
{
	struct note own = {.announces = announces, .asks = asks, .words = "words"};

	mirrors_say(nodes[i].mirrors, &own);
}

/* A second passes. */
static void pass(int64_t *now)
{
	*now += TICK;
	for (int i = 0; i < 2; i++) {
		mirrors_go_on(nodes[i].mirrors, *now); /* asks */
		serve(&nodes[i], *now);
		mirrors_go_on(nodes[i].mirrors, *now); /* hears */
	}
}

static bool may_go(int i, int64_t now)
{
	return mirrors_until(nodes[i].mirrors, now) > now;
}

static int64_t began(void)
{
	int64_t now = 0;

	set(0, true, false);
	set(1, true, false);
	while (now < 3 * LEASE) /* what an earlier life may have promised is over */
		pass(&now);
	assert_int_equal(mirrors_announcing(nodes[0].mirrors, now), 1);
	return now;
}

static void a_grant_travels_and_ends_with_its_lease(void **state)
{
	int64_t now = began(), until;
	struct mirror m;

	(void)state;
	set(0, true, true);
	for (int i = 0; i < 3; i++)
		pass(&now);
	assert_true(may_go(0, now));
	assert_false(may_go(1, now));
	assert_true(mirrors_nth(nodes[0].mirrors, 0, &m, now));
	assert_true(m.heard && m.reachable && m.grants && m.note.announces);
	assert_string_equal(m.note.words, "words");
	assert_false(mirrors_nth(nodes[0].mirrors, 1, &m, now));

	cut[1] = true; /* ns2 is not heard any more */
	until = mirrors_until(nodes[0].mirrors, now);
	while (now < until - TICK)
		pass(&now);
	assert_true(may_go(0, now));
	pass(&now);
	pass(&now);
	assert_false(may_go(0, now));
	for (int i = 0; i < LEASE / TICK; i++)
		pass(&now);
	assert_true(mirrors_nth(nodes[0].mirrors, 0, &m, now));
	assert_false(m.heard);
	assert_int_equal(mirrors_announcing(nodes[0].mirrors, now), 0);
}

static void without_a_replicator_there_is_no_grant(void **state)
{
	int64_t now = began();

	(void)state;
	set(0, true, true);
	for (int i = 0; i < 3; i++)
		pass(&now);
	assert_true(may_go(0, now));
	replicator_stop(&nodes[0]);
	for (int i = 0; i < LEASE / TICK + 1; i++)
		pass(&now);
	assert_false(may_go(0, now));
	assert_int_equal(mirrors_announcing(nodes[0].mirrors, now), 0);
	replicator_start(&nodes[0]);
	for (int i = 0; i < 3; i++)
		pass(&now);
	assert_true(may_go(0, now));
}

static void what_a_peer_said_before_a_start_is_as_old_as_it_is(void **state)
{
	int64_t now = began();

	(void)state;
	cut[1] = true;
	for (int i = 0; i < LEASE / TICK + 1; i++)
		pass(&now);
	mirrors_free(nodes[0].mirrors);
	nodes[0].mirrors = mirrors_new(&nodes[0].conf, now);
	set(0, true, false);
	pass(&now);
	assert_int_equal(mirrors_announcing(nodes[0].mirrors, now), 0);
	cut[1] = false;
	pass(&now);
	pass(&now);
	assert_int_equal(mirrors_announcing(nodes[0].mirrors, now), 1);
}

static void what_is_no_note_says_nothing(void **state)
{
	static const char *const notes[] = {"?", "", "AAAA", "AgAAAAAAAAAA"};
	int64_t now = began();

	(void)state;
	cut[1] = true;
	set(0, true, true);
	for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
		strcpy(nodes[1].said, notes[i]);
		for (int k = 0; k < 2 * LEASE / TICK; k++) {
			nodes[1].said_at = now;
			pass(&now);
		}
		assert_int_equal(mirrors_announcing(nodes[0].mirrors, now), 0);
		assert_false(may_go(0, now));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_note_comes_back_as_it_was),
	    TEST(a_grant_travels_and_ends_with_its_lease),
	    TEST(without_a_replicator_there_is_no_grant),
	    TEST(what_a_peer_said_before_a_start_is_as_old_as_it_is),
	    TEST(what_is_no_note_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
