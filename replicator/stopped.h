/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A stopped node's store, for one program that asks.
 */
#ifndef REPLICATOR_STOPPED_H
#define REPLICATOR_STOPPED_H

#include "base/conf.h"

/* Answers the requests that come on the socket `fd` (taken) until its other end is closed: those
 * that need no more than the store. Nothing is written; the store stays its owner's, whoever runs
 * this. The exit status. */
int stopped_serve(const struct conf *conf, int fd);

#endif
