/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is to be judged together, as it is handed from the core to who asks the checkers.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "replicator/core/core.h"

static void *must(void *p)
{
	if (!p) {
		log_error("out of memory");
		abort();
	}
	return p;
}

struct trial *trial_copy(const struct trial *t)
{
	struct trial *to = must(malloc(sizeof(*to)));

	*to = *t;
	to->items = must(calloc(t->n ? t->n : 1, sizeof(*to->items)));
	for (uint32_t i = 0; i < t->n; i++)
		to->items[i] = (struct item){must(strdup(t->items[i].path)),
					     version_get(t->items[i].version)};
	return to;
}

void trial_free(struct trial *t)
{
	for (uint32_t i = 0; t && i < t->n; i++)
		item_fini(&t->items[i]);
	if (t)
		free(t->items);
	free(t);
}
