/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What was read, in the text's order, becomes a set: sorted by owner and type first with the text's
 * order kept, so that each set's last record gives the TTL; then each set by its data.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replicator/zone/records_reader.h"

typedef int compare(const struct record *, const struct record *);

/* Stable; quick where the text was sorted: most are, by far. */
static void merge_sort(struct record *list, struct record *room, size_t n, compare *cmp)
{
	size_t half = n / 2;

	if (n < 2)
		return;
	merge_sort(list, room, half, cmp);
	merge_sort(list + half, room, n - half, cmp);
	if (cmp(&list[half - 1], &list[half]) <= 0)
		return;
	memcpy(room, list, half * sizeof(*list));
	size_t i = 0, j = half, to = 0;
	while (i < half && j < n)
		list[to++] = cmp(&room[i], &list[j]) <= 0 ? room[i++] : list[j++];
	memcpy(&list[to], &room[i], (half - i) * sizeof(*list));
}

static size_t without_duplicates(struct record *list, size_t n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++)
		if (to == 0 || records_compare(&list[to - 1], &list[i]) != 0)
			list[to++] = list[i];
	return to;
}

int records_sort(struct records *set)
{
	struct record *room = malloc((set->n / 2 + 1) * sizeof(*room));

	if (!room)
		return -ENOMEM;
	merge_sort(set->list, room, set->n, records_compare_sets);
	for (size_t i = 0, end; i < set->n; i = end) {
		end = records_set_end(set, i);
		for (size_t j = i; j + 1 < end; j++)
			set->list[j].ttl = set->list[end - 1].ttl;
		if (end - i > 1)
			merge_sort(&set->list[i], room, end - i, records_compare);
	}
	free(room);
	set->n = without_duplicates(set->list, set->n);
	return 0;
}
