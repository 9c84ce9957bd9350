/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The set: its order, and what is found by it.
 */
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replicator/zone/arena.h"
#include "replicator/zone/rdata.h"
#include "replicator/zone/records.h"

void records_free(struct records *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->n_files; i++)
		free(set->files[i]);
	free(set->files);
	free(set->list);
	free(set->outside);
	arena_free(set->arena);
	free(set);
}

/* RRSIG: the type covered is the first word of the data, so both orders agree (a blank sorts before
 * whatever a type's name goes on with). */
static int compare_covered(const char *a, const char *b)
{
	size_t a_len = strcspn(a, " "), b_len = strcspn(b, " ");
	int r = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return r ? r : (a_len > b_len) - (a_len < b_len);
}

int records_compare_sets(const struct record *a, const struct record *b)
{
	int r = a->owner == b->owner
		    ? 0
		    : dname_compare(a->owner, a->owner_len, b->owner, b->owner_len);

	if (r == 0)
		r = (a->type > b->type) - (a->type < b->type);
	return r == 0 && a->type == TYPE_RRSIG ? compare_covered(a->rdata, b->rdata) : r;
}

int records_compare(const struct record *a, const struct record *b)
{
	int r = records_compare_sets(a, b);

	return r ? r : strcmp(a->rdata, b->rdata);
}

/* The first record of the name whose type is this or a higher one, or what comes after the name. */
static size_t lower_bound(const struct records *set, const uint8_t *key, size_t len, uint16_t type)
{
	size_t low = 0, high = set->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct record *r = &set->list[middle];
		int order = dname_compare(r->owner, r->owner_len, key, len);

		if (order < 0 || (order == 0 && r->type < type))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t records_at(const struct records *set, const uint8_t *key, size_t len)
{
	return lower_bound(set, key, len, 0);
}

bool records_has(const struct records *set, const uint8_t *key, size_t len, uint16_t type)
{
	size_t i = lower_bound(set, key, len, type);

	return i < set->n && set->list[i].type == type &&
	       dname_compare(set->list[i].owner, set->list[i].owner_len, key, len) == 0;
}

size_t records_set_end(const struct records *set, size_t i)
{
	size_t end = i + 1;

	while (end < set->n && records_compare_sets(&set->list[i], &set->list[end]) == 0)
		end++;
	return end;
}

char *records_type(char dst[RECORDS_TYPE_MAX], uint16_t type)
{
	const ldns_rr_descriptor *desc = ldns_rr_descript(type);

	if (desc && desc->_name && desc->_type == type)
		snprintf(dst, RECORDS_TYPE_MAX, "%s", desc->_name);
	else
		snprintf(dst, RECORDS_TYPE_MAX, "TYPE%u", type);
	return dst;
}
