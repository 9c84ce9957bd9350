/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The one table of our own error codes, with the sentence that people read.
 */
#include "base/err.h"

#include <stdio.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

static const struct {
	int code;
	const char *text;
} table[] = {
    {ERR_BUSY, "a local process has it open for writing"},
    {ERR_CHANGED, "it has changed meanwhile"},
    {ERR_MOUNTED, "something is mounted there"},
    {ERR_FORMAT, "malformed data"},
    {ERR_PROTOCOL, "another protocol version"},
    {ERR_LIMIT, "over the limit"},
    {ERR_CONFIG, "a mistake in the configuration"},
    {ERR_CORRUPT, "the store is damaged"},
    {ERR_DENIED, "not allowed by the configuration"},
    {ERR_UNKNOWN, "unknown"},
    {ERR_CLOSED, "the other side has gone"},
    {ERR_TIMEOUT, "the time limit has passed"},
};

const char *err_text(int code)
{
	static _Thread_local char words[128];

	if (code >= 0)
		return "success";
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].code == code)
			return table[i].text;
	if (code > -1000)
		return strerror_r(-code, words, sizeof words); /* GNU's: never fails */
	snprintf(words, sizeof words, "error %d", code);
	return words;
}

bool err_unreadable(int code)
{
	switch (code) {
	case -EIO:
	case -ENXIO:
	case -ENODATA:
	case -EILSEQ:
	case -EBADMSG:
	case -EUCLEAN:
		return true;
	default:
		return false;
	}
}
