/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Single values, from libConfuse's to ours: what is wrong with one is reported with its line.
 */
#include "base/conf_text.h"

#include <errno.h>
#include <string.h>

int conf_line_of(const struct conf_source *s, const char *name)
{
	return conf_line(s->text, s->section, name, 0);
}

char *conf_take_str(struct conf_source *s, const char *name)
{
	const char *value = cfg_getstr(s->cfg, name);

	if (!value) {
		const struct section *section = s->section;

		if (!conf_given(section, name) && section->kind)
			mistake(s->mistakes, conf_line_of(s, name), "the %s \"%s\" has no %s",
				section->kind->name, cfg_title(s->cfg), name);
		else if (!conf_given(section, name))
			mistake(s->mistakes, 0, "%s is missing", name);
		return NULL;
	}
	char *copy = strdup(value);
	s->failed |= !copy;
	return copy;
}

char *conf_take_name(struct conf_source *s, const char *name)
{
	char *value = conf_take_str(s, name);

	if (value && !conf_name_ok(value))
		mistake(s->mistakes, conf_line_of(s, name),
			"%s is 1 to 63 letters, digits, '.', '_' and '-', not \"%s\"", name, value);
	return value;
}

char *conf_take_path(struct conf_source *s, const char *name)
{
	char *value = conf_take_str(s, name);
	const char *wrong = value ? conf_path_wrong(value) : NULL;

	if (wrong)
		mistake(s->mistakes, conf_line_of(s, name), "%s \"%s\" %s", name, value, wrong);
	return value;
}

int conf_take_int(struct conf_source *s, const char *name, int min, int max)
{
	long value = cfg_getint(s->cfg, name);

	if (value < min || value > max) {
		mistake(s->mistakes, conf_line_of(s, name), "%s is between %d and %d, not %ld",
			name, min, max, value);
		return min;
	}
	return (int)value;
}

void conf_take_patterns(struct conf_source *s, const char *name, void *to,
			int (*add)(void *to, const char *pattern, const char **why))
{
	for (unsigned i = 0; i < cfg_size(s->cfg, name); i++) {
		const char *pattern = cfg_getnstr(s->cfg, name, i);
		const char *why;

		int r = add(to, pattern, &why);
		s->failed |= r == -ENOMEM;
		if (r < 0 && r != -ENOMEM)
			mistake(s->mistakes, conf_line(s->text, s->section, name, i),
				"%s \"%.100s\": %s", name, pattern, why);
	}
}

int conf_add_match(void *to, const char *pattern, const char **why)
{
	return patterns_add(to, pattern, why);
}
