#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# First starts: same or different content, either order, one missing, a newcomer with younger files.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
host_new ns3

# Nodes stopped, trees and stores as on the first day.
afresh() {
	local h
	for h in ns1 ns2 ns3; do
		[ -z "${JOB[$h.zonefs]:-}" ] || node_stop "$h"
		rm -rf "$T/$h$TREE" "$T/$h"/var/lib/zonefs/*
		mkdir -p "$T/$h$TREE/etc"
	done
}
put() { echo "$3" >"$T/$1$TREE/etc/$2" && touch -d "${4:-2020-01-01}" "$T/$1$TREE/etc/$2"; }
get() { sh_on "$1" "cat etc/$2" 2>&1; }
# kept HOST FILE TEXT: this content, of a size of its own, is in the node's history.
kept() { on "$1" "$LIB_DIR/kept.py" /var/lib/zonefs/zonefs.db "etc/$2" "$3"; }
PEERS=(ns1 ns2)

for order in "ns1 ns2" "ns2 ns1"; do
	set -- $order
	afresh
	for h in ns1 ns2; do
		put $h same "the same" 2020-01-01
		put $h only.$h "of $h"
		ln -s same "$T/$h$TREE/etc/link"
	done
	put ns1 differs "older" 2020-01-01
	put ns2 differs "younger" 2021-01-01
	put ns1 differs2 "younger" 2021-01-01
	put ns2 differs2 "older" 2020-01-01
	node_conf ns1
	node_conf ns2
	node_start $1
	sh_on $1 'echo before >etc/early'
	node_start $2
	wait_for 20 node_well ns1
	wait_for 20 node_well ns2
	settle ns1 ns2
	trees_same "(started as $order)" ns1 ns2
	is "what only ns1 had" "$(get ns2 only.ns1)" "of ns1"
	is "what only ns2 had" "$(get ns1 only.ns2)" "of ns2"
	is "of different content the newer" "$(get ns1 differs) $(get ns1 differs2)" "younger younger"
	for h in ns1 ns2; do
		check "$h: the other is in the history" kept $h differs older
		check "$h: as is what is shown" kept $h differs younger
	done
	is "an edit before the second came" "$(get ns2 early) $(get ns1 early)" "before before"
done

# Either may be missing for any time.
afresh
put ns1 imported "established" "2020-01-01"
node_conf ns1
node_conf ns2
node_start ns1
sh_on ns1 'echo alone >etc/a'
check_not "alone, status says that somebody is missing" node_well ns1
node_start ns2
must wait_for 60 node_well ns1
node_stop ns2
sh_on ns1 'echo later >etc/b; rm etc/a; mkdir etc/d; echo x >etc/d/x'
like "wait says who is away" "$(on ns1 zonefsctl wait --timeout 1 etc/b 2>&1)" "ns2.*reached"
node_start ns2
must wait_for 60 node_well ns2
settle ns1 ns2
trees_same "after ns2 was away" ns1 ns2
node_stop ns1
sh_on ns2 'echo two >etc/b; mv etc/d etc/e'
node_start ns1
must wait_for 60 node_well ns1
settle ns1 ns2
trees_same "after ns1 was away" ns1 ns2
is "and has what was done meanwhile" "$(get ns1 b) $(get ns1 e/x)" "two x"

# What was done beneath while it was away is found when it starts: wait waits for that, and for the time that a
# removal takes.
node_stop ns1
rm "$T/ns1$TREE/etc/b"
echo beneath >"$T/ns1$TREE/etc/beneath"
node_conf ns1 "delete-delay = 3000"
node_start ns1
reaches_ns2() { on ns1 zonefsctl peers | grep -q '^ns2 .* reachable'; }
must wait_for 60 reaches_ns2
settle ns1 ns2
is "what was done beneath is waited for" "$(sh_on ns2 'ls etc')" "$(ls "$T/ns1$TREE/etc")"
check "and all is well" wait_for 60 node_well ns1
sh_on ns1 'echo two >etc/b; rm etc/beneath'
settle ns1 ns2

# Both away from each other, both edited: both edits of different files, one of the same.
link_down ns2
sh_on ns1 'echo left >etc/left; echo left >etc/both'
must wait_for 30 taken_in ns1 etc/both left
sh_on ns2 'echo right >etc/right; echo right >etc/both'
check "apart, each has its own" test "$(get ns1 both) $(get ns2 both)" = "left right"
link_up ns2
wait_for 30 same_trees ns1 ns2
trees_same "after they were apart" ns1 ns2
is "edits of both" "$(get ns1 right) $(get ns2 left)" "right left"
like "of the same file one" "$(get ns1 both)" "^(left|right)$"
for h in ns1 ns2; do
	check "$h: both contents of it are in the history" wait_for 60 eval "kept $h both left && kept $h both right"
done

# A third comes with a stale copy whose files are younger.
cp -a "$T/ns1$TREE/etc/b" "$T/ns3$TREE/etc/"
put ns3 b "stale copy" "2030-01-01"
put ns3 both "stale!" "2030-01-01"
put ns3 imported "stale copy" "2030-01-01"
put ns3 only.ns3 "of ns3"
PEERS=(ns1 ns2 ns3)
for h in ns1 ns2 ns3; do node_conf $h; done
node_stop ns1
node_stop ns2
node_start ns1
node_start ns2
node_start ns3
for h in ns1 ns2 ns3; do must wait_for 60 node_well $h; done
settle ns1 ns2 ns3
# Where its own file was younger, the newcomer shows what it installs with a still later time.
trees_same_but_raised "with the newcomer" ns1 ns2 ns3
is "its stale copy replaces nothing" "$(get ns1 b) $(get ns3 b)" "two two"
is "nor what was there before all" "$(get ns1 imported) $(get ns3 imported)" "established established"
check "what it had is in its history" kept ns3 b "stale copy"
check "and in that of the others" wait_for 60 kept ns1 imported "stale copy"
check "on its host no time goes backwards" test "$(sh_on ns3 'stat -c %Y etc/b')" -ge "$(date -d 2030-01-01 +%s)"
is "what only it has is published" "$(get ns2 only.ns3)" "of ns3"

# Nobody to ask: an administrator decides.
afresh
PEERS=(ns1 ns2)
node_conf ns1
node_start ns1
must wait_for 60 on ns1 zonefsctl start-alone
sh_on ns1 'echo decided >etc/a'
put ns2 a "stale copy" "2030-01-01"
node_conf ns2
node_start ns2
must wait_for 60 node_well ns2
settle ns1 ns2
is "who came later takes what was decided" "$(get ns2 a) $(get ns1 a)" "decided decided"
check "and has its own in the history" kept ns2 a "stale copy"
finish
