/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How values look on the control socket. Numbers that may be above 2^53 are strings; so are hashes,
 * in hexadecimal digits. Text that is not UTF-8 never leaves.
 *
 * What makes an object gives NULL where memory is short; what adds to one then leaves it as it was.
 */
#ifndef REPLICATOR_CONTROL_JSON_H
#define REPLICATOR_CONTROL_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/path.h"
#include "replicator/core/version.h"

/* A string of it; bytes that are not printable UTF-8 become \ooo, newlines and tabs stay. */
json_t *control_text(const char *s);
/* o[name] = the path as path_escape shows it; where that is not the path itself, o[name + "_bytes"]
 * has its bytes in hexadecimal digits. */
void control_add_path(json_t *o, const char *name, const char *path);
void control_add_text(json_t *o, const char *name, const char *s);
void control_add_number(json_t *o, const char *name, int64_t n); /* within 2^53 */
void control_add_bool(json_t *o, const char *name, bool b);
void control_add_hex(json_t *o, const char *name, uint64_t n); /* 16 digits */
/* "ORIGIN:SEQ", the origin in hexadecimal digits, the sequence number in decimal ones. */
#define CONTROL_DOT_TEXT 40
void control_dot_text(char dst[CONTROL_DOT_TEXT], struct dot d);

/* A version's short name, the same on all nodes: six digits of Crockford's base 32 (no i, l, o, u),
 * made of its dot. All versions of an op have the same; of those of one path two are the same once in
 * 10^7 histories of ten. */
#define CONTROL_ID_TEXT 7
void control_id_text(char dst[CONTROL_ID_TEXT], struct dot d);

/* The bytes that path_escape showed as `text`, checked as a path of the tree ("" is its root). 0,
 * or ERR_FORMAT. */
int control_path(const char *text, char path[PATH_LEN_MAX + 1]);

/* A version, without its path and its node. `replaced` and so on only where there is such a thing.
 */
void control_add_version(json_t *o, const struct version *v);
/* What became of it, for people: "created", "deleted", "content", "mode", "owner", "mtime",
 * "link", "kind". */
json_t *control_what(const struct version *v);

/* A request's fields. Each is false where the field is there and of another type or out of its
 * range; absent leaves the value as it is. */
bool control_get_text(const json_t *request, const char *name, const char **s);
bool control_get_bool(const json_t *request, const char *name, bool *b);
bool control_get_number(const json_t *request, const char *name, int64_t min, int64_t max,
			int64_t *n);
/* A decimal string up to 2^64-1. */
bool control_get_serial(const json_t *request, const char *name, uint64_t *n);

#endif
