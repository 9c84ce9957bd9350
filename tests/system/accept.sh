#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A peer from which only some paths are accepted, at the end of a chain: ns1 - ns2 - ns3, and ns2 limits
# ns3. What ns3 changes elsewhere stays there, is said everywhere, and comes in when more is accepted.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

for h in ns1 ns2 ns3; do host_new $h; done
ctl() { on "$1" zonefsctl "${@:2}"; }
on_disk() { file_is "$T/$1$TREE/$2" "$3"; }
logged() { grep -Eq "$2" "$T/$1/zonefs.log"; }
headline() { ctl "$1" status | head -n 1 | grep -Eq "$2"; }
outside() { ctl "$1" status | grep -Eq "^  $2: not taken, since it is outside what is accepted from its author: ns3, $3"; }
# accept LIST: what ns2 accepts from ns3
accept() {
	conf ns2 ns1 ns3
	sed -i "s|^peer \"ns3\" {|&\n  accept = { $1 }|" "$T/ns2/etc/zonefs/zonefs.conf"
}
conf() { # HOST PEER...
	local PEERS=("${@:2}")
	node_conf "$1"
}

conf ns1 ns2
conf ns3 ns2
accept '"etc/ns3/**", "var/named/ns3.*"'
mkdir -p "$T/ns1$TREE/etc/ns3" "$T/ns1$TREE/var/named"
echo root >"$T/ns1$TREE/etc/passwd"
echo stays >"$T/ns1$TREE/etc/stays"
echo zone >"$T/ns1$TREE/var/named/zone"
for h in ns1 ns2 ns3; do node_start $h; done
for h in ns1 ns2 ns3; do check "$h: all is well, for it changes nothing yet" wait_for 60 node_well $h; done
check "it gets the tree" on_disk ns3 etc/passwd root
like "peers says that it is limited" "$(ctl ns2 peers)" '^ns3 .*, limited$'
unlike "... and that ns1 is not" "$(ctl ns2 peers)" '^ns1 .*limited'

# ---- inside, and outside

sh_on ns3 'echo own >etc/ns3/own && echo z >var/named/ns3.zone; zonefsctl wait --timeout 60' >/dev/null
check "what it makes inside is taken" wait_for 60 on_disk ns1 etc/ns3/own own
check "as is a name" wait_for 60 on_disk ns1 var/named/ns3.zone z
sh_on ns3 'echo mine >etc/passwd'
like "wait there says why it is in vain, and for which path" "$(ctl ns3 wait --timeout 60 etc/passwd 2>&1)" \
	'^ns2: .*not taken, since it is outside what is accepted there: /etc/passwd$'
sh_on ns3 'rm -f etc/stays; mkdir etc/new; echo n >etc/new/file; mv etc/ns3/own etc/moved; mv var/named/zone etc/ns3/zone'
sh_on ns3 'echo last >etc/ns3/last'
check "what follows is not held up" wait_for 60 on_disk ns1 etc/ns3/last last
check "a rename to the outside ends at the border" wait_for 60 test ! -e "$T/ns1$TREE/etc/ns3/own"
check "a rename from the outside leaves the old name" on_disk ns1 var/named/zone zone
check "... and makes the new one" wait_for 60 on_disk ns1 etc/ns3/zone zone
for h in ns1 ns2; do
	check "$h: what is outside is as it was" eval "on_disk $h etc/passwd root && on_disk $h etc/stays stays"
	check "$h: ... and nothing is there that was not" test ! -e "$T/$h$TREE/etc/new" -a ! -e "$T/$h$TREE/etc/moved"
	check "$h: status says what is not taken" wait_for 60 outside $h etc/passwd saved
	check "$h: ... deletions too" wait_for 60 outside $h etc/stays deleted
done
check "the log says it" logged ns2 'peer ns3 is limited: its change of /etc/.* is not taken'
check "the first line says whose, and how many" wait_for 60 headline ns2 '^NOT well: ns3 has changed [0-9]+ paths outside what is accepted from it'
check "its own log says that it was not taken" wait_for 60 \
	eval "ctl ns3 log --path etc/passwd | grep -q 'ns2: NOT installed: not taken: outside'"
check "the first line there says that something is not taken" wait_for 60 headline ns3 "^NOT well: ns2 shows another tree, and does not take"
check "ns1, whose peer it is not, is well" wait_for 60 node_well ns1

# ---- neither a lost message nor a restart makes a difference

# versions HOST PATH: how many of ns3's its log tells
versions() { ctl "$1" log -n 1000 --path "$2" --json | jq -s 'map(select(.type == "version" and .node == "ns3")) | length'; }
versions_are() { [ "$(versions "$1" "$2")" = "$3" ]; }
OUTSIDE=$(versions ns2 etc/passwd)
node_stop ns2
for i in first second again; do
	for f in etc/passwd etc/ns3/last; do
		BEFORE=$(versions ns3 $f)
		sh_on ns3 "echo $i >$f"
		must wait_for 60 versions_are ns3 $f $((BEFORE + 1))
	done
done
node_start ns2
check "by a catch-up it is the same: inside it comes" wait_for 60 on_disk ns1 etc/ns3/last again
check "... outside it does not" eval 'on_disk ns1 etc/passwd root && on_disk ns2 etc/passwd root'
check "... and is still said" wait_for 60 outside ns2 etc/passwd saved
check "of the time between, its log is asked for what is inside" wait_for 90 versions_are ns2 etc/ns3/last "$(versions ns3 etc/ns3/last)"
is "... and nothing else of it is taken" "$(versions ns2 etc/passwd)" "$OUTSIDE"
sh_on ns1 'echo later >etc/passwd; zonefsctl wait --timeout 60' >/dev/null
check "what the others save goes to it" wait_for 60 on_disk ns3 etc/passwd later
like "... and what it had is a conflict there" "$(ctl ns3 conflicts)" etc/passwd
unlike "... and nowhere else" "$(ctl ns1 conflicts 2>&1)" etc/passwd
sh_on ns3 'echo later >etc/passwd; zonefsctl wait --timeout 60 etc/passwd' >/dev/null
check "with the others' content there is nothing left to say" wait_for 60 fails outside ns2 etc/passwd saved

# ---- the administrator accepts more

node_stop ns2
accept '"etc/**", "var/named/ns3.*"'
node_start ns2
check "what was refused comes in, with its content" wait_for 60 on_disk ns2 etc/moved own
check "... here and behind" wait_for 60 on_disk ns1 etc/new/file n
check "... deletions too" wait_for 60 test ! -e "$T/ns1$TREE/etc/stays"
sh_on ns3 'echo zone >var/named/zone' # it had moved it away
check "and nothing is left that is not taken" wait_for 60 fails outside ns2 '[^ ]*' ''
check "in the end all trees are identical" wait_for 60 same_trees ns1 ns2
TIMES= # of the file that the limited one has written itself
check "... that of the limited one, too" wait_for 60 same_trees ns2 ns3
for h in ns1 ns2 ns3; do check "$h: all is well again" wait_for 60 node_well $h; done
finish
