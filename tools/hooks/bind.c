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
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "tools/hooks/bind.h"
#include "tools/hooks/bind_tool.h"

static const char usage[] = "usage: bind [-t CHROOT] [-c NAMED.CONF] [-a ADDRESS] [-p PORT] [-r "
			    "\"RNDC ARGUMENTS\"] reload\n";

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

static int read_zones(struct hook *h)
{
	const struct options *o = &h->options;
	CLEANUP_FREE char *in_root = named_conf_absolute("/", o->conf);
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
		r = named_conf_parse(&h->zones, (char *)text.data, text.len, 0);
	else if (r > 0)
		fwrite(text.data, 1, text.len, stdout);
	if (r != 0)
		printf("the configuration cannot be used: %s\n",
		       r < 0 ? err_text(r) : "named-checkconf refuses it");
	buf_fini(&text);
	return r;
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
	if (rndc_prepare(h) < 0) {
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
	if (!rndc_load(h))
		return 1;
	prove_all(h);
	return h->failures ? 1 : 0;
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
	status = run(&h);
	named_conf_fini(&h.zones);
	channel_close(&h.channel);
	for (size_t i = 0; i < h.nrndc; i++)
		free(h.rndc[i]);
	if (h.root >= 0)
		close(h.root);
	return status;
}
