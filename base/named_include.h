/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which other files a text leads to: `include` of a configuration of BIND as people write it (with
 * comments), $INCLUDE of a zone file. Pure. Only as exact as is needed by who puts those files where a
 * checker will look: what is missed here the checker does not find, and says so.
 */
#ifndef BASE_NAMED_INCLUDE_H
#define BASE_NAMED_INCLUDE_H

#include <stdbool.h>
#include <stddef.h>

#define NAMED_INCLUDE_MAX 4095 /* bytes of a file's name; longer ones are passed over */

/* What `include "FILE"` or `directory "FILE"` says, in order. False: enough. */
typedef bool named_include_found(void *arg, const char *file, bool directory);
void named_include_conf(const char *text, size_t len, named_include_found *found, void *arg);

/* `line` counts from 1. False: enough. */
typedef bool named_include_zone_found(void *arg, const char *file, size_t line);
void named_include_zone(const char *text, size_t len, named_include_zone_found *found, void *arg);

/* The text is, or has in it, a secret key: BIND's key files and `key { secret "..."; }`. */
bool named_include_secret(const char *text, size_t len);

#endif
