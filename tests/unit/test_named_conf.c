/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is read from `named-checkconf -px`: texts as 9.18 printed them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/named_conf.h"
#include "base/named_terms.h"

static const char plain[] = "dnssec-policy \"mine\" {\n"
			    "	keys {\n"
			    "		csk lifetime unlimited algorithm 13;\n"
			    "	};\n"
			    "};\n"
			    "options {\n"
			    "	directory \"/var/named\";\n"
			    "	catalog-zones {\n"
			    "		zone \"catz.test\" default-primaries {\n"
			    "			10.0.0.1;\n"
			    "		} in-memory no;\n"
			    "	};\n"
			    "	check-names primary warn;\n"
			    "	check-names secondary ignore;\n"
			    "	check-integrity no;\n"
			    "	max-records-per-type 50;\n"
			    "	max-zone-ttl 86400;\n"
			    "	update-check-ksk no;\n"
			    "};\n"
			    "key \"k\" {\n"
			    "	algorithm \"hmac-sha256\";\n"
			    "	secret \"????????\";\n"
			    "};\n"
			    "zone \"catz.test\" {\n"
			    "	type secondary;\n"
			    "	file \"catz.db\";\n"
			    "	primaries {\n"
			    "		10.0.0.1;\n"
			    "	};\n"
			    "};\n"
			    "zone \"m.test\" {\n"
			    "	type mirror;\n"
			    "	file \"m\";\n"
			    "	primaries {\n"
			    "		10.0.0.1;\n"
			    "	};\n"
			    "};\n"
			    "zone \".\" {\n"
			    "	type hint;\n"
			    "	file \"root.hints\";\n"
			    "};\n"
			    "zone \"f.test\" {\n"
			    "	type forward;\n"
			    "	forwarders {\n"
			    "		10.0.0.1;\n"
			    "	};\n"
			    "};\n"
			    "zone \"p.test\" IN {\n"
			    "	type primary;\n"
			    "	check-names ignore;\n"
			    "	file \"../p.db\";\n"
			    "	inline-signing yes;\n"
			    "	check-dup-records fail;\n"
			    "	check-mx fail;\n"
			    "	check-mx-cname ignore;\n"
			    "	check-wildcard no;\n"
			    "	dnssec-policy \"mine\";\n"
			    "};\n"
			    "zone \"d.test\" {\n"
			    "	type master;\n"
			    "	file \"dyn/d.db\";\n"
			    "	update-policy local;\n"
			    "};\n"
			    "zone \"n.test\" {\n"
			    "	type primary;\n"
			    "	file \"/etc/n.db\";\n"
			    "	allow-update {\n"
			    "		\"none\";\n"
			    "	};\n"
			    "};\n";

static const char views[] = "options {\n"
			    "	directory \"/var/named\";\n"
			    "	allow-update {\n"
			    "		127.0.0.1/32;\n"
			    "	};\n"
			    "	dnssec-policy \"default\";\n"
			    "};\n"
			    "dnssec-policy \"outside\" {\n"
			    "	inline-signing no;\n"
			    "};\n"
			    "view \"inside\" {\n"
			    "	match-clients {\n"
			    "		127.0.0.1/32;\n"
			    "	};\n"
			    "	zone \"v.test\" {\n"
			    "		type primary;\n"
			    "		file \"shared.db\";\n"
			    "	};\n"
			    "	allow-update {\n"
			    "		\"none\";\n"
			    "	};\n"
			    "	catalog-zones {\n"
			    "		zone \"v.test\";\n"
			    "	};\n"
			    "	masterfile-format raw;\n"
			    "};\n"
			    "view \"outside\" {\n"
			    "	zone \"v.test\" IN {\n"
			    "		type primary;\n"
			    "		dnssec-policy \"outside\";\n"
			    "		file \"shared.db\";\n"
			    "	};\n"
			    "	zone \"w.test\" {\n"
			    "		in-view \"inside\";\n"
			    "	};\n"
			    "	zone \"q.test\" {\n"
			    "		type primary;\n"
			    "		dnssec-policy none;\n"
			    "		file \"a \\\"b\\\".db\";\n"
			    "	};\n"
			    "};\n";

static struct named_conf parsed(const char *text, unsigned version)
{
	struct named_conf c;

	assert_int_equal(named_conf_parse(&c, text, strlen(text), version), 0);
	return c;
}

static const struct named_zone *find(const struct named_conf *c, const char *name, const char *view)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->list[i].name, name) == 0 &&
		    (view ? c->list[i].view && strcmp(c->list[i].view, view) == 0
			  : !c->list[i].view))
			return &c->list[i];
	fail_msg("no zone %s", name);
	return NULL;
}

static void types_and_files(void **state)
{
	struct named_conf c = parsed(plain, 91849);

	(void)state;
	assert_int_equal(c.n, 7);
	assert_false(c.views);
	assert_string_equal(c.directory, "/var/named");
	assert_int_equal(find(&c, "m.test", NULL)->type, NAMED_MIRROR);
	assert_int_equal(find(&c, ".", NULL)->type, NAMED_HINT);
	assert_int_equal(find(&c, "f.test", NULL)->type, NAMED_OTHER);
	assert_null(find(&c, "f.test", NULL)->file);
	assert_int_equal(find(&c, "catz.test", NULL)->type, NAMED_SECONDARY);
	assert_true(find(&c, "catz.test", NULL)->catalog);
	assert_false(find(&c, "m.test", NULL)->catalog);
	assert_string_equal(find(&c, "p.test", NULL)->file, "/var/p.db");
	assert_string_equal(find(&c, "p.test", NULL)->zclass, "IN");
	assert_string_equal(find(&c, "d.test", NULL)->file, "/var/named/dyn/d.db");
	assert_int_equal(find(&c, "d.test", NULL)->type, NAMED_PRIMARY);
	assert_true(find(&c, "d.test", NULL)->dynamic);
	assert_false(find(&c, "n.test", NULL)->dynamic);
	named_conf_fini(&c);
}

static void what_a_zone_says_comes_before_what_options_say(void **state)
{
	struct named_conf c = parsed(plain, 91849);
	const struct named_checks *p = &find(&c, "p.test", NULL)->checks;
	const struct named_checks *n = &find(&c, "n.test", NULL)->checks;

	(void)state;
	assert_int_equal(p->names, NAMED_IGNORE);
	assert_int_equal(n->names, NAMED_WARN);
	assert_int_equal(find(&c, "catz.test", NULL)->checks.names, NAMED_IGNORE);
	assert_int_equal(p->mx, NAMED_FAIL);
	assert_int_equal(n->mx, NAMED_WARN);
	assert_int_equal(p->mx_cname, NAMED_IGNORE);
	assert_int_equal(p->dup_records, NAMED_FAIL);
	assert_false(p->wildcard);
	assert_true(n->wildcard);
	assert_false(n->integrity);
	assert_int_equal(n->max_ttl, 86400);
	assert_int_equal(p->max_ttl, 0); /* it has a dnssec-policy */
	assert_int_equal(n->max_records_per_type, 50);
	assert_int_equal(n->max_types_per_name, 100);
	assert_int_equal(n->format, NAMED_TEXT);
	assert_int_equal(find(&c, "catz.test", NULL)->checks.format, NAMED_RAW);
	named_conf_fini(&c);
}

static void views_have_terms_of_their_own(void **state)
{
	struct named_conf c = parsed(views, 91849);
	const struct named_zone *in = find(&c, "v.test", "inside");
	const struct named_zone *out = find(&c, "v.test", "outside");

	(void)state;
	assert_true(c.views);
	assert_int_equal(c.n, 4);
	assert_false(in->dynamic);
	assert_true(out->dynamic);
	assert_string_equal(in->file, out->file);
	assert_true(in->catalog);
	assert_false(out->catalog);
	assert_int_equal(in->checks.format, NAMED_RAW);
	assert_int_equal(out->checks.format, NAMED_TEXT);
	assert_int_equal(find(&c, "w.test", "outside")->type, NAMED_IN_VIEW);
	assert_string_equal(find(&c, "w.test", "outside")->in_view, "inside");
	assert_string_equal(find(&c, "q.test", "outside")->file, "/var/named/a \"b\".db");
	assert_false(find(&c, "q.test", "outside")->policy);
	named_conf_fini(&c);
}

static void inline_signing_is_what_this_named_takes_it_for(void **state)
{
	struct named_conf c = parsed(views, 91849);

	(void)state;
	assert_false(find(&c, "v.test", "inside")->inline_signed);
	assert_true(find(&c, "v.test", "inside")->signs_itself);
	named_conf_fini(&c);
	c = parsed(views, 92003);
	assert_true(find(&c, "v.test", "inside")->inline_signed);
	assert_false(find(&c, "v.test", "outside")->inline_signed); /* the policy says no */
	assert_false(find(&c, "q.test", "outside")->inline_signed); /* it has no policy */
	named_conf_fini(&c);
	c = parsed(plain, 91849);
	assert_true(find(&c, "p.test", NULL)->inline_signed);
	named_conf_fini(&c);
}

static void what_the_checker_says_before_it_is_no_statement(void **state)
{
	static const char said[] = "/etc/named.conf:1: zone 'p.test': option 'max-zone-ttl' is ignored "
				   "when used together with 'dnssec-policy'\n"
				   "none:99: key 'x' is weak\n";
	CLEANUP_FREE char *text = NULL;

	(void)state;
	assert_true(asprintf(&text, "%s%s", said, plain) > 0);
	assert_int_equal(named_conf_begin(text, strlen(text)), strlen(said));
	struct named_conf c = parsed(text, 91849);
	assert_int_equal(c.n, 7);
	named_conf_fini(&c);
	text[strlen(said)] = '\0';
	c = parsed(text, 91849);
	assert_int_equal(c.n, 0);
	named_conf_fini(&c);
	/* `options` comes first: its directory counts. */
	free(text);
	assert_true(asprintf(&text, "%s%s", said, views) > 0);
	c = parsed(text, 91849);
	assert_string_equal(c.directory, "/var/named");
	named_conf_fini(&c);
}

static void versions_are_read(void **state)
{
	(void)state;
	assert_int_equal(named_version("9.18.49-1~deb12u3-Debian\n"), 91849);
	assert_int_equal(named_version("9.20.0\n"), 92000);
	assert_int_equal(named_version("9.16.23-RH (Extended Support Version) <id:fde3b1f>"),
			 91623);
	assert_int_equal(named_version("10.1"), 100100);
	assert_int_equal(named_version("nonsense"), 0);
	assert_int_equal(named_version(""), 0);
}

static void times_are_read_as_named_writes_them(void **state)
{
	uint32_t s = 7;

	(void)state;
	assert_true(named_terms_ttl("86400", &s) && s == 86400);
	assert_true(named_terms_ttl("1d12h", &s) && s == 129600);
	assert_true(named_terms_ttl("P1DT1H", &s) && s == 90000);
	assert_true(named_terms_ttl("2W", &s) && s == 1209600);
	assert_true(named_terms_ttl("unlimited", &s) && s == 0);
	assert_false(named_terms_ttl("", &s));
	assert_false(named_terms_ttl("1x", &s));
	assert_false(named_terms_ttl("d", &s));
	assert_false(named_terms_ttl("99999999999", &s));
	assert_false(named_terms_ttl("4294967295w", &s));
}

static void a_text_that_stops_is_refused_wherever_it_does(void **state)
{
	static const char *const whole[] = {plain, views};

	(void)state;
	for (size_t w = 0; w < ARRAY_SIZE(whole); w++) {
		size_t depth = 0;

		for (size_t len = 0; len < strlen(whole[w]); len++) {
			struct named_conf c;
			char *text = strndup(whole[w], len);
			int err = named_conf_parse(&c, text, len, 0);

			named_conf_fini(&c);
			free(text);
			if (depth > 0 && err == 0)
				fail_msg("%zu bytes of text %zu are taken for a whole one", len, w);
			depth += whole[w][len] == '{';
			depth -= whole[w][len] == '}';
		}
	}
}

/* The key that leads into view "v", "" for none. */
static void assert_reached(const char *before, const char *match, const char *wanted)
{
	static const char keys[] = "key \"k\" {\n\talgorithm \"hmac-sha256\";\n\tsecret \"c2VjcmV0\";\n};\n"
				   "key \"other\" {\n\talgorithm \"hmac-sha256\";\n\tsecret \"b3RoZXI=\";\n};\n";
	CLEANUP_FREE char *text = NULL;
	const struct named_key *key;
	struct named_conf c;

	assert_true(asprintf(&text, "%s%sview \"v\" {\n%s};\n", keys, before, match) > 0);
	assert_int_equal(named_conf_parse(&c, text, strlen(text), 0), 0);
	key = named_conf_key(&c, "v");
	assert_string_equal(key ? key->name : "", wanted);
	if (key)
		assert_string_equal(key->secret, strcmp(wanted, "k") ? "b3RoZXI=" : "c2VjcmV0");
	assert_null(named_conf_key(&c, "none"));
	named_conf_fini(&c);
}

static void a_key_leads_into_a_view_if_no_address_decides_before_it(void **state)
{
	static const char by_k[] = "match-clients { key \"k\"; 10.0.0.0/8; };";

	(void)state;
	assert_reached("", by_k, "k");
	assert_reached("", "match-clients { !key \"k\"; key \"other\"; };", "other");
	assert_reached("", "match-clients { !key \"k\"; key \"k\"; };", "");
	assert_reached("", "match-clients { 10.0.0.0/8; key \"k\"; };", "");
	assert_reached("", "match-clients { !10.0.0.0/8; key \"k\"; };", "");
	assert_reached("", "match-clients { { 10.0.0.1; }; key \"k\"; };", "");
	assert_reached("", "match-clients { key \"unknown\"; };", "");
	assert_reached("", "match-clients { key \"k\"; }; match-destinations { 10.0.0.1; };", "");
	assert_reached("", "", "");
	assert_reached("view \"a\" { match-clients { !key \"k\"; any; }; };", by_k, "k");
	assert_reached("view \"a\" { match-clients { key \"other\"; }; };", by_k, "k");
	assert_reached("view \"a\" { match-clients { any; }; };", by_k, "");
	assert_reached("view \"a\" { match-clients { !10.0.0.1; !key \"k\"; }; };", by_k, "");
	assert_reached("view \"a\" { match-clients { key \"k\"; }; };", by_k, "");
	assert_reached("view \"a\" { };", by_k, "");
}

static void ten_thousand_zones(void **state)
{
	size_t size = 1000000, len = 0;
	CLEANUP_FREE char *text = malloc(size);
	struct named_conf c;

	(void)state;
	for (int i = 0; i < 10000; i++)
		len += (size_t)snprintf(
		    text + len, size - len,
		    "zone \"z%d.test\" {\n\ttype primary;\n\tfile \"z%d\";\n};\n", i, i);
	assert_int_equal(named_conf_parse(&c, text, len, 0), 0);
	assert_int_equal(c.n, 10000);
	assert_string_equal(c.list[9999].file, "/var/cache/bind/z9999");
	named_conf_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(types_and_files),
	    cmocka_unit_test(what_a_zone_says_comes_before_what_options_say),
	    cmocka_unit_test(views_have_terms_of_their_own),
	    cmocka_unit_test(inline_signing_is_what_this_named_takes_it_for),
	    cmocka_unit_test(what_the_checker_says_before_it_is_no_statement),
	    cmocka_unit_test(versions_are_read),
	    cmocka_unit_test(times_are_read_as_named_writes_them),
	    cmocka_unit_test(a_text_that_stops_is_refused_wherever_it_does),
	    cmocka_unit_test(a_key_leads_into_a_view_if_no_address_decides_before_it),
	    cmocka_unit_test(ten_thousand_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
