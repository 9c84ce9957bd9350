/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Stored is what the checker printed, and its version: what is read from that may be more in a later
 * zonefs.
 */
#include "replicator/zones_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/port_check.h"

#define VALUE_MAP "zone-map"         /* wall ms i64, version string, NUL, the text */
#define VALUE_FILES "zone-map-files" /* each a string, NUL */
#define STORED_MAX (32 * 1024 * 1024)

static char *load(struct zones *z, const char *name, size_t *len)
{
	char none;
	long n = store_value_get(z->node->store, name, &none, 1);
	char *p = n > 0 && n <= STORED_MAX + ZONES_VERSION_MAX ? malloc((size_t)n + 1) : NULL;

	if (!p || store_value_get(z->node->store, name, p, (size_t)n) != n) {
		free(p);
		return NULL;
	}
	p[n] = '\0';
	*len = (size_t)n;
	return p;
}

static void load_files(struct zones *z)
{
	size_t len, n = 0;
	CLEANUP_FREE char *text = load(z, VALUE_FILES, &len);
	char **files = text ? calloc(CHECK_FILES_MAX + 1, sizeof(*files)) : NULL;

	for (size_t at = 0; files && at < len && n < CHECK_FILES_MAX; at += strlen(text + at) + 1) {
		files[n] = strdup(text + at);
		n += files[n] != NULL;
	}
	zones_set_files(z, files);
}

static void load_map(struct zones *z)
{
	struct named_conf conf;
	size_t len, at = sizeof(z->map_msec);
	CLEANUP_FREE char *text = load(z, VALUE_MAP, &len);

	if (!text || len <= at || strlen(text + at) >= ZONES_VERSION_MAX ||
	    at + strlen(text + at) >= len)
		return;
	const char *version = text + at;
	at += strlen(version) + 1;
	if (named_conf_parse(&conf, text + at, len - at, named_version(version)) == 0 &&
	    zones_take(z, &conf) == 0) {
		memcpy(&z->map_msec, text, sizeof(z->map_msec));
		snprintf(z->version, sizeof(z->version), "%s", version);
	}
	named_conf_fini(&conf);
	z->hash = zones_hash(z, text + at, len - at);
}

void zones_keep(struct zones *z, const char *text, size_t len)
{
	size_t version = strlen(z->version) + 1;
	CLEANUP_FREE char *p = len <= STORED_MAX ? malloc(sizeof(int64_t) + version + len) : NULL;

	if (!p) {
		log_warning("the zones' map is too large to be kept for a restart");
		return;
	}
	memcpy(p, &z->map_msec, sizeof(int64_t));
	memcpy(p + sizeof(int64_t), z->version, version);
	memcpy(p + sizeof(int64_t) + version, text, len);
	int err = store_value_put(z->node->store, VALUE_MAP, p, sizeof(int64_t) + version + len);
	if (err < 0)
		log_limited(LOG_LEVEL_WARNING, "the zones' map cannot be stored: %s",
			    err_text(err));
}

void zones_keep_files(struct zones *z)
{
	struct buf b;

	buf_init(&b, STORED_MAX);
	for (size_t i = 0; z->files && z->files[i]; i++)
		buf_raw(&b, z->files[i], strlen(z->files[i]) + 1);
	if (!b.err)
		store_value_put(z->node->store, VALUE_FILES, b.data, b.len);
	buf_fini(&b);
}

void zones_load(struct zones *z)
{
	load_map(z);
	load_files(z);
}
