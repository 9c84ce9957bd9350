#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A program that never stops saving, on a disk that is slow, so that the replicator never has nothing to
# do: old versions go all the same, and in the end no path has more than may be kept.
. "$(dirname "$0")/lib.sh"
world_enter "$@"
FILES=40
SAVES=4000
host_new ns1
nodes_start ns1
number() { on ns1 zonefsctl status --json | sed -n "s/.*\"$1\":\([0-9]*\)[,}].*/\1/p"; }
told() { [ "$(number ops)" -ge $SAVES ]; }
few() { [ "$(number versions)" -le "$1" ]; }
half() { few $(($(number ops) / 2)); }

sh_on ns1 'mkdir etc'
sh_on ns1 "while [ ! -e $T/stop ]; do echo \$((++i)) >etc/f\$((i % $FILES)); done" >/dev/null 2>&1 &
job=$!
slow=
if strace -o /dev/null true 2>/dev/null; then
	strace -o /dev/null -f -e trace=fdatasync -e inject=fdatasync:delay_exit=100000 -p "$(replicator_pid ns1)" 2>/dev/null &
	slow=$!
fi
check "$SAVES versions are told" wait_for 240 told
check "while it goes on, half of them and more go" wait_for 120 half
if [ -n "$slow" ]; then
	check "the disk was slow until now" kill "$slow"
	wait "$slow"
else
	ok "the disk was slow until now # SKIP strace may not trace here"
fi
touch "$T/stop"
wait $job
settle ns1
check "in the end $FILES files have ten versions each" wait_for 240 few $((FILES * 10 + 10))
is "so says the history" "$(sh_on ns1 'for f in etc/f*; do zonefsctl history $f | wc -l; done' | sort -u)" 10
finish
