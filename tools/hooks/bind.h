/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the parts of the hook for BIND share.
 *
 *   bind.c         options, the order of things
 *   bind_conf.c    which zones there are
 *   bind_plan.c    standard input: which zones, configuration, or all
 *   bind_rndc.c    telling named
 *   bind_channel.c named's control channel; bind_channel_key.c: the key that signs there
 *   bind_proof.c   asking named what it serves
 *   bind_file.c    the serial that a zone's file has
 *   bind_serial.c  serials, in texts and in answers
 *   bind_tool.c    running BIND's tools
 */
#ifndef HOOKS_BIND_H
#define HOOKS_BIND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/named_conf.h"
#include "tools/hooks/bind_channel.h"

#define BOUND_MSEC                                                                                 \
	10000 /* for named to serve what it was told to load; and for one call of a tool */
#define RNDC_WORDS_MAX 32
#define RNDC_COMMAND_MAX 4 /* words of a command */
#define CONF_FILES_MAX 256

struct options {
	const char *mount;
	const char *root;    /* named's; "/" without a chroot */
	const char *conf;    /* within the root */
	const char *address; /* NULL: from the configuration */
	unsigned port;       /* 0: likewise */
	const char *rndc;    /* arguments; NULL: none given */
	bool batches;        /* goes on running */
};

struct hook {
	struct options options;
	int root; /* descriptor of named's root */
	struct named_conf zones;
	struct file_before *before; /* of each zone, when named had not been told yet; NULL: not known */
	bool conf_bad;           /* they are of an older configuration: this one cannot be used, */
	struct buf conf_words;   /* for that reason */
	bool conf_moves;         /* it has changed while it was read */
	bool links_known;        /* which zones' files are named by symbolic links */
	bool all_held;           /* any file may be */
	bool conf_held;          /* a file of the configuration is: named is not to read that anew */
	char *rndc[RNDC_WORDS_MAX + RNDC_COMMAND_MAX + 4]; /* argv up to the command */
	size_t nrndc;
	struct channel channel;
	bool reload_all; /* the plan; beside the zones that are marked as changed */
	bool reconfig;
	unsigned failures; /* zones */
	bool in_batch;     /* standard input is within one: its empty line is yet to come */
	uint64_t stamp;    /* of the configuration that `zones` is from; 0: of none */
	char *files[CONF_FILES_MAX]; /* that it consists of */
	size_t nfiles;
};

/* ---- bind.c */

/* Opens a path as named in its chroot would: a descriptor, or -errno. */
int open_inside(const struct hook *h, const char *path, uint64_t flags);
bool stat_inside(const struct hook *h, const char *path, struct stat *st);
/* Its zone has a file that is ours to have loaded. */
bool is_static(const struct named_zone *z);
/* Prints the line "failed ZONE words", and its proof, and counts it. */
void zone_failed(struct hook *h, const struct named_zone *z, const char *words);

/* ---- bind_conf.c */

/* Reads the configuration into h->zones, or finds that it is the same as before. Where it cannot be used
 * those that were read last stay (h->conf_bad); not 0: there are none, and that was printed. */
int read_zones(struct hook *h);
void forget_files(struct hook *h);
/* It is as it was read, and not empty: whoever writes it in place has not begun. named, which takes an empty
 * one, and with it neither zones nor its key, may read it now. */
bool conf_settled(const struct hook *h);

/* ---- bind_plan.c */

/* Reads the items, marks zones as changed, and those whose files hold what is held back. 0, or ERR_FORMAT
 * where they are none. */
int plan(struct hook *h);
/* Reads on to the empty line that ends a batch, if that has not come yet. */
void plan_skip(struct hook *h);

/* ---- bind_rndc.c */

/* Builds the beginning of rndc's argv. 0, ERR_LIMIT, -ENOMEM. */
int rndc_prepare(struct hook *h);
/* Gives named a command, over the channel or else by rndc (fewer words: NULL after the last); waits while
 * named says "already running". `output` is emptied, and a string afterwards. The exit status, or an error. */
int rndc(struct hook *h, struct buf *output, const char *const words[RNDC_COMMAND_MAX]);
/* What it said, in a line: in `output`, or static. `status` is what rndc() has returned. */
const char *rndc_says(const struct buf *output, int status);
/* Carries the plan out. False: named could not be told (which is printed). */
bool rndc_load(struct hook *h);

/* ---- bind_file.c */

/* The serial that the zone's file has, or a file that it includes; of each the first 1 MiB is read. 0,
 * ERR_FORMAT where there is no SOA record, or -errno. */
int file_serial(const struct hook *h, const struct named_zone *z, uint32_t *serial);

/* ---- bind_proof.c */

/* What named has loaded of a zone. */
struct loaded {
	bool has_serial, has_time;
	uint32_t serial;
	int64_t time_sec; /* since 1970 */
};

/* Notes the serials of the files that the plan concerns, before named is told to load them. */
void prove_before(struct hook *h);
/* Waits until named serves what the plan concerns, and prints lines for each zone. Says of zones that are
 * held back what named has loaded. */
void prove_all(struct hook *h);
/* Prints the line "proof" of a zone (zonefs-hooks(7)); `l` may be NULL. */
void prove_print(const struct hook *h, const struct named_zone *z, const char *state,
		 const struct loaded *l, const char *words);

#endif
