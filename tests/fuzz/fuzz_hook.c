/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What programs of others print: the output of hooks, `named-checkconf -px`, zone files, `rndc
 * zonestatus`. The first byte says which.
 */
#include <string.h>

#include "replicator/runs_text.h"
#include "replicator/wire/proof.h"
#include "tests/fuzz/fuzz.h"
#include "tools/hooks/bind_serial.h"
#include "base/named_conf.h"

static void proof(const char *text, size_t len)
{
	struct proof p;

	if (proof_parse(&p, text, len) == 0)
		fuzz_check(p.zone[0] && strlen(p.words) <= PROOF_WORDS_MAX);
	proof_fini(&p);
}

static void served(char *text)
{
	proof(text, strlen(text));
	char *s = runs_served(text);

	fuzz_check(s && strlen(s) <= strlen(text));
	free(s);
}

static void zones(const char *text, size_t len)
{
	struct named_conf z;

	if (named_conf_parse(&z, text, len, len % 2 ? 92000 : 0) == 0)
		for (size_t i = 0; i < z.n; i++) {
			fuzz_check(z.list[i].name && z.list[i].zclass);
			fuzz_check(!z.list[i].file || z.list[i].file[0] == '/');
			fuzz_check(!z.list[i].file || !strstr(z.list[i].file, "/../"));
		}
	named_conf_fini(&z);
}

static void zone_file(const char *text, size_t len)
{
	uint32_t serial;

	serial_of_text(text, len, &serial);
}

static void zone_status(const char *text, size_t len)
{
	struct buf b = {.data = (uint8_t *)(uintptr_t)text, .len = len};
	uint32_t serial;

	serial_of_status(&b, &serial);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t len = size - 1;
	char *text = malloc(len + 1);
	memcpy(text, data + 1, len);
	text[len] = '\0';
	switch (data[0] % 4) {
	case 0:
		served(text);
		break;
	case 1:
		zones(text, len);
		break;
	case 2:
		zone_file(text, len);
		break;
	default:
		zone_status(text, len);
	}
	free(text);
	return 0;
}
