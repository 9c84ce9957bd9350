/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Runs a fuzz target over its corpus: every file of the folders that are named, one TAP line each
 * folder. Findings stay in the corpus, so that they are tried for ever.
 *
 *   replay FOLDER...
 */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (1024 * 1024)

#pragma weak LLVMFuzzerInitialize

static int one_file(const char *folder, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	CLEANUP_FCLOSE FILE *f = fopen(path, "rb");
	CLEANUP_FREE uint8_t *data = malloc(INPUT_MAX);
	if (!f || !data)
		return -1;
	size_t len = fread(data, 1, INPUT_MAX, f);
	/* Of its exact size, so that a sanitizer sees a read beyond. */
	CLEANUP_FREE uint8_t *exact = malloc(len ? len : 1);
	if (!exact)
		return -1;
	memcpy(exact, data, len);
	fprintf(stderr, "%s\n", path);
	return LLVMFuzzerTestOneInput(exact, len);
}

/* How many inputs; -1: one could not be tried. */
static int one_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	int n = 0;

	while (dir && n >= 0 && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			n = one_file(folder, e->d_name) == 0 ? n + 1 : -1;
	if (dir)
		closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	FILE *tap = fdopen(dup(1), "w"); /* targets may print */
	int failed = 0;

	log_open("replay", true, LOG_LEVEL_ERROR);
	if (!tap || !freopen("/dev/null", "w", stdout))
		return 2;
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	fprintf(tap, "1..%d\n", argc - 1);
	fflush(tap); /* a target that ends the program leaves a plan that was not kept */
	for (int i = 1; i < argc; i++) {
		int n = one_folder(argv[i]);

		fprintf(tap, "%sok %d - %s: %d inputs\n", n > 0 ? "" : "not ", i, argv[i], n);
		failed += n <= 0;
	}
	fclose(tap);
	return failed > 0;
}
