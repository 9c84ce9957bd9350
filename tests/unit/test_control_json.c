/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Values on the control socket, renames out of an op's versions, and the first line of status.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "replicator/control/control_json.h"
#include "replicator/control/control_rename.h"
#include "replicator/control/control_summary.h"

/* ---- values ---- */

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "(none)";
}

static void a_plain_path_is_itself(void **state)
{
	json_t *o = json_object();

	(void)state;
	control_add_path(o, "path", "etc/zönes/a b");
	assert_string_equal(text_of(o, "path"), "etc/zönes/a b");
	assert_null(json_object_get(o, "path_bytes"));
	json_decref(o);
}

static void a_path_that_is_no_utf8_has_its_bytes(void **state)
{
	char path[PATH_LEN_MAX + 1];
	json_t *o = json_object();

	(void)state;
	control_add_path(o, "path", "a\xff\\\nb");
	assert_string_equal(text_of(o, "path"), "a\\377\\134\\012b");
	assert_string_equal(text_of(o, "path_bytes"), "61ff5c0a62");
	assert_int_equal(control_path(text_of(o, "path"), path), 0);
	assert_string_equal(path, "a\xff\\\nb");
	json_decref(o);
}

static void what_is_no_path_is_refused(void **state)
{
	static const char *const wrong[] = {"/etc",   "a//b",   "a/",       "..",
					    "a\\",    "a\\9",   "a\\00",    "a\\000b",
					    "a\\400", "a\\7x7", ".zonefs/x"};
	char path[PATH_LEN_MAX + 1] = "as it was";

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (control_path(wrong[i], path) != ERR_FORMAT)
			fail_msg("\"%s\" was taken for a path", wrong[i]);
	assert_string_equal(path, "as it was");
	assert_int_equal(control_path("", path), 0);
	assert_string_equal(path, "");
}

static void text_never_steers_a_terminal(void **state)
{
	json_t *t;

	(void)state;
	t = control_text("line 1\n\tline\x1b[2J 2\r \xc2\x9b \xc3\xa4 \\");
	assert_string_equal(json_string_value(t),
			    "line 1\n\tline\\033[2J 2\\015 \\302\\233 \xc3\xa4 \\");
	json_decref(t);
	t = control_text("\xc3\xa4\xff");
	assert_string_equal(json_string_value(t), "\\303\\244\\377");
	json_decref(t);
}

static struct version *made(const char *content, uint8_t changed)
{
	struct version *v = version_new();

	v->dot = (struct dot){0x7fffffffffffffff, 12};
	v->stamp = UINT64_C(1795258888333) << 16;
	v->changed = changed;
	v->attrs.kind = content ? KIND_FILE : KIND_ABSENT;
	if (content) {
		v->attrs.mode = 0640;
		v->attrs.size = strlen(content);
		strncpy((char *)v->attrs.hash.b, content, sizeof(v->attrs.hash.b) - 1);
		strcpy(v->attrs.owner, "root");
		v->attrs.gid = 4711;
		v->attrs.mtime_nsec = -1;
	}
	return v;
}

static void a_version_has_no_number_that_json_cannot_hold(void **state)
{
	struct version *v = made("abc", CHANGED_CONTENT | CHANGED_MTIME | CHANGED_MODE);
	json_t *o = json_object();

	(void)state;
	v->who = (struct who){.uid = 0, .login_uid = 1000, .pid = 17, .command = "vim"};
	control_add_version(o, v);
	assert_string_equal(text_of(o, "version"), "7fffffffffffffff:12");
	assert_int_equal(json_integer_value(json_object_get(o, "time")), 1795258888333);
	assert_string_equal(text_of(o, "mode"), "0640");
	assert_string_equal(text_of(o, "owner"), "root");
	assert_string_equal(text_of(o, "group"), "4711");
	assert_string_equal(text_of(o, "mtime"), "-1.999999999");
	assert_string_equal(text_of(o, "hash"), "61626300000000000000000000000000");
	assert_null(json_object_get(o, "replaced"));
	json_t *what = json_object_get(o, "what");
	assert_int_equal(json_array_size(what), 2);
	assert_string_equal(json_string_value(json_array_get(what, 0)), "content");
	assert_string_equal(json_string_value(json_array_get(what, 1)), "mode");
	json_decref(o);
	version_put(v);
}

static void a_field_of_another_type_is_refused(void **state)
{
	json_t *o =
	    json_loads("{\"n\":5,\"s\":\"x\",\"b\":true,\"f\":1.5,\"z\":\"a\\u0000b\","
		       "\"serial\":\"18446744073709551615\",\"over\":\"18446744073709551616\"}",
		       JSON_ALLOW_NUL, NULL);
	const char *s = "default";
	int64_t n = 7;
	uint64_t serial = 9;
	bool b = false;

	(void)state;
	assert_true(control_get_text(o, "none", &s));
	assert_string_equal(s, "default");
	assert_false(control_get_text(o, "n", &s));
	assert_false(control_get_text(o, "z", &s));
	assert_false(control_get_number(o, "s", 0, 9, &n));
	assert_false(control_get_number(o, "f", 0, 9, &n));
	assert_false(control_get_number(o, "n", 6, 9, &n));
	assert_false(control_get_bool(o, "n", &b));
	assert_false(control_get_serial(o, "n", &serial));
	assert_false(control_get_serial(o, "s", &serial));
	assert_false(control_get_serial(o, "over", &serial));
	assert_int_equal(n, 7);
	assert_true(control_get_serial(o, "serial", &serial));
	assert_true(serial == UINT64_MAX);
	assert_true(control_get_bool(o, "b", &b) && b);
	json_decref(o);
}

/* ---- renames ---- */

static void came(struct renames *r, const char *path, const char *content)
{
	struct version *v = made(content, CHANGED_KIND);

	if (!content[0])
		v->attrs.kind = KIND_DIR;
	assert_int_equal(renames_add(r, path, v), 0);
	version_put(v);
}

static void went(struct renames *r, const char *path, const char *content)
{
	struct version *v = made(NULL, CHANGED_KIND);

	strncpy((char *)v->replaced.b, content, sizeof(v->replaced.b) - 1);
	assert_int_equal(renames_add(r, path, v), 0);
	version_put(v);
}

static struct renames an_op(void)
{
	struct renames r;

	renames_init(&r, (struct dot){0x7fffffffffffffff, 12});
	return r;
}

static void a_renamed_file_has_two_names(void **state)
{
	struct renames r = an_op();

	(void)state;
	came(&r, "etc/g", "one");
	went(&r, "etc/f", "one");
	renames_pair(&r);
	assert_string_equal(renames_other(&r, "etc/g"), "etc/f");
	assert_string_equal(renames_other(&r, "etc/f"), "etc/g");
	assert_null(renames_other(&r, "etc"));
	renames_fini(&r);
}

static void a_renamed_directory_takes_its_files_along(void **state)
{
	struct renames r = an_op();

	(void)state;
	went(&r, "d", "");
	went(&r, "d/x", "one");
	went(&r, "d/y", "one");
	came(&r, "e", "");
	came(&r, "e/x", "one");
	came(&r, "e/y", "one");
	renames_pair(&r);
	assert_string_equal(renames_other(&r, "e"), "d");
	assert_string_equal(renames_other(&r, "e/x"), "d/x");
	assert_string_equal(renames_other(&r, "d/y"), "e/y");
	renames_fini(&r);
}

static void what_came_below_a_renamed_directory_is_new(void **state)
{
	struct renames r = an_op();

	(void)state;
	went(&r, "d", "");
	went(&r, "d/x", "one");
	came(&r, "e", "");
	came(&r, "e/new", "two");
	came(&r, "e/x", "one");
	renames_pair(&r);
	assert_string_equal(renames_other(&r, "e"), "d");
	assert_string_equal(renames_other(&r, "e/x"), "d/x");
	assert_null(renames_other(&r, "e/new"));
	renames_fini(&r);
}

static void other_content_is_no_rename(void **state)
{
	struct renames r = an_op();

	(void)state;
	went(&r, "a", "one");
	came(&r, "b", "two");
	renames_pair(&r);
	assert_null(renames_other(&r, "b"));
	renames_fini(&r);
}

/* ---- is all well? ---- */

static const char *const names[] = {"ns2", "ns3"};

struct scene {
	struct node_status node;
	struct peer_status peers[2];
	struct hook_status hook;
	struct fs_info fs;
	struct summary s;
};

static void well(struct scene *x)
{
	*x = (struct scene){
	    .node = {.node = "ns1"}, .hook = {.name = "bind"}, .fs = {.known = true}};
	for (int i = 0; i < 2; i++)
		x->peers[i] = (struct peer_status){.name = names[i],
						   .connected = true,
						   .reachable = true,
						   .heard = true,
						   .heard_msec = 990000,
						   .identical = true,
						   .same_knowledge = true,
						   .last_error = ""};
}

static void judge(struct scene *x, uint32_t npeers, enum summary_state state, const char *words)
{
	struct summary_facts f = {.node = &x->node,
				  .peer_names = names,
				  .peers = x->peers,
				  .npeers = npeers,
				  .hooks = &x->hook,
				  .nhooks = 1,
				  .fs = &x->fs,
				  .wall_msec = 1000000};

	summary_make(&x->s, &f);
	assert_string_equal(x->s.words, words);
	assert_int_equal(x->s.state, state);
}

static void all_is_well_only_where_all_is_the_same(void **state)
{
	struct scene x;

	(void)state;
	well(&x);
	judge(&x, 0, SUMMARY_WELL, "all well: no peers are configured");
	judge(&x, 1, SUMMARY_WELL, "all well: 1 peer identical");
	judge(&x, 2, SUMMARY_WELL, "all well: 2 peers identical");
	x.peers[0].same_knowledge = x.peers[0].identical = false;
	x.peers[0].transfer = (struct core_transfer){.asking = true, .taken = 40, .of = 900};
	judge(&x, 2, SUMMARY_UNSETTLED,
	      "not settled yet: this node catches up from ns2: 40 of 900 entries");
	x.peers[0].transfer.of = 0;
	judge(&x, 2, SUMMARY_UNSETTLED, "not settled yet: ns2 knows what has not arrived here");
	x.peers[0].same_knowledge = x.peers[0].identical = true;
	x.node.conflicts = 1;
	judge(&x, 2, SUMMARY_WELL, "all well: 2 peers identical; 1 path with a conflict");
	x.peers[1].identical = false;
	judge(&x, 2, SUMMARY_UNSETTLED, "not settled yet: ns3 shows another tree");
}

static void what_is_on_its_way_is_no_trouble_for_a_while(void **state)
{
	struct scene x;

	(void)state;
	well(&x);
	x.peers[0].same_knowledge = x.peers[0].identical = false;
	x.peers[0].behind = 3;
	judge(&x, 2, SUMMARY_UNSETTLED, "not settled yet: ns2 is behind by 3 changes");
	x.peers[0].pending = 3;
	x.peers[0].lag_msec = 4200;
	judge(&x, 2, SUMMARY_UNSETTLED, "not settled yet: 3 paths wait on ns2 since 4.2 s");
	x.peers[0].lag_msec = 12000;
	judge(&x, 2, SUMMARY_TROUBLE, "NOT well: 3 paths wait on ns2 since 12 s");
}

static void trouble_is_named(void **state)
{
	struct scene x;

	(void)state;
	well(&x);
	x.peers[0].reachable = false;
	x.peers[0].heard_msec = 988000;
	x.node.pending = 1;
	x.node.lag_msec = 11000;
	x.hook.failing = true;
	x.peers[1].hooks_failing = 2;
	judge(&x, 2, SUMMARY_TROUBLE,
	      "NOT well: 1 path waits here since 11 s; hook bind fails on ns1; "
	      "ns2 cannot be reached since 12 s; 2 hooks fail on ns3");
	well(&x);
	x.node.blocked = -ENOSPC;
	x.node.blocked_since_msec = 995000;
	judge(&x, 2, SUMMARY_TROUBLE,
	      "NOT well: the store cannot be written since 5.0 s: No space left on device");
	well(&x);
	x.fs.nbeneath = 2;
	judge(&x, 2, SUMMARY_TROUBLE,
	      "NOT well: 2 processes live beneath the mount, unseen: restart them");
	x.fs = (struct fs_info){.known = true, .stale = true};
	judge(&x, 2, SUMMARY_TROUBLE, "NOT well: the file system's worker does not answer");
}

static void a_pause_is_the_first_reason_on_both_sides(void **state)
{
	struct scene x;

	(void)state;
	well(&x);
	x.node.paused_msec = 820000;
	x.node.paused_by = "alice (pts/3)";
	x.hook.failing = true;
	judge(&x, 2, SUMMARY_TROUBLE,
	      "NOT well: replication is paused on this node since 3 min by alice (pts/3): "
	      "zonefsctl resume; hook bind fails on ns1");
	well(&x);
	x.peers[1].paused = true;
	x.peers[1].identical = x.peers[1].same_knowledge = false;
	judge(&x, 2, SUMMARY_TROUBLE, "NOT well: replication is paused on ns3");
}

static void a_start_is_not_settled_before_the_tree_was_gone_through(void **state)
{
	struct scene x;

	(void)state;
	well(&x);
	x.node.looking = true;
	judge(&x, 1, SUMMARY_UNSETTLED, "not settled yet: the whole tree is being looked at");
}

static void a_node_that_joins_says_whom_it_waits_for(void **state)
{
	struct scene x;

	(void)state;
	well(&x);
	x.node.joining = true;
	x.node.waits_for = 2;
	x.peers[1] = (struct peer_status){.name = "ns3", .last_error = "cannot connect"};
	judge(&x, 2, SUMMARY_TROUBLE,
	      "NOT well: this node is joining and waits for ns3; "
	      "ns3 has not been reached yet: cannot connect");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_plain_path_is_itself),
	    cmocka_unit_test(a_path_that_is_no_utf8_has_its_bytes),
	    cmocka_unit_test(what_is_no_path_is_refused),
	    cmocka_unit_test(text_never_steers_a_terminal),
	    cmocka_unit_test(a_version_has_no_number_that_json_cannot_hold),
	    cmocka_unit_test(a_field_of_another_type_is_refused),
	    cmocka_unit_test(a_renamed_file_has_two_names),
	    cmocka_unit_test(a_renamed_directory_takes_its_files_along),
	    cmocka_unit_test(what_came_below_a_renamed_directory_is_new),
	    cmocka_unit_test(other_content_is_no_rename),
	    cmocka_unit_test(all_is_well_only_where_all_is_the_same),
	    cmocka_unit_test(what_is_on_its_way_is_no_trouble_for_a_while),
	    cmocka_unit_test(trouble_is_named),
	    cmocka_unit_test(a_pause_is_the_first_reason_on_both_sides),
	    cmocka_unit_test(a_start_is_not_settled_before_the_tree_was_gone_through),
	    cmocka_unit_test(a_node_that_joins_says_whom_it_waits_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
