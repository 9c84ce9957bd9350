/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl log --records: which records of a zone a version has changed.
 */
#ifndef ZONEFSCTL_LOG_RECORDS_H
#define ZONEFSCTL_LOG_RECORDS_H

#include <jansson.h>

/* Below a version's line, on standard output: nothing where it is of no zone's file, the first one, or where one
 * of the two contents is not here any more. */
void log_records(const json_t *version);
void log_records_end(void);

#endif
