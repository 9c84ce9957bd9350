/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the node says of a version, as people read it; and how they name one: PATH@VERSION.
 */
#ifndef ZONEFSCTL_LINES_H
#define ZONEFSCTL_LINES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* "root (vi, pts/3)", or "-" where nobody is known to have made it. */
void lines_say_who(const json_t *line);
/* "content", "created", "mode 0600", "renamed from P", ... and the size. */
void lines_say_what(const json_t *line);

/* Cuts "PATH@VERSION" at its last @ into two new strings, the caller's. False where there is none:
 * *path has it all then and *version is NULL. */
bool lines_cut(const char *argument, char **path, char **version);
/* request["path"] = the path of the tree that the argument means; CTL_FAILED after the reason has
 * been told. */
int lines_add_path(json_t *request, const char *argument);
/* request["user"], "login_uid", "tty": who sits there. */
void lines_add_who(json_t *request);

/* A version's content into `to`; *line, where wanted: the version's line, a new reference. CTL_FAILED
 * after the reason has been told. */
int lines_content(const char *argument, const char *version, FILE *to, json_t **line);

/* What was saved before through the mount is dealt with before the request is (cmd_held.c). */
void held_add_barrier(json_t *request);

#endif
