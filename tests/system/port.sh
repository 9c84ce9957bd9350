#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The port, spoken as a replicator would that does it well, badly, or not at all: what is hinted when, compare
# and install, and storms of both at once.

. "$(dirname "$0")/lib.sh"
world_enter "$@"
host_new p1
export PYTHONDONTWRITEBYTECODE=1

# Stands in for the replicator, and lends its port.
install -m 755 "$BIN/helpers/portlend" "$BIN/zonefs-replicator"
# What install(1) does after its close is to be within close-delay, and what a writer does after a pause within
# settle, on a loaded machine too.
node_conf p1 'close-delay = 2000
settle = 5000
hook "echo" {
  run   = { "/usr/bin/head", "-c", "5" }
  user  = "nobody"
  match = { "**" }
}'
node_start p1

for part in hints install hostile storm; do
	while IFS= read -r line; do
		case $line in
		"ok "*) ok "${line#ok }" ;;
		"not ok "*) not_ok "${line#not ok }" ;;
		"status "*) is "$part came to its end" "${line#status }" 0 ;;
		*) not_ok "$part: $line" ;;
		esac
	done < <(on p1 timeout 120 /usr/bin/python3 "$LIB_DIR/port_$part.py" p1 $TREE 2>&1; echo "status $?")
done
node_stop p1
check_not "the staging directory is gone after the end" test -e "$T/p1$TREE/.zonefs"
JOB[p1.zonefs]=
finish
