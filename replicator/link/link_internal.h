/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inside the link. What is shared by its files:
 *
 *   link.c     opening and closing
 *   receive.c  events out
 *   send.c     messages in
 *   socket.c   the options that every socket gets
 *   zap.c      the handler that knows the listed keys, in a thread of its own
 *   lane.c     one connection to one peer: when it is made, lost, and made again
 *   monitor.c  socket monitors, and what they tell about strangers at the bound sockets
 *
 * All of it belongs to the link's thread but for struct zap, which says so itself.
 */
#ifndef LINK_LINK_INTERNAL_H
#define LINK_LINK_INTERNAL_H

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "replicator/link/link.h"
#include "replicator/wire/message.h"

#define LINK_FRAME_MAX (WIRE_MESSAGE_MAX + 4096) /* a message and what CURVE adds to it */
#define LINK_LINGER_MSEC 200

/* Bytes that sockets hold for those who do not read. */
#define LINK_QUEUE_MAX (128 * 1024 * 1024)

/* Messages. What is sent is bounded by LINK_QUEUE_MAX as well; what is received only by these. */
#define LINK_PUB_HWM 16384
#define LINK_SUB_HWM 64
#define LINK_REQUEST_HWM 64

#define LINK_WORDS_MAX 160
#define LINK_ADDRESS_MAX 64 /* of a stranger: an IP address, perhaps with a port */
#define LINK_KEY_BYTES 32

/* --- zap.c --- */

struct zap;

/* Binds the handler, which must be done before any other socket is made, and starts its thread. The
 * keys of conf's peers are copied; `context` outlives the handler. Without `handler` it only
 * counts. */
int zap_open(struct zap **out, void *context, const struct conf *conf, bool handler);
/* After zmq_ctx_shutdown. */
void zap_close(struct zap *z);
/* Any thread: how many were refused, and the last one's address. */
uint64_t zap_refused(struct zap *z, char *address, size_t size);
/* Any thread: one more, refused before its key was known. `address` may be NULL: not known. */
void zap_count(struct zap *z, const char *address);
/* The name that the handler gives to a peer, and back: false if it is none of ours. */
#define ZAP_DOMAIN "zonefs"
bool zap_peer(const char *user_id, size_t npeers, uint32_t *peer);
/* "::ffff:192.0.2.1" -> "192.0.2.1", within the string. */
const char *zap_plain_address(const char *address);

/* --- socket.c --- */

/* A socket of `type` with all its options; NULL: logged. `server_key` is NULL for one that is
 * bound. */
void *socket_new(void *context, int type, const struct conf_keys *keys, const char *server_key);
/* Its descriptor for poll, or -errno. */
int socket_fd(void *socket);
int socket_set_int(void *socket, int option, int value, const char *name);

/* --- monitor.c --- */

/* A socket that receives `events` of `socket`; NULL: logged. Close it before the socket. */
void *monitor_new(void *context, void *socket, int events, const char *name);
/* The next event: 1, or 0 when there is none. */
int monitor_receive(void *monitor, uint16_t *event, uint32_t *value);

/* A bound socket and who knocked at it without getting in. */
#define GUARD_SEEN_MAX 64
struct guard {
	void *monitor;
	const char *address; /* what is bound; borrowed */
	struct zap *zap;
	uint16_t failed; /* the failure whose DISCONNECTED is still to come; 0: none */
	uint32_t failed_value;
	size_t next_seen;
	struct {
		int fd; /* -1: free */
		char address[LINK_ADDRESS_MAX];
	} seen[GUARD_SEEN_MAX]; /* the latest that were accepted; a ring */
};
int guard_open(struct guard *g, void *context, void *socket, const char *address, struct zap *zap);
void guard_close(struct guard *g);
/* Takes and tells what the monitor holds; true: perhaps not all of it yet. */
bool guard_watch(struct guard *g);

/* --- lane.c --- */

enum lane_state {
	LANE_WAITING, /* until due_msec, then it connects */
	LANE_CONNECTING,
	LANE_CONNECTED,
};

enum lane_change { LANE_SAME, LANE_UP, LANE_DOWN };

struct lane {
	void *socket;
	void *monitor;
	char *address;
	const char *peer_name;
	enum lane_state state;
	int delay_msec;     /* of the wait after the next loss */
	int64_t due_msec;   /* monotonic; while WAITING */
	int64_t up_msec;    /* monotonic; while CONNECTED */
	int64_t since_msec; /* wall clock: of being connected, or not */
	char words[LINK_WORDS_MAX];
};

/* Takes ownership of `address`, also on failure. */
int lane_open(struct lane *n, void *context, int type, const struct conf_keys *keys,
	      const struct conf_peer *peer, char *address);
void lane_close(struct lane *n);
/* Reads the monitor until something changes or nothing is left; *more: it may hold more. */
enum lane_change lane_watch(struct lane *n, bool *more);
/* Connects, if it is time to: true. */
bool lane_tick(struct lane *n, int64_t now_msec);

/* --- link.c, receive.c, send.c --- */

struct peer {
	struct lane broadcast; /* SUB */
	struct lane request;   /* DEALER */
	uint64_t bad_messages;
};

/* What the loop is woken for. */
enum source_kind {
	SOURCE_TIMER,
	SOURCE_PUB,
	SOURCE_ROUTER,
	SOURCE_GUARD,
	SOURCE_LANE,
	SOURCE_WATCH,
};

struct source {
	enum source_kind kind;
	bool pending;   /* may hold something that its descriptor does not show any more */
	bool broadcast; /* LANE, WATCH: which of the peer's two */
	uint32_t peer;
	struct guard *guard;
};

/* Where the sources are, in the order in which they are added: four a peer. */
#define ROUTER_AT 2
#define LANES_AT 5

/* Bytes in a socket's queues. The I/O thread takes away, the link's thread adds. */
struct budget {
	atomic_size_t bytes;
};

struct link {
	void *context;
	struct zap *zap;
	struct conf_keys keys;
	char *request_listen;
	void *pub;
	void *router;
	struct guard pub_guard;
	struct guard router_guard;
	int timer;          /* a timerfd: due lanes, and work left over */
	int64_t timer_msec; /* when it fires; 0: not armed */
	struct budget pub_budget;
	struct budget request_budget;
	struct budget answer_budget;
	zmq_msg_t message; /* of the last event */
	size_t cursor;     /* the source to ask first */
	size_t nsources;
	struct source sources[LINK_FDS_MAX];
	struct pollfd fds[LINK_FDS_MAX]; /* one a source, in the same order */
	size_t npeers;
	struct peer peers[CONF_PEERS_MAX];
};

/* After a call on a lane's socket: it may have taken in what the descriptor would have shown. */
void link_touch_lane(struct link *l, uint32_t peer, bool broadcast);

#endif
