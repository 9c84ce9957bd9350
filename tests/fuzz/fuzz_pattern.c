/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Patterns and paths, one a line, the last one the path. Paths as people see them come back as they
 * went.
 */
#include <string.h>

#include "base/path.h"
#include "base/pattern.h"
#include "replicator/control/control_json.h"
#include "tests/fuzz/fuzz.h"

static void escaped(const char *path)
{
	static char text[PATH_ESCAPED_MAX], back[PATH_LEN_MAX + 1];

	path_escape(text, sizeof(text), path);
	fuzz_check(!strpbrk(text, "\n\t\x1b"));
	fuzz_check(control_path(text, back) == 0 && strcmp(back, path) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct patterns *p = patterns_new();
	struct locality *l = locality_new();
	char *text = malloc(size + 1), *line, *rest = text;
	const char *why = NULL;

	memcpy(text, data, size);
	text[size] = '\0';
	while ((line = strsep(&rest, "\n")) && rest) {
		int rc = patterns_add(p, line, &why);
		fuzz_check(rc <= 0);
		locality_exclude(l, line, &why);
		if (line[0] == '!')
			locality_include(l, line + 1, &why);
	}
	if (line && path_valid(line)) {
		bool file = patterns_match(p, line, false);
		fuzz_check(!file || patterns_match(p, line, true)); /* a directory matches more */
		patterns_lead(p, line);
		locality_local(l, line, true, "");
		locality_local(l, line, false, "named");
		locality_temporary(line);
		escaped(line);
	}
	control_path(text, (char[PATH_LEN_MAX + 1]){0});
	locality_hash(l);
	free(text);
	locality_free(l);
	patterns_free(p);
	return 0;
}
