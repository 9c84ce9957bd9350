/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which file is which zone, as the node that runs here has it (zonefsctl zones): for commands that are
 * told one, and need the other. Strings that are given are new ones, the caller's, unless it says so.
 */
#ifndef ZONEFSCTL_ZONE_OF_H
#define ZONEFSCTL_ZONE_OF_H

/* For many questions: all that is known now. NULL: no memory. */
struct zone_list;
struct zone_list *zone_list_new(void);
void zone_list_free(struct zone_list *l);
/* The zone of a file of the tree, the list's; NULL: none. */
const char *zone_list_find(const struct zone_list *l, const char *path);

/* The zone of this file, which is named as paths are; NULL: none, or one of several, or nobody knows. */
char *zone_of_path(const char *argument);
/* If the argument is no file's name here and a zone's: *path, the zone's file, as an absolute path through the
 * mount, and *zone; else both are NULL. CTL_FAILED after the reason has been told: the zone has several files. */
int zone_of_name(const char *argument, char **path, char **zone);

#endif
