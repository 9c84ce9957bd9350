/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The sections of zonefs-health, and those of zones.
 */
#include "tests/unit/conf_help.h"

#define PROBE "probe \"soa\" { address = \"127.0.0.1\" zones = { \"a.test\" } }\n"

static void health_is_what_is_asked_and_what_is_done(void **state)
{
	(void)state;
	struct conf *c = parse_well(REQUIRED PROBE "probe \"v6\" {\n"
						   "  address = \"::1\"\n"
						   "  port = 5353\n"
						   "  zones = { \"a.test\", \"b.test\" }\n"
						   "  tcp = false\n"
						   "  answer = \"any\"\n"
						   "}\n"
						   "health \"anycast\" {\n"
						   "  service = { \"192.0.2.53\" }\n"
						   "  fall = 2\n"
						   "  on-stop = \"withdraw\"\n"
						   "  add-address = { \"/bin/a\", \"b\" }\n"
						   "  remove-address = { \"/bin/r\" }\n"
						   "}\n");
	const struct conf_health *h = c->health;

	assert_int_equal(c->nprobes, 2);
	assert_int_equal(c->probes[0].port, 53);
	assert_string_equal(c->probes[0].type, "SOA");
	assert_int_equal(c->probes[0].answer, CONF_ANSWER_AUTHORITATIVE);
	assert_true(c->probes[0].udp && c->probes[0].tcp);
	assert_true(c->probes[1].udp && !c->probes[1].tcp);
	assert_int_equal(c->probes[1].nzones, 2);
	assert_int_equal(c->probes[1].answer, CONF_ANSWER_ANY);
	assert_true(!c->probes[0].all && !c->probes[0].view);
	assert_string_equal(h->name, "anycast");
	assert_int_equal(h->fall, 2);
	assert_int_equal(h->rise, 3);
	assert_int_equal(h->interval_sec, 120);
	assert_true(h->withdraw_on_stop && h->on_data == CONF_ON_DATA_DEMOTE);
	assert_string_equal(h->command[CONF_HEALTH_ADD_ADDRESS][1], "b");
	assert_null(h->command[CONF_HEALTH_ANNOUNCE]);
	conf_free(c);
}

static void a_zone_is_named_by_its_file(void **state)
{
	struct conf *c = parse_well(REQUIRED "zone \"*.arpa\" {\n"
					     "file = \"nsd/reverse/%s\"\n"
					     "}\n"
					     "zone \"*\" {\n"
					     "file = \"/nsd/zones/db.%s.zone\"\n"
					     "}\n");
	const struct {
		const char *path, *zone;
	} expected[] = {
	    {"nsd/zones/db.a.test.zone", "a.test"},
	    {"nsd/zones/db.A.Test..zone", "A.Test"},
	    {"nsd/zones/db..zone", NULL},
	    {"nsd/zones/db.zone", NULL},
	    {"nsd/zones/db.a/b.zone", NULL},
	    {"nsd/zones/db.a.test.zone~", NULL},
	    {"x/nsd/zones/db.a.test.zone", NULL},
	    {"nsd/reverse/2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa"},
	    {"nsd/reverse/a.test", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		char *name = conf_zone_of_file(c, expected[i].path);

		if (expected[i].zone)
			assert_string_equal(name, expected[i].zone);
		else
			assert_null(name);
		free(name);
	}
	assert_true(conf_zones_by_file(c));
	conf_free(c);
	expect_mistakes(REQUIRED "zone \"a\" {\n"
				 "file = \"zones/%s/%s\"\n"
				 "}\n"
				 "zone \"b\" {\n"
				 "file = \"zones/b\"\n"
				 "}\n"
				 "zone \"c\" {\n"
				 "file = \"../%s\"\n"
				 "}\n"
				 "zone \"d\" {\n"
				 "file = \"%d%s\"\n"
				 "}\n",
			(const char *[]){"7:file is a path", "10:file is a path",
					 "13:file is a path", "16:file is a path", NULL});
}

static void a_zone_has_what_the_first_section_says_that_matches(void **state)
{
	struct conf *c = parse_well(REQUIRED "zone \"*.Example.com.\" {\n"
					     "guard-shrink = 60\n"
					     "}\n"
					     "zone \"*.com\" {\n"
					     "serial = raise\n"
					     "guard-shrink = 0\n"
					     "}\n"
					     "zone \"a.example.com\" {\n"
					     "serial = keep\n"
					     "}\n"
					     "zone \".\" {\n"
					     "guard-shrink = 1\n"
					     "}\n");
	const struct {
		const char *zone;
		enum conf_serial serial;
		int shrink;
	} expected[] = {
	    {"a.example.com", CONF_SERIAL_RAISE, 60},
	    {"b.C.eXample.COM.", CONF_SERIAL_RAISE, 60},
	    {"example.com", CONF_SERIAL_RAISE, 0},
	    {"example.org", CONF_SERIAL_KEEP, 30},
	    {".", CONF_SERIAL_KEEP, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		struct conf_zone_options o = conf_zone_options(c, expected[i].zone);

		assert_int_equal(o.serial, expected[i].serial);
		assert_int_equal(o.guard_shrink, expected[i].shrink);
	}
	conf_free(c);
	expect_mistakes(REQUIRED "zone \"a b\" {\n"
				 "serial = never\n"
				 "guard-shrink = 101\n"
				 "}\n"
				 "zone \"\" { }\n",
			(const char *const[]){"6:a zone is a name", "7:serial is keep or raise",
					      "8:guard-shrink is between 0 and 100",
					      "10:a zone is a name", NULL});
}

static void mistakes_in_health_have_their_line(void **state)
{
	(void)state;
	expect_mistakes(
	    REQUIRED "health \"x\" {\n"
		     "  service = { \"host.test\" }\n"
		     "  fast-interval = 200\n"
		     "  on-data = \"later\"\n"
		     "  announce = { \"birdc\" }\n"
		     "}\n",
	    (const char *[]){"6:nothing says how to withdraw", "6:the health \"x\" has no probe",
			     "7:service is a list of numeric addresses, \"host.test\"",
			     "8:fast-interval (200) is longer than interval (120)",
			     "9:on-data is \"nothing\", \"demote\" or \"withdraw\", not "
			     "\"later\"",
			     "10:the program \"birdc\" is not an absolute path",
			     "10:announce without withdraw", NULL});
	expect_mistakes(REQUIRED "probe \"p\" { address = \"2001:DB8:0::1\" tcp = false\n"
				 "  zones = { \"\" } type = \"SOA\" }\n"
				 "probe \"q\" { address = \"::1\" udp = false tcp = false }\n"
				 "health \"x\" { service = { \"2001:db8::1\" }\n"
				 "  announce = { \"/bin/a\" } withdraw = { \"/bin/w\" }\n"
				 "  on-data = \"demote\" }\n",
			(const char *[]){"6:the probe \"p\" asks the service address 2001:DB8:0::1",
					 "7:a zone's name has 1 to 255 characters",
					 "8:the probe \"q\" has no zones to ask for",
					 "8:the probe \"q\" asks neither over UDP nor over TCP",
					 "9:no probe asks over TCP",
					 "11:on-data is \"demote\", and there is no demote", NULL});
	expect_mistakes(
	    REQUIRED "probe \"all\" { address = \"::1\"\n"
		     "  zones = { \"*\", \"a.test\" } }\n"
		     "probe \"p\" { address = \"::1\" zones = { \"a.test\" }\n"
		     "  view = \"in\" }\n"
		     "health \"x\" { service = { \"192.0.2.1\" }\n"
		     "  stale-limit = -1 behind-limit = -1\n"
		     "  announce = { \"/bin/a\" } withdraw = { \"/bin/w\" } }\n",
	    (const char *[]){"6:the probe \"all\" asks for all zones, which are known only",
			     "7:zones has \"*\", which is all of them, and others beside it",
			     "9:view goes with zones = { \"*\" }",
			     "11:stale-limit is between 0 and 31536000, not -1",
			     "11:behind-limit is between 0 and 31536000, not -1", NULL});
	expect_mistakes(REQUIRED "peer \"ns2\" { address = \"tcp://h:1\" key = '" KEY1 "' }\n"
				 "probe \"p\" { address = \"::1\" zones = { \"a\" } }\n"
				 "health \"x\" { service = { \"192.0.2.1\" } on-stop = \"go\"\n"
				 "  announce = { \"/bin/a\" } withdraw = { \"/bin/w\" }\n"
				 "  on-data = \"withdraw\" min-announcing = 2 lease = 61 }\n",
			(const char *[]){"8:on-stop is \"stay\" or \"withdraw\", not \"go\"",
					 "8:on-data is \"withdraw\", for which 2 peers must agree, "
					 "and 1 is configured",
					 "10:lease is between 5 and 60, not 61", NULL});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(health_is_what_is_asked_and_what_is_done),
	    cmocka_unit_test(a_zone_is_named_by_its_file),
	    cmocka_unit_test(a_zone_has_what_the_first_section_says_that_matches),
	    cmocka_unit_test(mistakes_in_health_have_their_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
