/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether a peer serves a zone fresher: a table of what both have proved.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "replicator/stale.h"

/* Versions of the zone's file, in order: each has seen those before. 9 is a draft that nobody was told of. */
#define NEWEST 3
#define SAME 4
#define DRAFT 9

enum {
	NONE = PROOF_GONE,
	SERVED = PROOF_SERVED,
	FAILED = PROOF_FAILED,
	WAITS = PROOF_WAITS,
	HELD = PROOF_HELD
};

/* Version 4 has the content of 3. */
static struct hash content_of(uint64_t version)
{
	struct hash h = {0};

	memset(&h, (int)(version == SAME ? NEWEST : version), sizeof h);
	return h;
}

static struct proof proof_of(int state, uint32_t serial, uint64_t version)
{
	return (struct proof){.zone = (char *)"a.test",
			      .zclass = (char *)"IN",
			      .view = (char *)"",
			      .path = (char *)"var/a",
			      .words = (char *)"",
			      .state = (enum proof_state)state,
			      .has_serial = state == SERVED || state == HELD,
			      .serial = serial,
			      .dot = {.origin = version ? 7 : 0, .seq = version},
			      .hash = content_of(version)};
}

static void a_peer_that_serves_a_zone_fresher(void **state)
{
	static const struct {
		const char *what;
		int own;
		uint32_t own_serial;
		uint64_t own_version;
		int peer;
		uint32_t peer_serial;
		uint64_t peer_version;
		enum stale_block block;
		enum stale is;
	} cases[] = {
	    {"both the newest", SERVED, 3, 3, SERVED, 3, 3, BLOCK_NONE, STALE_NOT},
	    {"the peer is the old one", SERVED, 3, 3, SERVED, 2, 2, BLOCK_NONE, STALE_NOT},
	    {"both are old", SERVED, 2, 2, SERVED, 2, 2, BLOCK_NONE, STALE_NOT},
	    {"an older serial here", SERVED, 2, 2, SERVED, 3, 3, BLOCK_NONE, STALE_OLD},
	    {"likewise, of two that are old", SERVED, 1, 1, SERVED, 2, 2, BLOCK_NONE, STALE_OLD},
	    {"around the end", SERVED, 0xffffffff, 2, SERVED, 1, 3, BLOCK_NONE, STALE_OLD},
	    {"not told apart", SERVED, 0x80000001, 2, SERVED, 1, 3, BLOCK_NONE, STALE_OTHER},
	    {"the serial was not raised", SERVED, 3, 2, SERVED, 3, 3, BLOCK_NONE, STALE_OTHER},
	    {"the same content made anew", SERVED, 3, SAME, SERVED, 3, 3, BLOCK_NONE, STALE_NOT},
	    {"it is not known of what", SERVED, 3, 0, SERVED, 3, 3, BLOCK_NONE, STALE_NOT},
	    {"not known, and older", SERVED, 2, 0, SERVED, 3, 3, BLOCK_NONE, STALE_OLD},
	    {"the peer's was released by nobody", SERVED, 3, 3, SERVED, 9, DRAFT, BLOCK_NONE,
	     STALE_NOT},
	    {"nobody knows what the peer's is", SERVED, 3, 3, SERVED, 9, 0, BLOCK_NONE, STALE_NOT},
	    {"it fails here", FAILED, 0, 3, SERVED, 3, 3, BLOCK_NONE, STALE_FAILED},
	    {"it fails everywhere", FAILED, 0, 3, FAILED, 0, 3, BLOCK_NONE, STALE_NOT},
	    {"its file is not here", WAITS, 0, 0, SERVED, 3, 3, BLOCK_NONE, STALE_WAITS},
	    {"nothing was ever proved here", NONE, 0, 0, SERVED, 3, 3, BLOCK_NONE, STALE_NOT},
	    {"nothing, and it is held", NONE, 0, 0, SERVED, 3, 3, BLOCK_HELD, STALE_HELD},
	    {"a draft here, and the newest is served", SERVED, 3, 3, SERVED, 3, 3, BLOCK_HELD,
	     STALE_NOT},
	    {"a draft here keeps the newest away", SERVED, 2, 2, SERVED, 3, 3, BLOCK_HELD,
	     STALE_HELD},
	    {"a draft is served here", HELD, 9, DRAFT, SERVED, 3, 3, BLOCK_HELD, STALE_HELD},
	    {"a draft is served there", SERVED, 3, 3, HELD, 9, DRAFT, BLOCK_NONE, STALE_NOT},
	    {"the newest is refused here", SERVED, 2, 2, SERVED, 3, 3, BLOCK_REFUSED,
	     STALE_REFUSED},
	};
	struct version *here = version_new();

	(void)state;
	assert_non_null(here);
	here->dot = (struct dot){.origin = 7, .seq = NEWEST};
	here->attrs.kind = KIND_FILE;
	here->attrs.hash = content_of(NEWEST);
	vv_raise(&here->context, here->dot);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct proof own =
		    proof_of(cases[i].own, cases[i].own_serial, cases[i].own_version);
		struct proof peer =
		    proof_of(cases[i].peer, cases[i].peer_serial, cases[i].peer_version);
		enum stale is =
		    stale_compare(cases[i].own == NONE ? NULL : &own, &peer, here, cases[i].block);

		if (is != cases[i].is)
			fail_msg("%s: \"%s\", not \"%s\"", cases[i].what, stale_text(is),
				 stale_text(cases[i].is));
	}
	version_put(here);
}

static void files_outside_of_the_tree_are_each_nodes_own(void **state)
{
	struct proof own = proof_of(SERVED, 1, 0), peer = proof_of(SERVED, 2, 0);

	(void)state;
	own.path = peer.path = (char *)"";
	assert_int_equal(stale_compare(&own, &peer, NULL, BLOCK_NONE), STALE_NOT);
	peer.path = (char *)"var/a";
	assert_int_equal(stale_compare(&own, &peer, NULL, BLOCK_NONE), STALE_NOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_peer_that_serves_a_zone_fresher),
	    cmocka_unit_test(files_outside_of_the_tree_are_each_nodes_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
