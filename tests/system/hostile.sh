#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A replicator that was taken over cannot change what was installed, leave the tree, get at a device or
# directory, make the worker grow, or end it.

. "$(dirname "$0")/lib.sh"
world_enter "$@"
host_new h1
export PYTHONDONTWRITEBYTECODE=1

install -m 755 "$B/helpers/portlend" "$BIN/zonefs-replicator"
PEERS=(h1)
node_conf h1
node_start h1
WORKER=$(pid_on h1 zonefs-worker)
IN_HOST=$(awk '/^NSpid/ {print $NF}' "/proc/$WORKER/status")

while IFS= read -r line; do
	case $line in
	"ok "*) ok "${line#ok }" ;;
	"not ok "*) not_ok "${line#not ok }" ;;
	"status "*) is "it came to its end" "${line#status }" 0 ;;
	*) not_ok "$line" ;;
	esac
done < <(on h1 timeout 120 /usr/bin/python3 "$LIB_DIR/hostile.py" h1 $TREE "$IN_HOST" 2>&1; echo "status $?")
is "the worker has lived through it" "$(pid_on h1 zonefs-worker)" "$WORKER"
check "and serves" on h1 bash -c "echo x >$TREE/after && rm $TREE/after"
finish
