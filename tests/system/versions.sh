#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Nodes of different protocol versions: each refuses the other in words, in its log and in status; nothing is
# exchanged and nothing is lost, and once the older one is upgraded they are peers.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
OTHER=$T/other
mkdir $OTHER
install -m 755 "$B/zonefs" "$B/zonefsctl" "$B/other/zonefs-replicator" $OTHER/
for h in ns1 ns2; do
	mkdir -p "$T/$h$TREE/etc"
	echo "of $h" >"$T/$h$TREE/etc/only.$h"
	node_conf $h
done
logged() { grep -Eq "$2" "$T/$1/zonefs.log"; }
first() { on "$1" zonefsctl status | head -n 1; }
says() { first "$1" | grep -Eq "$2"; }

node_start ns1
BIN=$OTHER node_start ns2
V=$(sed -n 's/^#define WIRE_VERSION //p' "$TOP/replicator/wire/message.h")
ONE="node ns1 speaks protocol version $V, node ns2 version 99"
TWO="node ns2 speaks protocol version 99, node ns1 version $V"
check "the one refuses the other, and its log says why" wait_for 30 logged ns1 "error: peer ns2 is refused: $ONE; upgrade the older one"
check "so does the other" wait_for 30 logged ns2 "error: peer ns1 is refused: $TWO; upgrade the older one"
check "status says it in its first line" wait_for 30 says ns1 "^NOT well: .*ns2 .*: .*($ONE|$TWO)"
check "on both sides" wait_for 30 says ns2 "^NOT well: .*ns1 .*: .*($ONE|$TWO)"
for h in ns1 ns2; do
	check_not "$h: by its exit status, too" node_well $h
	on $h zonefsctl start-alone
done
for h in ns1 ns2; do check "$h goes on by itself" wait_for 20 eval "! says $h 'joining'"; done
sh_on ns1 'echo one >etc/edited.ns1'
sh_on ns2 'echo two >etc/edited.ns2'
like "wait says who is not told" "$(on ns1 zonefsctl wait --timeout 3 2>&1)" "^ns2: .*reached"
is "nothing is exchanged" "$(cd $T && echo ns1$TREE/etc/*.ns2 ns2$TREE/etc/*.ns1)" "ns1$TREE/etc/*.ns2 ns2$TREE/etc/*.ns1"
is "the log has it once" "$(grep -c 'peer ns2 is refused' "$T/ns1/zonefs.log")" 1

# Upgraded, while the other goes on running.
node_stop ns1
must wait_for 60 eval 'on ns2 zonefsctl peers | grep -q "^ns1 .* unreachable"'
BIN=$OTHER node_start ns1
for h in ns1 ns2; do check "upgraded: $h is well" wait_for 30 node_well $h; done
is "which the log says, once" "$(grep -c 'peer ns1 speaks this protocol now' "$T/ns2/zonefs.log")" 1
settle ns1 ns2
trees_same "" ns1 ns2
is "with what each had, and did alone" "$(cat "$T/ns1$TREE"/etc/* | xargs)" "one two of ns1 of ns2"
finish
