#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# After a power cut (processes killed, another kernel, blocks lost): what the disk has lost is put back and
# told to nobody. After a clean end, and after processes alone were killed, the same is an edit.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

back() {
	: >"$T/ns1/zonefs.log"
	node_start ns1
	wait_for 60 node_well ns1 || bail "ns1: $(on ns1 zonefsctl status)"
	settle ns1 ns2
}
beneath() { (cd "$T/ns1$TREE/z" && eval "$1"); }
last_version() { on "$1" zonefsctl log --json -n 100000 | grep '"type":"version"' | tail -n 1; }

host_new ns1
host_new ns2
node_boots ns1
nodes_start ns1 ns2
sh_on ns1 'mkdir -p z/sub && for f in emptied nuls torn older edited gone sub/gone chmod; do echo "$f: first" >z/$f; done
	yes "mixed: first" | head -c 100000 >z/mixed; yes "large: first" | head -c 150000 >z/large; ln -s one z/link'
settle ns1
cp -a "$T/ns1$TREE/z" $T/first
sh_on ns1 'for f in emptied nuls torn older edited gone; do echo "$f: the second version of it" >z/$f; done
	yes "mixed, second" | head -c 110000 >z/mixed; yes "large, second" | head -c 150000 >z/large
	ln -sfn two z/link; chmod 600 z/chmod; echo deleted >z/deleted; echo deleted >z/deleted-too'
settle ns1
cp -a "$T/ns1$TREE/z/deleted" $T/first/
sh_on ns1 'rm z/deleted z/deleted-too'
settle ns1 ns2
cp -a "$T/ns1$TREE/z" $T/second
# What the log of ns2 has, but for what was found damaged, which it asks for, too.
told() { on ns2 zonefsctl log --json -n 100000 | grep '"type":"version"' | grep -vc 'unclean stop'; }
ago=$(told)

# ---- the power cut
node_kill ns1
node_boot ns1
beneath ': >emptied; truncate -s 0 nuls; truncate -s 17 nuls; truncate -s 9 torn; cp -a '$T'/first/older older
	rm -r gone sub; cp -a '$T'/first/deleted deleted; truncate -s 70000 large; ln -sfn one link; touch -h -d -1hour link; chmod 644 chmod
	dd if='$T'/first/mixed of=mixed bs=4096 skip=3 seek=3 count=9 conv=notrunc; echo "edited by somebody" >edited; echo new >new
	: >deleted-too; : >hollow; truncate -s 70000 hollow-nuls; : >hollow-touched; : >hollow-removed' 2>/dev/null
cp -a "$T/ns1$TREE/z" $T/damaged
back
for f in emptied nuls torn older gone large mixed; do
	check "$f: is put back" cmp "$T/ns1$TREE/z/$f" $T/second/$f
done
check "what was lost with its directory" cmp "$T/ns1$TREE/z/sub/gone" $T/second/sub/gone
check_not "what was deleted does not come back" test -e "$T/ns1$TREE/z/deleted"
is "not even empty" "$(ls -d "$T"/ns?$TREE/z/deleted-too 2>/dev/null)" ""
is "a link" "$(readlink "$T/ns1$TREE/z/link")" two
is "a mode" "$(stat -c %a "$T/ns1$TREE/z/chmod")" 600
is "an edit beneath is told" "$(cat "$T/ns2$TREE/z/edited" "$T/ns2$TREE/z/new" | tr '\n' ' ')" "edited by somebody new "
# What no version is known of, and nobody saved as it is: it stays here, over a restart, too.
hollow() { sh_on ns1 'zonefsctl status' | sed -n 's/^ *z\/\([^ ]*\): not told.*/\1/p' | sort | xargs; }
is "new and empty files are listed" "$(hollow)" "hollow hollow-nuls hollow-removed hollow-touched"
like "and counted" "$(on ns1 zonefsctl status | head -n 1)" '; 4 new files empty after an unclean stop, not told'
is "they stay where they are" "$(sh_on ns1 'stat -c "%n %s" z/hollow*' | xargs)" "z/hollow 0 z/hollow-nuls 70000 z/hollow-removed 0 z/hollow-touched 0"
is "and are told to nobody" "$(sh_on ns2 'compgen -G "z/hollow*"')" ""
# What is put back is later here than what the power cut had left there.
RAISED=$(raised_on ns1 ns2)
is "otherwise the trees are identical" "$(diff <(tree_of ns1 | grep -v z/hollow | less_times "$RAISED") <(tree_of ns2 | less_times "$RAISED"))" ""
is "nothing else was told" "$(told)" $((ago + 2))
check "mtimes are as they were" test "$(stat -c %Y "$T/ns1$TREE/z/torn")" -ge "$(stat -c %Y $T/second/torn)"
like "the log says what it takes it for" "$(cat "$T/ns1/zonefs.log")" 'no clean one and the kernel is another one'
like "names each path, and how it was" "$(cat "$T/ns1/zonefs.log")" '/z/torn was cut off or mixed up after an unclean stop.*it is put back; what was there is in its history'
like "status counts them" "$(on ns1 zonefsctl status | head -n 1)" '; 13 paths put back after an unclean stop'
like "and lists them" "$(on ns1 zonefsctl status)" 'z/emptied: put back: after an unclean stop it: was empty'
for f in torn nuls large mixed; do
	v=$(on ns1 zonefsctl history $TREE/z/$f | grep 'unclean stop' | cut -d' ' -f1)
	check "$f: what was there is kept" cmp <(on ns1 zonefsctl show $TREE/z/$f@"$v") $T/damaged/$f
done

node_stop ns1
back
is "after a restart the empty new files are not told either" "$(hollow); $(sh_on ns2 'compgen -G "z/hollow*"')" \
	"hollow hollow-nuls hollow-removed hollow-touched; "
sh_on ns1 'echo "saved again" >z/hollow; touch z/hollow-touched; rm z/hollow-removed z/hollow-nuls'
settle ns1 ns2
is "until somebody saves, touches or removes them" "$(hollow)$(sh_on ns2 'stat -c "%n %s" z/hollow*' | xargs)" "z/hollow 12 z/hollow-touched 0"
trees_same_but_raised "then, too" ns1 ns2

# ---- what a peer saves where a power cut has left an empty file
node_kill ns1
node_boot ns1
beneath ': >theirs; truncate -s 5000 theirs-nuls; : >later; : >later-dir; : >removed'
sh_on ns2 'cd z; echo "of ns2" | tee theirs theirs-nuls >removed; zonefsctl wait; rm removed; zonefsctl wait' >/dev/null
node_start ns1
is_shown() { [ "$(sh_on ns1 "cat z/$1" 2>/dev/null)" = "$2" ] && [ "$(sh_on ns2 "cat z/$1" 2>/dev/null)" = "$2" ]; }
hollow_is() { [ "$(hollow)" = "$1" ]; }
for f in theirs theirs-nuls; do check "$f: it does not wait for anybody, nor lose to that" wait_for 90 is_shown $f "of ns2"; done
check "only what nobody has saved is listed" wait_for 90 hollow_is "later later-dir"
sh_on ns2 'cd z; echo later >later; mkdir later-dir; echo in >later-dir/in'
check "nor does what is saved when it has been listed" wait_for 90 is_shown later later
check "be it a directory" wait_for 90 is_shown later-dir/in in
check "then these are not listed either" wait_for 90 hollow_is ""
check_not "nor is there what a peer has removed" test -e "$T/ns1$TREE/z/removed"
check "all is well" wait_for 60 node_well ns1
is "and there is no conflict" "$(on ns1 zonefsctl conflicts; on ns2 zonefsctl conflicts)" "$(echo no conflicts; echo no conflicts)"
settle ns1 ns2

# ---- processes alone are killed: the page cache is not lost
node_kill ns1
beneath 'cp '$T'/first/older older; : >emptied; rm gone'
back
is "after a kill alone, an older version is an edit" "$(cat "$T/ns2$TREE/z/older")" "older: first"
is "an emptied file, too" "$(cat "$T/ns2$TREE/z/emptied")" ""
check_not "and a removal" test -e "$T/ns2$TREE/z/gone"
trees_same_but_raised "after a kill" ns1 ns2

# ---- a clean end, and another kernel
sh_on ns1 'echo third >z/older; echo third >z/emptied'
settle ns1
node_stop ns1
check "a clean end leaves its mark" test -e "$T/ns1/var/lib/zonefs/clean"
node_boot ns1
beneath 'echo "older: first" >older; : >emptied'
back
check_not "which is gone when it is mounted" test -e "$T/ns1/var/lib/zonefs/clean"
is "after a clean end, it is an edit" "$(cat "$T/ns2$TREE/z/older" "$T/ns2$TREE/z/emptied")" "older: first"
unlike "and nothing is suspected" "$(cat "$T/ns1/zonefs.log")" 'no clean one'
trees_same_but_raised "at the end" ns1 ns2
unlike "what was asked for meanwhile could be read" "$(cat "$T"/ns?/zonefs.log)" 'sent what is no message'
finish
