/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inside wire/: one pair of functions a message body, and the fields that they share. A reader that
 * fails may leave its part of the message half filled; message_fini takes it as it is, since counts
 * never say more than what has been filled in.
 */
#ifndef WIRE_CODEC_H
#define WIRE_CODEC_H

#include "replicator/wire/message.h"

/* ---- fields ---- */

/* 0 or 1, anything else fails the reader. */
bool rd_bool(struct rd *r);
/* A checked path, or NULL and the reader has failed. */
char *rd_path(struct rd *r);
char *rd_path_or_root(struct rd *r);
/* A node's name: not empty, no blanks or control characters. */
void rd_node(struct rd *r, char dst[NODE_NAME_MAX]);
/* Text for people, cut at max bytes. */
void buf_words(struct buf *b, const char *words, size_t max);
/* A count of at most max things of at least `least` bytes each. */
uint32_t rd_count(struct rd *r, uint32_t max, size_t least);
/* n zeroed elements, NULL if n is 0 or the reader has failed. */
void *rd_array(struct rd *r, uint32_t n, size_t size);

/* ---- exchange ---- */

void buf_item(struct buf *b, const struct item *i);
/* n items into a new array; *n grows with what has been read. */
struct item *rd_items(struct rd *r, uint32_t *n, uint32_t max);

void buf_op_body(struct buf *b, const struct message *m);
void rd_op_body(struct rd *r, struct message *m);
void buf_heartbeat_body(struct buf *b, const struct message *m);
void rd_heartbeat_body(struct rd *r, struct message *m);
void buf_ask_body(struct buf *b, const struct message *m);
void rd_ask_body(struct rd *r, struct message *m);
void buf_page_body(struct buf *b, const struct message *m);
void rd_page_body(struct rd *r, struct message *m);
void buf_nodes_body(struct buf *b, const struct message *m);
void rd_nodes_body(struct rd *r, struct message *m);

/* ---- lanes ---- */

void buf_want_body(struct buf *b, const struct message *m);
void rd_want_body(struct rd *r, struct message *m);
void buf_pieces_body(struct buf *b, const struct message *m);
void rd_pieces_body(struct rd *r, struct message *m);
void buf_outcomes_body(struct buf *b, const struct message *m);
void rd_outcomes_body(struct rd *r, struct message *m);
void buf_proofs_body(struct buf *b, const struct message *m);
void rd_proofs_body(struct rd *r, struct message *m);
void buf_waitfor_body(struct buf *b, const struct message *m);
void rd_waitfor_body(struct rd *r, struct message *m);
void buf_listing_body(struct buf *b, const struct message *m);
void rd_listing_body(struct rd *r, struct message *m);
void buf_recall_body(struct buf *b, const struct message *m);
void rd_recall_body(struct rd *r, struct message *m);
void buf_records_body(struct buf *b, const struct message *m);
void rd_records_body(struct rd *r, struct message *m);
void buf_peek_body(struct buf *b, const struct message *m);
void rd_peek_body(struct rd *r, struct message *m);
void buf_peeked_body(struct buf *b, const struct message *m);
void rd_peeked_body(struct rd *r, struct message *m);
void buf_would_body(struct buf *b, const struct message *m);
void rd_would_body(struct rd *r, struct message *m);
void buf_verdict_body(struct buf *b, const struct message *m);
void rd_verdict_body(struct rd *r, struct message *m);

#endif
