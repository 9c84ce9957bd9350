/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Zones' texts, as people and programs leave them in files. The input is the text; behind a line
 * "%%%" it goes on with one that it includes as "more", and behind another one with one to be
 * compared with.
 */
#include <string.h>

#include "replicator/zone/changes.h"
#include "replicator/zone/guard.h"
#include "replicator/zone/lint.h"
#include "replicator/zone/serial.h"
#include "tests/fuzz/fuzz.h"

#define RECORDS_MOST 3000 /* enough to find all there is, and quick */

struct parts {
	const char *text[3];
	size_t len[3];
};

static void cut(struct parts *p, const char *text, size_t len)
{
	static const char mark[] = "\n%%%\n";

	for (int i = 0; i < 3; i++) {
		const char *at = i < 2 && len ? memmem(text, len, mark, sizeof(mark) - 1) : NULL;

		p->text[i] = text;
		p->len[i] = at ? (size_t)(at + 1 - text) : len;
		if (!at) /* the others are empty */
			text += len;
		else
			text = at + sizeof(mark) - 1;
		len -= p->len[i] + (at ? sizeof(mark) - 2 : 0);
	}
}

static int include(void *arg, const char *from, const char *name, struct records_text *to)
{
	const struct parts *p = arg;

	(void)from;
	if (strcmp(name, "more") != 0)
		return 1;
	*to = (struct records_text){"more", p->text[1], p->len[1]};
	return 0;
}

/* Rewritten, it has that serial in that place, and all else is as it was. */
static void serial(const char *text, size_t len)
{
	struct serial_place place, again;
	const char *why;
	struct buf b;

	serial_signed(text, len);
	if (serial_find(text, len, &place, &why) != 0)
		return;
	fuzz_check(place.start < place.end && place.end <= len);
	buf_init(&b, len + 16);
	serial_rewrite(&b, text, len, &place, 4294967295u);
	fuzz_check(b.err == 0 && b.len >= len + 1 - (place.end - place.start));
	fuzz_check(serial_find((char *)b.data, b.len, &again, &why) == 0);
	fuzz_check(again.value == 4294967295u && again.start == place.start);
	fuzz_check(b.len - again.end == len - place.end);
	fuzz_check(memcmp(b.data, text, place.start) == 0);
	fuzz_check(memcmp(b.data + again.end, text + place.end, len - place.end) == 0);
	buf_fini(&b);
}

static struct records *set_of(struct parts *p, int part)
{
	static const char zone[] = "example.org.";
	struct dname name;
	const char *why;
	struct records_text text = {"zone", p->text[part], p->len[part]};
	struct records_reading how = {&name, RECORDS_MOST, include, p, NULL};
	char words[RECORDS_WORDS_MAX] = "";
	struct records *set = NULL;

	fuzz_check(dname_from_text(&name, zone, strlen(zone), NULL, &why) == 0);
	if (records_read(&set, &text, &how, words) != 0) {
		fuzz_check(!set &&
			   (strncmp(words, "zone:", 5) == 0 || strncmp(words, "more:", 5) == 0));
		return NULL;
	}
	for (size_t i = 0; i < set->n; i++) {
		fuzz_check(i == 0 || records_compare(&set->list[i - 1], &set->list[i]) < 0);
		fuzz_check(set->list[i].file < set->n_files && set->list[i].line > 0);
	}
	return set;
}

/* The set, written down plainly, is read as the same set. */
static void print_and_read(const struct records *set)
{
	struct records_reading how = {.zone = &set->zone};
	char name[DNAME_TEXT_MAX], type[RECORDS_TYPE_MAX], words[RECORDS_WORDS_MAX];
	struct records *again = NULL;
	struct changes c;
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	for (size_t i = 0; i <= set->n; i++) {
		const struct record *r = i < set->n ? &set->list[i] : &set->soa;
		if (r->rdata)
			fprintf(to, "%s %u %s %s\n", dname_text(name, r->owner, r->owner_len),
				r->ttl, records_type(type, r->type), r->rdata);
	}
	fclose(to);
	if (records_read(&again, &(struct records_text){"plain", text, len}, &how, words) == 0) {
		fuzz_check(changes_make(&c, set, again) == 0);
		fuzz_check(c.n == 0 && !c.serial);
		changes_fini(&c);
	}
	records_free(again);
	free(text);
}

static void lint(const struct records *set)
{
	struct lint l;

	fuzz_check(lint_zone(&l, set, (struct lint_limits){3, 3}) == 0);
	fuzz_check(l.n <= l.errors + l.approvals && l.errors >= set->outside_total);
	for (size_t i = 0; i < l.n; i++)
		fuzz_check(l.list[i].words[0] && l.list[i].line > 0);
	lint_fini(&l);
}

static void guard(const struct parts *p, const struct records *was, const struct records *is)
{
	struct guard_side old = {p->text[0], p->len[0], was, was != NULL, was ? was->serial : 0};
	struct guard_side new = {p->text[2], p->len[2], is, is != NULL, is ? is->serial : 0};
	struct guard_verdict g;

	guard_judge(&g, &old, &new, 30);
	fuzz_check(g.n <= GUARD_KINDS);
	guard_judge(&g, &old, &old, 30);
	fuzz_check(g.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parts p;
	struct dname zone;
	struct changes c;

	cut(&p, (const char *)data, size);
	serial(p.text[0], p.len[0]);
	records_zone_of(p.text[0], p.len[0], &zone);
	struct records *was = set_of(&p, 0), *is = was ? set_of(&p, 2) : NULL;
	guard(&p, was, is);
	if (was) {
		print_and_read(was);
		lint(was);
	}
	if (is) {
		fuzz_check(changes_make(&c, was, is) == 0);
		fuzz_check(was->n + c.added - c.removed == is->n);
		for (size_t i = 0; i < c.n; i++) {
			char *line = changes_line(&c.list[i], &was->zone);
			fuzz_check(line && strlen(line) > 5);
			free(line);
		}
		char *summary = changes_summary(&c, was, is);
		fuzz_check(summary);
		free(summary);
		changes_fini(&c);
	}
	records_free(was);
	records_free(is);
	return 0;
}
