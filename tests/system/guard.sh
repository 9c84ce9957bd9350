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
for z in a b keep raise inc; do zone_stanza $z.test; done >>"$C/etc/named.conf"
hosts() { local i; for ((i = $1; i <= $2; i++)); do echo "h$i IN A 10.53.0.$i"; done; }
zone_text a.test 1000 "$(hosts 1 60)" >"$C/var/named/a.test.zone"
for z in b keep raise; do zone_text $z.test 1000 >"$C/var/named/$z.test.zone"; done
zone_text inc.test 1000 '$INCLUDE inc.hosts' >"$C/var/named/inc.test.zone"
hosts 1 3 >"$C/var/named/inc.hosts"
chown root:bind "$C"/var/named/*.zone
OPTIONS='server "named" { user = "bind" timeout = 60 }
zone "raise.test" { serial = "raise" } zone "inc.test" { serial = "raise" }
alert "mail" { run = { "'$BIN'/tell" } user = "nobody" }'
cat >$BIN/tell <<'END'
#!/bin/sh
echo "$1 $ZONEFS_ALERT $ZONEFS_ALERT_PATH: $ZONEFS_ALERT_WORDS" >>/tmp/told
END
chmod 755 $BIN/tell
for h in ns1 ns2; do node_conf $h "$OPTIONS"; done
for h in ns1 ns2; do node_start $h; done
check "ns2 has the zones" wait_for 90 test -e "$T/ns2$TREE/var/named/raise.test.zone"
settle ns1 ns2
for h in ns1 ns2; do check "$h knows its zones" wait_for 90 sh_on $h 'zonefsctl zones | grep -q "^5 zones"'; done

held() { on "$1" zonefsctl held 2>&1; }
holds() { held "$1" | grep -Eq "$2"; }
holds_nothing() { held "$1" | grep -q 'nothing is held'; }
zone_on() { echo "$T/$1$TREE/var/named/$2.zone"; }
has() { grep -Eq "$3" "$(zone_on "$1" "$2")"; }
save() { cat >"$T/$1/tmp/z"; sh_on "$1" "cat /tmp/z >var/named/$2.zone"; }
tells() { grep -Eq -- "$2" "$T/$1/tmp/told"; }
# doubt SENTENCE WORDS: what was saved is held for that.
doubt() {
	check "$1: held" wait_for 90 holds ns1 "$2"
	like "$1: in doubt" "$(held ns1)" '\(gate\) in doubt'
}

# ---- the guard

{ zone_text a.test 1001; hosts 1 30; } | save ns1 a.test
doubt "half a zone" 'a\.test\.zone: 30 of 62 records are gone'
check "... somebody is told" wait_for 90 tells ns1 '^begins held var/named/a\.test\.zone: the gate holds it, .*30 of 62'
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
{ zone_text a.test 1003; hosts 1 25; echo 'www.a.test IN A 10.53.0.9'; } | save ns1 a.test
doubt "a dot is missing" 'a\.test\.zone:[0-9]+: "www\.a\.test\.a\.test\.": the zone.s name stands in it twice'
{ zone_text a.test 1003; hosts 1 25; echo 'www IN CNAME nowhere'; } | save ns1 a.test
doubt "an alias of nothing" 'a\.test\.zone:[0-9]+: .*nowhere'
LINT=$(on ns1 zonefsctl lint $TREE/var/named/a.test.zone)
is "lint does not mind it" $? 0
like "... but has the gate's words" "$LINT" '^var/named/a\.test\.zone is held, in doubt:$'
like "... with the reason" "$LINT" '^  .*a\.test\.zone:[0-9]+: .*nowhere'
like "... at the end, too" "$LINT" '1 checked: all is well, but 1 is held by the gate'
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
unlike "the log has that save once, as it went" "$(on ns1 zonefsctl log --path $TREE/var/named/raise.test.zone)" 'held'
{ cat "$T/odd"; printf 'more A 10.53.0.9\r\n'; } | save ns2 raise.test
check "from an editor's old text, on the other node: it goes" wait_for 90 has ns1 raise.test '^more '
check "... with the one above the highest" has ns1 raise.test '^  1002 ;'

# ---- ... also of what is approved

{ zone_text raise.test 1000; hosts 1 60; } | save ns1 raise.test
check "raise: many records" wait_for 90 has ns2 raise.test '^h60 '
like "the number that it has now" "$(grep SOA "$(zone_on ns2 raise.test)")" ' 1003 '
{ zone_text raise.test 1000; hosts 1 20; } | save ns1 raise.test
doubt "raise: most of them gone, with an old serial" 'raise\.test\.zone: 40 of 62 records are gone'
check "approved" on ns1 zonefsctl approve
check "... it goes" wait_for 90 fails has ns2 raise.test '^h60 '
like "with a serial that was raised" "$(grep SOA "$(zone_on ns2 raise.test)")" ' 1004 '

# ---- ... of what is changed in an include alone

hosts 1 4 >"$T/ns1/tmp/z"
sh_on ns1 'cat /tmp/z >var/named/inc.hosts'
check "an include alone: it goes" wait_for 90 cmp "$T/ns1/tmp/z" "$T/ns2$TREE/var/named/inc.hosts"
check "... with the serial of the zone that includes it" wait_for 90 has ns2 inc.test ' 1001 '
op_of() { sh_on ns2 "zonefsctl history var/named/$1" | tail -n 1 | cut -d' ' -f1; }
is "as one op" "$(op_of inc.hosts)" "$(op_of inc.test.zone)"
like "nothing else of it is another" "$(tail -n 1 "$(zone_on ns2 inc.test)")" '^\$INCLUDE inc\.hosts$'

# ---- ... of what is restored

# version HOST ZONE TEXT: the name of the last version of its history that has this.
version() {
	local v found
	for v in $(sh_on $1 "zonefsctl history var/named/$2.zone" | cut -d' ' -f1); do
		sh_on $1 "zonefsctl show var/named/$2.zone@$v" | grep -q -- "$3" && found=$v
	done
	echo $found
}
restore() { sh_on $1 "zonefsctl restore var/named/$2.zone@$(version $1 $2 "$3")" 2>&1; }
like "raise: a restored zone, on the other node" "$(restore ns2 raise.test '^  1002 ;')" \
	'^/var/named/raise\.test\.zone: serial raised from 1002 to 1005$'
check "... it goes with that" wait_for 90 has ns1 raise.test '^  1005 ;'
sed 's/^  1000 ;/  1005 ;/' "$T/odd" >"$T/odd.restored"
printf 'more A 10.53.0.9\r\n' >>"$T/odd.restored"
check "... and is as it was else" cmp "$T/odd.restored" "$(zone_on ns1 raise.test)"
like "once more: nothing to do" "$(restore ns2 raise.test '^  1005 ;')" 'nothing to do'
AT=$(($(date +%s) + 1))
is_past() { [ "$(date +%s)" -gt $AT ]; }
check "a second" wait_for 60 is_past
hosts 1 5 >"$T/ns1/tmp/z"
sh_on ns1 'cat /tmp/z >var/named/inc.hosts'
check "the include, once more" wait_for 90 has ns2 inc.test ' 1002 '
like "restore --at, of an include alone" "$(sh_on ns1 "zonefsctl restore --at @$AT --yes var/named/inc.hosts" 2>&1)" \
	'^1 restored, 0 deleted, 0 left alone; 1 serial raised$'
check "... the zone that includes it has another one" wait_for 90 has ns2 inc.test ' 1003 '
status_says() { on $1 zonefsctl status | grep -Eq -- "$2"; }
WORDS="serial 1000 served with two contents: secondaries that have it won't transfer"
FIRST=$(sh_on ns1 'zonefsctl history var/named/keep.test.zone' | head -n 1 | cut -d' ' -f1)
like "keep: a restored zone is reported" "$(sh_on ns1 "zonefsctl restore var/named/keep.test.zone@$FIRST" 2>&1)" \
	"^warning: /var/named/keep\.test\.zone: $WORDS"
check "... by the alert" wait_for 90 tells ns1 "^begins serial var/named/keep.test.zone: $WORDS"
check "... in the status" status_says ns1 "var/named/keep\.test\.zone: .*$WORDS"
check "... in the log" grep -q "/var/named/keep.test.zone: $WORDS" "$T/ns1/zonefs.log"
check "it is there" wait_for 90 fails has ns2 keep.test '^www '
zone_text keep.test 1001 | save ns1 keep.test
check "saved with a higher one" wait_for 90 has ns2 keep.test ' 1001 '
check_not "it is not reported any more" status_says ns1 "$WORDS"

# ---- ... and of who wins a conflict

settle ns1 ns2
link_down ns1
# ns2's is the later one: ns1's is a version before.
newest() { on $1 zonefsctl history var/named/$2.test.zone | tail -n 1 | cut -d' ' -f1; }
is_version() { [ "$(newest $1 $2)" != "$BEFORE" ] && on $1 zonefsctl held; }
for z in raise keep; do
	n=0
	for h in ns1 ns2; do
		BEFORE=$(newest $h $z) n=$((n + 1))
		zone_text $z.test 1002 "host$n IN A 10.53.0.$n" | save $h $z.test
		check "$h has saved $z.test, and the other has not heard of it" wait_for 90 is_version $h $z
	done
done
link_up ns1
check "raise: the winner gets a serial that neither had" wait_for 90 has ns1 raise.test ' 1007 '
check "... on both nodes" wait_for 90 has ns2 raise.test ' 1007 '
check "... and is the one that was saved last" has ns1 raise.test '^host2 '
like "they are in conflict all the same" "$(on ns1 zonefsctl conflicts)" 'raise\.test\.zone'
check "keep: its author says it" wait_for 90 status_says ns2 'var/named/keep\.test\.zone: .*serial 1002 served with two contents'
check "... by the alert" wait_for 90 tells ns2 '^begins serial var/named/keep.test.zone: serial 1002 served with two'
node_stop ns2
node_start ns2
check "... also after a restart" wait_for 90 status_says ns2 'var/named/keep\.test\.zone: .*serial 1002 served with two contents'
check_not "... alone" status_says ns1 'served with two contents'
zone_text raise.test 1000 'three IN A 10.53.0.3' | save ns1 raise.test
check "a save ends it" wait_for 90 has ns2 raise.test '^three '
check "... with a higher serial" has ns2 raise.test ' 1008 '
{ zone_text raise.test 1008; printf '@ ZONEMD 1008 1 1 %096d\n' 0; } | save ns1 raise.test
check "one with a digest goes" wait_for 90 has ns2 raise.test ZONEMD
like "... and is not rewritten" "$(grep SOA "$(zone_on ns2 raise.test)")" ' 1008 '
settle ns1 ns2
trees_same "at the end" ns1 ns2
finish
