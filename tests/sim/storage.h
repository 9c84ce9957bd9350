/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A node's durable store, simulated. What is applied waits in a transaction until the commit; a
 * crash loses it. What is loaded into a new core has been through its bytes.
 */
#ifndef SIM_STORAGE_H
#define SIM_STORAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "replicator/core/core.h"

struct stored_path {
	char *path;
	struct version **entry;
	uint32_t n;
	struct version **history;
	uint32_t nhistory;
	struct shown *shown;
	struct intent *intent;
	int64_t highest;          /* the latest time of a file that was ever recorded as shown, */
	struct hash highest_hash; /* and its content; 0: none since the record was forgotten */
	struct version *draft;
};

struct stored_meta {
	char *name;
	uint8_t *bytes;
	size_t len;
};

struct storage {
	struct stored_path *paths;
	uint32_t npaths;
	struct vv vector;
	struct origin *origins;
	uint32_t norigins;
	struct stored_meta *meta;
	uint32_t nmeta;
	struct hash *contents;
	uint32_t ncontents;

	struct effect *tx; /* owned copies of EFFECT_STOREs */
	uint32_t ntx;
	struct hash *tx_contents;
	uint32_t ntx_contents;
};

void storage_fini(struct storage *s);
void storage_apply(struct storage *s, const struct effect *e);
void storage_put(struct storage *s, struct hash h);
bool storage_has(const struct storage *s, struct hash h); /* the open transaction's too */
bool storage_durable(const struct storage *s, struct hash h);
bool storage_dirty(const struct storage *s);
void storage_commit(struct storage *s);
void storage_crash(struct storage *s);
/* What is durable of `from`; `to` keeps nothing of what it was. */
void storage_copy(struct storage *to, const struct storage *from);
bool storage_has_meta(const struct storage *s, const char *name);
bool storage_meta_is(const struct storage *s, const char *name, uint8_t byte);
void storage_load(const struct storage *s, struct core *c);
const struct stored_path *storage_find(const struct storage *s, const char *path);

/* Deep copies. */
struct shown *shown_copy(const struct shown *s);
void shown_free(struct shown *s);
struct intent *intent_copy(const struct intent *i);
void intent_free(struct intent *i);
void effect_copy(struct effect *to, const struct effect *from);
void effect_fini(struct effect *e);
struct op *op_copy(const struct op *o);
struct ask *ask_copy(const struct ask *a);
struct page *page_copy(const struct page *p);
void op_free(struct op *o);
void ask_free(struct ask *a);
void page_free(struct page *p);

#endif
