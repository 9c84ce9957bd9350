#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `exclude` is changed between two runs: what is excluded now stays on each host as it is; what no longer is
# comes as from a newcomer; and a node that excludes other paths than its peer says so.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

for h in ns1 ns2; do host_new $h; done
ctl() { on "$1" zonefsctl "${@:2}"; }
on_disk() { file_is "$T/$1$TREE/$2" "$3"; }
both() { on_disk ns1 "$1" "$2" && on_disk ns2 "$1" "$2"; }
logged() { grep -Eq "$2" "$T/$1/zonefs.log"; }
headline() { ctl "$1" status | head -n 1 | grep -Eq "$2"; }
# lists HOST... LIST: stops them, and starts them with that.
lists() {
	local h list=${*: -1}
	for h in "${@:1:$#-1}"; do
		node_stop "$h"
		node_conf "$h" "exclude = { $list }"
		node_start "$h"
	done
}
deleted_in_log() { ctl "$1" log --path "$2" | grep -q deleted; }

mkdir -p "$T/ns1$TREE/etc" "$T/ns1$TREE/data/deep"
for f in etc/own etc/shared data/f data/deep/g; do echo 1 >"$T/ns1$TREE/$f"; done
for h in ns1 ns2; do node_conf $h; node_start $h; done
for h in ns1 ns2; do wait_for 60 node_well $h || bail "$h: $(ctl $h status)"; done
check "everything is on both" both data/deep/g 1

# ---- on one host only

lists ns2 '"/etc/own", "/data/"'
check "the log says that the lists are others than before" wait_for 60 \
	logged ns2 '.exclude. or .include. is another than before: 5 paths are from here on'
for h in ns1 ns2; do
	check "$h: lists that differ are warned of" wait_for 60 logged $h 'excludes other paths than this node'
	check "$h: ... and status says so" wait_for 60 eval "ctl $h status | grep -q 'patterns .*are others than here'"
	check "$h: ... in the first line, with what comes of it" wait_for 60 \
		headline $h '^NOT well: ns. shows another tree: it excludes other paths'
done
for f in etc/own data/f data/deep/g; do
	check "what is excluded now stays where it is: $f" both $f 1
done
sh_on ns2 'echo here >etc/own; rm data/f; echo 2 >etc/shared; zonefsctl wait --timeout 60' >/dev/null
check "the rest is replicated as before" on_disk ns1 etc/shared 2
check "what is excluded is not: neither a save" on_disk ns1 etc/own 1
check "... nor a deletion" on_disk ns1 data/f 1
sh_on ns1 'echo there >etc/own; rm -r data/deep; zonefsctl wait --timeout 60' >/dev/null
check "nor the other way round" on_disk ns2 etc/own here
check "... a directory neither" on_disk ns2 data/deep/g 1
check_not "nobody was told of a deletion on ns2" deleted_in_log ns1 data/f

# ---- on both, and back again

lists ns1 '"/etc/own", "/data/"'
for h in ns1 ns2; do check "$h: with the same lists all is well" wait_for 60 node_well $h; done
sh_on ns1 'mkdir -p data/new; echo ns1 >data/new/n'
sh_on ns2 'echo only >data/only'
node_stop ns2
echo later >"$T/ns2$TREE/etc/own"
node_conf ns1
node_conf ns2
node_stop ns1
node_start ns1
check "what ns1 has again is published" wait_for 60 eval 'ctl ns1 log --path data/new/n | grep -q .'
node_start ns2
check "what is taken back comes from the peer" wait_for 60 both data/new/n ns1
check "what only one has goes to the other" wait_for 60 both data/only only
check "what the peer has deleted, and is as it was then, goes, its directory too" wait_for 60 test ! -e "$T/ns2$TREE/data/deep"
check "where they differ the peer's is visible, though it is older" wait_for 60 both etc/own there
like "... and the own one is in conflict" "$(ctl ns2 conflicts)" etc/own
like "... and in the history" "$(ctl ns2 history etc/own)" 'ns2'
for h in ns1 ns2; do check "$h: all is well" wait_for 60 node_well $h; done
sh_on ns2 'echo both >etc/own; zonefsctl wait --timeout 60' >/dev/null
check "from here on it is a path as any other" both etc/own both
check "both trees are identical" wait_for 60 same_trees ns1 ns2
check "and nothing is in conflict" eval 'ctl ns1 conflicts && ctl ns2 conflicts'
finish
