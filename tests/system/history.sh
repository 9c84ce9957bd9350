#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two hosts, cut off from each other and edited on both sides: what is listed, how it is resolved; and
# what was there before: shown, compared, brought back, on both hosts, with named serving it.
. "$(dirname "$0")/lib.sh"
world_enter "$@"
HOOK=bind

host_new ns1
host_new ns2
for h in ns1 ns2; do chroot_make $h; done
chroot_fill ns1
zone_stanza a.test >>"$T/ns1$TREE/etc/named.conf"
zone_text a.test 1000 >"$T/ns1$TREE/var/named/a.test.zone"
chown root:bind "$T/ns1$TREE/var/named/a.test.zone"
must chmod 664 "$T/ns1$TREE/var/named/a.test.zone"
# So that what sed makes before its rename is never told by itself.
for h in ns1 ns2; do node_conf $h "delete-delay = 1000"; done
for h in ns1 ns2; do node_start $h; done
check "ns2 has the zone" wait_for 20 test -e "$T/ns2$TREE/var/named/a.test.zone"
check "and the key" wait_for 20 test -e "$T/ns2$TREE/etc/rndc.key"
check "and the configuration" wait_for 20 test -e "$T/ns2$TREE/etc/named.conf"
named_start ns1
named_start ns2
for h in ns1 ns2; do
	wait_for 60 node_well $h || note "$(on $h zonefsctl status)"
	is "$h serves" "$(serial_on $h a.test)" 1000
done
Z=var/named/a.test.zone
ctl() { local h=$1; shift; sh_on "$h" "zonefsctl $*" 2>&1; }
# The name of the version of $2 that is on line $3 of its history on $1.
nth() { ctl "$1" "history $2" | sed -n "$3p" | cut -d' ' -f1; }

# History: the same names everywhere, contents, differences.
for n in 1001 1002; do
	sh_on ns1 "sed -i 's/ $((n - 1)) / $n /' $Z"
	check "saved as $n, and served" on ns1 zonefsctl wait --served --timeout 30
done
is "ns2 serves it" "$(serial_on ns2 a.test)" 1002
H=$(ctl ns1 history $Z)
is "three versions" "$(wc -l <<<"$H")" 3
like "who and what" "$(tail -n1 <<<"$H")" '^[0-9a-z]{6}  20.* ns1  root \(sed.*content, .*<- now$'
is "the last ones have the same names on ns2" "$(ctl ns2 history $Z | tail -n2 | cut -d' ' -f1)" \
	"$(tail -n2 <<<"$H" | cut -d' ' -f1)"
shown README.md 'zonefsctl history var/named/a.test.zone' "$H"
shown README.md 'zonefsctl diff var/named/a.test.zone' "$(ctl ns1 diff $Z)"
shown_soon zonefsctl.8 'zonefsctl log --path /var/named/chroot/var/named -n 1' ctl ns1 log --path $TREE/var/named -n 1
V2=$(nth ns1 $Z 2) V3=$(nth ns1 $Z 3)
like "show: what it held" "$(ctl ns2 show $Z@$V2)" ' 1001 '
is "the beginning of a name is enough, in capitals too" \
	"$(ctl ns1 show $Z@"$(cut -c1-5 <<<"$V2" | tr a-z A-Z)" | md5sum)" "$(ctl ns1 show $Z@$V2 | md5sum)"
like "diff: what was changed last" "$(ctl ns1 diff $Z)" '^\+.* 1002 '
like "diff: since a version" "$(ctl ns2 diff $Z@$V2)" '^-.* 1001 '
like "diff: between two" "$(ctl ns1 diff $Z@$V3 @$V2)" '^\+.* 1001 '
check_not "an unknown version is refused" ctl ns1 show $Z@zzzzzz
like "and those there are, are named" "$(ctl ns1 show $Z@zzzzzz)" "there are: .*$V2 $V3"
like "nothing is known of what never was" "$(ctl ns1 history no/such)" 'nothing is known of no/such'

# Back to an older version: it is newer than all, so it is loaded, on both.
mtime() { sh_on "$1" "stat -c %.9Y $Z" | tr -d .; }
T0=$(mtime ns2)
R=$(ctl ns2 restore $Z@$V2)
is "restore, on the other host" $? 0
shown zonefsctl.8 'zonefsctl restore var/named/a.test.zone@9f24vs' "$R"
shown README.md 'zonefsctl restore var/named/a.test.zone@vwy7ws' "$R"
check "it is served" on ns2 zonefsctl wait --served --timeout 30
shown_soon README.md 'zonefsctl log -n 1' ctl ns2 log -n 1
for h in ns1 ns2; do
	check "$h serves the restored zone" wait_for 20 serves $h a.test 1001
	check "its time went forward on $h" test "$(mtime $h)" -gt "$T0"
done
like "log says who did it" "$(ctl ns1 log -n 1)" 'ns2  root \(zonefsctl.*a.test.zone: content'
like "once more: nothing to do" "$(ctl ns1 restore $Z@$V2)" 'nothing to do'

# Deleted, with its directory, and back.
sh_on ns1 'mkdir -p etc/more/deep && echo precious >etc/more/deep/list && chmod 640 etc/more/deep/list'
check "a file of its own" on ns1 zonefsctl wait --timeout 20
sh_on ns2 'rm -r etc/more'
check "deleted on the other host" on ns2 zonefsctl wait --timeout 20
check_not "gone" sh_on ns1 'ls etc/more'
like "its history is known" "$(ctl ns1 history etc/more/deep/list)" 'deleted'
shown zonefsctl.8 'zonefsctl history etc/list' "$(ctl ns1 history etc/more/deep/list)"
V=$(ctl ns1 history etc/more/deep/list | grep -v deleted | tail -n1 | cut -d' ' -f1)
check "restored" ctl ns1 restore etc/more/deep/list@$V
check "and here again" wait_for 20 test -e "$T/ns1$TREE/etc/more/deep/list"
check "there too" wait_for 20 test -e "$T/ns2$TREE/etc/more/deep/list"
is "with content and mode" "$(sh_on ns2 'cat etc/more/deep/list; stat -c %a etc/more/deep/list')" "precious
640"
settle ns1 ns2

# A whole tree as it was, made of changes by both.
sh_on ns1 'mkdir -p etc/tree/sub && echo 1 >etc/tree/a && echo 1 >etc/tree/sub/b && ln -s a etc/tree/l'
check "a tree" on ns1 zonefsctl wait --timeout 20
AT=$(($(date +%s) + 1)) # a whole second, and what comes now comes after it
past() { [ "$(date +%s)" -gt "$AT" ]; }
check "time goes on" wait_for 60 past
sh_on ns2 'echo 2 >etc/tree/a; rm -r etc/tree/sub; rm etc/tree/l; chmod 600 etc/tree/a; echo new >etc/tree/new; echo other >etc/other'
check "turned upside down" on ns2 zonefsctl wait --timeout 20
D=$(ctl ns1 restore --at @$AT --dry-run etc/tree)
like "the plan: what comes back" "$D" '^restore +etc/tree/sub/b@[0-9a-z]{6}$'
like "... what goes" "$D" '^delete +etc/tree/new$'
unlike "... and nothing else" "$D" 'etc/other'
like "how much" "$D" '^4 would be restored, 1 would be deleted, 0 left alone$'
is "it was only a plan" "$(sh_on ns1 'cat etc/tree/a')" 2
R=$(sh_on ns1 "zonefsctl restore --at @$AT etc/tree </dev/null")
is "nothing is done without a yes" $? 1
shown zonefsctl.8 'zonefsctl restore --at 2h var/named' "$R"
is "really nothing" "$(sh_on ns1 'cat etc/tree/a')" 2
check "restore --at" ctl ns1 restore --at @$AT --yes etc/tree
settle ns1 ns2
for h in ns1 ns2; do
	is "$h has the tree as it was" \
		"$(sh_on $h 'cd etc/tree && find . | sort | tr "\n" " "; cat a sub/b; readlink l; stat -c %a a')" \
		". ./a ./l ./sub ./sub/b 1
1
a
644"
done
is "and what was not meant is as it is" "$(sh_on ns2 'cat etc/other')" other
like "once more: nothing to do" "$(ctl ns2 restore --at @$AT --yes etc/tree)" 'nothing to do'
like "by a pattern" "$(ctl ns1 restore --at @$AT --dry-run "'etc/oth*'")" '^delete +etc/other$'
check_not "a time to come is refused" ctl ns1 restore --at @4000000000 --dry-run

# A conflict.
check "no conflicts" on ns1 zonefsctl conflicts
sh_on ns1 'echo both >etc/both; chmod 644 etc/both'
check "a file to be changed on both sides" on ns1 zonefsctl wait --timeout 20
link_down ns2
# (The version of ns2 is the later one: so it is for ns1 to combine them.)
sh_on ns1 'chmod 600 etc/both; zonefsctl wait etc/both >/dev/null 2>&1'
sh_on ns2 'echo edited >etc/both'
sh_on ns1 'echo from ns1 >etc/shared'
sh_on ns1 'zonefsctl wait etc/shared >/dev/null 2>&1'
sh_on ns2 'echo from ns2 >etc/shared'
sh_on ns2 'zonefsctl wait etc/shared >/dev/null 2>&1'
link_up ns2

# Content here, mode there: one version of both, and nothing to decide.
both() { [ "$(sh_on "$1" 'stat -c %a etc/both; cat etc/both')" = "600
edited" ]; }
for h in ns1 ns2; do
	check "$h has the mode of ns1 and the content of ns2" wait_for 40 both $h
done
like "log says so" "$(ctl ns2 log -n 1 --path etc/both)" 'ns1  root \(chmod.*mode 0?600, combined with what'

check "ns1 knows of the conflict" wait_for 40 fails on ns1 zonefsctl conflicts
check "ns2 knows of the conflict" wait_for 40 fails on ns2 zonefsctl conflicts
C=$(ctl ns1 conflicts)
like "the path" "$C" '^etc/shared$'
like "the one that is shown" "$C" 'ns2 .*<- shown now'
like "the other one" "$C" '^  [0-9a-z]{6}  .* ns1  root'
like "how many" "$C" '^1 path in conflict'
shown zonefsctl.8 'zonefsctl conflicts' "$C"
shown README.md 'zonefsctl conflicts' "$C"
shown README.md 'zonefsctl diff etc/allowed' "$(ctl ns1 diff etc/shared)"
for h in ns1 ns2; do must wait_for 40 file_is "$T/$h$TREE/etc/shared" "from ns2"; done
is "the same one is shown on both" "$(sh_on ns1 'cat etc/shared')" "$(sh_on ns2 'cat etc/shared')"
LOSER=$(grep ' ns1 ' <<<"$C" | awk '{print $1; exit}')
like "diff: theirs and ours" "$(ctl ns1 diff etc/shared)" '^-from ns1'
check_not "only what is in conflict can be taken" ctl ns1 resolve etc/shared --take $V2
R=$(ctl ns1 resolve etc/shared --take $LOSER)
is "resolve" $? 0
shown README.md 'zonefsctl resolve etc/allowed --take xnscc0' "$R"
check "no conflict any longer on ns2" wait_for 40 on ns2 zonefsctl conflicts
for h in ns1 ns2; do
	check "$h has what was taken" wait_for 20 file_is "$T/$h$TREE/etc/shared" "from ns1"
done
check_not "resolved is resolved" ctl ns1 resolve etc/shared --take $LOSER
settle ns1 ns2
named_stop ns1
named_stop ns2 # its temporary files are its own
trees_same "" ns1 ns2
finish
