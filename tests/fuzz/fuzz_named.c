/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is read of the name server: `named-checkconf -px`, which files a configuration or a zone leads to,
 * and the port's request for a check. The first byte says which.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/named_conf.h"
#include "base/named_include.h"
#include "base/port_check.h"
#include "base/port.h"
#include "tests/fuzz/fuzz.h"

static bool file_found(void *arg, const char *file, bool directory)
{
	(void)directory;
	fuzz_check(file[0] && strlen(file) <= NAMED_INCLUDE_MAX);
	return ++*(size_t *)arg < 1000;
}

static bool include_found(void *arg, const char *file, size_t line)
{
	fuzz_check(line > 0);
	return file_found(arg, file, false);
}

static void includes(const char *text, size_t len)
{
	size_t n = 0;

	named_include_conf(text, len, file_found, &n);
	named_include_zone(text, len, include_found, &n);
	named_include_secret(text, len);
}

static void configuration(const char *text, size_t len)
{
	static const unsigned versions[] = {0, 91849, 92000};
	struct named_conf c;

	fuzz_check(named_conf_begin(text, len) <= len);
	if (named_conf_parse(&c, text, len, versions[len % 3]) == 0) {
		fuzz_check(c.directory && c.directory[0] == '/');
		for (size_t i = 0; i < c.n; i++) {
			const struct named_zone *z = &c.list[i];

			fuzz_check(z->name && z->zclass && z->type < NAMED_TYPES);
			fuzz_check(!z->file || (z->file[0] == '/' && !strstr(z->file, "/../")));
			fuzz_check(named_type_text(z->type)[0]);
		}
	}
	named_conf_fini(&c);
}

/* What is taken is written back as it was. */
static void request(const uint8_t *p, size_t len)
{
	struct check *c = malloc(sizeof(*c));
	struct rd r;
	struct buf b;

	rd_init(&r, p, len);
	rd_check(&r, c);
	if (rd_end(&r) == 0) {
		fuzz_check(c->kind >= CHECK_CONF && c->kind <= CHECK_VERIFY);
		fuzz_check(c->kind < CHECK_ZONE ||
			   (check_zone_name(c->zone) && path_valid(c->path)));
		buf_init(&b, PORT_PACKET_MAX);
		buf_check(&b, c);
		fuzz_check(b.err || (b.len == len && memcmp(b.data, p, len) == 0));
		buf_fini(&b);
	}
	check_fini(c);
	free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t len = size - 1;
	char *text = malloc(len + 1);
	memcpy(text, data + 1, len);
	text[len] = '\0';
	if (data[0] % 3 == 0)
		configuration(text, len);
	else if (data[0] % 3 == 1)
		includes(text, len);
	else
		request((const uint8_t *)text, len);
	free(text);
	return 0;
}
