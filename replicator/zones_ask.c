/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Asking for the map, or (zones_by_file.c) finding it. One request is under way at most; what changes meanwhile has it asked again.
 */
#include "replicator/zones_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/port_check.h"
#include "replicator/checks.h"
#include "replicator/judge/judge.h"

static void set_state(struct zones *z, enum zones_state state, const char *said)
{
	char words[ZONES_WORDS_MAX];

	snprintf(words, sizeof(words), "%s", said);
	for (size_t len = strlen(words); len > 0 && words[len - 1] == '\n';)
		words[--len] = '\0';
	size_t n = strcspn(words, "\n");
	if (z->state != state || strcmp(z->words, words) != 0) {
		if (state == ZONES_BROKEN)
			log_notice(
			    "the name server's configuration is refused by its checker: %.*s",
			    (int)n, words);
		else if (state == ZONES_UNCHECKED)
			log_warning("the name server's configuration could not be checked: %.*s",
				    (int)n, words);
		else if (z->state != state)
			log_info("%zu zones are configured", z->conf.n);
	}
	if (z->state != state)
		z->since_msec = z->node->wall_msec;
	z->state = state;
	memcpy(z->words, words, sizeof(words));
}

/* Unless it is due earlier, since something has changed while it was asked. */
static void retry_after(struct zones *z, int64_t msec)
{
	if (z->due_msec > z->node->now_msec + msec)
		z->due_msec = z->node->now_msec + msec;
}

static void could_not(struct zones *z, const char *words)
{
	set_state(z, ZONES_UNCHECKED, words);
	z->retry_msec = z->retry_msec ? 2 * z->retry_msec : ZONES_RETRY_FIRST_MSEC;
	if (z->retry_msec > ZONES_RETRY_LAST_MSEC)
		z->retry_msec = ZONES_RETRY_LAST_MSEC;
	retry_after(z, z->retry_msec);
}

static bool is_same(const struct zones *z, const char *text, size_t len)
{
	return z->generation > 0 && z->hash == zones_hash(z, text, len);
}

static void took(struct zones *z, const char *text, size_t len)
{
	CLEANUP_FREE char *words = strndup(text, named_conf_begin(text, len));

	z->retry_msec = 0;
	set_state(z, ZONES_GOOD, words ? words : "");
}

static void take_good(struct zones *z, int fd)
{
	struct named_conf conf;
	size_t len;
	CLEANUP_FREE char *text = checks_map(fd, &len);

	if (text && is_same(z, text, len)) {
		z->map_msec = z->node->wall_msec;
		took(z, text, len);
		return;
	}
	int err = text ? named_conf_parse(&conf, text, len, named_version(z->version)) : -ENOMEM;

	if (err == 0)
		err = zones_take(z, &conf);
	if (text)
		named_conf_fini(&conf);
	if (err < 0) {
		could_not(z, err == ERR_FORMAT ? "what the checker printed is not understood"
					       : err_text(err));
		return;
	}
	z->map_msec = z->node->wall_msec;
	z->hash = zones_hash(z, text, len);
	took(z, text, len);
	zones_keep(z, text, len);
	if (zones_decide_otherwise(z)) {
		log_notice("the configuration names other files that stay local: the replicator "
			   "starts anew");
		z->node->stopping = true;
	}
}

/* What the answer says of a run that was made. */
static void judge(struct zones *z, int32_t status, int32_t signal, bool timed_out,
		  const char *output, int fd)
{
	char words[ZONES_WORDS_MAX];

	if (timed_out)
		could_not(z, "the checker has not ended within its time limit");
	else if (signal != 0) {
		snprintf(words, sizeof(words), "the checker was ended by signal %d", signal);
		could_not(z, words);
	} else if (status == 0) {
		take_good(z, fd);
	} else {
		z->retry_msec = 0;
		set_state(z, ZONES_BROKEN, output);
		retry_after(z, ZONES_RETRY_LAST_MSEC);
	}
}

static void take_files(struct zones *z, struct rd *r)
{
	char path[PATH_LEN_MAX + 1];
	char **files = calloc(CHECK_FILES_MAX + 1, sizeof(*files));
	size_t n = 0;

	for (uint16_t left = rd_u16(r); files && left > 0 && !r->err && n < CHECK_FILES_MAX;
	     left--) {
		rd_strbuf(r, path, sizeof(path));
		files[n] = r->err ? NULL : strdup(path);
		n += files[n] != NULL;
	}
	if (!files || r->err || n == 0) {
		while (n > 0)
			free(files[--n]);
		free(files);
		return;
	}
	zones_set_files(z, files);
	zones_keep_files(z);
}

static void answered(struct node *n, void *arg, int status, struct rd *r, int *fd)
{
	struct zones *z = arg;
	char output[ZONES_WORDS_MAX], version[ZONES_VERSION_MAX];
	size_t len;

	(void)n;
	z->asking = false;
	z->changing = z->again && z->changing;
	z->due_msec = z->again ? z->node->now_msec + ZONES_QUIET_MSEC : INT64_MAX;
	z->again = false;
	int32_t exit_status = (int32_t)rd_u32(r), signal = (int32_t)rd_u32(r);
	bool timed_out = rd_u8(r) != 0;
	rd_u32(r);
	const uint8_t *said = rd_bytes(r, &len, PORT_OUTPUT_MAX);
	rd_strbuf(r, version, sizeof(version));
	bool told = r->err == 0;
	snprintf(output, sizeof(output), "%.*s", told ? (int)len : 0,
		 told ? (const char *)said : "");
	if (told && status == 0) {
		if (version[0])
			memcpy(z->version, version, sizeof(version));
		take_files(z, r);
		judge(z, exit_status, signal, timed_out, output, *fd);
	} else {
		could_not(z, output[0] ? output : err_text(status < 0 ? status : ERR_FORMAT));
	}
}

void zones_tick(struct zones *z)
{
	if (z->asking || z->node->now_msec < z->due_msec)
		return;
	if (!z->node->conf->server) {
		zones_find(z);
		return;
	}
	if (judge_map(z->node->judge, answered, z) < 0) {
		z->due_msec = z->node->now_msec + ZONES_QUIET_MSEC;
		return;
	}
	z->asking = true;
	z->again = false;
}

int64_t zones_wake(const struct zones *z)
{
	return z->asking ? INT64_MAX : z->due_msec;
}

/* A directory above one of the files. */
static bool leads_to_conf(const struct zones *z, const char *path)
{
	for (size_t i = 0; z->files && z->files[i]; i++)
		if (path_below(z->files[i], path))
			return true;
	return false;
}

/* It has nothing to do with the map. */
static bool is_other(const struct zones *z, const char *path)
{
	if (!path[0])
		return false;
	if (z->node->conf->server)
		return z->files && !zones_is_conf(z, path) && !leads_to_conf(z, path);
	CLEANUP_FREE char *name = conf_zone_of_file(z->node->conf, path);
	return !name;
}

void zones_changed(struct zones *z, const char *path)
{
	if (z->state == ZONES_NONE || is_other(z, path))
		return;
	z->again = z->asking;
	z->changing = z->node->conf->server && z->state != ZONES_ASKING;
	if (!z->asking)
		z->due_msec = z->node->now_msec + ZONES_QUIET_MSEC;
}
