#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node that was away: its log tells what happened meanwhile, of all nodes, also from one that only a
# peer knows; what no log has any more is shown as a hole, and harms nothing.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

for h in ns1 ns2 ns3; do host_new $h; done
restart() { # HOST PEER...
	local h=$1
	shift
	[ -z "${JOB[$h.zonefs]:-}" ] || node_stop "$h"
	local PEERS=("$@")
	node_conf "$h" "keep-versions = 1000" # what is kept is not the question here
	node_start "$h"
}
all_well() { local h; for h; do wait_for 60 node_well "$h" || { on "$h" zonefsctl status; return 1; }; done; }
is_on() { [ "$(sh_on "$1" "cat $2" 2>/dev/null)" = "$3" ]; }
log_of() { on "$1" zonefsctl log -n 1000 "${@:2}"; }
# Paths and versions of what a node's log has, all nodes' names in it.
logged() { log_of "$1" --json | jq -r 'select(.type == "version") | [.node, .path, .version, .what[]] | join(" ")'; }
same_logs() { diff <(logged "$1") <(logged "$2"); }
holes() { log_of "$1" --json | jq -r 'select(.type == "hole") | "\(.node) \(.changes)"'; }
holes_are() { [ "$(holes "$1")" = "$2" ]; }
asks_no_more() { log_of "$1" --json | jq -se 'all(.[]; .looking != true)'; }

# A chain: ns3 knows ns1 only through ns2.
restart ns1 ns2
restart ns2 ns1 ns3
restart ns3 ns2
check "a chain" all_well ns1 ns2 ns3
sh_on ns1 'echo 0 >list; zonefsctl wait'
sh_on ns2 'echo 0 >other; zonefsctl wait'
sh_on ns1 'echo 0 >both; zonefsctl wait'
check "all have it" wait_for 30 same_trees ns1 ns2 ns3

# ---- away

node_stop ns3
for i in $(seq 30); do
	sh_on ns1 "echo $i >list"
	on ns1 zonefsctl wait list >/dev/null
done
sh_on ns1 'mv list renamed; zonefsctl wait; echo new >list; mkdir -p deep/er; echo x >deep/er/file; zonefsctl wait; rm renamed; zonefsctl wait'
sh_on ns2 'for i in 1 2 3; do echo $i >other; zonefsctl wait other; done; chmod 600 other; zonefsctl wait'
sh_on ns2 'for i in 1 2 3; do echo $i >both; zonefsctl wait both; done'
history_of() { on "$1" zonefsctl history "$TREE/list" | cut -d' ' -f1; }
BEFORE=$(history_of ns2)
restart ns3 ns2
check "it is back" all_well ns1 ns2 ns3
check "its log tells what happened meanwhile" wait_for 60 same_logs ns2 ns3
is "each of many saves of one file" "$(log_of ns3 --path list | grep -c ' list: content')" 30
like "who, where and what" "$(log_of ns3)" '  ns1  root \(bash.*\)  list: content, 3 bytes  \[[0-9a-z]+\] \(from a peer.s log\)$'
like "a rename is one" "$(log_of ns3)" 'renamed: .*renamed from list'
is "in the order of time" "$(log_of ns3 --json | jq -s 'map(select(.type == "version").time) | . == sort')" true
is "without a hole" "$(holes ns3)" ""
is "the history there is what it was" "$(history_of ns2)" "$BEFORE"
is "the history here has what was here before and after" "$(history_of ns3)" \
	"$(sed -n '1p;$p' <<<"$BEFORE")"
is "no content came along" "$(on ns3 sh -c 'grep -c . /var/lib/zonefs/objects/*/* 2>/dev/null' | wc -l)" 0

# ---- a new one, and one whose middle was away, too

node_stop ns2
node_stop ns3
sh_on ns1 'for i in 1 2 3 4 5; do echo "$i$i" >list; sleep 0.1; done; for i in 1 2 3; do echo $i >third; sleep 0.1; done'
restart ns3 ns2
restart ns2 ns1 ns3
check "both are back" all_well ns1 ns2 ns3
check "the middle has it from the one, the end from the middle" wait_for 90 eval 'same_logs ns1 ns2 && same_logs ns2 ns3'
host_new ns4
restart ns2 ns1 ns3 ns4
restart ns4 ns2
check "a fourth joins" all_well ns1 ns2 ns3 ns4
check "... and has the log of what was before it" wait_for 60 same_logs ns2 ns4

# ---- a log that nobody has

node_stop ns4
node_stop ns3
sh_on ns1 'for i in 1 2 3; do echo "lost $i" >gone; zonefsctl wait gone; done; echo kept >gone; zonefsctl wait'
# The logs of both forget what is older than a day, but for what is current.
gone_once() { [ "$(log_of "$1" --path $TREE/gone | grep -c '  gone: ')" = 1 ]; }
lose() { # HOST, with a configuration that is made again
	node_stop "$1"
	echo 'keep-age = 1' >>"$T/$1/etc/zonefs/zonefs.conf"
	node_start "$1" ZONEFS_CLOCK_OFFSET=172800
	wait_for 90 gone_once "$1" || bail "$1 keeps its log: $(log_of "$1" --path gone)"
	node_stop "$1"
}
lose ns1
lose ns2
restart ns1 ns2
restart ns2 ns1 ns3 ns4
restart ns3 ns2
check "back among those who have forgotten" wait_for 60 is_on ns3 gone kept
check "what no log has is a hole" wait_for 60 holes_are ns3 "ns1 3"
check "they are asked" wait_for 60 asks_no_more ns3
like "said where, how many, and between when" "$(log_of ns3)" \
	'^-- 3 changes of ns1 between 20[-0-9]+ [:.0-9]+ and 20[-0-9]+ [:.0-9]+ are not in any log that could be reached$'
is "at its place" "$(log_of ns3 | grep -A1 '^-- ' | grep -c ' gone: created, 5 bytes\| gone: content, 5 bytes')" 1
is "the others have none: they were there" "$(holes ns1)$(holes ns2)" ""
is "log --origin has only its own" "$(log_of ns3 --origin ns2 | grep -c '^-- ')" 0
trees_same "all the same" ns1 ns2 ns3
node_stop ns3
like "the stopped node's log has the hole, too" "$(log_of ns3 2>/dev/null)" '^-- 3 changes of ns1 between'
restart ns3 ns2
check "and it remembers the hole" wait_for 30 holes_are ns3 "ns1 3"
# Who has them after all fills it.
restart ns4 ns2
check "the fourth comes back to the same hole" wait_for 60 holes_are ns4 "ns1 3"
finish
