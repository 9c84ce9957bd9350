#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How far a catch-up has come is in status, over a link that is slow; cut off, it is not; and when it is
# over nothing of it stays.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
nodes_start ns1 ns2
slow_links ns1
status() { on ns2 zonefsctl status --json; }
# What jq says of the peer, or of the node.
peer() { jq -en "inputs | select(.type == \"peer\") | $1" < <(status); }
node() { jq -en "inputs | select(.type == \"node\") | $1" < <(status); }
COUNT=8000
SIZE=24000000

node_stop ns2
on ns1 bash -c "cd $TREE && mkdir many && for i in \$(seq $COUNT); do echo >many/f\$i; done"
head -c $SIZE /dev/urandom >"$T/big"
on ns1 cp "$T/big" $TREE/big
on ns1 chmod 600 $TREE/big
check "a tree to be caught up with" wait_for 120 on ns1 zonefsctl wait --timeout 1
link_slow ns1 1mbit # so that three questions are asked while it lasts
link_down ns1
node_start ns2
link_up ns1
check "status says how many entries it has of how many" wait_for 90 peer \
	".catching_up | .taken > 0 and .taken < .of and .of >= $COUNT and .of < $COUNT + 100"
like "in words, too" "$(on ns2 zonefsctl status)" '^  catch-up   [0-9]+ of 80[0-9]{2} entries taken, since [0-9]'
is "since when" "$(peer '.catching_up.since > 1700000000000 and .catching_up.since <= now * 1000')" true
A=$(peer .catching_up.taken)
check "it goes on" wait_for 90 peer ".catching_up == null or .catching_up.taken > $A"
link_down ns1
check "cut off, nothing is being taken" wait_for 60 peer '.reachable == false and .catching_up == null and .contents_asked == null'
link_slow ns1 8mbit
link_up ns1
check "contents: how many, how much of it" wait_for 120 node \
	".fetching | .contents >= 1 and .fetched_bytes > 1000000 and .bytes > 0 and .bytes + .fetched_bytes >= $SIZE and .bytes + .fetched_bytes < $SIZE + 100000"
like "in words, too" "$(on ns2 zonefsctl status)" '^  fetching   [0-9]+ contents? to come, [0-9.]+ [KM]iB; [0-9]+ came since [0-9.]+ m?s, [0-9.]+ [KM]iB$'
check "and from whom" wait_for 60 peer '.contents_asked > 0'
like "the first line says that it is not settled" "$(on ns2 zonefsctl status | head -1)" '^(not settled yet|NOT well): '
link_down ns1
check "cut off, what is to come is still said" wait_for 60 node \
	'.fetching.contents >= 1 and .fetching.nowhere >= 1 and .fetching.bytes > 0'
like "and that nobody has it" "$(on ns2 zonefsctl status)" 'of those to come no peer that can be reached has [0-9]+$'
check_not "it is not asked of anybody" peer '.contents_asked > 0'
link_fast ns1
link_up ns1
check "it comes to an end" wait_for 120 node_well ns2
check "and then nothing of it is said" node '.fetching == null'
check "... of no peer" peer '.catching_up == null and .contents_asked == null'
trees_same "at the end" ns1 ns2
finish
