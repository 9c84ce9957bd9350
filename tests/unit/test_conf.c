/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The configuration: what is taken, and that each mistake is reported with its line.
 */
#include "tests/unit/conf_help.h"

static void the_smallest_configuration_has_the_documented_defaults(void **state)
{
	(void)state;
	struct conf *c = parse_well(REQUIRED);

	assert_string_equal(c->file, "test.conf");
	assert_string_equal(c->node, "ns1");
	assert_string_equal(c->mount, "/var/named/chroot");
	assert_string_equal(c->state, "/var/lib/zonefs");
	assert_string_equal(c->listen, "tcp://192.0.2.1:7740");
	assert_string_equal(c->key_file, "/etc/zonefs/ns1.key");
	assert_string_equal(c->user, "zonefs");
	assert_true(c->dev);
	assert_int_equal(c->max_file_size, 1024 * 1024 * 1024);
	assert_int_equal(c->delete_delay_msec, 100);
	assert_int_equal(c->settle_msec, 1000);
	assert_int_equal(c->close_delay_msec, 10);
	assert_int_equal(c->stop_timeout_sec, 10);
	assert_int_equal(c->keep_versions, 10);
	assert_int_equal(c->keep_age_days, 365);
	assert_int_equal(c->keep_bytes, INT64_C(10) << 30);
	assert_int_equal(c->forget_after_days, 90);
	assert_int_equal(c->brake_share, 25);
	assert_int_equal(c->brake_paths, 20);
	assert_false(c->allow_setid);
	assert_string_equal(c->log_level, "notice");
	assert_int_equal(c->npeers, 0);
	assert_int_equal(c->nhooks, 0);
	assert_true(locality_local(c->locality, "var/named/a.jnl", false, ""));
	assert_false(locality_local(c->locality, "data/x", false, ""));
	CLEANUP_FREE char *control = conf_control_path(c);
	assert_string_equal(control, "/var/lib/zonefs/control");
	conf_free(c);
}

static void a_full_configuration_is_taken_as_it_stands(void **state)
{
	(void)state;
	struct conf *c = parse_well(
	    "# comment with \"quote\n" REQUIRED "user = daemon // comment\n"
	    "dev = false max-file-size = 20M /* two on a line */ delete-delay = 0\n"
	    "settle=500 close-delay=0\r\nstop-timeout=3\nkeep-versions=1 keep-age=2 keep-size=2M "
	    "forget-after=0 brake-share=50 brake-paths=5\nallow-setid=true\n"
	    "log-level = \"debug\"\n"
	    "peer \"ns2\" { address = \"tcp://192.0.2.2:7740\"\n key = '" KEY1 "' }\n"
	    "peer ns3 { address = 'tcp://[2001:db8::3]:7740' key = '" KEY2
	    "' receive-only = true }\n"
	    "peer ns4 { address = 'tcp://ns4:7740' key = '" KEY3
	    "' accept = { \"etc/**\", \"*.zone\" } }\n"
	    "hook \"bind\" {\n"
	    "  run = { \"/usr/libexec/zonefs/hooks/bind\", \"reload # \\\"it\\\"\", }\n"
	    "  user = \"bind\" match = { \"etc/**\", \"var/named/**\" } quiet = 5 persistent = true\n"
	    "  timeout = 3\n}\n"
	    "hook other { run = { '/bin/true' } user = nobody }\n"
	    "exclude = { \"data/**\", '#odd\\'/' }\n"
	    "include = { \"data/keep\" }\n");

	assert_string_equal(c->user, "daemon");
	assert_false(c->dev);
	assert_int_equal(c->max_file_size, 20 * 1024 * 1024);
	assert_int_equal(c->delete_delay_msec, 0);
	assert_int_equal(c->settle_msec, 500);
	assert_int_equal(c->close_delay_msec, 0);
	assert_int_equal(c->stop_timeout_sec, 3);
	assert_int_equal(c->keep_versions, 1);
	assert_int_equal(c->keep_age_days, 2);
	assert_int_equal(c->keep_bytes, 2 * 1024 * 1024);
	assert_int_equal(c->forget_after_days, 0);
	assert_int_equal(c->brake_share, 50);
	assert_int_equal(c->brake_paths, 5);
	assert_true(c->allow_setid);
	assert_string_equal(c->log_level, "debug");

	assert_int_equal(c->npeers, 3);
	assert_string_equal(c->peers[0].name, "ns2");
	assert_string_equal(c->peers[0].address, "tcp://192.0.2.2:7740");
	assert_string_equal(c->peers[0].key, KEY1);
	assert_int_equal(c->peers[0].line, 14);
	assert_string_equal(c->peers[1].name, "ns3");
	assert_false(c->peers[0].receive_only);
	assert_true(c->peers[1].receive_only);
	assert_null(c->peers[1].accept);
	assert_int_equal(patterns_count(c->peers[2].accept), 2);
	assert_true(patterns_match(c->peers[2].accept, "var/a.zone", false));
	assert_false(patterns_match(c->peers[2].accept, "var/a", false));
	assert_string_equal(c->peers[1].key, KEY2);
	assert_int_equal(c->peers[1].line, 16);

	assert_int_equal(c->nhooks, 2);
	assert_string_equal(c->hooks[0].name, "bind");
	assert_string_equal(c->hooks[0].run[0], "/usr/libexec/zonefs/hooks/bind");
	assert_string_equal(c->hooks[0].run[1], "reload # \"it\"");
	assert_null(c->hooks[0].run[2]);
	assert_string_equal(c->hooks[0].user, "bind");
	assert_int_equal(c->hooks[0].quiet_msec, 5);
	assert_true(c->hooks[0].persistent);
	assert_int_equal(c->hooks[0].timeout_sec, 3);
	assert_true(patterns_match(c->hooks[0].match, "etc/named.conf", false));
	assert_false(patterns_match(c->hooks[0].match, "usr/x", false));
	assert_int_equal(c->hooks[1].quiet_msec, 50);
	assert_false(c->hooks[1].persistent);
	assert_int_equal(c->hooks[1].timeout_sec, 30);
	assert_true(patterns_match(c->hooks[1].match, "usr/x", false));

	assert_true(locality_local(c->locality, "data/x", false, ""));
	assert_true(locality_local(c->locality, "a/#odd'", true, ""));
	assert_false(locality_local(c->locality, "data/keep", false, ""));
	conf_free(c);
}

/* Takes the comment sign off the options that are commented out: "#x" is one, "# x" is prose. */
static void uncomment(char *text)
{
	for (char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (line[0] == '#' && line[1] != '\n' && (line[1] != ' ' || line[2] == ' '))
			line[0] = ' ';
	}
}

/* What the sample says of health is what is so where nothing is said. */
static void health_has_its_defaults(const struct conf *sample)
{
	struct conf *c = parse_well(
	    REQUIRED "probe \"soa\" { address = \"::1\" zones = { \"a.test\" } }\n"
		     "health \"x\" { service = { \"::2\" }\n"
		     "  announce = { \"/bin/a\" } withdraw = { \"/bin/w\" }\n"
		     "  demote = { \"/bin/d\" } promote = { \"/bin/p\" } }\n");
	const struct conf_health *bare = c->health, *h = sample->health;

	assert_int_equal(sample->probes[0].port, c->probes[0].port);
	assert_string_equal(sample->probes[0].type, c->probes[0].type);
	assert_int_equal(sample->probes[0].udp, c->probes[0].udp);
	assert_int_equal(sample->probes[0].tcp, c->probes[0].tcp);
	assert_int_equal(sample->probes[0].answer, c->probes[0].answer);
	assert_int_equal(sample->probes[0].sample, c->probes[0].sample);
	assert_string_equal(h->state, bare->state);
	assert_string_equal(h->disable, bare->disable);
	assert_int_equal(h->service_port, bare->service_port);
	assert_int_equal(h->interval_sec, bare->interval_sec);
	assert_int_equal(h->fast_interval_sec, bare->fast_interval_sec);
	assert_int_equal(h->timeout_sec, bare->timeout_sec);
	assert_int_equal(h->fall, bare->fall);
	assert_int_equal(h->rise, bare->rise);
	assert_true(h->fall * h->fast_interval_sec >= 30);
	assert_int_equal(h->start_timeout_sec, bare->start_timeout_sec);
	assert_int_equal(h->on_data, bare->on_data);
	assert_int_equal(h->lease_sec, bare->lease_sec);
	assert_int_equal(h->min_announcing, bare->min_announcing);
	assert_int_equal(h->withdraw_on_stop, bare->withdraw_on_stop);
	assert_int_equal(h->lag_limit_sec, bare->lag_limit_sec);
	assert_int_equal(h->cut_off_limit_sec, bare->cut_off_limit_sec);
	assert_int_equal(h->stale_limit_sec, bare->stale_limit_sec);
	assert_int_equal(h->behind_limit_sec, bare->behind_limit_sec);
	assert_int_equal(h->damping_sec, bare->damping_sec);
	assert_int_equal(h->command_timeout_sec, bare->command_timeout_sec);
	conf_free(c);
}

static void the_sample_shows_every_default(void **state)
{
	static char text[64 * 1024];
	FILE *f = fopen("tools/zonefs.conf.sample", "re");

	(void)state;
	if (!f) {
		print_message("run from the source's folder to test the sample\n");
		skip();
	}
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	struct conf *bare = parse_well(text);
	uncomment(text);
	struct conf *c = parse_well(text);

	assert_int_equal(bare->npeers + bare->nhooks, 0);
	assert_null(bare->alert);
	assert_string_equal(c->user, bare->user);
	assert_int_equal(c->dev, bare->dev);
	assert_int_equal(c->max_file_size, bare->max_file_size);
	assert_int_equal(c->delete_delay_msec, bare->delete_delay_msec);
	assert_int_equal(c->settle_msec, bare->settle_msec);
	assert_int_equal(c->close_delay_msec, bare->close_delay_msec);
	assert_int_equal(c->stop_timeout_sec, bare->stop_timeout_sec);
	assert_int_equal(c->keep_versions, bare->keep_versions);
	assert_int_equal(c->keep_age_days, bare->keep_age_days);
	assert_int_equal(c->keep_bytes, bare->keep_bytes);
	assert_int_equal(c->forget_after_days, bare->forget_after_days);
	assert_int_equal(c->brake_share, bare->brake_share);
	assert_int_equal(c->brake_paths, bare->brake_paths);
	assert_int_equal(c->allow_setid, bare->allow_setid);
	assert_string_equal(c->log_level, bare->log_level);
	assert_true(locality_hash(c->locality) == locality_hash(bare->locality));
	assert_int_equal(c->npeers, 1);
	assert_int_equal(c->nhooks, 1);
	assert_int_equal(c->hooks[0].quiet_msec, 50);
	assert_int_equal(c->hooks[0].timeout_sec, 30);
	assert_int_equal(c->alert->timeout_sec, 30);
	assert_int_equal(c->alert->after_sec, 60);
	conf_free(bare);
	health_has_its_defaults(c);
	conf_free(c);

	static const char *const options[] = {
	    "node",        "mount",        "state",         "listen",       "key-file",
	    "user",        "dev",          "max-file-size", "delete-delay", "settle",
	    "close-delay", "stop-timeout", "keep-versions", "allow-setid",  "log-level",
	    "brake-share", "brake-paths",  "exclude",       "include",      "address",
	    "key",         "run",          "match",         "quiet",        "timeout",
	    "keep-age",    "forget-after", "keep-size",     "receive-only", "accept",
	    "service",     "interval",     "zones",         "sample",       "damping",
	    "serial",      "guard-shrink",
	};
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		char setting[64];
		const char *at;

		snprintf(setting, sizeof setting, "%s ", options[i]);
		for (at = strstr(text, setting); at; at = strstr(at + 1, setting))
			if ((at[-1] == ' ' || at[-1] == '\n') && at[strcspn(at, "=\n")] == '=')
				break;
		if (!at)
			fail_msg("%s is not in the sample", options[i]);
	}
}

static void lines_are_right_after_comments_of_every_kind(void **state)
{
	(void)state;
	EXPECT("# one\n// two\n/* three\nfour\n*/ /* five */\n" REQUIRED "# eleven '\n"
	       "settle = 3 # twelve\n"
	       "exclude = { \"a\", # thirteen\n"
	       "            \"//\" }\n"
	       "nonsense = 1 // fifteen\n",
	       "12:settle is between 10 and 600000, not 3", "14:exclude \"//\": ", "15:'nonsense'");
}

static void every_mistake_is_reported_in_one_pass_in_order(void **state)
{
	(void)state;
	EXPECT("listen = \"tcp://192.0.2.1\"\n"
	       "node = \"n s\"\n"
	       "mount = \"named\"\n"
	       "colour = \"red\"\n"
	       "settle = 050\n"
	       "dev = maybe\n"
	       "max-file-size = 1X keep-size = 1023K\n"
	       "log-level = loud\n"
	       "delete-delay = \"${HOME}\"\n"
	       "hook \"h\" {\n"
	       "  run = { \"bin/x\" }\n"
	       "  colour = 7\n"
	       "  timeout = 0\n"
	       "}\n"
	       "hook \"t\" { run = { \"/bin/true\" } }\n"
	       "peer \"p\" { address = \"udp://x:1\" key = \"short\" }\n",
	       "1:listen is tcp://", "2:node is 1 to 63",
	       "3:mount \"named\" is not an absolute path", "4:'colour' is no option",
	       "5:settle is a decimal number without zeros", "6:dev is true", "7:max-file-size is",
	       "7:keep-size is", "8:log-level is", "9:${...} in double quotes",
	       "10:the hook \"h\" has no user", "11:the program \"bin/x\" is not an absolute path",
	       "12:'colour' is no option of a hook", "13:timeout is between",
	       "15:the hook \"t\" has no user", "16:address", "16:the key is not 40",
	       "0:state is missing", "0:key-file is missing");
}

static void what_is_accepted_of_a_peer_is_some_paths(void **state)
{
	(void)state;
	EXPECT(REQUIRED "peer a {\n address = 'tcp://a:1' key = '" KEY1 "'\n accept = { }\n}\n",
	       "8:an empty accept takes nothing: receive-only = true says so");
	EXPECT(REQUIRED "peer a {\n address = 'tcp://a:1' key = '" KEY1 "'\n receive-only = true\n"
			" accept = { 'etc/**' }\n}\n",
	       "9:the peer \"a\" is receive-only: nothing is taken from it, whatever accept says");
	EXPECT(REQUIRED "peer a {\n address = 'tcp://a:1' key = '" KEY1
			"'\n accept = {\n 'ok',\n 'a[' }\n}\n",
	       "10:accept \"a[\":");
	EXPECT(REQUIRED "accept = { 'etc/**' }\n", "6:'accept' is no option");
}

static void doubled_keys_and_titles_are_refused(void **state)
{
	(void)state;
	EXPECT(REQUIRED "settle = 100\nsettle = 200\n", "7:settle is given a second time");
	EXPECT(REQUIRED "exclude = { \"a\" }\nexclude = {\n \"b\" }\n",
	       "7:exclude is given a second");
	EXPECT(REQUIRED "peer \"a\" { address = \"tcp://a:1\" key = '" KEY1 "'\n"
			"key = '" KEY2 "' }\n",
	       "7:key is given a second time");
	EXPECT(REQUIRED "peer \"a\" { address = \"tcp://a:1\" key = '" KEY1 "' }\n"
			"peer \"a\" { address = \"tcp://b:1\"\n key = '" KEY2 "'\n bad = 1 }\n"
			"peer \"b\" { address = \"tcp://b:1\" }\n",
	       "7:a second peer \"a\" (the first is on line 6)", "9:'bad' is no option of a peer",
	       "10:the peer \"b\" has no key");
	EXPECT(REQUIRED
	       "hook a { run = {\"/a\"} user = u }\nhook \"a\" { run = {\"/a\"} user = u }\n",
	       "7:a second hook");
}

static void peers_are_told_apart_from_each_other_and_from_the_node(void **state)
{
	(void)state;
	EXPECT(REQUIRED "peer ns1 { address = \"tcp://a:1\" key = '" KEY1 "' }\n", "6:own name");
	EXPECT(REQUIRED "peer a { address = \"tcp://192.0.2.1:7740\" key = '" KEY1 "' }\n",
	       "6:own address");
	EXPECT(REQUIRED "peer a { address = \"tcp://h:1\" key = '" KEY1 "' }\n"
			"peer b { address = \"tcp://H:1\" key = '" KEY2 "' }\n"
			"peer c { address = \"tcp://i:1\" key = '" KEY1 "' }\n",
	       "7:same address", "8:the peers \"a\" and \"c\" have the same key");
	EXPECT(REQUIRED "peer \"a b\" { address = \"tcp://h:1\" key = '" KEY3 "' }\n",
	       "6:name is 1 to");
}

static void what_is_not_closed_is_named_where_it_was_opened(void **state)
{
	(void)state;
	EXPECT(REQUIRED "hook \"h\" { run = { \"/bin/true\" }\n user = nobody\n\n",
	       "6:the section hook \"h\" isn't closed by a '}' before the end");
	EXPECT(REQUIRED "peer \"a\" {\n address = \"tcp://h:1\"\n"
			"peer \"b\" {\n address = \"tcp://i:1\"\n }\nfoo = 1\n",
	       "6:the section peer \"a\" isn't closed", "11:'foo'");
	EXPECT(REQUIRED "user = \"zone\nfs = 1\n", "6:isn't closed on its line", "7:'fs'");
	EXPECT(REQUIRED "/* for ever\n\n", "6:the comment that starts here has no end");
	EXPECT(REQUIRED "exclude = { \"a\",\n \"b\"\nsettle = 50\nfoo = 1\n",
	       "6:the list of exclude isn't closed", "9:'foo'");
}

static void what_is_out_of_place_is_refused(void **state)
{
	(void)state;
	EXPECT(REQUIRED "}\n", "6:'}' is out of place");
	EXPECT(REQUIRED "exclude = { *.bak }\n", "6:'*' is out of place");
	EXPECT(REQUIRED "exclude += { \"a\" }\n", "6:'+' is out of place", "6:a '=' is missing");
	EXPECT(REQUIRED "exclude = \"a\"\n", "6:exclude is a list");
	EXPECT(REQUIRED "exclude = { \"a\" \"b\" }\nfoo = 1\n", "6:a ','", "7:'foo'");
	EXPECT(REQUIRED "settle\nfoo = 1\n", "6:a '=' is missing after settle", "7:'foo'");
	EXPECT(REQUIRED "settle =\nfoo = 1\n", "6:settle has no value", "7:'foo'");
	EXPECT(REQUIRED "settle = { 1 }\nfoo = 1\n", "6:settle has no value", "7:'foo'");
	EXPECT(REQUIRED "peer { address = 1 }\nfoo = 1\n", "6:a section is written", "7:'foo'");
	EXPECT(REQUIRED "settle = 0x40\n", "6:settle is a decimal");
	EXPECT(REQUIRED "settle = -5\n", "6:settle is between");
	EXPECT(REQUIRED "settle = 99999999999\n", "6:settle is between");
	EXPECT(REQUIRED "user = ${HOME}\n", "6:'$' is out of place");
	EXPECT(REQUIRED "include { x = 1 }\nfoo = 1\n", "6:a '=' is missing", "7:'foo'");
	EXPECT("\"node\" = 1\n" REQUIRED, "1:'node' is out of place");
	EXPECT(REQUIRED "user = \xff\n", "6:a byte 0xff");
}

static void addresses_have_one_form(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "tcp://h",        "tcp://h:",        "tcp://h:0",
	    "tcp://h:65535",  "tcp://h:07740",   "tcp://h:77x",
	    "tcp://:7740",    "tcp://[::1:7740", "tcp://[h]:7740",
	    "tcp://::1:7740", "tcp://[::1]7740", "ipc:///tmp/x",
	    "tcp://h:7740/",  "tcp://h h:1",     "",
	    "tcp://*:7740",   "tcp://[::1%]:1",  "tcp://h:123456",
	};
	static const struct {
		const char *address, *request;
	} good[] = {
	    {"tcp://ns1.example.net:7740", "tcp://ns1.example.net:7741"},
	    {"tcp://192.0.2.1:1", "tcp://192.0.2.1:2"},
	    {"tcp://[2001:db8::1]:65534", "tcp://[2001:db8::1]:65535"},
	    {"tcp://[fe80::1%eth0]:7740", "tcp://[fe80::1%eth0]:7741"},
	    {"tcp://[::ffff:192.0.2.1]:9", "tcp://[::ffff:192.0.2.1]:10"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[1024];

		snprintf(text, sizeof text, "%speer p { address = \"%s\" key = '%s' }\n", REQUIRED,
			 bad[i], KEY1);
		EXPECT(text, "6:address is tcp://");
		if (strcmp(bad[i], "tcp://*:7740") != 0)
			assert_null(conf_request_address(bad[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		CLEANUP_FREE char *request = conf_request_address(good[i].address);

		assert_non_null(request);
		assert_string_equal(request, good[i].request);
	}
}

static void the_places_may_not_lie_in_each_other(void **state)
{
	(void)state;
#define PLACES(mount, state, key)                                                                  \
	"node = n listen = \"tcp://*:1\"\nmount = \"" mount "\"\nstate = \"" state                 \
	"\"\nkey-file = \"" key "\"\n"
	EXPECT(PLACES("/a/b", "/a/b/c", "/k"), "3:state lies in the mounted tree");
	EXPECT(PLACES("/a/b/", "/a/b", "/k"), "3:state lies in the mounted tree");
	EXPECT(PLACES("/a/b", "/a", "/k"), "2:mount lies in the state directory");
	EXPECT(PLACES("/a", "/ab", "/a/k"), "4:key-file lies in the mounted tree");
	EXPECT(PLACES("/", "/ab", "/k"), "2:mount \"/\" can't be the root");
	EXPECT(PLACES("/a/../b", "/ab", "/k"), "2:mount \"/a/../b\" has a component");
	EXPECT(PLACES("/a", "/s", "/k") "hook h { run = { \"/a/x\" } user = u }\n",
	       "5:the program \"/a/x\" lies in the tree");
	EXPECT(PLACES("/a",
		      "/s23456789 123456789 123456789 123456789 123456789 "
		      "123456789 123456789 123456789 123456789 123456789",
		      "/k"),
	       "3:state is longer than 99");

	struct conf *c = parse_well(PLACES("/a//", "/ab/", "/k"));
	assert_string_equal(c->mount, "/a");
	assert_string_equal(c->state, "/ab");
	conf_free(c);
}

static void an_alert_is_a_program_that_is_told_late(void **state)
{
	(void)state;
	struct conf *c = parse_well(REQUIRED "alert \"mail\" { run = { \"/bin/mail\", \"root\" }\n"
					     "user = nobody\nafter = 5\ntimeout = 7 }\n");
	assert_string_equal(c->alert->name, "mail");
	assert_string_equal(c->alert->run[1], "root");
	assert_string_equal(c->alert->user, "nobody");
	assert_int_equal(c->alert->after_sec, 5);
	assert_int_equal(c->alert->timeout_sec, 7);
	assert_int_equal(c->nhooks, 0);
	conf_free(c);
	c = parse_well(REQUIRED "alert a { run = { \"/bin/mail\" }\nuser = nobody }\n");
	assert_int_equal(c->alert->after_sec, 60);
	assert_int_equal(c->alert->timeout_sec, 30);
	conf_free(c);
	EXPECT(REQUIRED
	       "alert a { run = { \"/a\" }\nuser = u }\nalert b { run = { \"/a\" }\nuser = u }\n",
	       "8:more than 1 section of the kind alert");
	EXPECT(REQUIRED "alert a {\nuser = u\n}\n", "6:the alert \"a\" has nothing to run");
	EXPECT(REQUIRED "alert a { run = { \"bin/mail\" } }\n", "6:the program \"bin/mail\"",
	       "6:the alert \"a\" has no user");
	EXPECT(REQUIRED "alert a { run = { \"/a\" }\nuser = u\nmatch = { \"x\" }\n}\n",
	       "8:'match' is no option of an alert");
	EXPECT(REQUIRED "alert a { run = { \"/a\" }\nuser = u\nafter = 86401\n}\n",
	       "8:after is between");
}

static void there_is_a_most_of_everything(void **state)
{
	(void)state;
	static char text[256 * 1024];
	size_t at = (size_t)snprintf(text, sizeof text, "%s", REQUIRED);

	for (int i = 0; i < CONF_PEERS_MAX + 1; i++)
		at += (size_t)snprintf(text + at, sizeof text - at,
				       "peer p%d { address = \"tcp://h%d:1\"\n"
				       "key = '%04dAAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIII' }\n",
				       i, i, i);
	EXPECT(text, "134:more than 64 sections of the kind peer");

	at = (size_t)snprintf(text, sizeof text, REQUIRED "exclude = {\n");
	for (int i = 0; i < PATTERNS_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "\"a%d\",\n", i);
	snprintf(text + at, sizeof text - at, "}\n");
	assert_null(parse(text));
	assert_non_null(strstr(said, "more than 1024 patterns"));

	at = (size_t)snprintf(text, sizeof text, "%s", REQUIRED);
	for (int i = 0; i < 1000; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "x%d = 1\n", i);
	assert_null(parse(text));
	assert_non_null(strstr(said, "69:'x63' is no option"));
	assert_null(strstr(said, "x64"));
	assert_non_null(strstr(said, "0:there are more mistakes"));

	said[0] = '\0';
	assert_null(conf_parse("test.conf", "a\0b", 3, collect, said));
	assert_string_equal(said, "0:has a NUL byte in it\n");
}

/* xorshift: the same garbage on every run. */
static uint32_t random_next(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

static void garbage_is_refused_or_taken_but_never_kills(void **state)
{
	(void)state;
	static const char good[] =
	    REQUIRED "# c\npeer \"ns2\" { address = \"tcp://h:1\" key = '" KEY1 "' }\n/* d */\n"
		     "hook \"bind\" { run = { \"/bin/x\", \"y\" } user = u match = { \"a/**\" } }\n"
		     "exclude = { \"a\", \"[b]\" }\n";
	static const char bytes[] = "\"'{}=,#/*$\\\n \t+()[]ax0-\x01\xff";
	char text[sizeof good];
	uint32_t seed = 20261121;

	for (size_t len = 0; len < sizeof good - 1; len++) {
		said[0] = '\0';
		conf_free(conf_parse("test.conf", good, len, collect, said));
	}
	for (int round = 0; round < 20000; round++) {
		memcpy(text, good, sizeof good);
		for (uint32_t n = 1 + random_next(&seed) % 4; n > 0; n--)
			text[random_next(&seed) % (sizeof good - 1)] =
			    bytes[random_next(&seed) % (sizeof bytes - 1)];
		struct conf *c = parse(text);
		assert_true((c != NULL) == (said[0] == '\0'));
		conf_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_smallest_configuration_has_the_documented_defaults),
	    cmocka_unit_test(a_full_configuration_is_taken_as_it_stands),
	    cmocka_unit_test(the_sample_shows_every_default),
	    cmocka_unit_test(lines_are_right_after_comments_of_every_kind),
	    cmocka_unit_test(every_mistake_is_reported_in_one_pass_in_order),
	    cmocka_unit_test(what_is_accepted_of_a_peer_is_some_paths),
	    cmocka_unit_test(doubled_keys_and_titles_are_refused),
	    cmocka_unit_test(peers_are_told_apart_from_each_other_and_from_the_node),
	    cmocka_unit_test(what_is_not_closed_is_named_where_it_was_opened),
	    cmocka_unit_test(what_is_out_of_place_is_refused),
	    cmocka_unit_test(addresses_have_one_form),
	    cmocka_unit_test(the_places_may_not_lie_in_each_other),
	    cmocka_unit_test(an_alert_is_a_program_that_is_told_late),
	    cmocka_unit_test(there_is_a_most_of_everything),
	    cmocka_unit_test(garbage_is_refused_or_taken_but_never_kills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
