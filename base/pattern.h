/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Patterns over paths of the tree, as in zonefs.conf(5):
 *   ?     one byte but '/'         *    any bytes but '/'       [a-z] [!a-z]  one byte of a set
 *   **    as a whole component: any number of components, none included
 *   \c    the byte c itself
 * A pattern with a '/' other than a last one is anchored at the tree's root; one without matches a
 * name at any depth. A last '/' matches directories, and everything below them. A path also matches
 * where one of its parent directories does.
 */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/item.h"

#define PATTERN_LEN_MAX 1024
#define PATTERNS_MAX 1024

struct patterns; /* an ordered list */

struct patterns *patterns_new(void);
void patterns_free(struct patterns *p);
/* Adds one (copied). 0, ERR_FORMAT (*why is a static sentence), ERR_LIMIT, -ENOMEM. */
int patterns_add(struct patterns *p, const char *pattern, const char **why);
size_t patterns_count(const struct patterns *p);
/* `dir`: the path is a directory. */
bool patterns_match(const struct patterns *p, const char *path, bool dir);
/* An anchored pattern of the list leads through this directory: its components do, of those that
 * stand before a double star. */
bool patterns_lead(const struct patterns *p, const char *path);

/* What stays local: the built-in list, what `exclude` adds, less what `include` takes back. */
struct locality;
struct locality *locality_new(void); /* with the built-in list */
void locality_free(struct locality *l);
int locality_exclude(struct locality *l, const char *pattern, const char **why);
int locality_include(struct locality *l, const char *pattern, const char **why);
/* What the map of the zones adds, a file each, which patterns would not say: with `own` the file is a name
 * server's own and stays local, unless `include` names it; otherwise it is a zone's that people write,
 * and the built-in list does not exclude it, nor what leads there (`exclude` does). Before anything is
 * asked. 0, or -ENOMEM. These are no part of the hash: nodes' maps may differ. */
int locality_file(struct locality *l, const char *path, bool own);
/* The file is excluded by what the configuration adds to the built-in list. */
bool locality_said(const struct locality *l, const char *path);
/* It was given as the name server's own. */
bool locality_own(const struct locality *l, const char *path);
/* The same patterns without any files: a new one, or NULL. */
struct locality *locality_bare(const struct locality *l);
/* Both have the same files of that kind. */
bool locality_files_same(const struct locality *a, const struct locality *b);
/* The path stays on this host. `creator` is the command that created it ("" or NULL: not known):
 * some names are local only when named itself created them. An `include` match wins over every
 * exclusion, and takes the directories above along, if it says which: what is in a directory that
 * stays local can't go anywhere. */
bool locality_local(const struct locality *l, const char *path, bool dir, const char *creator);
/* It does so only because of who created it: with any other creator it would not. */
bool locality_by_creator(const struct locality *l, const char *path, bool dir, const char *creator);
/* The path's name is of the kind that tools give to temporary files: told late, if at all. */
bool locality_temporary(const char *path);
/* The lists as bytes (the locality's own), and the same from these: NULL where they are none. */
const char *locality_text(const struct locality *l, size_t *len);
struct locality *locality_from(const char *text, size_t len);
/* Equal for equal lists: peers compare it. */
uint64_t locality_hash(const struct locality *l);

#endif
