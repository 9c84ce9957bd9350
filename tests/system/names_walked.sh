#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same as names.sh where inodes cannot be opened by handle, as in most containers: their names lead to them.
WALKED=1 exec "$(dirname "$0")/names.sh"
