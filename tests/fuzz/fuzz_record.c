/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the store reads from its own disk, which may have been damaged: versions, `shown`, intents,
 * outcomes. The first byte says which. What is taken is written again as it was.
 */
#include <string.h>

#include "replicator/store/internal.h"
#include "replicator/wire/message.h"
#include "tests/fuzz/fuzz.h"

static void one_version(struct rd *r, struct buf *b)
{
	struct version *v = rd_version(r);

	fuzz_check((v == NULL) == (r->err != 0));
	if (v)
		buf_version(b, v);
	version_put(v);
}

static void one_shown(struct rd *r, struct buf *b)
{
	struct shown s;

	rd_shown(r, &s);
	if (!r->err)
		buf_shown(b, &s);
	vv_fini(&s.context);
}

static void one_intent(struct rd *r, struct buf *b)
{
	struct intent i;

	rd_intent(r, &i);
	if (!r->err)
		buf_intent(b, &i);
	vv_fini(&i.context);
}

static void one_outcome(struct rd *r, struct buf *b)
{
	struct outcome o = {0};

	rd_outcome(r, &o);
	if (!r->err)
		buf_outcome(b, &o);
	outcome_fini(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(struct rd *, struct buf *) = {one_version, one_shown,
								   one_intent, one_outcome};
	struct buf b;
	struct rd r;

	if (size == 0)
		return 0;
	buf_init(&b, WIRE_MESSAGE_MAX);
	rd_init(&r, data + 1, size - 1);
	kinds[data[0] % 4](&r, &b);
	fuzz_check(b.err == 0);
	if (!r.err) {
		size_t read = (size_t)(r.p - (data + 1));
		fuzz_check(b.len == read && memcmp(b.data, data + 1, read) == 0);
	}
	buf_fini(&b);
	return 0;
}
