/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Messages between nodes: bytes and back. A message is one ZeroMQ frame.
 *
 *   message   = "ZF" u8 WIRE_VERSION, u8 type, body                    at most WIRE_MESSAGE_MAX bytes
 *
 *   on PUB (broadcast)
 *     op        = dot, u32 n, n * (path str, version bytes, content)
 *     content   = u8 0                      not here: known already, or too large: fetch it
 *               | u8 1, bytes               inline, at most WIRE_INLINE_MAX
 *     heartbeat = see exchange.h, patterns u64 (hash of the sender's exclusions)
 *     nodes     = u32 n, n * (name str, covers vector, heard i64 ms, forgotten u64)
 *     note      = bytes                     at most WIRE_NOTE_MAX: what another program of the sender's
 *                                           host says to its like (notes.h); no replicator reads it
 *   on DEALER -> ROUTER (requests, each with a u64 id), and back
 *     hello     = node str, patterns u64, node-id u64        -> hello
 *     ask                                                    -> page
 *     want      = u32 n, n * (hash, offset u64)              -> pieces, as many as fit WIRE_PIECES_MAX
 *     pieces    = u32 n, n * (hash, offset u64, total u64, status u8, bytes)
 *     outcomes  = u32 n, n * outcome                         -> told
 *     proofs    = u8 anew, u32 n, n * proof (proof.h)        -> told
 *     told      = u32 n
 *     waitfor   = vector, served u8, path str ("": all), limit u32 ms -> done
 *     done      = u8 1 reached, 0 not within the limit; words str
 *     list      = cursor str                                 -> listing
 *     listing   = next str, u32 n, n * (path str, digest u64)
 *     recall    = n u32, n * (origin u64, first u64, last u64): what was done then? -> records
 *     records   = n u32, n * (path str, version bytes), whole u32, upto u64, flags u8
 *     peek      = node str, patterns u64, cursor str: of who would like to join -> peeked
 *     peeked    = node str, as str, patterns u64, wall i64 ms, flags u8, n u32, n * (path str, version bytes),
 *                 next str
 *     would     = n u32, n * (path str, version bytes): would you install these?  -> verdict
 *     verdict   = u8 0 yes, 1 no, 2 it could not be judged; words str
 *     refuse    = words str        another protocol version, or a request that cannot be taken
 *
 * A message of another WIRE_VERSION is ERR_PROTOCOL; "ZF" and the version byte never move.
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include "base/buf.h"
#include "replicator/core/exchange.h"
#include "replicator/wire/proof.h"

#define WIRE_VERSION 4
#define WIRE_INLINE_MAX (64 * 1024)
#define WIRE_PIECE_MAX (256 * 1024)
#define WIRE_PIECES_MAX (1024 * 1024)   /* content bytes in one answer */
#define WIRE_WANT_MAX 64
#define WIRE_MESSAGE_MAX (8 * 1024 * 1024)
#define WIRE_OP_INLINE_MAX (4 * 1024 * 1024) /* inline contents in one op */
#define WIRE_OUTCOMES_MAX 256
#define WIRE_PROOFS_MAX 256
#define WIRE_LISTING_MAX 4096
#define WIRE_WORDS_MAX 1024
#define WIRE_RANGES_MAX 64    /* in one recall */
#define WIRE_RECORDS_MAX 2048 /* in one answer */
#define WIRE_NOTE_MAX (8 * 1024)
#define WIRE_WOULD_MAX OP_VERSIONS_MAX
#define WIRE_SERVED_MAX (16 * 1024) /* an outcome's "zone serial" lines */

enum wire_type {
	WIRE_OP = 1,
	WIRE_HEARTBEAT = 2,
	WIRE_HELLO = 3,
	WIRE_ASK = 4,
	WIRE_PAGE = 5,
	WIRE_WANT = 6,
	WIRE_PIECES = 7,
	WIRE_OUTCOMES = 8,
	WIRE_TOLD = 9,
	WIRE_WAITFOR = 10,
	WIRE_DONE = 11,
	WIRE_LIST = 12,
	WIRE_LISTING = 13,
	WIRE_REFUSE = 14,
	WIRE_NODES = 15,
	WIRE_RECALL = 16,
	WIRE_RECORDS = 17,
	WIRE_PEEK = 18,
	WIRE_PEEKED = 19,
	WIRE_NOTE = 20,
	WIRE_PROOFS = 21,
	WIRE_WOULD = 22,
	WIRE_VERDICT = 23,
};

enum wire_verdict { WIRE_YES, WIRE_NO, WIRE_UNKNOWN };

struct wire_content {
	const uint8_t *p; /* NULL: not inline; points into the message */
	size_t len;
};

struct wire_piece {
	struct hash hash;
	uint64_t offset;
	uint64_t total;  /* the content's size */
	uint8_t status;  /* 0, 1: not here */
	const uint8_t *p;
	size_t len;
};

struct wire_listed {
	char *path;
	uint64_t digest;
};

/* Ops of an origin, from first to last. */
struct wire_range {
	uint64_t origin;
	uint64_t first, last;
};

/* What a log has of the ranges that were asked for, in their order: of the first `whole` of them all,
 * of the next one what is up to the op `upto` (0: nothing). An op that isn't there is not known. */
struct wire_records {
	struct item *items;
	uint32_t n;
	uint32_t whole;
	uint64_t upto;
	bool looking; /* the sender asks others for what it lacks: there may be more in a while */
};

/* What a node shows to one that asks before it has ever been started, and which is not counted as
 * heard. */
struct wire_peeked {
	char node[NODE_NAME_MAX]; /* who answers */
	char as[NODE_NAME_MAX];   /* the name under which it has the asker as its peer */
	uint64_t patterns;
	int64_t wall_msec;
	bool joining;      /* it has nothing itself */
	bool paused;
	bool known;        /* it has heard the asker's key: its store is lost */
	bool receive_only; /* it takes nothing from the asker */
	struct item *items; /* visible versions, in key order */
	uint32_t n;
	char *next; /* the cursor for what follows; "": the end */
};

/* A decoded message; owns what it points to but for contents, pieces and a note, which point into the
 * bytes. */
struct message {
	enum wire_type type;
	uint64_t id; /* of the request; 0 in broadcasts */
	union {
		struct {
			struct op op;
			struct wire_content *contents; /* one an item */
		} op;
		struct {
			struct heartbeat heartbeat;
			uint64_t patterns;
		} heartbeat;
		struct {
			char node[NODE_NAME_MAX];
			uint64_t patterns;
			uint64_t node_id; /* random, made with the store */
		} hello;
		struct ask ask;
		struct page page;
		struct nodes nodes;
		struct {
			uint32_t n;
			struct wire_piece p[WIRE_WANT_MAX]; /* WANT: hash and offset only */
		} pieces; /* WANT, PIECES */
		struct {
			uint32_t n;
			struct outcome *o;
		} outcomes;
		struct {
			bool anew; /* all that the sender has proved follows, from here on */
			uint32_t n;
			struct proof *p;
		} proofs;
		uint32_t told;
		struct {
			struct vv vector;
			bool served;
			char *path;
			uint32_t limit_msec;
		} waitfor;
		struct {
			bool reached;
			char *words;
		} done;
		struct {
			char *cursor;
		} list;
		struct {
			char *next; /* "": the end */
			uint32_t n;
			struct wire_listed *p;
		} listing;
		struct {
			uint32_t n;
			struct wire_range p[WIRE_RANGES_MAX];
		} recall;
		struct wire_records records;
		struct {
			char node[NODE_NAME_MAX];
			uint64_t patterns;
			char *cursor;
		} peek;
		struct wire_peeked peeked;
		struct {
			struct item *items;
			uint32_t n;
		} would;
		struct {
			enum wire_verdict kind;
			char *words;
		} verdict;
		struct {
			const uint8_t *p;
			size_t len;
		} note;
		struct {
			char *words;
		} refuse;
	};
};

/* Encodes into an empty buffer (max WIRE_MESSAGE_MAX); b->err says whether it fitted. */
void message_encode(struct buf *b, const struct message *m);
/* 0 and *m (finish with message_fini), ERR_FORMAT, ERR_PROTOCOL. Everything is bounded and checked: paths,
 * kinds, lengths, counts; an op's versions all carry the op's dot and have it in their context. */
int message_decode(struct message *m, const void *p, size_t len);
void message_fini(struct message *m);
const char *message_name(enum wire_type type);

/* One outcome's bytes, which the store keeps too. Reading goes into all zero; outcome_fini in any case. */
void buf_outcome(struct buf *b, const struct outcome *o);
void rd_outcome(struct rd *r, struct outcome *o);

#endif
