/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The configuration and the key file: whatever they hold, it is taken, or a mistake is told with a
 * line that there is. The first byte says which of the two.
 */
#include <string.h>

#include "base/conf.h"
#include "tests/fuzz/fuzz.h"

struct told {
	int n;
	int lines;
};

static void count(void *arg, const char *file, int line, const char *sentence)
{
	struct told *t = arg;

	fuzz_check(strcmp(file, "f") == 0);
	fuzz_check(line >= 0 && line <= t->lines);
	fuzz_check(sentence[0] && !strchr(sentence, '\n'));
	t->n++;
}

static int lines_of(const uint8_t *p, size_t len)
{
	int n = 1;

	for (size_t i = 0; i < len; i++)
		n += p[i] == '\n';
	return n;
}

static void use(const struct conf *c)
{
	fuzz_check(c->node && c->mount && c->state && c->listen && c->key_file);
	fuzz_check(c->mount[0] == '/' && c->npeers <= CONF_PEERS_MAX &&
		   c->nhooks <= CONF_HOOKS_MAX);
	for (size_t i = 0; i < c->npeers; i++) {
		char *address = conf_request_address(c->peers[i].address);
		fuzz_check(address && strlen(c->peers[i].key) == CONF_KEY_LEN);
		free(address);
	}
	for (size_t i = 0; i < c->nhooks; i++) {
		fuzz_check(c->hooks[i].run[0][0] == '/');
		patterns_match(c->hooks[i].match, "var/named/a.zone", false);
	}
	locality_local(c->locality, "var/named/a.jnl", false, "named");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told told = {0};

	if (size == 0)
		return 0;
	char *text = malloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	told.lines = lines_of(data, size);
	if (data[0] & 1) {
		struct conf_keys keys;
		int rc = conf_parse_keys("f", text, &keys, count, &told);
		fuzz_check((rc == 0) == (told.n == 0));
		if (rc == 0)
			fuzz_check(strlen(keys.public_key) == CONF_KEY_LEN &&
				   strlen(keys.secret_key) == CONF_KEY_LEN);
	} else {
		struct conf *c = conf_parse("f", text, size - 1, count, &told);
		fuzz_check((c != NULL) == (told.n == 0));
		if (c)
			use(c);
		conf_free(c);
	}
	free(text);
	return 0;
}
