#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A peer that only receives: it gets everything; what is changed there stays there, and both sides say so.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
ctl() { on "$1" zonefsctl "${@:2}"; }
on_disk() { file_is "$T/$1$TREE/$2" "$3"; }
refused() { ctl ns1 status | grep -Eq "^  refused +$1 changes? of its own"; }

node_conf ns1
node_conf ns2
sed -i 's/^  key .*/&\n  receive-only = true/' "$T/ns1/etc/zonefs/zonefs.conf"
mkdir -p "$T/ns1$TREE/etc"
echo zone >"$T/ns1$TREE/etc/zone"
node_start ns1
check "nobody waits for a peer that only receives" wait_for 20 grep -q "this node has joined" "$T/ns1/zonefs.log"
node_start ns2
check "it gets the tree" wait_for 30 on_disk ns2 etc/zone zone
check "all is well with it" wait_for 30 node_well ns1
check "there as well" wait_for 30 node_well ns2

sh_on ns2 'echo "not taken" >etc/zone; echo own >etc/own; rm -f etc/none'
check "the log says what was not taken" wait_for 20 grep -q "peer ns2 is receive-only: its change of /etc/" "$T/ns1/zonefs.log"
check "status counts it" wait_for 20 refused 2
check "... and is not well" wait_for 20 eval 'ctl ns1 status | head -1 | grep -q "ns2 is receive-only, and has changes of its own"'
in_vain() { ctl ns2 wait --timeout 1 2>&1 | grep -Eq '^ns1: .*receive-only there: nothing is taken'; }
check "wait there says why it is in vain" wait_for 60 in_vain
sh_on ns1 'echo later >etc/later; zonefsctl wait --timeout 20 etc/later' >/dev/null
check "it goes on getting what is saved here" wait_for 60 on_disk ns2 etc/later later
sh_on ns2 'rm etc/later etc/zone'
check "what it deletes is refused too" wait_for 20 refused 4
check "what is here is as it was" on_disk ns1 etc/zone zone
check "... and nothing of its own has come" test ! -e "$T/ns1$TREE/etc/own" -a -e "$T/ns1$TREE/etc/later"

# Not by a catch-up either.
node_stop ns1
sh_on ns2 'echo more >etc/own'
node_start ns1
sh_on ns1 'echo again >etc/again; zonefsctl wait --timeout 20 etc/again' >/dev/null
check "after a restart it gets what is saved here" wait_for 20 on_disk ns2 etc/again again
check "and nothing has come from it" test ! -e "$T/ns1$TREE/etc/own"
check "which is said" wait_for 20 eval 'ctl ns1 status | head -1 | grep -q "ns2 is receive-only, and has changes of its own"'

# The administrator changes his mind.
sed -i '/receive-only/d' "$T/ns1/etc/zonefs/zonefs.conf"
node_stop ns1
node_start ns1
check "a peer again as any other, its changes come" wait_for 30 same_trees ns1 ns2
check "both are well" wait_for 30 node_well ns1
finish
