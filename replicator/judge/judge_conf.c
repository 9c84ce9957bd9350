/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The configuration as it would be: its checker's word, and the map that it makes. The checker sees the
 * tree as it is on the disk, but for the items, and for files of the configuration that are held.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/checks.h"
#include "replicator/judge/judge_internal.h"
#include "replicator/judge/judge_watch.h"
#include "replicator/portal.h"

bool judge_conf_wanted(const struct judgement *j)
{
	for (uint32_t i = 0; i < j->trial->n; i++)
		if (zones_is_conf(j->node->zones, j->trial->items[i].path))
			return true;
	return false;
}

/* ---- what it is to see ---- */

static bool add_file(struct judgement *j, const char *path,
		     bool (*at)(struct judgement *j, const char *path, struct judge_file *to))
{
	struct judge_file *grown = reallocarray(j->of_conf, j->nof_conf + 1, sizeof(*grown));

	if (!grown)
		return false;
	j->of_conf = grown;
	if (!at(j, path, &grown[j->nof_conf]))
		return false;
	if (grown[j->nof_conf].text)
		judge_text_stage(grown[j->nof_conf].text);
	j->nof_conf++;
	return true;
}

/* All that is known of it here, whatever lies on the disk: also what was saved this moment. */
static bool find_released(struct judgement *j)
{
	const char *const *files = zones_files(j->node->zones);

	for (size_t i = 0; files && files[i]; i++)
		if (core_shown(j->node->core, files[i]) && j->nof_conf < CHECK_ITEMS_MAX &&
		    !add_file(j, files[i], judge_file_then))
			return false;
	return true;
}

/* Items that may be part of it: all but the files of zones. */
static bool find_files(struct judgement *j)
{
	const struct zones *z = j->node->zones;
	const char *const *files = zones_files(z);
	struct zone_entry e;

	for (uint32_t i = 0; i < j->trial->n; i++) {
		const char *path = j->trial->items[i].path;

		if ((zones_is_conf(z, path) || !zones_of_path(z, path, 0, &e)) &&
		    !add_file(j, path, judge_file_now))
			return false;
	}
	for (size_t i = 0; files && files[i]; i++)
		if (!judge_is_item(j, files[i]) && judge_differs(j, files[i]) &&
		    !add_file(j, files[i], judge_file_now))
			return false;
	return true;
}

/* ---- what it says ---- */

static void take_map(struct judgement *j, const char *version, int fd)
{
	size_t len;
	CLEANUP_FREE char *text = checks_map(fd, &len);
	int err = text ? named_conf_parse(&j->conf, text, len, named_version(version)) : -ENOMEM;

	j->has_conf = text != NULL;
	if (err < 0)
		judge_say(j, VERDICT_UNKNOWN, "%s",
			  err == ERR_FORMAT
			      ? "what the checker of the configuration printed is not "
				"understood"
			      : err_text(err));
}

/* Where the configuration cannot be read for a file that is not there, that is what it waits for; and
 * what is there may have to be another one. */
static void look_at_files(struct judgement *j, struct rd *r)
{
	char path[PATH_LEN_MAX + 1];

	for (uint16_t left = rd_u16(r); left > 0 && !r->err; left--) {
		struct judge_file f;

		rd_strbuf(r, path, sizeof(path));
		if (r->err == 0)
			watch_look(j, path);
		if (r->err || strpbrk(path, "*?[") || core_local(j->node->core, path, false) ||
		    !judge_file_now(j, path, &f))
			continue;
		if (f.gone)
			judge_need(j, path);
		judge_file_fini(&f);
	}
}

static void answered(struct node *n, void *arg, int status, struct rd *r, int *fd)
{
	struct judgement *j = arg;
	char version[64];
	size_t len;

	j->asked--;
	j->conf_check = 0;
	if (j->map_done) {
		j->map_done(n, j->arg, status, r, fd);
		return;
	}
	int32_t exit_status = (int32_t)rd_u32(r), signal = (int32_t)rd_u32(r);
	bool timed_out = rd_u8(r) != 0;
	rd_u32(r);
	const uint8_t *said = rd_bytes(r, &len, PORT_OUTPUT_MAX);
	rd_strbuf(r, version, sizeof(version));
	if (status < 0 || r->err)
		judge_say(j, VERDICT_UNKNOWN, "the configuration could not be checked: %.*s",
			  r->err || len == 0 ? 512 : (int)len,
			  r->err || len == 0 ? err_text(status < 0 ? status : ERR_FORMAT)
					     : (const char *)said);
	else if (timed_out)
		judge_say(j, VERDICT_UNKNOWN,
			  "the checker of the configuration has not ended within its time limit");
	else if (signal != 0)
		judge_say(j, VERDICT_UNKNOWN,
			  "the checker of the configuration was ended by signal %d", signal);
	else if (exit_status != 0) {
		judge_say(j, VERDICT_BAD, "%.*s", (int)len, (const char *)said);
		look_at_files(j, r);
	} else {
		take_map(j, version, *fd);
	}
}

static int send_check(struct judgement *j)
{
	struct check *c CLEANUP_FREE = calloc(1, sizeof(*c));
	int err = c ? 0 : -ENOMEM;

	if (!c)
		return err;
	c->kind = CHECK_MAP;
	for (size_t i = 0; i < j->nof_conf && err == 0; i++)
		err = judge_check_item(c, &j->of_conf[i]);
	if (err == 0) {
		buf_check(portal_begin(j->node->portal, PORT_CHECK), c);
		err = portal_send(j->node->portal, answered, j);
		j->conf_check = err == 0 ? portal_begun(j->node->portal) : 0;
	}
	check_fini(c);
	return err;
}

static void could_not(struct judgement *j, int err)
{
	struct rd none;
	int fd = -1;

	rd_init(&none, "", 0);
	if (j->map_done)
		j->map_done(j->node, j->arg, err, &none, &fd);
	else
		judge_say(j, err == ERR_LIMIT ? VERDICT_BAD : VERDICT_UNKNOWN,
			  "the configuration could not be checked: %s",
			  err == ERR_LIMIT ? "too many of its files are changed at once"
					   : err_text(err));
}

bool judge_conf_work(struct judgement *j)
{
	if (!j->begun) {
		j->begun = true;
		if (!(j->map_done ? find_released(j) : find_files(j))) {
			could_not(j, -ENOMEM);
			return true;
		}
	}
	if (!judge_texts_ready(j))
		return false;
	if (!j->conf_sent) {
		int err = send_check(j);

		if (err == -EAGAIN)
			return false;
		j->conf_sent = true;
		if (err < 0)
			could_not(j, err);
		else
			j->asked++;
	}
	return j->asked == 0;
}
