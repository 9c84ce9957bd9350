/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The subcommands. Each gets its own arguments, argv[0] being its name, and returns the exit
 * status. getopt has been used before: begin with optind = 0. Mistakes are told by ctl_usage.
 */
#ifndef ZONEFSCTL_ZONEFSCTL_H
#define ZONEFSCTL_ZONEFSCTL_H

#include <stdbool.h>

enum { CTL_OK = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

int cmd_check(int argc, char **argv);
int cmd_conflicts(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_history(int argc, char **argv);
int cmd_approve(int argc, char **argv);
int cmd_hold(int argc, char **argv);
int cmd_release(int argc, char **argv);
int cmd_discard(int argc, char **argv);
int cmd_lint(int argc, char **argv);
int cmd_zones(int argc, char **argv);
int cmd_health(int argc, char **argv);
int cmd_drain(int argc, char **argv);
int cmd_undrain(int argc, char **argv);
int cmd_pause(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_forget(int argc, char **argv);
int cmd_held(int argc, char **argv);
int cmd_join(int argc, char **argv);
int cmd_keygen(int argc, char **argv);
int cmd_log(int argc, char **argv);
int cmd_peers(int argc, char **argv);
int cmd_resolve(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_start_alone(int argc, char **argv);
int cmd_status(int argc, char **argv);
/* status --zones, for these zones or all; argv has no more than them. */
int status_zones(int argc, char **argv, bool json);
int cmd_verify(int argc, char **argv);
int cmd_wait(int argc, char **argv);

struct ctl_command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage; /* what follows the name */
	const char *words; /* one line */
};
extern const struct ctl_command ctl_commands[];

/* Whose messages they are: "zonefsctl", unless another program says so. */
extern const char *ctl_program;

/* Asks at the terminal whether to go on. */
bool ctl_agreed(void);
/* How the subcommand is used, on standard error; CTL_USAGE. */
int ctl_usage(const char *name);
/* Likewise for what follows the options where nothing may; 0: nothing does. */
int ctl_no_arguments(int argc, char **argv);
/* "zonefsctl: ..." (ctl_program) on standard error; CTL_FAILED. */
int ctl_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The first lines of a text that may have more, the first one without indentation, the others
 * behind that many blanks. */
void ctl_say_words(const char *words, int indent);

#endif
