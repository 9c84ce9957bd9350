/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One request is under way at most; what changes meanwhile has it asked again. Stored is what the checker
 * printed, and its version: what is read from that may be more in a later zonefs.
 */
#include "replicator/zones.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/port_check.h"
#include "replicator/portal.h"

#define VALUE_MAP "zone-map"         /* wall ms i64, version string, NUL, the text */
#define VALUE_FILES "zone-map-files" /* each a string, NUL */
#define STORED_MAX (32 * 1024 * 1024)
#define VERSION_MAX 64

struct placed {
	const char *path;
	uint32_t zone;
};

struct zones {
	struct node *node;
	struct named_conf conf; /* the map */
	char **paths;           /* by zone: of the tree, or NULL */
	struct placed *by_path; /* sorted */
	size_t nplaced;
	char **files; /* of the configuration, patterns too; NULL at the end */
	char version[VERSION_MAX];
	char words[ZONES_WORDS_MAX];
	enum zones_state state;
	int64_t since_msec;
	int64_t map_msec;
	uint64_t generation;
	uint64_t hash; /* of the text that the map is from */
	bool asking;
	bool again;       /* something changed since it was asked */
	int64_t due_msec; /* monotonic; INT64_MAX: not due */
	int64_t retry_msec;
};

/* ---- the map ---- */

static char *path_of_tree(const struct conf *conf, const char *in_root)
{
	const char *root = strcmp(conf->server->root, "/") == 0 ? "" : conf->server->root;
	CLEANUP_FREE char *host = NULL;

	if (asprintf(&host, "%s%s", root, in_root) < 0 || !path_below(host, conf->mount) ||
	    !path_valid(host + strlen(conf->mount) + 1))
		return NULL;
	return strdup(host + strlen(conf->mount) + 1);
}

static int compare_placed(const void *a, const void *b)
{
	const struct placed *p = a, *q = b;
	int order = strcmp(p->path, q->path);

	return order ? order : p->zone < q->zone ? -1 : p->zone > q->zone;
}

static void drop_map(struct zones *z)
{
	for (size_t i = 0; z->paths && i < z->conf.n; i++)
		free(z->paths[i]);
	free(z->paths);
	free(z->by_path);
	named_conf_fini(&z->conf);
	z->paths = NULL;
	z->by_path = NULL;
	z->nplaced = 0;
}

/* Takes the configuration over. -ENOMEM: the old one stays. */
static int take_map(struct zones *z, struct named_conf *conf)
{
	char **paths = calloc(conf->n + 1, sizeof(*paths));
	struct placed *by_path = calloc(conf->n + 1, sizeof(*by_path));

	if (!paths || !by_path) {
		free(paths);
		free(by_path);
		return -ENOMEM;
	}
	drop_map(z);
	z->conf = *conf;
	z->paths = paths;
	z->by_path = by_path;
	*conf = (struct named_conf){0};
	for (size_t i = 0; i < z->conf.n; i++) {
		const char *file = z->conf.list[i].file;

		paths[i] = file ? path_of_tree(z->node->conf, file) : NULL;
		if (paths[i])
			by_path[z->nplaced++] = (struct placed){paths[i], (uint32_t)i};
	}
	qsort(by_path, z->nplaced, sizeof(*by_path), compare_placed);
	z->generation++;
	return 0;
}

/* ---- what stays local ---- */

static const char *const of_signing[] = {".signed", ".signed.jnl", ".jbk", ".jnl"};

/* What named makes beside a zone's file. */
static int add_made(struct locality *l, const char *path)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(of_signing) && err == 0; i++) {
		CLEANUP_FREE char *made = NULL;

		if (asprintf(&made, "%s%s", path, of_signing[i]) < 0)
			err = -ENOMEM;
		else if (path_valid(made))
			err = locality_file(l, made, true);
	}
	return err;
}

static bool is_own(const struct named_zone *zone)
{
	return zone->type == NAMED_SECONDARY || zone->type == NAMED_MIRROR ||
	       zone->type == NAMED_STUB || (zone->type == NAMED_PRIMARY && zone->dynamic);
}

/* In the order of the paths. A file that is both people's and named's is named's. */
int zones_locality(const struct zones *z, struct locality *l)
{
	int err = 0;

	for (size_t i = 0; i < z->nplaced && err == 0; i++) {
		const struct named_zone *zone = &z->conf.list[z->by_path[i].zone];

		if (is_own(zone))
			err = locality_file(l, z->by_path[i].path, true);
		if (err == 0 && (is_own(zone) || (zone->primary && zone->inline_signed)))
			err = add_made(l, z->by_path[i].path);
	}
	for (size_t i = 0; i < z->nplaced && err == 0; i++) {
		const struct named_zone *zone = &z->conf.list[z->by_path[i].zone];
		const char *path = z->by_path[i].path;

		if (zone->primary && !zone->dynamic && locality_local(l, path, false, NULL) &&
		    !locality_own(l, path) && !locality_said(l, path))
			err = locality_file(l, path, false);
	}
	return err;
}

/* The core's decision, made at its start, is another than the map's. */
static bool decides_otherwise(const struct zones *z)
{
	struct locality *now = locality_bare(z->node->conf->locality);
	bool otherwise = now && zones_locality(z, now) == 0 &&
			 !locality_files_same(now, z->node->conf->locality);

	locality_free(now);
	return otherwise;
}

/* ---- the store ---- */

static char *load(struct zones *z, const char *name, size_t *len)
{
	char none;
	long n = store_value_get(z->node->store, name, &none, 1);
	char *p = n > 0 && n <= STORED_MAX + VERSION_MAX ? malloc((size_t)n + 1) : NULL;

	if (!p || store_value_get(z->node->store, name, p, (size_t)n) != n) {
		free(p);
		return NULL;
	}
	p[n] = '\0';
	*len = (size_t)n;
	return p;
}

static void set_files(struct zones *z, char **files)
{
	for (size_t i = 0; z->files && z->files[i]; i++)
		free(z->files[i]);
	free(z->files);
	z->files = files;
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
	set_files(z, files);
}

/* Of what the map is made from. */
static uint64_t hash_of(const struct zones *z, const char *text, size_t len)
{
	return XXH3_64bits_withSeed(text, len, named_version(z->version));
}

static void load_map(struct zones *z)
{
	struct named_conf conf;
	size_t len, at = sizeof(z->map_msec);
	CLEANUP_FREE char *text = load(z, VALUE_MAP, &len);

	if (!text || len <= at || strlen(text + at) >= VERSION_MAX || at + strlen(text + at) >= len)
		return;
	const char *version = text + at;
	at += strlen(version) + 1;
	if (named_conf_parse(&conf, text + at, len - at, named_version(version)) == 0 &&
	    take_map(z, &conf) == 0) {
		memcpy(&z->map_msec, text, sizeof(z->map_msec));
		snprintf(z->version, sizeof(z->version), "%s", version);
	}
	named_conf_fini(&conf);
	z->hash = hash_of(z, text + at, len - at);
}

static void store_map(struct zones *z, const char *text, size_t len)
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

static void store_files(struct zones *z)
{
	struct buf b;

	buf_init(&b, STORED_MAX);
	for (size_t i = 0; z->files && z->files[i]; i++)
		buf_raw(&b, z->files[i], strlen(z->files[i]) + 1);
	if (!b.err)
		store_value_put(z->node->store, VALUE_FILES, b.data, b.len);
	buf_fini(&b);
}

struct zones *zones_new(struct node *n)
{
	struct zones *z = calloc(1, sizeof(*z));

	if (!z)
		return NULL;
	z->node = n;
	z->due_msec = INT64_MAX;
	if (!n->conf->server)
		return z;
	z->state = ZONES_ASKING;
	z->due_msec = 0;
	load_map(z);
	load_files(z);
	return z;
}

void zones_free(struct zones *z)
{
	if (!z)
		return;
	drop_map(z);
	set_files(z, NULL);
	free(z);
}

/* ---- asking ---- */

static void set_state(struct zones *z, enum zones_state state, const char *words)
{
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
	snprintf(z->words, sizeof(z->words), "%s", words);
	for (size_t len = strlen(z->words); len > 0 && z->words[len - 1] == '\n';)
		z->words[--len] = '\0';
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

static char *read_map(int fd, size_t *len)
{
	struct stat st;

	*len = 0;
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < 0 || st.st_size > CHECK_OUTPUT_MAX)
		return NULL;
	char *text = malloc((size_t)st.st_size + 1);
	while (text && *len < (size_t)st.st_size) {
		ssize_t n = pread(fd, text + *len, (size_t)st.st_size - *len, (off_t)*len);
		if (n <= 0)
			break;
		*len += (size_t)n;
	}
	if (text)
		text[*len] = '\0';
	return text;
}

static bool is_same(const struct zones *z, const char *text, size_t len)
{
	return z->generation > 0 && z->hash == hash_of(z, text, len);
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
	CLEANUP_FREE char *text = read_map(fd, &len);

	if (text && is_same(z, text, len)) {
		z->map_msec = z->node->wall_msec;
		took(z, text, len);
		return;
	}
	int err = text ? named_conf_parse(&conf, text, len, named_version(z->version)) : -ENOMEM;

	if (err == 0)
		err = take_map(z, &conf);
	if (text)
		named_conf_fini(&conf);
	if (err < 0) {
		could_not(z, err == ERR_FORMAT ? "what the checker printed is not understood"
					       : err_text(err));
		return;
	}
	z->map_msec = z->node->wall_msec;
	z->hash = hash_of(z, text, len);
	took(z, text, len);
	store_map(z, text, len);
	if (decides_otherwise(z)) {
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
		free(files);
		return;
	}
	set_files(z, files);
	store_files(z);
}

static void answered(struct node *n, void *arg, int status, struct rd *r, int *fd)
{
	struct zones *z = arg;
	char output[ZONES_WORDS_MAX], version[VERSION_MAX];
	size_t len;

	(void)n;
	z->asking = false;
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
	const struct check check = {.kind = CHECK_MAP};

	if (z->asking || z->node->now_msec < z->due_msec)
		return;
	struct buf *b = portal_begin(z->node->portal, PORT_CHECK);
	buf_check(b, &check);
	if (portal_send(z->node->portal, answered, z) < 0) {
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

bool zones_is_conf(const struct zones *z, const char *path)
{
	for (size_t i = 0; z->files && z->files[i]; i++)
		if (strcmp(z->files[i], path) == 0 || fnmatch(z->files[i], path, FNM_PATHNAME) == 0)
			return true;
	return false;
}

/* A directory above one of the files. */
static bool leads_to_conf(const struct zones *z, const char *path)
{
	for (size_t i = 0; z->files && z->files[i]; i++)
		if (path_below(z->files[i], path))
			return true;
	return false;
}

void zones_changed(struct zones *z, const char *path)
{
	if (z->state == ZONES_NONE ||
	    (z->files && path[0] && !zones_is_conf(z, path) && !leads_to_conf(z, path)))
		return;
	z->again = z->asking;
	if (!z->asking)
		z->due_msec = z->node->now_msec + ZONES_QUIET_MSEC;
}

/* ---- questions ---- */

void zones_status(const struct zones *z, struct zones_status *s)
{
	*s = (struct zones_status){
	    .state = z->state,
	    .asking = z->asking || z->due_msec <= z->node->now_msec + ZONES_QUIET_MSEC,
	    .words = z->words,
	    .version = z->version,
	    .since_msec = z->since_msec,
	    .map_msec = z->map_msec,
	    .n = (uint32_t)z->conf.n,
	    .generation = z->generation,
	};
}

static enum zone_place place_of(const struct zones *z, const struct named_zone *zone,
				const char *path)
{
	if (!zone->file || zone->type == NAMED_IN_VIEW || zone->type == NAMED_OTHER)
		return ZONE_NO_FILE;
	if (!path)
		return ZONE_OUTSIDE;
	if (!core_local(z->node->core, path, false))
		return ZONE_REPLICATED;
	if (zone->type == NAMED_SECONDARY || zone->type == NAMED_MIRROR || zone->type == NAMED_STUB)
		return ZONE_SECONDARY;
	if (zone->dynamic)
		return ZONE_DYNAMIC;
	return ZONE_EXCLUDED;
}

bool zones_entry(const struct zones *z, size_t i, struct zone_entry *e)
{
	if (i >= z->conf.n)
		return false;
	e->zone = &z->conf.list[i];
	e->path = z->paths[i];
	e->place = place_of(z, e->zone, e->path);
	return true;
}

bool zones_of_path(const struct zones *z, const char *path, size_t i, struct zone_entry *e)
{
	size_t low = 0, high = z->nplaced;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(z->by_path[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low + i >= z->nplaced || strcmp(z->by_path[low + i].path, path) != 0)
		return false;
	return zones_entry(z, z->by_path[low + i].zone, e);
}

const char *zones_directory(const struct zones *z)
{
	return z->conf.directory ? z->conf.directory : "/";
}
