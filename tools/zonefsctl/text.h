/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Times and sizes as people write and read them. Pure, but for the time zone.
 */
#ifndef ZONEFSCTL_TEXT_H
#define ZONEFSCTL_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* A point in time: "10m", "2h", "3d" (before now; also s and w), "YYYY-MM-DD[ HH:MM[:SS]]" (local
 * time, T may stand for the blank), "@SECONDS" since 1970. Milliseconds since 1970, or -1: it is
 * none of these. */
int64_t text_since(const char *text, int64_t now_msec);
/* Seconds, with decimals or without, as milliseconds; -1: not from 0 to an hour. */
int64_t text_seconds(const char *text);
/* A number from min to max, in decimal digits alone; -1: it is not. min is not below 0. */
int64_t text_count(const char *text, int64_t min, int64_t max);

#define TEXT_MAX 64
/* "2026-11-21 10:14:03.123", local time. */
void text_time(char dst[TEXT_MAX], int64_t msec);
/* "812 bytes", "2.1 KiB", ... */
void text_size(char dst[TEXT_MAX], int64_t bytes);

#endif
