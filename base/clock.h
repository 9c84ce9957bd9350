/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The daemons' clocks. Everything that asks for the time asks here, so that a test can give one
 * daemon another wall clock than its neighbour: ZONEFS_CLOCK_OFFSET (seconds, signed) in the
 * environment is added to the wall clock; or what the
 * file ZONEFS_CLOCK_FILE holds, whenever the clock is read: so it can jump.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

int64_t clock_wall_nsec(void); /* since 1970-01-01 UTC */
int64_t clock_wall_msec(void);
int64_t clock_monotonic_msec(void); /* for durations and deadlines */
int64_t clock_monotonic_usec(void);

/* A file's time in nanoseconds since 1970. File systems go further than 64 bits do: beyond the years
 * 1678 and 2261 it is the last moment of these that is known. */
#define CLOCK_NSEC_MAX INT64_C(9200000000000000000)
int64_t clock_nsec_of(const struct timespec *t);

#define CLOCK_SPAN_TEXT 32
/* A duration as people read it: "850 ms", "4.2 s", "12 s", "3 min", "2 h", "5 d". */
void clock_span(char dst[CLOCK_SPAN_TEXT], int64_t msec);

/* The mtime for content whose save wanted `wanted_nsec`, under a name that has shown up to
 * `floor_nsec` (0: nothing): `wanted` if it is above the floor; else the next whole second above
 * the floor, since older servers compare seconds; or, where that would be over a minute ahead of
 * `now_nsec`, a millisecond above the floor. (Name servers skip a reload when a file is not newer
 * than what they loaded.) */
int64_t mtime_raise(int64_t floor_nsec, int64_t wanted_nsec, int64_t now_nsec);

#endif
