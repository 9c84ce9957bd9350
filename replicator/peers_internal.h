/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What peers.c (state), peers_in.c (messages that come) and peers_out.c (messages that go) share.
 */
#ifndef REPLICATOR_PEERS_INTERNAL_H
#define REPLICATOR_PEERS_INTERNAL_H

#include "replicator/peers.h"

void peers_say_hello(struct peers *p, struct peer *peer);
void peers_heard(struct peer *peer);
void peers_connected(struct peers *p, struct peer *peer, bool connected);
/* Our hello was answered, or theirs came. */
void peers_met(struct peers *p, struct peer *peer, const struct message *m);
void peers_take_heartbeat(struct peers *p, struct peer *peer, const struct message *m);
void peers_check_patterns(struct peers *p, struct peer *peer, uint64_t patterns);
/* Decides anew whether it is reachable, and tells the core. */
void peers_judge(struct peers *p, struct peer *peer);
void peers_send_heartbeat(struct peers *p);
void peers_send_nodes(struct peers *p);

#endif
