/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Ground of the fuzz targets. A target is one file, fuzz_NAME.c, with the function that libFuzzer
 * calls for each input (https://llvm.org/docs/LibFuzzer.html); its seeds are in corpus/NAME. The
 * same function is called by replay.c, without libFuzzer, for each file of the corpus: that is the
 * part of it that every test run does.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Once, before the first input; a target need not have it. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* What must hold whatever the input is. */
#define fuzz_check(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__,          \
				#condition);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#endif
