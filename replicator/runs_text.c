/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bytes in, bytes out: nothing is known here of which hook it was.
 */
#include "replicator/runs_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/path.h"
#include "replicator/wire/message.h"

void runs_input(struct buf *b, const struct hook_run *run, size_t max)
{
	char *escaped = run && !run->all ? malloc(PATH_ESCAPED_MAX) : NULL;
	size_t start = b->len;

	for (uint32_t i = 0; escaped && i < run->n; i++) {
		const struct hook_item *item = &run->items[i];
		const char *word = item->gone ? "removed\t" : "changed\t";

		path_escape(escaped, PATH_ESCAPED_MAX, item->path);
		buf_raw(b, word, strlen(word));
		buf_raw(b, escaped, strlen(escaped));
		buf_raw(b, "\n", 1);
	}
	if (!escaped || b->err || b->len - start > max) {
		b->len = start;
		b->err = 0;
		buf_raw(b, "all\t\n", 5);
	}
	free(escaped);
}

void runs_pick_lines(char *dst, size_t size, const char *output, const char *word, bool with)
{
	size_t used = 0, len = strlen(word);

	while (*output && used + 1 < size) {
		size_t line = strcspn(output, "\n");
		bool is = strncmp(output, word, len) == 0;

		if (is == with && line > 0) {
			size_t skip = is ? len : 0, n = line - skip;
			if (used > 0)
				dst[used++] = '\n';
			if (n > size - 1 - used)
				n = size - 1 - used;
			memcpy(dst + used, output + skip, n);
			used += n;
		}
		output += line + (output[line] == '\n');
	}
	dst[used] = '\0';
}

char *runs_served(const char *output)
{
	char *served = calloc(1, WIRE_WORDS_MAX);

	if (served)
		runs_pick_lines(served, WIRE_WORDS_MAX, output, "served ", true);
	return served;
}

void runs_drop_lines(char *text, const char *word)
{
	size_t len = strlen(word);
	char *to = text;

	while (*text) {
		size_t line = strcspn(text, "\n");

		line += text[line] == '\n';
		if (strncmp(text, word, len) != 0) {
			memmove(to, text, line);
			to += line;
		}
		text += line;
	}
	*to = '\0';
}

void runs_result(struct run_result *out, int status, struct rd *r)
{
	int32_t exit_status = (int32_t)rd_u32(r);
	int32_t sig = (int32_t)rd_u32(r);
	bool late = rd_u8(r) != 0;
	size_t len;

	out->run_msec = rd_u32(r);
	const uint8_t *text = rd_bytes(r, &len, PORT_HOOK_OUTPUT_MAX);
	if (r->err) {
		len = 0;
		exit_status = -1;
	}
	for (size_t i = 0; i < len; i++)
		out->output[i] = text[i] ? (char)text[i] : ' ';
	out->output[len] = '\0';
	out->status = status < 0 || late || sig != 0 ? -1 : exit_status;
	if (late)
		snprintf(out->output, sizeof(out->output), "ended at its time limit");
	else if (status < 0 && len == 0)
		snprintf(out->output, sizeof(out->output), "%s", err_text(status));
	else if (sig != 0 && len == 0)
		snprintf(out->output, sizeof(out->output), "ended by signal %d", sig);
}
