#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What any checker passes and nobody means: held until it is approved. And serials, which go forward.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
for h in ns1 ns2; do chroot_make $h; done
chroot_fill ns1
C=$T/ns1$TREE
for z in a b keep raise; do zone_stanza $z.test; done >>"$C/etc/named.conf"
hosts() { local i; for ((i = $1; i <= $2; i++)); do echo "h$i IN A 10.53.0.$i"; done; }
zone_text a.test 1000 "$(hosts 1 60)" >"$C/var/named/a.test.zone"
for z in b keep raise; do zone_text $z.test 1000 >"$C/var/named/$z.test.zone"; done
chown root:bind "$C"/var/named/*.zone
OPTIONS='server "named" { user = "bind" timeout = 60 }
zone "raise.test" { serial = "raise" }'
for h in ns1 ns2; do node_conf $h "$OPTIONS"; done
for h in ns1 ns2; do node_start $h; done
check "ns2 has the zones" wait_for 90 test -e "$T/ns2$TREE/var/named/raise.test.zone"
settle ns1 ns2
for h in ns1 ns2; do check "$h knows its zones" wait_for 90 sh_on $h 'zonefsctl zones | grep -q "^4 zones"'; done

held() { on "$1" zonefsctl held 2>&1; }
holds() { held "$1" | grep -Eq "$2"; }
holds_nothing() { held "$1" | grep -q 'nothing is held'; }
zone_on() { echo "$T/$1$TREE/var/named/$2.zone"; }
has() { grep -Eq "$3" "$(zone_on "$1" "$2")"; }
save() { cat >"$T/$1/tmp/z"; sh_on "$1" "cat /tmp/z >var/named/$2.zone"; }
# doubt SENTENCE WORDS: what was saved is held for that.
doubt() {
	check "$1: held" wait_for 90 holds ns1 "$2"
	like "$1: in doubt" "$(held ns1)" '\(gate\) in doubt'
}

# ---- the guard

{ zone_text a.test 1001; hosts 1 30; } | save ns1 a.test
doubt "half a zone" 'a\.test\.zone: 30 of 62 records are gone'
check "the peer has all of it" has ns2 a.test '^h60 '
like "release without force is not for it" "$(on ns1 zonefsctl release 2>&1)" 'nothing of a change set is held'
check "approved" on ns1 zonefsctl approve
check "... it goes" wait_for 90 fails has ns2 a.test '^h60 '
check "nothing is held" wait_for 90 holds_nothing ns1
{ zone_text a.test 1002; hosts 1 25; } | save ns1 a.test
check "five records less are no accident" wait_for 90 fails has ns2 a.test '^h30 '
head -n 20 "$(zone_on ns1 a.test)" | save ns1 a.test
doubt "the beginning of it" 'the text is the beginning of what it was'
{ zone_text a.test 30000000; hosts 1 25; } | save ns1 a.test
doubt "a serial that jumps" 'the serial jumps from 1002 to 30000000'
{ zone_text a.test 999; hosts 1 25; } | save ns1 a.test
doubt "a serial that goes back" 'the serial goes back from 1002 to 999'
{ zone_text a.test 1003; hosts 1 25; echo 'www IN CNAME nowhere'; } | save ns1 a.test
doubt "an alias of nothing" 'a\.test\.zone:[0-9]+: .*nowhere'
is "the peer's serial" "$(grep -c ' 1002 ' "$(zone_on ns2 a.test)")" 1
check "approved, too" on ns1 zonefsctl approve $TREE/var/named/a.test.zone
check "... it goes, too" wait_for 90 has ns2 a.test '^www '
{ zone_text a.test 1004; hosts 1 26; echo 'www IN CNAME nowhere'; } | save ns1 a.test
check "what was approved is not asked for again" wait_for 90 has ns2 a.test '^h26 '
sh_on ns1 'rm var/named/b.test.zone'
doubt "the file of a configured zone is deleted" 'b\.test\.zone: is deleted, and the configuration has zone b\.test there'
check "the peer has it" test -e "$(zone_on ns2 b.test)"
check "discarded" on ns1 zonefsctl discard
check "... it is there again" wait_for 90 test -e "$(zone_on ns1 b.test)"

# ---- serials

zone_text keep.test 1000 'www IN A 10.53.0.7' | save ns1 keep.test
check "keep: a serial that was not raised goes" wait_for 90 has ns2 keep.test '^www '
check "... with a warning" wait_for 90 grep -q "keep.test.zone: serial 1000 not raised: secondaries won't transfer" "$T/ns1/zonefs.log"
printf '; keep me\r\n$TTL 5m ; units\r\n@ IN SOA ns1 root ( ; "1000"\r\n  1000 ; the serial 1000\r\n 1h 10m 5d 5m )\r\n NS ns1\r\nns1 A 10.53.0.1\r\nt TXT "1000 ; (" ( "x"\r\n )\r\n' >"$T/odd"
save ns1 raise.test <"$T/odd"
check "raise: it goes" wait_for 90 has ns2 raise.test '^t TXT'
sed 's/^  1000 ;/  1001 ;/' "$T/odd" >"$T/odd.raised"
check "raised by one, every other byte as it was saved" cmp "$T/odd.raised" "$(zone_on ns2 raise.test)"
check "... also where it was saved" wait_for 90 cmp "$T/odd.raised" "$(zone_on ns1 raise.test)"
{ cat "$T/odd"; printf 'more A 10.53.0.9\r\n'; } | save ns2 raise.test
check "from an editor's old text, on the other node: it goes" wait_for 90 has ns1 raise.test '^more '
check "... with the one above the highest" has ns1 raise.test '^  1002 ;'
settle ns1 ns2
trees_same "at the end" ns1 ns2
finish
