#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the name server's checkers refuse never leaves the host that it was saved on.
. "$(dirname "$0")/lib.sh"
world_enter "$@"
HOOK=bind

host_new ns1
host_new ns2
for h in ns1 ns2; do chroot_make $h; done
chroot_fill ns1
C=$T/ns1$TREE
zone_stanza a.test >>"$C/etc/named.conf"
zone_stanza b.test >>"$C/etc/named.conf"
mkdir "$C/var/named/inc"
echo 'www IN A 10.53.0.80' >"$C/var/named/inc/hosts"
zone_text a.test 1000 >"$C/var/named/a.test.zone"
zone_text b.test 1000 '$INCLUDE inc/hosts' >"$C/var/named/b.test.zone"
chown -R root:bind "$C"/var/named/*.zone "$C/var/named/inc"
SERVER='server "named" { user = "bind" timeout = 60 }'
for h in ns1 ns2; do node_conf $h "$SERVER"; done
for h in ns1 ns2; do node_start $h; done
check "ns2 has the zones" wait_for 90 test -e "$T/ns2$TREE/var/named/b.test.zone"
settle ns1 ns2
for h in ns1 ns2; do
	check "$h knows its zones" wait_for 90 sh_on $h 'zonefsctl zones | grep -q "^2 zones"'
	named_start $h
done
for h in ns1 ns2; do check "$h is well" wait_for 90 node_well $h; done

mkdir "$T/signed"
for k in "-f KSK" ""; do must env -C "$T/signed" dnssec-keygen -q -a ECDSAP256SHA256 $k b.test >/dev/null; done

held() { on "$1" zonefsctl held; }
holds() { held "$1" | grep -Eq "$2"; }
holds_nothing() { held "$1" | grep -Eq 'nothing is held|nothing has been saved'; }
reloads() { grep -c "$2" "$T/$1/named.log"; }
# save HOST ZONE SERIAL [RECORDS]
save() {
	zone_text "${@:2}" >"$T/$1/tmp/z"
	sh_on "$1" "cat /tmp/z >var/named/$2.zone"
}
# goes SENTENCE ZONE SERIAL: both serve it.
goes() {
	check "$1: all serve it" wait_for 90 serves ns1 "$2" "$3"
	check "$1: the peer, too" wait_for 90 serves ns2 "$2" "$3"
}

save ns1 a.test 1001 'www IN A 10.53.0.1'
goes "a good save" a.test 1001
in_log() { on ns1 zonefsctl log -n 1000 --path $TREE/var/named/a.test.zone | grep -E "$1"; }
is "the log has it once, and not as held" "$(in_log ': (content|held|being judged)' | wc -l) $(in_log held)" "1 "
for i in 2 3 4; do
	save ns1 b.test 100$i '$INCLUDE inc/hosts'
	all_serve() { on ns1 zonefsctl wait --served --timeout 90 b.test 2>&1 | grep -q '^ns2: serves it'; }
	check "what is being judged is waited for ($i)" wait_for 90 all_serve
	is "... until both serve it" "$(serial_on ns1 b.test) $(serial_on ns2 b.test)" "100$i 100$i"
done

# ---- a broken zone

BEFORE=$(reloads ns2 'a.test/IN: loaded')
save ns1 a.test 1002 'terminator.movie .edu. IN A 10.0.0.1'
check "a broken zone is held, in the checker's words, with file and line" wait_for 90 holds ns1 \
	'var/named/a\.test\.zone:5: '
like "of this path" "$(held ns1)" '^var/named/a\.test\.zone .*\(gate\)'
like "status says so, in these words" "$(on ns1 zonefsctl status)" '^  var/named/a\.test\.zone: .*a\.test\.zone:5: '
on_terminal() { on ns1 /usr/bin/python3 -c 'import pty; pty.spawn(["zonefsctl", "peers"])' </dev/null | tr -d '\r'; }
OUT=$(on_terminal)
like "the next zonefsctl on a terminal tells it to who saved" "$OUT" '^var/named/a\.test\.zone is held, and no peer has heard of it:$'
like "... in the checker's words" "$OUT" '^  .*var/named/a\.test\.zone:5: '
unlike "... once" "$(on_terminal)" 'is held'
is "so does the log" "$(in_log ': held, content' | wc -l)" 1
like "... in the checker's words" "$(in_log '^    ')" '^    ns1: held: .*var/named/a\.test\.zone:5: '
save ns1 b.test 1005 '$INCLUDE inc/hosts' 'other IN A 10.53.0.9'
goes "another zone goes on" b.test 1005
is "the peer has the old one" "$(sed -n 's/.*( \([0-9]*\) .*/\1/p' "$T/ns2$TREE/var/named/a.test.zone")" 1001
is "and serves it" "$(serial_on ns2 a.test)" 1001
is "so does the author" "$(serial_on ns1 a.test)" 1001
is "the peer's named did not reload it" "$(reloads ns2 'a.test/IN: loaded')" "$BEFORE"
save ns1 a.test 1003 'terminator.movie.edu IN A 10.0.0.1'
goes "the next good save" a.test 1003
check "nothing is held any more" wait_for 90 holds_nothing ns1

# ---- includes

sh_on ns1 'echo "www IN A 10.53.0.0.80" >var/named/inc/hosts'
check "what a zone includes is part of it: held, with its line" wait_for 90 holds ns1 'inc/hosts:1: '
is "the peer's is the old one" "$(cat "$T/ns2$TREE/var/named/inc/hosts")" 'www IN A 10.53.0.80'
sh_on ns1 'echo "www IN A 10.53.0.81" >var/named/inc/hosts'
check "mended, it goes" wait_for 90 file_is "$T/ns2$TREE/var/named/inc/hosts" 'www IN A 10.53.0.81'
check "... and is held no more" wait_for 90 holds_nothing ns1
SECRET=$(sed -n 's/.*secret "\(.*\)";/\1/p' "$C/etc/rndc.key")
save ns1 a.test 1004 '$INCLUDE /etc/rndc.key'
check "an include of a key is held" wait_for 90 holds ns1 'is refused: it is a key'
save ns1 a.test 1004 '$INCLUDE /../../../etc/shadow'
check "one of the host is held" wait_for 90 holds ns1 'file not found'
ALL=$(held ns1; on ns1 zonefsctl status; on ns1 zonefsctl log --json; cat "$T/ns1/zonefs.log" "$T/ns2/zonefs.log")
unlike "nothing of either appears anywhere" "$ALL" "hmac-sha256|${SECRET:0:10}|root:[*x]"

# ---- what the checker passes, and named would not load

save ns1 a.test 1004 '$GENERATE 1-101 many A 10.53.1.$'
check "more records of a name and type than named takes" wait_for 90 holds ns1 'a\.test\.zone:5: many has 101 A records'
mapfile -t TYPES < <(for i in $(seq 101); do echo "many TYPE$((65280 + i)) \\# 0"; done)
save ns1 a.test 1004 "${TYPES[@]}"
check "more types of a name" wait_for 90 holds ns1 'a\.test\.zone:5: many has records of 101 types'

# ---- what people type, and programs leave behind: whatever it is, it is held, and the next save is good

bad() { check "$1: held" wait_for 90 holds ns1 "$2"; }
typed() { # SENTENCE WORDS LINE...
	save ns1 a.test 1004 "${@:3}"
	bad "$1" "$2"
}
from() { sh_on ns1 'cat >var/named/a.test.zone'; }
typed "a comment of another language" 'a\.test\.zone:5: unexpected end of line' ':Addresses'
typed "a comma in an address" 'a\.test\.zone:5: .*2,249\.249\.192.*bad dotted quad' 'misty IN A 2,249.249.192'
typed "a target without its dot" 'a\.test\.zone:5: bigt CNAME "terminator\.a\.test\.a\.test\.": .*missing' \
	'bigt IN CNAME terminator.a.test'
zone_text a.test 1004 | iconv -f UTF-8 -t UTF-16 | from
bad "in UTF-16" 'a\.test\.zone:1: syntax error'
{ zone_text a.test 1004; printf 'x IN TXT a\0b\n'; } | from
bad "with NUL bytes" 'a\.test\.zone:6: unexpected token'
from </dev/null
bad "an empty one" 'has 0 SOA records'
{ zone_text a.test 1004; printf 'big TXT'; printf ' "%0255d"' {1..260}; echo; } | from
bad "a record of more than 64 KiB" 'ran out of space'
sh_on ns1 'echo "\$INCLUDE inc/loop2" >var/named/inc/loop1; echo "\$INCLUDE inc/loop1" >var/named/inc/loop2'
typed "an include that leads back" 'loop2:1: .*is refused: it leads back to itself' '$INCLUDE inc/loop1'
sh_on ns1 'rm var/named/a.test.zone; mkdir var/named/a.test.zone; echo x >var/named/a.test.zone/inside'
bad "a directory in its place" 'a\.test\.zone: is no file'
bad "what is in it, too" 'a\.test\.zone/inside: lies below var/named/a\.test\.zone'
is "both serve what they did" "$(serial_on ns1 a.test) $(serial_on ns2 a.test)" "1003 1003"
check "the peer has the file" test -f "$T/ns2$TREE/var/named/a.test.zone"
sh_on ns1 'rm -r var/named/a.test.zone'
save ns1 a.test 1004 '$GENERATE 0-65535 h$ A 10.0.0.1'
goes "many that are generated" a.test 1004
save ns1 a.test 1005
bad "... and are gone" 'a\.test\.zone: 65536 of 65538 records are gone'
check "approved" on ns1 zonefsctl approve
goes "mended" a.test 1005

# ---- configuration

sh_on ns1 'cp -p etc/named.conf /tmp/good; echo "zone \"d.test\" { type primary; file \"d.test.zone\" };" >>etc/named.conf'
check "a broken configuration is held" wait_for 90 holds ns1 "etc/named\.conf:[0-9]+: missing ';'"
is "the peer has the old one" "$(tail -n 1 "$T/ns2$TREE/etc/named.conf")" "$(zone_stanza b.test)"
sh_on ns1 'cat /tmp/good >etc/named.conf'
check "mended: nothing is held" wait_for 90 holds_nothing ns1

zone_stanza c.test >"$T/ns1/tmp/c.conf"
zone_text c.test 7 >"$T/ns1/tmp/c"
sh_on ns1 'cat /tmp/c.conf >>etc/named.conf'
check "one that names a missing zone waits for it" wait_for 90 holds ns1 'c\.test\.zone: is not there'
check_not "the peer has not heard of it" grep -q c.test "$T/ns2$TREE/etc/named.conf"
sh_on ns2 'echo "# of no use" >etc/other.conf'
reconfig_waits() { grep -q 'hook bind failed .*the configuration is not loaded, and waits' "$T/ns1/zonefs.log"; }
check "named is not told to read it by what a peer changes beside it" wait_for 90 reconfig_waits
unlike "... and has not read it" "$(cat "$T/ns1/named.log")" 'c\.test'
sh_on ns1 'umask 022; cat /tmp/c >var/named/c.test.zone' # one save: install(1) sets the mode after it
goes "both go" c.test 7
is "as one op" "$(on ns1 zonefsctl log --json -n 50 | /usr/bin/python3 -c 'import json, sys
dots = {}
for l in map(json.loads, sys.stdin):
	if l.get("path") in ("etc/named.conf", "var/named/c.test.zone") and l.get("node") == "ns1":
		dots[l["path"]] = l.get("version")
print(len(set(dots.values())), len(dots))')" "1 2"

# What the gate is not asked about, since only a configuration that is held names it.
zone_stanza e.test >"$T/ns1/tmp/e.conf"
zone_text e.test 5 'x IN A 1.2.3' >"$T/ns1/tmp/e"
sh_on ns1 'cp -p etc/named.conf /tmp/good; umask 022; cat /tmp/e >var/named/e.test.zone; cat /tmp/e.conf >>etc/named.conf'
check "one that names a broken zone is held" wait_for 90 holds ns1 'e\.test\.zone:5: '
zone_text e.test 6 >"$T/ns1/tmp/e"
sh_on ns1 'cat /tmp/e >var/named/e.test.zone'
goes "that is mended, both go" e.test 6
sh_on ns1 'echo "options { nonsense; };" >etc/more.conf; echo "include \"/etc/more.conf\";" >>etc/named.conf'
check "one that includes a broken file is held" wait_for 90 holds ns1 'more\.conf:1: '
sh_on ns1 'zone_of() { echo "zone f.test { type primary; file \"e.test.zone\"; };"; }; zone_of >etc/more.conf'
goes "that is mended, both go" f.test 6
sh_on ns1 'echo "www IN A 1.2.3" >var/named/inc/more'
settle ns1 ns2
zone_text e.test 7 '$INCLUDE inc/more' >"$T/ns1/tmp/e"
sh_on ns1 'cat /tmp/e >var/named/e.test.zone'
check "a zone that includes a broken file is held" wait_for 90 holds ns1 'inc/more:1: '
sh_on ns1 'echo "www IN A 10.53.0.7" >var/named/inc/more'
goes "that is mended, both go" e.test 7
zone_stanza g.test >"$T/ns1/tmp/g.conf"
zone_text g.test 1 >"$T/ns1/tmp/g"
zone_text g.test 2 'x IN A 1.2.3' >"$T/ns1/tmp/broken"
sh_on ns1 'umask 022; cat /tmp/g >var/named/g.test.zone; cat /tmp/g.conf >>etc/named.conf; zonefsctl wait --timeout 90
	cat /tmp/broken >var/named/g.test.zone'
check "a zone that is configured this moment is gated" wait_for 90 holds ns1 'g\.test\.zone:5: '
is "the peer has the good one" "$(cat "$T/ns2$TREE/var/named/g.test.zone")" "$(cat "$T/ns1/tmp/g")"
sh_on ns1 'cat /tmp/g >var/named/g.test.zone'
check "mended: nothing is held any more" wait_for 90 holds_nothing ns1
for at in .004 .012; do # wherever the judgement is then
	i=h${at#.}
	zone_stanza $i.test >"$T/ns1/tmp/$i.conf"
	zone_text $i.test 1 >"$T/ns1/tmp/$i"
	sh_on ns1 "umask 022; cat /tmp/$i >var/named/$i.test.zone"
	settle ns1 ns2
	sh_on ns1 "cat /tmp/$i.conf >>etc/named.conf; sleep $at; cat /tmp/broken >var/named/$i.test.zone"
	check "a zone that is broken while its configuration is judged does not go with it ($i)" wait_for 90 holds ns1 "$i\.test\.zone:5: "
	sh_on ns1 "cat /tmp/$i >var/named/$i.test.zone"
	check "mended: nothing is held any more" wait_for 90 holds_nothing ns1
done
sh_on ns1 'cat /tmp/good >etc/named.conf'
settle ns1 ns2

# ---- what is held makes room before the name server starts, and is mended after that

ZONE=var/named/a.test.zone
save ns1 a.test 1006 'www IN A 10.53.0.'
check "a broken zone is held" wait_for 90 holds ns1 'var/named/a\.test\.zone:5: '
BROKEN=$(cat "$C/$ZONE")
named_stop ns1
like "before the name server starts it is set aside" "$(on ns1 zonefs-prestart --timeout 90 2>&1)" \
	"^1 held path set aside: what was released last is there"
check "held says so" holds ns1 '^var/named/a\.test\.zone .*\(set aside\)$'
is "the tree has what the peer has" "$(cat "$C/$ZONE")" "$(cat "$T/ns2$TREE/$ZONE")"
named_start ns1
check "the name server serves what was released last" wait_for 90 serves ns1 a.test 1005
is "it is brought back" "$(sh_on ns1 "zonefsctl held --edit $ZONE")" \
	"1 path: brought back into the tree, and held as before"
is "as it was saved" "$(cat "$C/$ZONE")" "$BROKEN"
check "and is as bad as before" wait_for 90 holds ns1 'var/named/a\.test\.zone:5: '
is "the author serves what was released last" "$(serial_on ns1 a.test)" 1005
is "the peer, too" "$(serial_on ns2 a.test)" 1005
save ns1 a.test 1006
goes "mended" a.test 1006
check "nothing is held" wait_for 90 holds_nothing ns1

# ---- signatures

zone_text b.test 2000 'www IN A 10.53.0.7' >"$T/signed/b.test.zone"
sign() { must env -C "$T/signed" dnssec-signzone -S -q -P -o b.test -f out "$@" b.test.zone >/dev/null 2>"$T/signed/said"; }
sign
sh_on ns1 'cat >var/named/b.test.zone' <"$T/signed/out"
goes "a signed zone" b.test 2000
zone_text b.test 2001 'www IN A 10.53.0.7' >"$T/signed/b.test.zone"
sign
cp "$T/signed/out" "$T/signed/good"
sed 's/10\.53\.0\.7/10.53.0.8/' "$T/signed/good" | sh_on ns1 'cat >var/named/b.test.zone'
check "a record that was altered after that: held, in the verifier's words" wait_for 90 holds ns1 \
	'b\.test\.zone: its signatures are not good: .*No correct .* signature for www\.b\.test A'
sign -s 20200101000000 -e 20200201000000
sh_on ns1 'cat >var/named/b.test.zone' <"$T/signed/out"
check "signatures that have expired: held" wait_for 90 holds ns1 'b\.test\.zone:[0-9]+: signature has expired'
is "both serve the old ones" "$(serial_on ns1 b.test) $(serial_on ns2 b.test)" "2000 2000"
{ head -n 1 "$T/signed/good"; echo '$INCLUDE inc/signed'; } >"$T/ns1/tmp/signed"
tail -n +2 "$T/signed/good" >"$T/ns1/tmp/inc"
sed 's/10\.53\.0\.7/10.53.0.8/' "$T/ns1/tmp/inc" >"$T/ns1/tmp/altered"
save ns1 a.test 1006
goes "in between" a.test 1006
sh_on ns1 'zonefsctl hold; cat /tmp/altered >var/named/inc/signed; cat /tmp/signed >var/named/b.test.zone' >/dev/null
save ns1 a.test 1007
like "a change set that is bad is not released" "$(on ns1 zonefsctl release 2>&1)" 'No correct .* signature for www\.b\.test A'
is "nothing of it goes" "$(held ns1 | grep -c '^var/named/') $(serial_on ns2 a.test)" "3 1006"
sh_on ns1 'cat /tmp/inc >var/named/inc/signed; zonefsctl release' >/dev/null
goes "mended, all of it" a.test 1007
goes "good, and in two files" b.test 2001
check "... proved, too" on ns1 zonefsctl wait --served --timeout 90 b.test
sh_on ns1 'cat /tmp/altered >var/named/inc/signed'
check "... altered in what it includes" wait_for 90 holds ns1 'No correct .* signature for www\.b\.test A'
sh_on ns1 'zonefsctl discard' >/dev/null

# ---- by force

save ns1 a.test 1008 'x.other. IN A 10.0.0.1'
check "out of the zone: held" wait_for 90 holds ns1 'a\.test\.zone:5: .*is not in the zone'
check "released by force" on ns1 zonefsctl release --force $TREE/var/named/a.test.zone
goes "by force" a.test 1008

# ---- who can't take what a peer serves steps back (zonefs-health, which asks for all zones)

install -m 755 "$B/zonefs-health" $BIN/ || bail "zonefs-health is not built"
node_conf ns1 "$SERVER
log-level = \"info\"
probe \"all\" {
  address = \"127.0.0.1\"
  zones = { \"*\" }
  sample = 1
}
health \"anycast\" {
  service = { \"192.0.2.53\" }
  interval = 1
  fast-interval = 1
  fall = 2
  rise = 2
  damping = 0
  stale-limit = 1
  announce = { \"/bin/true\" }
  withdraw = { \"/bin/true\" }
  demote = { \"/bin/true\" }
  promote = { \"/bin/true\" }
}"
on ns1 $BIN/zonefs-health -f >>"$T/ns1/health.log" 2>&1 &
JOB[health]=$!
health_is() { [ "$(on ns1 zonefsctl health --json | jq -r 'select(.type=="health").state')" = "$1" ]; }
logged() { grep -Eq "$1" "$T/ns1/health.log"; }
check "it is announced" wait_for 90 health_is announced
check "all zones of the map are asked" logged 'the probe "all" asks for 3 zones in turn'
save ns1 a.test 1009 'www IN A 10.53.0.'
check "a change is held on ns1" wait_for 90 holds ns1 'a\.test\.zone:5: '
save ns2 a.test 1010
check "meanwhile the peer has another one" wait_for 90 serves ns2 a.test 1010
check "a zone is held here that a peer serves: demoted" wait_for 90 health_is demoted
check "in these words" logged 'steps back \(data\): a\.test: ns2 serves 1010, this node 1008, a change of it is held here'
save ns1 a.test 1011
goes "mended" a.test 1011
check "it is announced as before" wait_for 90 health_is announced
zone_text d.test 1 >"$T/ns1/tmp/d"
sh_on ns1 'umask 022; cat /tmp/d >var/named/d.test.zone
	echo "zone \"d.test\" { type primary; file \"d.test.zone\"; };" >>etc/named.conf'
check "a new zone is asked for, too" wait_for 90 logged 'the probe "all" asks for 4 zones in turn'
[ "$FAILED" -eq 0 ] || note "$(on ns1 zonefsctl health; on ns1 zonefsctl status --zones)"
kill -TERM "$(pid_on ns1 zonefs-health)"
wait "${JOB[health]}" 2>/dev/null
[ "$FAILED" -eq 0 ] || note "$(tail -n 60 "$T/ns1/health.log")"

# ---- two views of a zone, the file of one broken

save ns1 a.test 1012
goes "again" a.test 1012
zone_text a.test 2000 >"$T/ns1/tmp/out"
sh_on ns1 'install -m 644 /tmp/out var/named/a.out.zone
	{ grep -v "^zone" etc/named.conf; echo "view inside {"; grep "^zone" etc/named.conf
	echo "}; view outside { zone a.test { type primary; file \"a.out.zone\"; }; };"; } >/tmp/views
	install -m 640 -o root -g bind /tmp/views etc/views && mv etc/views etc/named.conf'
outside() { rndc_on "$1" zonestatus a.test in outside | sed -n 's/^serial: //p'; }
has_outside() { [ "$(outside "$1" 2>/dev/null)" = "$2" ]; }
for h in ns1 ns2; do check "$h has a second view of it" wait_for 90 has_outside $h 2000; done
zone_text a.test 2001 'x IN A 1.2.3' >"$T/ns1/tmp/out"
sh_on ns1 'cat /tmp/out >var/named/a.out.zone'
check "its file is broken, and held, with the view" wait_for 90 holds ns1 'in view outside: .*a\.out\.zone:5: '
save ns1 a.test 1013
goes "the other view's change" a.test 1013
is "the broken one is served as it was" "$(outside ns1) $(outside ns2)" "2000 2000"
zone_text a.test 2002 >"$T/ns1/tmp/out"
sh_on ns1 'cat /tmp/out >var/named/a.out.zone'
for h in ns1 ns2; do check "mended, $h serves it" wait_for 90 has_outside $h 2002; done

# ---- who may not write a file may not have it in a zone

sh_on ns1 'echo "own IN A 10.53.0.9" >etc/own.hosts'
check "a file of ns1's own part of the tree" wait_for 90 test -e "$T/ns2$TREE/etc/own.hosts"
named_stop ns1
node_stop ns1
node_conf ns1 "$SERVER"
sed -i '/^peer "ns2" {/a accept = { "var/named/**" }' "$T/ns1/etc/zonefs/zonefs.conf"
echo 'x IN A 10.53.0.0.82' >>"$C/var/named/inc/signed"
node_start ns1
check "ns1 is back" wait_for 90 node_usable ns1
check "what a zone includes, changed while zonefs was stopped, is held" wait_for 90 holds ns1 'inc/signed:[0-9]+: '
check_not "... and the peer does not hear of it" grep -q 10.53.0.0.82 "$T/ns2$TREE/var/named/inc/signed"
save ns2 a.test 1014 '$INCLUDE /etc/own.hosts'
refuses() { on ns1 zonefsctl status | grep -Eq 'a\.test\.zone: waits: it does not pass the gate here: .*who wrote this may not write'; }
check "included by a peer that may not write it: refused" wait_for 90 refuses
unlike "... and not installed" "$(cat "$C/$ZONE")" INCLUDE
finish
