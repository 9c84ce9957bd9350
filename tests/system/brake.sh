#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The safety brake on real mounts: a tree that is emptied by mistake stays on the peer, and comes back.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
mkdir -p "$T/ns1$TREE/etc"
echo kept >"$T/ns1$TREE/etc/keep"
BRAKE_SHARE=25
# Up to 20 removals are told as ever when their delete-delay is over: on a slow machine that could be before
# the 21st has come, and so many fewer would be held.
for h in ns1 ns2; do node_conf $h "delete-delay = 5000"; done
for h in ns1 ns2; do node_start $h; done
for h in ns1 ns2; do must wait_for 60 node_well $h; done

fill() { sh_on ns1 'mkdir -p zones/deep && for i in $(seq 60); do echo "zone $i" >zones/deep/$i; done'; settle ns1 ns2; }
held() { on ns1 zonefsctl status | grep -q "safety brake holds $1 removals"; }
count() { sh_on "$1" 'find zones -type f 2>/dev/null | wc -l'; }

fill
is "the tree is on both" "$(count ns2)" 60

sh_on ns1 'rm -r zones'
check "what would empty the tree is held" wait_for 60 held 62
is "nothing is gone on the peer" "$(count ns2)" 60
check_not "status says so by its exit status" on ns1 zonefsctl status
shown_soon zonefsctl.8 'zonefsctl status | head -1' sh_on ns1 'zonefsctl status | head -1'
like "held lists the paths" "$(on ns1 zonefsctl held)" '^zones/deep/60  .*deleted'
check_not "and says so by its exit status" on ns1 zonefsctl held
check "the log says what to do" grep -q "safety brake: .*zonefsctl approve" "$T/ns1/zonefs.log"

sh_on ns1 'echo saved >etc/keep; zonefsctl wait --timeout 20 etc/keep' >/dev/null
is "other edits go on" "$(sh_on ns2 'cat etc/keep')" saved

# waits SECONDS ARGUMENTS...: its words, and its status; what is held cannot become more by waiting.
waits() { sh_on ns1 "zonefsctl wait --timeout $* 2>&1; echo status \$?"; }
held_words="ns1: the safety brake holds 62 removals, which no peer has: zonefsctl held"
out=$(waits 3600)
like "wait says that removals are held" "$out" "^$held_words\$"
like "and that not all is told" "$out" '^status 1$'
like "so it does for a directory that is held" "$(waits 3600 zones)" "^$held_words\$"
out=$(waits 3600 zones/deep/60)
like "and for one path" "$out" "holds 1 removal,"
like "which is a failure too" "$out" '^status 1$'
like "of a path that is not held it says nothing" "$(waits 20 etc/keep)" '^status 0$'

node_stop ns1
node_start ns1
check "a restart releases nothing" wait_for 60 held 62
is "and the peer has all" "$(count ns2)" 60

R=$(on ns1 zonefsctl discard)
like "discard says what it does" "$R" "62 paths: put back"
shown zonefsctl.8 'zonefsctl discard' "$R"
check "and puts it back" wait_for 60 eval '[ "$(count ns1)" = 60 ]'
check "then all is well" wait_for 60 node_well ns1
trees_same "after discard" ns1 ns2
is "held has nothing more" "$(on ns1 zonefsctl held)" "nothing is held"
like "and wait is a success again" "$(waits 20)" '^status 0$'

sh_on ns2 'for f in zones/deep/*; do : >$f; done'
check "files that are emptied are held too" wait_for 60 eval 'on ns2 zonefsctl status | grep -q "holds 60 removals"'
is "one file can be decided for itself" \
	"$(sh_on ns2 'zonefsctl approve zones/deep/7')" "1 path: the removal goes to the peers"
check "it is told" wait_for 60 eval '[ ! -s "$T/ns1$TREE/zones/deep/7" ] && sh_on ns1 "[ ! -s zones/deep/7 ]"'
is "the others are not" "$(sh_on ns1 'cat zones/deep/8')" "zone 8"
is "nor is a part of them" "$(sh_on ns2 'zonefsctl approve zones/deep/[1-4]*')" "44 paths: the removal goes to the peers"
node_stop ns2
node_start ns2
check "no more than would be told otherwise, they are held after a restart, too" \
	wait_for 60 eval 'on ns2 zonefsctl status | grep -q "holds 15 removals"'
is "... and not told" "$(sh_on ns1 'cat zones/deep/8')" "zone 8"
like "the rest is put back" "$(on ns2 zonefsctl discard)" "15 paths"
check "and is there" wait_for 60 eval '[ "$(sh_on ns2 "cat zones/deep/8")" = "zone 8" ]'
check "all is well again" wait_for 60 node_well ns2

sh_on ns1 'rm -r zones'
check "once more" wait_for 60 held 62
like "approve says what it does" "$(on ns1 zonefsctl approve)" "62 paths: the removal goes to the peers"
check "and the peer removes it" wait_for 60 eval 'sh_on ns2 "[ ! -e zones ]"'
check_not "nothing to approve is a failure" on ns1 zonefsctl approve
fill
sh_on ns1 'rm zones/deep/[1-9]; zonefsctl wait --timeout 20' >/dev/null
check "a few are told as ever" sh_on ns2 '[ ! -e zones/deep/9 ]'
trees_same "at the end" ns1 ns2
finish
