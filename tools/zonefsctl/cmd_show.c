/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl show: a version's content to standard output, as it was; a link's target as a line.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/lines.h"
#include "tools/zonefsctl/zonefsctl.h"

int cmd_show(int argc, char **argv)
{
	static const struct option none[] = {{0}};
	CLEANUP_FREE char *path = NULL, *version = NULL;
	json_t *line = NULL;

	optind = 0;
	if (getopt_long(argc, argv, "", none, NULL) != -1 || optind + 1 != argc ||
	    !lines_cut(argv[optind], &path, &version))
		return ctl_usage("show");
	int status = lines_content(path, version, stdout, &line);
	if (status == CTL_OK && strcmp(line_text(line, "kind"), "link") == 0)
		printf("%s\n", line_text(line, "target"));
	else if (status == CTL_OK && strcmp(line_text(line, "kind"), "absent") == 0)
		status = ctl_fail("%s@%s is its deletion", path, version);
	else if (status == CTL_OK && strcmp(line_text(line, "kind"), "file") != 0)
		status = ctl_fail("%s@%s is a directory", path, version);
	json_decref(line);
	return status;
}
