/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The words and paths of named's configuration, and the end of what was read from it.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/named_conf.h"

static const struct {
	const char *word;
	enum named_type type;
} types[] = {
    {"primary", NAMED_PRIMARY},   {"master", NAMED_PRIMARY}, {"secondary", NAMED_SECONDARY},
    {"slave", NAMED_SECONDARY},   {"mirror", NAMED_MIRROR},  {"stub", NAMED_STUB},
    {"redirect", NAMED_REDIRECT}, {"hint", NAMED_HINT},
};

enum named_type named_type(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcasecmp(word, types[i].word) == 0)
			return types[i].type;
	return NAMED_OTHER;
}

const char *named_type_text(enum named_type type)
{
	if (type == NAMED_IN_VIEW)
		return "in-view";
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].type == type)
			return types[i].word;
	return "other";
}

void named_zone_fini(struct named_zone *z)
{
	free(z->name);
	free(z->zclass);
	free(z->view);
	free(z->file);
	free(z->in_view);
}

const struct named_key *named_conf_key(const struct named_conf *conf, const char *view)
{
	const char *name = NULL;

	for (size_t i = 0; i < conf->nreach && !name; i++)
		if (strcmp(conf->reach[i].view, view) == 0)
			name = conf->reach[i].key;
	for (size_t i = 0; i < conf->nkeys && name; i++) {
		const struct named_key *key = &conf->keys[i];

		if (strcasecmp(key->name, name) == 0 && key->algorithm && key->secret)
			return key;
	}
	return NULL;
}

void named_conf_fini(struct named_conf *conf)
{
	for (size_t i = 0; i < conf->n; i++)
		named_zone_fini(&conf->list[i]);
	for (size_t i = 0; i < conf->nkeys; i++) {
		free(conf->keys[i].name);
		free(conf->keys[i].algorithm);
		free(conf->keys[i].secret);
	}
	for (size_t i = 0; i < conf->nreach; i++) {
		free(conf->reach[i].view);
		free(conf->reach[i].key);
	}
	free(conf->keys);
	free(conf->reach);
	free(conf->list);
	free(conf->directory);
	*conf = (struct named_conf){0};
}

static bool starts_statement(const char *line, size_t len)
{
	static const char *const words[] = {
	    "acl",
	    "controls",
	    "dlz",
	    "dnssec-policy",
	    "dyndb",
	    "http",
	    "key",
	    "key-store",
	    "logging",
	    "managed-keys",
	    "masters",
	    "options",
	    "parental-agents",
	    "plugin",
	    "primaries",
	    "remote-servers",
	    "server",
	    "statistics-channels",
	    "tls",
	    "trust-anchors",
	    "trusted-keys",
	    "view",
	    "zone",
	};

	if (len == 0 || (line[len - 1] != '{' && line[len - 1] != ';'))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i]);

		if (len > n && memcmp(line, words[i], n) == 0 && line[n] == ' ')
			return true;
	}
	return false;
}

size_t named_conf_begin(const char *text, size_t len)
{
	size_t at = 0;

	while (at < len) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t line = end ? (size_t)(end - text) - at : len - at;

		if (starts_statement(text + at, line))
			return at;
		at += line + 1;
	}
	return len;
}

unsigned named_version(const char *text)
{
	unsigned part[3] = {0};
	int n = 0;

	text += strcspn(text, "0123456789");
	while (n < 3 && isdigit((unsigned char)*text)) {
		char *end;
		unsigned long v = strtoul(text, &end, 10);

		part[n++] = v > 99 ? 99 : (unsigned)v;
		if (*end != '.')
			break;
		text = end + 1;
	}
	return n < 2 ? 0 : part[0] * 10000 + part[1] * 100 + part[2];
}

char *named_conf_absolute(const char *directory, const char *path)
{
	char *out = malloc(strlen(directory) + strlen(path) + 3);
	const char *parts[2] = {path[0] == '/' ? "" : directory, path};
	size_t len = 0;

	if (!out)
		return NULL;
	for (size_t i = 0; i < 2; i++) {
		const char *s = parts[i];

		while (*s) {
			size_t n = strcspn(s, "/");

			if (n == 2 && s[0] == '.' && s[1] == '.') {
				while (len > 0 && out[--len] != '/')
					;
			} else if (n > 0 && !(n == 1 && s[0] == '.')) {
				out[len++] = '/';
				memcpy(out + len, s, n);
				len += n;
			}
			s += n + (s[n] == '/');
		}
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}
