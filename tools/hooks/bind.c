/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The hook for BIND: learns from named-checkconf which file is which zone, lets named load exactly
 * what changed, and then asks named for the serials: what rndc answers proves nothing. Prints
 *
 *   served ZONE SERIAL     named answers with the serial that the zone's file has
 *   failed ZONE words      it does not
 *
 * and other lines for people. Exit status 0 only if nothing failed. zonefs-hooks(7) has it all.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/path.h"
#include "tools/hooks/bind_serial.h"
#include "tools/hooks/bind_tool.h"
#include "tools/hooks/bind_zones.h"

#define BOUND_MSEC                                                                                 \
	10000 /* for named to serve what it was told to load; and for one call of a tool */
#define POLL_FIRST_MSEC 2
#define POLL_MAX_MSEC 100
#define AGAIN_MSEC 100 /* after "already running" */
#define RELOADS_MAX 50 /* more zones than that: one reload of all is cheaper */
#define ASKED_MAX 1000 /* zones that are asked for after a reload of all */
#define ITEMS_BYTES_MAX (1024 * 1024)
#define RNDC_WORDS_MAX 32

struct options {
	const char *mount;
	const char *root; /* named's; "/" without a chroot */
	const char *conf; /* within the root */
	const char *address;
	unsigned port;
	const char *rndc; /* arguments */
};

struct hook {
	struct options options;
	int root; /* descriptor of named's root */
	struct zones zones;
	char *rndc[RNDC_WORDS_MAX + 8]; /* argv up to the command */
	size_t nrndc;
	bool reload_all;
	bool reconfig;
	unsigned failures;
};

static const char usage[] = "usage: bind [-t CHROOT] [-c NAMED.CONF] [-a ADDRESS] [-p PORT] [-r "
			    "\"RNDC ARGUMENTS\"] reload\n";

/* ---- named's root */

/* Opens a path as named in its chroot would. */
static int open_inside(const struct hook *h, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	long fd = syscall(SYS_openat2, h->root, path, &how, sizeof how);

	return fd < 0 ? -errno : (int)fd;
}

static bool stat_inside(const struct hook *h, const char *path, struct stat *st)
{
	CLEANUP_CLOSE int fd = open_inside(h, path, O_PATH);

	return fd >= 0 && fstat(fd, st) == 0;
}

/* A path of the tree as named sees it: a new string; NULL: it is outside of named's root. */
static char *named_path(const struct options *o, const char *path)
{
	CLEANUP_FREE char *absolute = zones_absolute(o->mount, path);
	size_t n = strlen(o->root);

	if (!absolute)
		return NULL;
	if (strcmp(o->root, "/") == 0)
		return strdup(absolute);
	if (strncmp(absolute, o->root, n) != 0 || absolute[n] != '/')
		return NULL;
	return strdup(absolute + n);
}

/* ---- rndc */

/* Runs rndc with a command of up to four words (NULL: none). Waits while named says "already
 * running". */
static int rndc(struct hook *h, struct buf *output, const char *const words[4])
{
	int64_t deadline = clock_monotonic_msec() + BOUND_MSEC;
	struct timespec again = {.tv_nsec = AGAIN_MSEC * 1000000};
	int r;

	for (size_t i = 0; i < 5; i++)
		h->rndc[h->nrndc + i] = i < 4 ? (char *)words[i] : NULL;
	for (;;) {
		struct tool_run run = {.argv = (const char *const *)h->rndc,
				       .timeout_msec = BOUND_MSEC};

		buf_reset(output);
		r = tool_run(&run, output);
		buf_u8(output, 0); /* a string from here on */
		if (r <= 0 || output->err || !strstr((char *)output->data, "already running") ||
		    clock_monotonic_msec() > deadline)
			break;
		nanosleep(&again, NULL);
	}
	return output->err ? output->err : r;
}

static const char *rndc_says(const struct buf *output, int r)
{
	char *text = (char *)output->data;

	if (r < 0)
		return err_text(r);
	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, "rndc: ", 6) == 0)
		text += 6;
	return text;
}

/* -k with the key in named's root, unless the options say otherwise. */
static int prepare_rndc(struct hook *h)
{
	static const char *const keys[] = {"/etc/rndc.key", "/etc/bind/rndc.key"};
	CLEANUP_FREE char *words = strdup(h->options.rndc ? h->options.rndc : "");
	char *state = NULL;

	if (!words)
		return -ENOMEM;
	h->rndc[h->nrndc++] = strdup("rndc");
	for (char *w = strtok_r(words, " ", &state); w; w = strtok_r(NULL, " ", &state)) {
		if (h->nrndc == RNDC_WORDS_MAX)
			return ERR_LIMIT;
		h->rndc[h->nrndc++] = strdup(w);
	}
	for (size_t i = 0; !h->options.rndc && i < ARRAY_SIZE(keys); i++) {
		CLEANUP_FREE char *key = zones_absolute(h->options.root, keys[i] + 1);

		if (!key || access(key, R_OK) < 0)
			continue;
		h->rndc[h->nrndc++] = strdup("-k");
		h->rndc[h->nrndc++] = strdup(key);
		break;
	}
	return 0;
}

/* ---- the configuration */

static int read_zones(struct hook *h)
{
	const struct options *o = &h->options;
	CLEANUP_FREE char *in_root = zones_absolute("/", o->conf);
	const char *argv[6] = {"named-checkconf", "-px"};
	struct tool_run run = {.argv = argv, .timeout_msec = BOUND_MSEC};
	struct buf text;
	int r;

	if (!in_root)
		return -ENOMEM;
	if (strcmp(o->root, "/") != 0) {
		argv[2] = "-t";
		argv[3] = o->root;
		run.own_root = true;
	}
	argv[run.own_root ? 4 : 2] = in_root;
	buf_init(&text, TOOL_OUTPUT_MAX);
	r = tool_run(&run, &text);
	if (r == 0)
		r = text.err;
	if (r == 0)
		r = zones_parse(&h->zones, (char *)text.data, text.len);
	else if (r > 0)
		fwrite(text.data, 1, text.len, stdout);
	if (r != 0)
		printf("the configuration cannot be used: %s\n",
		       r < 0 ? err_text(r) : "named-checkconf refuses it");
	buf_fini(&text);
	return r;
}

/* ---- what changed */

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool starts_with(const char *s, const char *start)
{
	return strncmp(s, start, strlen(start)) == 0;
}

/* Marks the zones of a file (of one inode, where it exists: links name it too). */
static bool mark_zones(struct hook *h, const char *path)
{
	struct stat changed;
	struct stat st;
	bool exists = stat_inside(h, path, &changed);
	bool found = false;

	for (size_t i = 0; i < h->zones.n; i++) {
		struct zone *z = &h->zones.list[i];

		if (!z->file)
			continue;
		if (strcmp(z->file, path) == 0 ||
		    (exists && S_ISREG(changed.st_mode) && stat_inside(h, z->file, &st) &&
		     same_file(&st, &changed))) {
			z->changed = true;
			found = true;
		}
	}
	return found;
}

/* Some zone's file lies in the directory of `path` or below it. */
static bool among_zones(const struct hook *h, const char *path)
{
	size_t n = (size_t)(path_name(path) - path);

	for (size_t i = 0; i < h->zones.n; i++)
		if (h->zones.list[i].file && strncmp(h->zones.list[i].file, path, n) == 0)
			return true;
	return false;
}

static void plan_item(struct hook *h, const char *path, bool removed)
{
	CLEANUP_FREE char *inside = named_path(&h->options, path);
	CLEANUP_FREE char *conf = zones_absolute("/", h->options.conf);
	struct stat st;

	if (!inside || !conf)
		return;
	if (!removed && stat_inside(h, inside, &st) && S_ISDIR(st.st_mode))
		return; /* what is in it is named by itself */
	if (mark_zones(h, inside))
		return;
	if (strcmp(inside, conf) == 0 || starts_with(path_name(inside), "named.conf"))
		h->reconfig = true;
	else if (starts_with(inside, "/etc/") && !among_zones(h, inside))
		h->reconfig = true;
	else
		h->reload_all = true; /* some zone may include it */
}

static int octal(const char *s)
{
	int v = 0;

	for (int i = 0; i < 3; i++) {
		if (s[i] < '0' || s[i] > '7')
			return -1;
		v = 8 * v + s[i] - '0';
	}
	return v <= 255 ? v : -1;
}

static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		int v = *s == '\\' ? octal(s + 1) : -1;

		*to++ = v >= 0 ? (char)v : *s;
		s += v >= 0 ? 4 : 1;
	}
	*to = '\0';
}

/* Items from standard input. */
static int plan(struct hook *h)
{
	CLEANUP_FREE char *line = NULL;
	size_t size = 0;
	size_t total = 0;
	ssize_t n;

	while ((n = getline(&line, &size, stdin)) > 0) {
		char *path = strchr(line, '\t');

		total += (size_t)n;
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (!path || total > ITEMS_BYTES_MAX)
			return ERR_FORMAT;
		*path++ = '\0';
		unescape(path);
		if (strcmp(line, "all") == 0)
			h->reload_all = true;
		else if (!path_valid(path))
			return ERR_FORMAT;
		else
			plan_item(h, path, strcmp(line, "removed") == 0);
	}
	return 0;
}

/* ---- loading */

static bool rndc_all(struct hook *h, const char *command)
{
	struct buf output;
	const char *words[4] = {command};
	int r;

	buf_init(&output, TOOL_OUTPUT_MAX);
	r = rndc(h, &output, words);
	if (r != 0)
		printf("rndc %s: %s\n", command, rndc_says(&output, r));
	buf_fini(&output);
	return r == 0;
}

static bool is_static(const struct zone *z)
{
	return z->primary && z->file && !z->dynamic;
}

static void fail(struct hook *h, const struct zone *z, const char *words)
{
	printf("failed %s %s%s%s%s\n", z->name, z->view ? "in view " : "", z->view ? z->view : "",
	       z->view ? ": " : "", words);
	h->failures++;
}

/* Has one zone loaded; named may not know it yet, where a reconfig failed earlier. */
static void reload_zone(struct hook *h, struct zone *z)
{
	const char *words[4] = {"reload", z->name, z->zclass, z->view};
	struct buf output;
	int r;

	buf_init(&output, TOOL_OUTPUT_MAX);
	r = rndc(h, &output, words);
	if (r > 0 && !h->reconfig && output.data &&
	    strstr((char *)output.data, "no matching zone")) {
		h->reconfig = true;
		if (rndc_all(h, "reconfig"))
			r = rndc(h, &output, words);
	}
	if (r != 0) {
		fail(h, z, rndc_says(&output, r));
		z->changed = false; /* nothing to ask for */
	}
	buf_fini(&output);
}

/* False: named could not be told. */
static bool load(struct hook *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->zones.n; i++)
		n += h->zones.list[i].changed && is_static(&h->zones.list[i]);
	if (n > RELOADS_MAX)
		h->reload_all = true;
	if (h->reload_all)
		return rndc_all(h, "reload");
	if (h->reconfig && !rndc_all(h, "reconfig"))
		return false;
	for (size_t i = 0; i < h->zones.n; i++) {
		struct zone *z = &h->zones.list[i];

		if (z->changed && z->dynamic)
			printf("zone %s takes updates: its file is named's own\n", z->name);
		else if (z->changed && is_static(z))
			reload_zone(h, z);
	}
	return true;
}

/* ---- proof */

static int file_serial(const struct hook *h, const struct zone *z, uint32_t *serial)
{
	CLEANUP_FCLOSE FILE *text = NULL;
	int fd = open_inside(h, z->file, O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		return fd;
	text = fdopen(fd, "r");
	if (!text) {
		close(fd);
		return -ENOMEM;
	}
	return serial_of_text(text, serial);
}

/* What named has loaded. An SOA record would prove one view only, and of a zone that named signs it
 * has another serial: there named itself is asked. */
static int served_serial(struct hook *h, const struct zone *z, uint32_t *serial, char *words,
			 size_t size)
{
	const struct options *o = &h->options;
	const char *status[4] = {"zonestatus", z->name, z->zclass, z->view};
	struct buf output;
	int r;

	if (!z->view && !z->signs_itself)
		return serial_of_server(o->address ? o->address : h->zones.address,
					o->port ? o->port : h->zones.port, z->name, 1000, serial,
					words, size);
	buf_init(&output, TOOL_OUTPUT_MAX);
	r = rndc(h, &output, status);
	if (r == 0 && serial_of_status(&output, serial) < 0)
		r = ERR_UNKNOWN;
	if (r != 0)
		snprintf(words, size, "%s",
			 r > 0 ? rndc_says(&output, r) : "named has not loaded it");
	buf_fini(&output);
	return r == 0 ? 0 : ERR_UNKNOWN;
}

/* Waits until named serves what the file holds, now or at the start. */
static void prove(struct hook *h, const struct zone *z, int64_t deadline_msec)
{
	char words[256];
	uint32_t first = 0;
	uint32_t now = 0;
	uint32_t served = 0;
	long pause_msec = POLL_FIRST_MSEC;
	int r = z->text ? file_serial(h, z, &first) : 0;

	if (r == -ENOENT && !z->changed) {
		printf("zone %s waits for its file %s\n", z->name, z->file);
		return;
	}
	if (r < 0) {
		snprintf(words, sizeof words, "%s: %s", z->file,
			 r == ERR_FORMAT ? "no SOA record in it" : err_text(r));
		fail(h, z, words);
		return;
	}
	now = first;
	for (;;) {
		struct timespec pause = {.tv_nsec = pause_msec * 1000000};

		r = served_serial(h, z, &served, words, sizeof words);
		if (r == 0 && (!z->text || served == now || served == first)) {
			printf("served %s %u\n", z->name, served);
			return;
		}
		if (clock_monotonic_msec() + pause_msec > deadline_msec)
			break;
		nanosleep(&pause, NULL);
		pause_msec = 2 * pause_msec < POLL_MAX_MSEC ? 2 * pause_msec : POLL_MAX_MSEC;
		if (z->text && file_serial(h, z, &now) < 0)
			now = first;
	}
	if (r == 0)
		snprintf(words, sizeof words, "named serves %u, the file has %u: see named's log",
			 served, now);
	fail(h, z, words);
}

static void prove_all(struct hook *h)
{
	int64_t deadline = clock_monotonic_msec() + BOUND_MSEC;
	bool every = h->reload_all || h->reconfig;
	size_t asked = 0;
	size_t left = 0;

	for (size_t i = 0; i < h->zones.n; i++) {
		const struct zone *z = &h->zones.list[i];

		if (!is_static(z) || (!every && !z->changed))
			continue;
		if (!z->changed && asked == ASKED_MAX) {
			left++;
			continue;
		}
		asked += !z->changed;
		prove(h, z, deadline);
	}
	if (left > 0)
		printf("%zu more zones were not asked for\n", left);
}

/* ---- start */

static const char *default_conf(const struct hook *h)
{
	static const char *const files[] = {"/etc/named.conf", "/etc/bind/named.conf"};
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (stat_inside(h, files[i], &st))
			return files[i];
	return NULL;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options){.mount = getenv("ZONEFS_MOUNT")};
	while ((c = getopt(argc, argv, "+t:c:a:p:r:")) >= 0) {
		switch (c) {
		case 't':
			o->root = optarg;
			break;
		case 'c':
			o->conf = optarg;
			break;
		case 'a':
			o->address = optarg;
			break;
		case 'p':
			o->port = (unsigned)strtoul(optarg, NULL, 10);
			if (o->port == 0 || o->port > UINT16_MAX)
				return ERR_FORMAT;
			break;
		case 'r':
			o->rndc = optarg;
			break;
		default:
			return ERR_FORMAT;
		}
	}
	if (optind + 1 != argc || strcmp(argv[optind], "reload") != 0)
		return ERR_FORMAT;
	if (!o->root)
		o->root = o->mount;
	if (!o->mount)
		o->mount = o->root;
	return o->root ? 0 : ERR_FORMAT;
}

static int run(struct hook *h)
{
	struct options *o = &h->options;
	int r;

	h->root = open(o->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (h->root < 0) {
		printf("%s: %s\n", o->root, err_text(-errno));
		return 1;
	}
	if (!o->conf)
		o->conf = default_conf(h);
	if (!o->conf) {
		printf("no etc/named.conf and no etc/bind/named.conf in %s: see option -c\n",
		       o->root);
		return 1;
	}
	if (prepare_rndc(h) < 0) {
		printf("too many arguments for rndc\n");
		return 2;
	}
	if (read_zones(h) != 0)
		return 1;
	r = plan(h);
	if (r < 0) {
		printf("standard input: %s\n", err_text(r));
		return 2;
	}
	if (!load(h))
		return 1;
	prove_all(h);
	return h->failures ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct hook h = {.root = -1};
	CLEANUP_FREE char *root = NULL;
	CLEANUP_FREE char *mount = NULL;
	int status;

	if (parse_options(argc, argv, &h.options) < 0) {
		fputs(usage, stderr);
		return 2;
	}
	root = zones_absolute("/", h.options.root);
	mount = zones_absolute("/", h.options.mount);
	if (!root || !mount)
		return 1;
	h.options.root = root;
	h.options.mount = mount;
	status = run(&h);
	zones_fini(&h.zones);
	for (size_t i = 0; i < h.nrndc; i++)
		free(h.rndc[i]);
	if (h.root >= 0)
		close(h.root);
	return status;
}
