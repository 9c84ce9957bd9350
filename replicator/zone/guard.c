/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each reason by itself: all that hold are told.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "replicator/zone/guard.h"
#include "replicator/zone/rdata.h"
#include "replicator/zone/serial.h"

static void __attribute__((format(printf, 3, 4)))
hold(struct guard_verdict *g, enum guard_kind kind, const char *format, ...)
{
	va_list ap;

	g->list[g->n].kind = kind;
	va_start(ap, format);
	vsnprintf(g->list[g->n].words, GUARD_WORDS_MAX, format, ap);
	va_end(ap);
	g->n++;
}

/* Records of `was` that have none of their name and type in their place. */
static size_t dropped(const struct records *was, const struct records *is)
{
	size_t n = 0;

	for (size_t i = 0, j = 0, end; i < was->n; i = end) {
		size_t there = 0;

		end = records_set_end(was, i);
		while (j < is->n && records_compare_sets(&is->list[j], &was->list[i]) < 0)
			j++;
		for (; j < is->n && records_compare_sets(&is->list[j], &was->list[i]) == 0; j++)
			there++;
		if (end - i > there)
			n += end - i - there;
	}
	return n;
}

static bool has_ns(const struct records *set)
{
	return records_has(set, set->zone.key, set->zone.len, TYPE_NS);
}

static void judge_records(struct guard_verdict *g, const struct records *was,
			  const struct records *is, unsigned shrink)
{
	size_t gone = dropped(was, is);

	if (gone >= GUARD_SHRINK_LEAST && gone * 100 > (size_t)shrink * was->n)
		hold(g, GUARD_SHRUNK,
		     "%zu of %zu records are gone (%zu %%; more than %u %% needs approval)", gone,
		     was->n, gone * 100 / was->n, shrink);
	if (was->soa.rdata && !is->soa.rdata)
		hold(g, GUARD_NO_SOA, "the SOA record is gone");
	if (has_ns(was) && !has_ns(is))
		hold(g, GUARD_NO_NS, "the zone's own NS records are gone");
}

static bool blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r\n", text[i]) || text[i] == '\0')
			return false;
	return true;
}

static size_t line_of(const char *text, size_t len)
{
	size_t lines = 1;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	return lines;
}

/* Blank lines at the end that are tidied away are no accident. */
static void judge_text(struct guard_verdict *g, const struct guard_side *was,
		       const struct guard_side *is)
{
	if (is->len >= was->len || (is->len > 0 && memcmp(was->text, is->text, is->len) != 0) ||
	    blank(was->text + is->len, was->len - is->len))
		return;
	hold(g, GUARD_CUT_OFF,
	     "the text is the beginning of what it was, cut off in line %zu (%zu of %zu bytes): a "
	     "copy "
	     "that was not finished?",
	     line_of(is->text, is->len), is->len, was->len);
}

static void judge_serial(struct guard_verdict *g, uint32_t was, uint32_t is)
{
	switch (serial_compare(is, was)) {
	case SERIAL_EQUAL:
		return;
	case SERIAL_LESS:
	case SERIAL_UNDEFINED:
		hold(g, GUARD_SERIAL_BACK,
		     "the serial goes back from %u to %u: secondaries would keep what they have",
		     was, is);
		return;
	case SERIAL_GREATER:
		if (is - was > GUARD_JUMP_MOST)
			hold(g, GUARD_SERIAL_JUMP,
			     "the serial jumps from %u to %u: there is no easy way back", was, is);
	}
}

void guard_judge(struct guard_verdict *g, const struct guard_side *was, const struct guard_side *is,
		 unsigned shrink)
{
	g->n = 0;
	if (was->set && is->set)
		judge_records(g, was->set, is->set, shrink);
	judge_text(g, was, is);
	if (was->has_serial && is->has_serial)
		judge_serial(g, was->serial, is->serial);
}
