/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The port's requests, one function each: decode and check, do it, encode. The other side may be
 * hostile: what cannot be decoded is counted, logged now and then, and answered with ERR_FORMAT.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/crash.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "base/port.h"
#include "fs/beneath.h"
#include "fs/check.h"
#include "fs/fs.h"
#include "fs/hookkeep.h"
#include "fs/hookrun.h"
#include "fs/install.h"
#include "fs/make.h"
#include "fs/settle.h"
#include "fs/treemark.h"
#include "fs/openers.h"
#include "fs/portjob.h"
#include "fs/tree.h"

#define LIST_BYTES_MAX (64 * 1024)
#define HOOK_NAME_MAX 256
#define ALERT_WHAT_MAX 32

/* A path that may be the root. */
static void read_path(struct rd *r, char *path)
{
	rd_strbuf(r, path, PATH_LEN_MAX + 1);
	if (!r->err && !path_valid_or_root(path))
		rd_fail(r);
}

void portreq_place(struct portjob *job)
{
	char path[PATH_LEN_MAX + 1];
	struct port_head head;
	struct rd r;

	job->changes = job->type == PORT_INSTALL || job->type == PORT_REMOVE;
	if (!job->changes && job->type != PORT_LOOK && job->type != PORT_LIST)
		return;
	if (port_parse(&r, job->packet, job->len, &head) < 0)
		return;
	read_path(&r, path);
	if (!r.err)
		job->path = strdup(path);
}

static int list(struct fs *fs, struct portjob *job, struct rd *r)
{
	char path[PATH_LEN_MAX + 1];

	read_path(r, path);
	uint64_t cursor = rd_u64(r);
	if (rd_end(r) < 0)
		return ERR_FORMAT;
	portjob_answer(job, 0);
	return tree_list(fs, path, cursor, &job->answer, LIST_BYTES_MAX);
}

static int look(struct fs *fs, struct portjob *job, struct rd *r)
{
	char path[PATH_LEN_MAX + 1];
	uint8_t content[PORT_LOOK_MAX];
	struct found f;
	bool whole;

	read_path(r, path);
	bool wanted = rd_left(r) > 0 && rd_u8(r) == 1;
	if (rd_end(r) < 0)
		return ERR_FORMAT;
	int rc = tree_look_content(fs, path, &f, &job->fd, wanted ? content : NULL, sizeof(content),
				   &whole);
	if (rc < 0)
		return rc;
	portjob_answer(job, 0);
	buf_look(&job->answer, &f.look);
	if (wanted)
		buf_u8(&job->answer, whole);
	if (whole)
		buf_bytes(&job->answer, content, (size_t)f.look.size);
	return 0;
}

/* What it will be installed with, so that it gets to the disk once; may be missing. */
static bool read_attributes(struct rd *r, struct install *in)
{
	if (rd_left(r) == 0)
		return false;
	in->kind = KIND_FILE;
	in->mode = rd_u32(r) & 07777;
	in->uid = rd_u32(r);
	in->gid = rd_u32(r);
	in->mtime_nsec = (int64_t)rd_u64(r);
	return true;
}

static int stage(struct fs *fs, struct portjob *job, struct rd *r)
{
	struct install in = {0};
	struct staged staged;
	size_t len;
	int fd;

	uint64_t size = rd_u64(r);
	const uint8_t *content = rd_bytes(r, &len, PORT_INLINE_MAX);
	bool known = read_attributes(r, &in);
	if (rd_end(r) < 0)
		return ERR_FORMAT;
	bool small = size <= PORT_INLINE_MAX;
	crash_point("fs-stage");
	if (len != (small ? size : 0))
		return ERR_FORMAT;
	if (size > INT64_MAX || (int64_t)size > fs->conf->max_file_size)
		return ERR_LIMIT;
	int rc = staging_add(fs->staging, size, small ? content : NULL, &staged, &fd);
	if (rc < 0)
		return rc;
	if (small) {
		if (known)
			make_attributes(fs, &in, fd);
		job->sync_fd = fd;
		memcpy(job->sync_name, staged.name, STAGING_NAME);
	} else {
		job->fd = fd;
	}
	crash_point("fs-staged");
	portjob_answer(job, 0);
	buf_fhandle(&job->answer, &staged.handle);
	return 0;
}

/* What was staged for a checker. That there is none (any more) is as good. */
static int unstage(struct fs *fs, struct portjob *job, struct rd *r)
{
	struct fhandle handle;

	rd_fhandle(r, &handle);
	if (rd_end(r) < 0)
		return ERR_FORMAT;
	staging_drop(fs->staging, &handle);
	portjob_answer(job, 0);
	return 0;
}

static int install(struct fs *fs, struct portjob *job, struct rd *r)
{
	char path[PATH_LEN_MAX + 1];
	char target[PORT_TARGET_MAX + 1];
	struct install in;
	struct found now;

	rd_install(r, &in, path, target);
	if (rd_end(r) < 0)
		return ERR_FORMAT;
	int rc = install_put(fs, &in, &now);
	if (rc < 0)
		return rc;
	portjob_answer(job, 0);
	buf_look(&job->answer, &now.look);
	return 0;
}

static int take_away(struct fs *fs, struct portjob *job, struct rd *r)
{
	char path[PATH_LEN_MAX + 1];
	struct ident expected;

	read_path(r, path);
	rd_ident(r, &expected);
	if (rd_end(r) < 0 || !path[0])
		return ERR_FORMAT;
	int rc = install_remove(fs, path, &expected);
	if (rc == 0)
		portjob_answer(job, 0);
	return rc;
}

static const struct conf_hook *find_hook(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->nhooks; i++)
		if (strcmp(conf->hooks[i].name, name) == 0)
			return &conf->hooks[i];
	return NULL;
}

static void answer_run(struct portjob *job, int rc, const struct hook_result *result)
{
	portjob_answer(job, rc < 0 ? rc : 0);
	buf_u32(&job->answer, (uint32_t)result->exit_status);
	buf_u32(&job->answer, (uint32_t)result->signal);
	buf_u8(&job->answer, result->timed_out);
	buf_u32(&job->answer, result->run_msec);
	buf_bytes(&job->answer, result->output, result->output_len);
}

static int hook(struct fs *fs, struct portjob *job, struct rd *r)
{
	struct hook_result *result CLEANUP_FREE = calloc(1, sizeof(*result));
	char name[HOOK_NAME_MAX];
	char verb[HOOK_NAME_MAX];
	size_t len;

	rd_strbuf(r, name, sizeof(name));
	rd_strbuf(r, verb, sizeof(verb));
	const uint8_t *input = rd_bytes(r, &len, PORT_INPUT_MAX);
	if (rd_end(r) < 0)
		return ERR_FORMAT;
	const struct conf_hook *h = find_hook(fs->conf, name);
	if (!h)
		return ERR_UNKNOWN;
	if (strcmp(verb, "reload") != 0)
		return ERR_DENIED;
	if (!result)
		return -ENOMEM;
	settle_all(fs);
	crash_point("fs-hook");
	int rc = h->persistent ? hookkeep_run(fs->hookkeep, h, input, len, result)
			       : hook_run(fs->conf, h, verb, input, len, result);
	crash_point("fs-hook-ended");
	answer_run(job, rc, result);
	return 0;
}

struct alert_words {
	char what[ALERT_WHAT_MAX];
	char since[32];
	char path[PATH_LEN_MAX + 1];
	char escaped[PATH_ESCAPED_MAX];
	char peer[HOOK_NAME_MAX];
	char hook[HOOK_NAME_MAX];
	char words[PORT_WORDS_MAX + 1];
};

static int read_alert(struct rd *r, struct alert_words *a, bool *begins)
{
	struct tm tm = {0};

	*begins = rd_u8(r) != 0;
	rd_strbuf(r, a->what, sizeof(a->what));
	time_t since = (time_t)(rd_i64(r) / 1000);
	rd_strbuf(r, a->path, sizeof(a->path));
	rd_strbuf(r, a->peer, sizeof(a->peer));
	rd_strbuf(r, a->hook, sizeof(a->hook));
	rd_strbuf(r, a->words, sizeof(a->words));
	if (r->err || !path_valid_or_root(a->path))
		return ERR_FORMAT;
	path_escape(a->escaped, sizeof(a->escaped), a->path);
	if (!gmtime_r(&since, &tm) ||
	    !strftime(a->since, sizeof(a->since), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return ERR_FORMAT;
	return 0;
}

static int run_alert(struct fs *fs, struct portjob *job, struct rd *r, struct alert_words *a,
		     struct hook_result *result)
{
	const struct hook_more more[HOOK_MORE_MAX] = {
	    {"ZONEFS_ALERT", a->what},        {"ZONEFS_ALERT_SINCE", a->since},
	    {"ZONEFS_ALERT_PATH", a->escaped}, {"ZONEFS_ALERT_PEER", a->peer},
	    {"ZONEFS_ALERT_HOOK", a->hook},   {"ZONEFS_ALERT_WORDS", a->words},
	};
	bool begins;
	size_t len;

	int rc = read_alert(r, a, &begins);
	const uint8_t *input = rd_bytes(r, &len, PORT_INPUT_MAX);
	if (rc < 0 || rd_end(r) < 0)
		return ERR_FORMAT;
	if (!fs->conf->alert)
		return ERR_UNKNOWN;
	rc = hook_run_with(fs->conf, fs->conf->alert, begins ? "begins" : "ends", more, input, len,
			   result);
	answer_run(job, rc, result);
	return 0;
}

static int alert(struct fs *fs, struct portjob *job, struct rd *r)
{
	struct alert_words *a CLEANUP_FREE = calloc(1, sizeof(*a));
	struct hook_result *result CLEANUP_FREE = calloc(1, sizeof(*result));

	return a && result ? run_alert(fs, job, r, a, result) : -ENOMEM;
}

static int info(struct fs *fs, struct portjob *job, struct rd *r)
{
	struct beneath list_of[BENEATH_MAX];
	struct capture_counts counts;

	if (rd_end(r) < 0)
		return ERR_FORMAT;
	int n = beneath_list(fs->plain, fs->mount, list_of, BENEATH_MAX);
	capture_count(fs->capture, &counts);
	portjob_answer(job, 0);
	buf_u32(&job->answer, counts.waiting);
	buf_u32(&job->answer, counts.unacknowledged);
	buf_u8(&job->answer, counts.rescan);
	buf_u64(&job->answer, capture_serial(fs->capture));
	buf_u16(&job->answer, (uint16_t)(n > 0 ? n : 0));
	for (int i = 0; i < n; i++) {
		buf_u32(&job->answer, (uint32_t)list_of[i].pid);
		buf_str(&job->answer, list_of[i].command);
	}
	return 0;
}

static int mark(struct fs *fs, struct portjob *job, struct rd *r)
{
	struct tree_mark m;

	rd_tree_mark(r, &m);
	if (rd_end(r) < 0)
		return ERR_FORMAT;
	int rc = treemark_write(fs, &m);
	if (rc == 0)
		portjob_answer(job, 0);
	return rc;
}

/* A WAIT that has come to its time limit (the wait itself was elsewhere): who keeps it open. */
static int wait_over(struct fs *fs, struct portjob *job, struct rd *r)
{
	struct opener openers[OPENERS_MAX];
	char path[PATH_LEN_MAX + 1];
	int n = 0;

	read_path(r, path);
	if (r->err)
		return ERR_FORMAT;
	struct node *node = path[0] ? tree_node(fs, path) : NULL;
	if (node) {
		n = openers_find(fs, node, openers, OPENERS_MAX);
		node_put(&fs->nodes, node);
	}
	portjob_answer(job, ERR_TIMEOUT);
	buf_u16(&job->answer, (uint16_t)n);
	for (int i = 0; i < n; i++) {
		buf_u32(&job->answer, (uint32_t)openers[i].pid);
		buf_str(&job->answer, openers[i].command);
	}
	return 0;
}

void portreq_carry_out(struct fs *fs, struct portjob *job)
{
	static int (*const requests[])(struct fs *, struct portjob *, struct rd *) = {
	    [PORT_LIST] = list,       [PORT_LOOK] = look,        [PORT_STAGE] = stage,
	    [PORT_INSTALL] = install, [PORT_REMOVE] = take_away, [PORT_HOOK] = hook,
	    [PORT_WAIT] = wait_over,  [PORT_INFO] = info,         [PORT_ALERT] = alert,
	    [PORT_CHECK] = check_request,
	    [PORT_MARK] = mark,       [PORT_UNSTAGE] = unstage,
	};
	struct port_head head;
	struct rd r;

	int rc = port_parse(&r, job->packet, job->len, &head);
	if (rc == 0)
		rc = requests[head.type](fs, job, &r);
	if (rc == ERR_FORMAT)
		log_limited(LOG_LEVEL_WARNING, "the replicator sent a malformed request (type %u)",
			    job->type);
	if (rc < 0)
		portjob_answer(job, rc);
}
