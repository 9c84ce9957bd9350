#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Replication by hand: paused, nothing comes and nothing goes; resumed, both sides catch up, and nothing
# that was saved meanwhile is lost.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
host_new ns3
ALL="ns1 ns2 ns3"
nodes_start $ALL
sh_on ns1 'mkdir -p etc/p; echo base >etc/p/both; echo base >etc/p/gone; head -c 300000 /dev/urandom >etc/p/large'
settle $ALL

R=$(on ns1 zonefsctl pause)
like "pause says what it means" "$R" "until zonefsctl resume"
shown zonefsctl.8 'zonefsctl pause' "$R"
shown_soon zonefsctl.8 'zonefsctl status | head -1' sh_on ns1 'zonefsctl status | head -1'
like "status has it as the first reason, since when and by whom" "$SAID" \
	"^NOT well: replication is paused on this node since [0-9.]+ (ms|s) by root"
check_not "and as its exit status" node_well ns1
check "the peers say so too" wait_for 60 eval 'on ns2 zonefsctl status | head -1 | grep -q "replication is paused on ns1"'
like "also in the list of peers" "$(on ns2 zonefsctl peers)" "^ns1 .* paused$"
check_not "paused twice is an error" on ns1 zonefsctl pause
check "verify works on" on ns1 zonefsctl verify

# ---- work on all sides
sh_on ns1 'echo "from ns1" >etc/p/ns1; echo "ns1 says" >etc/p/both; rm etc/p/gone; mv etc/p/large etc/p/larger; mkdir etc/p/d; echo f >etc/p/d/f'
must wait_for 30 taken_in ns1 etc/p/both "ns1 says"
sh_on ns2 'echo "from ns2" >etc/p/ns2; echo "ns2 says" >etc/p/both; head -c 300000 /dev/urandom >etc/p/large2'
check_not "a wait on the paused node fails" on ns1 zonefsctl wait --timeout 5
like "at once, and says why" "$(on ns1 zonefsctl wait --timeout 5 2>&1)" "replication is paused here"
OUT=$(on ns2 zonefsctl wait --timeout 20 2>&1)
is "a wait on a peer does not wait for it" $? 0
like "but names it" "$OUT" "ns1: replication is paused there"
is "the others go on with each other" "$(sh_on ns3 'cat etc/p/ns2 etc/p/both' | xargs)" "from ns2 ns2 says"
like "what is edited on the paused node is in its history" "$(on ns1 zonefsctl history etc/p/ns1)" "content|created"
like "and who did it in its log" "$(on ns1 zonefsctl log --path etc/p/gone -n 1)" "deleted"

# Three beats with a peer that has more: it is not asked for.
beats() { on ns1 zonefsctl status --json | /usr/bin/python3 -c 'import json, sys
print(sum(json.loads(l).get("bytes_in", 0) for l in sys.stdin))'; }
first=$(beats)
more_beats() { [ "$(beats)" -gt $((first + 1000)) ]; }
check "the links stay up" wait_for 20 more_beats
is "nothing comes" "$(sh_on ns1 'ls etc/p; cat etc/p/both' | xargs)" "both d larger ns1 ns1 says"
is "nothing goes" "$(sh_on ns3 'ls etc/p' | xargs)" "both gone large large2 ns2"

# ---- it outlives a restart, be it a crash
node_stop ns1
node_start ns1
R=$(replicator_pid ns1)
kill -9 "$R"
another() { [ "$(replicator_pid ns1 || echo "$R")" != "$R" ]; }
must wait_for 20 another
must wait_for 20 eval 'on ns1 zonefsctl peers | grep -c " reachable$" | grep -q 2'
like "paused over a restart, by the same" "$(on ns1 zonefsctl status | head -1)" "^NOT well: replication is paused on this node since .* by root"
check "its peers hear of it again" wait_for 60 eval 'on ns3 zonefsctl peers | grep -q "^ns1 .* paused$"'
is "still nothing has come" "$(sh_on ns1 'ls etc/p' | xargs)" "both d larger ns1"
is "nor gone" "$(sh_on ns2 'ls etc/p' | xargs)" "both gone large large2 ns2"

# ---- resumed
R=$(on ns1 zonefsctl resume)
like "resume says what it does" "$R" "catch up"
shown zonefsctl.8 'zonefsctl resume' "$R"
check_not "resumed twice is an error" on ns1 zonefsctl resume
check "all catch up" wait_for 30 same_trees $ALL
is "nothing of either side is lost" "$(sh_on ns3 'ls etc/p; cat etc/p/ns1 etc/p/ns2' | xargs)" "both d large2 larger ns1 ns2 from ns1 from ns2"
like "what both have changed is a conflict, with both versions" "$(on ns3 zonefsctl conflicts)" "etc/p/both"
for h in $ALL; do check "$h is well" wait_for 30 node_well $h; done
is "and nobody was thought lost" "$(grep -c 'not reachable any more' "$T/ns2/zonefs.log" | tr '\n' ' ')" "$(grep -c 'peer ns1 is reachable' "$T/ns2/zonefs.log" | awk '{print $1 - 1}') "
finish
