/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The replicator's end of the port (base/port.h): requests with their answers, and the hints that
 * come in. Requests beyond what the socket takes wait here; whoever asks much (looks, installs)
 * limits how much is under way.
 */
#ifndef REPLICATOR_PORTAL_H
#define REPLICATOR_PORTAL_H

#include "base/port.h"
#include "replicator/node_internal.h"

#define PORTAL_REQUESTS_MAX 256 /* under way at once */

/* The answer to a request: `status` as fs gave it, `r` stands behind it. *fd came along (-1: none), and
 * is closed afterwards: who keeps it puts -1 there. */
typedef void portal_done(struct node *n, void *arg, int status, struct rd *r, int *fd);

/* Takes the socket. */
int portal_open(struct node *n, int socket, struct portal **out);
void portal_close(struct portal *p);

/* Starts a request; its fields follow with buf_* in the buffer, then portal_send. */
struct buf *portal_begin(struct portal *p, enum port_type type);
/* Sends it; `done` is called once with the answer. -EAGAIN: too many under way; ERR_LIMIT: too
 * long. In both cases `done` is not called. */
int portal_send(struct portal *p, portal_done *done, void *arg);
/* The number of the request that was begun last. */
uint32_t portal_begun(const struct portal *p);
/* A hint is dealt with. Collected, and sent by portal_flush. */
void portal_ack(struct portal *p, uint64_t serial);
/* Sends what waits; true if the socket is full. */
bool portal_flush(struct portal *p);

int portal_fd(const struct portal *p);
/* Takes packets in, at most about `budget` events; how many it gave. Sets n->stopping where the
 * port is closed. */
int portal_receive(struct portal *p, int budget);

/* The end of a time limit for INFO: see node_fs_info. */
void portal_tick(struct portal *p);
int64_t portal_wake(const struct portal *p);

#endif
