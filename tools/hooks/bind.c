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
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "tools/hooks/bind.h"
#include "tools/hooks/bind_tool.h"

#define QUIET_MSEC 30000 /* after that the connection to named is closed */

static const char usage[] = "usage: bind [-t CHROOT] [-c NAMED.CONF] [-a ADDRESS] [-p PORT] [-r "
			    "\"RNDC ARGUMENTS\"] reload|batches\n";

int open_inside(const struct hook *h, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	long fd = syscall(SYS_openat2, h->root, path, &how, sizeof how);

	return fd < 0 ? -errno : (int)fd;
}

bool stat_inside(const struct hook *h, const char *path, struct stat *st)
{
	CLEANUP_CLOSE int fd = open_inside(h, path, O_PATH);

	return fd >= 0 && fstat(fd, st) == 0;
}

bool is_static(const struct named_zone *z)
{
	return z->primary && z->file && !z->dynamic;
}

void zone_failed(struct hook *h, const struct named_zone *z, const char *words)
{
	prove_print(h, z, "failed", NULL, words);
	printf("failed %s %s%s%s%s\n", z->name, z->view ? "in view " : "", z->view ? z->view : "",
	       z->view ? ": " : "", words);
	h->failures++;
}

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
	/* A configuration may name the verb itself; ours is the last word in any case. */
	if (optind + 2 == argc && strcmp(argv[optind], "reload") == 0)
		optind++;
	if (optind + 1 != argc)
		return ERR_FORMAT;
	o->batches = strcmp(argv[optind], "batches") == 0;
	if (!o->batches && strcmp(argv[optind], "reload") != 0)
		return ERR_FORMAT;
	if (!o->root)
		o->root = o->mount;
	if (!o->mount)
		o->mount = o->root;
	return o->root ? 0 : ERR_FORMAT;
}

/* What is on standard input, to its end or to an empty line. */
static int run_batch(struct hook *h)
{
	struct options *o = &h->options;
	int r;

	if (!o->conf)
		o->conf = default_conf(h);
	if (!o->conf) {
		printf("no etc/named.conf and no etc/bind/named.conf in %s: see option -c\n",
		       o->root);
		return 1;
	}
	/* Again while there is no connection: the key may have come, or be another one. */
	if (h->channel.fd < 0 && rndc_prepare(h) < 0) {
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
	if (h->conf_bad && h->reconfig && !h->conf_held) {
		fwrite(h->conf_words.data, 1, h->conf_words.len, stdout);
		return 1;
	}
	prove_before(h);
	if (!rndc_load(h))
		return 1;
	prove_all(h);
	return h->failures ? 1 : 0;
}

/* The root is open only while it is needed: it is no reason for the mount to be busy. */
static int run(struct hook *h)
{
	int status = 1;

	h->failures = 0;
	h->reload_all = h->reconfig = false;
	h->root = open(h->options.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (h->root < 0) {
		printf("%s: %s\n", h->options.root, err_text(-errno));
		return 1;
	}
	status = run_batch(h);
	free(h->before);
	h->before = NULL;
	close(h->root);
	h->root = -1;
	return status;
}

/* Waits for the next batch; false: there will be none. named ends a connection that is quiet for a minute,
 * and complains of it: that is done here before. */
static bool more_batches(struct hook *h)
{
	struct pollfd p = {STDIN_FILENO, POLLIN, 0};
	int c;

	if (h->channel.fd >= 0 && poll(&p, 1, QUIET_MSEC) == 0)
		channel_close(&h->channel);
	c = getchar();
	if (c == EOF)
		return false;
	ungetc(c, stdin);
	return true;
}

/* One batch after the other, until standard input ends. */
static int run_batches(struct hook *h)
{
	while (more_batches(h)) {
		int status;

		h->in_batch = true;
		status = run(h);
		plan_skip(h);
		printf("done %d\n", status);
		if (fflush(stdout) != 0)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct hook h = {.root = -1, .channel = {.fd = -1}};
	CLEANUP_FREE char *root = NULL;
	CLEANUP_FREE char *mount = NULL;
	int status;

	if (parse_options(argc, argv, &h.options) < 0) {
		fputs(usage, stderr);
		return 2;
	}
	root = named_conf_absolute("/", h.options.root);
	mount = named_conf_absolute("/", h.options.mount);
	if (!root || !mount)
		return 1;
	h.options.root = root;
	h.options.mount = mount;
	buf_init(&h.conf_words, 2 * TOOL_OUTPUT_MAX);
	status = h.options.batches ? run_batches(&h) : run(&h);
	named_conf_fini(&h.zones);
	forget_files(&h);
	buf_fini(&h.conf_words);
	channel_close(&h.channel);
	for (size_t i = 0; i < h.nrndc; i++)
		free(h.rndc[i]);
	return status;
}
