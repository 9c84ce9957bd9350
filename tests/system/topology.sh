#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A pair grows by configuration alone, into a chain and a star; what is deleted is remembered for a node
# that is away, until that is forgotten; and when it comes back it brings nothing back.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

for h in ns1 ns2 ns3 ns4; do host_new $h; done
DAYS=0
restart() { # HOST PEER...
	local h=$1
	shift
	[ -z "${JOB[$h.zonefs]:-}" ] || node_stop "$h"
	local PEERS=("$@")
	node_conf "$h"
	node_start "$h" ZONEFS_CLOCK_OFFSET=$((DAYS * 86400))
}
ctl() { on "$1" zonefsctl "${@:2}"; }
all_well() { local h; for h; do wait_for 30 node_well "$h" || { ctl "$h" status; return 1; }; done; }
has() { sh_on "$1" "cat '$2'"; }
is_on() { [ "$(has "$1" "$2" 2>/dev/null)" = "$3" ]; }
nowhere() { local h p=$1; shift; for h; do sh_on "$h" "[ ! -e '$p' ]" || return 1; done; }
tombstones() { ctl "$1" status --json | sed -n 's/.*"type":"node".*"tombstones":\([0-9]*\).*/\1/p'; }
tombstones_are() { [ "$(tombstones "$1")" = "$2" ]; }
# HOST MSEC: how long it has been up, by its own clock.
up_for() {
	local since now
	read -r since now < <(ctl "$1" status --json |
		sed -n 's/.*"type":"node".*"started":\([0-9]*\),"now":\([0-9]*\).*/\1 \2/p')
	[ $((now - since)) -ge "$2" ]
}
spokes_are_everywhere() {
	local a b
	for a in ns1 ns3 ns4; do for b in ns1 ns2 ns3 ns4; do is_on $b etc/star/$a $a || return 1; done; done
}
conflict_on() { ! ctl "$1" conflicts >"$T/said" && [ "$(grep -c '^etc/' "$T/said")" = 1 ]; }

# ---- a pair

mkdir -p "$T/ns1$TREE/etc"
echo first >"$T/ns1$TREE/etc/first"
restart ns1 ns2
restart ns2 ns1
check "a pair" all_well ns1 ns2
sh_on ns1 'mkdir -p etc/old && for i in $(seq 20); do echo $i >etc/old/$i; done'
settle ns1 # ns2 has it, too
sh_on ns2 'rm etc/old/20'
settle ns1 ns2

# ---- a third that only ns2 knows: a chain

mkdir -p "$T/ns3$TREE/etc"
echo mine >"$T/ns3$TREE/etc/of3"
restart ns2 ns1 ns3
restart ns3 ns2
check "a third joins by configuration alone" all_well ns1 ns2 ns3
trees_same "in a chain" ns1 ns2 ns3
is "what only the third had is at the other end" "$(has ns1 etc/of3)" mine
sh_on ns1 'echo "from ns1" >etc/of1; mv etc/old/1 etc/one; mkdir etc/new; rm etc/old/2'
check "edits travel along the chain" wait_for 20 is_on ns3 etc/of1 "from ns1"
check "... renames, directories and deletions as well" wait_for 20 eval \
	'is_on ns3 etc/one 1 && sh_on ns3 "[ -d etc/new ]" && nowhere etc/old/1 ns3 && nowhere etc/old/2 ns3'
sh_on ns3 'echo "from ns3" >etc/of3; chmod 600 etc/first'
check "and back" wait_for 20 eval 'is_on ns1 etc/of3 "from ns3" && [ "$(sh_on ns1 "stat -c %a etc/first")" = 600 ]'
check "in the middle, too" wait_for 20 same_trees ns1 ns2 ns3
check "status names the far end" wait_for 20 eval 'ctl ns1 status | grep -q "ns3  *known through the peers, last heard"'
like "... of whose zones nothing is known here" "$(ctl ns1 status --zones)" '^  ns3 is known through the peers: ask it'
sh_on ns1 'echo waited >etc/waited'
SAID=$(sh_on ns1 'zonefsctl wait etc/waited')
is "wait says for whom it has waited" "$(grep -c '^ns2: has it$' <<<"$SAID")" 1
like "... and for whom not" "$SAID" '^ns3: is no peer of this node: not waited for$'

check "wait --all waits until the far end has heard of it" sh_on ns1 'echo more >etc/waited; zonefsctl wait --all --timeout 60'
like "... and says so" "$(sh_on ns1 'echo yet more >etc/waited; zonefsctl wait --all --timeout 60')" \
	'^ns3: is no peer of this node; it has heard of it$'
check "it has" wait_for 20 is_on ns3 etc/waited "yet more"
pause_replicator() { kill -STOP "$(replicator_pid ns3)"; }
pause_replicator
SAID=$(sh_on ns1 'echo unheard >etc/waited; zonefsctl wait --all --timeout 5' 2>&1)
kill -CONT "$(replicator_pid ns3)"
like "what has not heard of it is named" "$SAID" '^ns3: is no peer of this node, and is not known to have heard of it$'
like "which is a failure" "$SAID" 'not all nodes behind them are known to have heard of it'
check "and it comes" wait_for 30 is_on ns3 etc/waited unheard

# The middle is away: both ends go on, and meet when it is back.
node_stop ns2
# (What ns3 writes is the later one, in its time and in its version: so it is the same everywhere. Else a node that has
# shown a later time would show one later still.)
sh_on ns1 'echo apart >etc/apart1; echo one >etc/both; zonefsctl wait --timeout 30' >/dev/null
sh_on ns3 'echo apart >etc/apart3; echo three >etc/both; rm etc/old/3'
restart ns2 ns1 ns3
check "with the middle away the ends go on, and meet later" wait_for 60 same_trees ns1 ns2 ns3
is "nothing of either is lost" "$(has ns3 etc/apart1)$(has ns1 etc/apart3)" apartapart
nowhere etc/old/3 ns1 ns2 ns3 && ok "what was deleted is gone" || not_ok "what was deleted is gone"
for h in ns1 ns2 ns3; do check "what both wrote is a conflict on $h" conflict_on $h; done
sh_on ns1 'echo resolved >etc/both'
check "resolved at one end" wait_for 20 is_on ns3 etc/both resolved
for h in ns1 ns2 ns3; do check "... it is on $h" on $h zonefsctl conflicts; done

# ---- a fourth: ns2 is the middle of a star

restart ns2 ns1 ns3 ns4
restart ns4 ns2
check "a fourth joins" all_well ns1 ns2 ns3 ns4
check "... a star" wait_for 20 same_trees ns1 ns2 ns3 ns4
for h in ns1 ns3 ns4; do sh_on $h "mkdir -p etc/star; echo $h >etc/star/$h"; done
check "edits at each end are at all others" wait_for 20 spokes_are_everywhere
trees_same "in a star" ns1 ns2 ns3 ns4

# ---- what is deleted is remembered for who is away

settle ns1 ns2 ns3 ns4
is "forget does not take a peer that is up" "$(ctl ns1 forget -y ns2 2>&1 | grep -c 'ns2 can be reached')" 1
must wait_for 60 eval 'ctl ns1 status --json | grep -q "\"type\":\"known\",\"node\":\"ns4\""'
like "... nor what others have heard lately" "$(ctl ns1 forget -y ns4 2>&1)" 'ns4 was heard .* ago by a node that has it as a peer'
like "... nor itself" "$(ctl ns1 forget -y ns1 2>&1)" 'ns1 is this node itself'
like "... nor what nobody knows" "$(ctl ns1 forget -y ns9 2>&1)" 'no node "ns9" is known here'
node_stop ns4
sh_on ns1 'rm -r etc/old etc/star'
check "deleted while one is away" wait_for 20 nowhere etc/old ns1 ns2 ns3
DAYS=2 # two days later
restart ns1 ns2
restart ns2 ns1 ns3 ns4
restart ns3 ns2
kept() { ctl "$1" status | grep -Eq "^  ns4 .*last heard 2 d ago; [0-9]+ deletions are kept for it"; }
check "status says for whom deletions are kept" wait_for 30 kept ns1
check "... who has it as a peer too" wait_for 30 kept ns2
check "... and that it may be gone for good" wait_for 20 eval 'ctl ns3 status | head -1 | grep -q "ns4 was not heard by anybody for 2 d"'
# Once they are through with what all have acknowledged, what is left is kept for ns4 alone.
check "they know of each other that they have them" wait_for 30 eval \
	'[ "$(ctl ns1 status --json | grep -c "\"type\":\"known\".*\"kept\":0")" = 2 ]'
# Ten seconds after a start they are gone through for the first time.
check "they have been gone through" wait_for 60 up_for ns1 12000
check "they are kept" test "$(tombstones ns1)" -ge 20
R=$(ctl ns1 forget ns4 2>&1 </dev/null)
like "forget asks first" "$(xargs <<<"$R")" "deletions are kept for it.* nothing was done: without a terminal"
is "... and then does nothing" "$(ctl ns1 status --json | grep -c '"forgotten":true')" 0
R+=$'\n'$(ctl ns1 forget -y ns4 2>&1)
like "it says what it did" "$R" "^ns4 is forgotten here, and on the other nodes"
shown zonefsctl.8 'zonefsctl forget ns3' "$R"
check "what was deleted is forgotten" wait_for 30 tombstones_are ns1 0
for h in ns2 ns3; do check "... on $h too, which was not told by hand" wait_for 90 tombstones_are $h 0; done
check_not "it is forgotten once" on ns1 zonefsctl forget -y ns4
unlike "status speaks of it no longer" "$(ctl ns3 status)" 'ns4'

# ---- it comes back

sh_on ns1 'echo later >etc/later'
echo "while it was away" >"$T/ns4$TREE/etc/saved4" # nobody's mount is over it
is "it still has what was deleted" "$(cat "$T/ns4$TREE/etc/old/5")" 5
restart ns4 ns2
check "forgotten and back, it is as any other" all_well ns1 ns2 ns3 ns4
check "all are the same" wait_for 30 same_trees ns1 ns2 ns3 ns4
nowhere etc/old ns1 ns2 ns3 ns4 && ok "nothing has come back" || not_ok "nothing has come back"
is "what was saved there meanwhile is everywhere" "$(has ns1 etc/saved4) $(has ns4 etc/later)" "while it was away later"
check "the others say so" wait_for 60 grep -q "node ns4 was forgotten, and is back" "$T/ns2/zonefs.log"
check "and it too" wait_for 60 grep -q "the other nodes had forgotten this one" "$T/ns4/zonefs.log"
finish
