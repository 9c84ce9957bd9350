/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The process: one loop that asks, tells the rule, and takes the steps that the rule wants.
 */
#ifndef HEALTH_HEALTH_H
#define HEALTH_HEALTH_H

#include <stdbool.h>

#include "base/conf.h"

/* Runs until it is told to end (SIGTERM, SIGINT). 0, or -errno after it was told in the log. `conf`
 * is borrowed. */
int health_run(const struct conf *conf);

#endif
