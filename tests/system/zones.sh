#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Zones as records: what `zonefsctl diff --records` says of two versions; and that odd texts mean to it
# what they mean to named (named-compilezone writes them down plainly: that must be no change).
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
chroot_make ns1
node_conf ns1
node_start ns1
ctl() { sh_on ns1 "zonefsctl $*" 2>&1; }
N=var/named
# save NAME FILE: the next version of it.
save() {
	sh_on ns1 "cat >$N/$1" <"$2" && sh_on ns1 "zonefsctl wait --timeout 90 $N/$1"
}
# version NAME LINE: its name.
version() { ctl "history $N/$1" | sed -n "$2p" | cut -d' ' -f1; }

# ---- what changed

cat >"$T/1" <<'END'
$TTL 300
example.org. IN SOA ns root 1001 3600 600 86400 300
 NS ns
ns A 192.0.2.1
www A 192.0.2.20
mail MX 10 www
END
cat >"$T/2" <<'END'
; sorted anew, by hand
$ORIGIN example.org.
mail 1h IN MX 10 WWW.example.org.
www 300 A 192.0.2.2
ns 5m A ( 192.0.2.1 )
@ 300 SOA ns root ( 1002 ; the serial
	1h 10m 1d 5m )
	300 NS ns.example.org.
END
check "a zone" save a "$T/1"
check "saved again" save a "$T/2"
D=$(ctl "diff --records $N/a")
is "what differs is what the records say" "$D" "~ mail MX TTL 300 -> 3600
- www A 192.0.2.20
+ www A 192.0.2.2
+1 -1, 1 TTL, serial 1001 -> 1002"
check_not "its status says so" ctl "diff --records $N/a"
shown zonefsctl.8 'zonefsctl diff --records var/named/a.test.zone' "$D"
is "the other way round, between two versions" "$(ctl "diff --records $N/a@$(version a 2) @$(version a 1)" | tail -n 1)" \
	"+1 -1, 1 TTL, serial 1002 -> 1001"
is "since this one" "$(ctl "diff --records --zone Example.ORG $N/a@$(version a 1)")" "$D"
unlike "by lines, much more" "$(ctl "diff $N/a")" '1 TTL'
printf '; a comment\r\n' | cat - "$T/2" >"$T/3"
check "a comment" save a "$T/3"
is "which changes no record" "$(ctl "diff --records $N/a")" "no changes"
check "its status says so, too" ctl "diff --records $N/a"

# ---- what cannot be compared is said

sed 's/^example.org. /@ /' "$T/1" >"$T/4"
check "a zone that does not say its name" save b "$T/4"
sed 's/ 1001 / 1002 /' "$T/4" >"$T/5"
check "saved again" save b "$T/5"
like "asks for the name" "$(ctl "diff --records $N/b")" "b@.*: its text does not say which zone .*--zone NAME"
is "that is trouble" "$(ctl "diff --records $N/b" >/dev/null; echo $?)" 2
is "and takes it" "$(ctl "diff --records --zone example.org $N/b")" "+0 -0, serial 1001 -> 1002"
like "a wrong name is refused" "$(ctl "diff --records --zone a..b $N/b")" '^zonefsctl: --zone a..b: an empty label'
is "--zone without --records is wrong usage" "$(ctl "diff --zone a $N/b" >/dev/null; echo $?)" 2
sed 's/^ns A.*/:Addresses/' "$T/1" >"$T/6"
check "one with a mistake" save a "$T/6"
like "is told with version, line and reason" "$(ctl "diff --records $N/a")" \
	"^zonefsctl: $N/a@[0-9a-z]{6}:4: \":Addresses\": a record without a type"
is "that is trouble, too" "$(ctl "diff --records $N/a" >/dev/null; echo $?)" 2
{ cat "$T/1"; printf '$INCLUDE hosts\nelsewhere.example. A 192.0.2.1\n'; } >"$T/7"
check "one that includes another, and has what is not its own" save a "$T/7"
D=$(ctl "diff --records $N/a@$(version a 1)")
like "says that it was not followed" "$D" 'what it includes from "hosts" is not compared'
like "... and what was left out" "$D" '1 records are outside the zone'
like "the rest is compared" "$D" '^no changes$'
sh_on ns1 "rm $N/a"
check "deleted" on ns1 zonefsctl wait --timeout 90
is "against nothing, all goes" "$(ctl "diff --records $N/a@$(version a 1) @$(version a 6)" | tail -n 1)" "+0 -4, SOA"
sh_on ns1 "ln -s b $N/link"
check "a link" on ns1 zonefsctl wait --timeout 90
sh_on ns1 "ln -s $N/b $N/link2 && mv -T $N/link2 $N/link"
check "another one" on ns1 zonefsctl wait --timeout 90
like "has no records" "$(ctl "diff --records --zone a $N/link")" 'no file, so no records'

# ---- what named makes of it

mkdir "$T/odd"
cd "$T/odd" || exit 1
cat >syntax <<'END'
$TTL 1h
@	IN SOA ns.example.org. host\.master.example.org. ( ; a comment ( "
		2026112101 ; serial
		1h30m 15M 1W 2D )
	NS	ns
	NS	NS.Example.ORG.
	MX	10 mail
	mx	20 Mail.other.example.
ns	A	192.0.2.1
	AAAA	2001:DB8::1
	AAAA	2001:db8:0:0:0:0:0:1
mail 300 IN A 192.0.2.2
MAIL IN 300 A 192.0.2.3
www 1D CNAME @
txt TXT "a;b" c "d e" "" "q\"q" \"x \065\066 "(" a\;b a\ b "\200"
txt2 TXT ( "one"
  "two" ; x
  three )
long TXT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
glued TXT "a""b"c"d"
esc\.aped A 192.0.2.4
sp\032ace A 192.0.2.5
a\@b A 192.0.2.6
\$dollar A 192.0.2.7
\065bc A 192.0.2.8
*.wild A 192.0.2.9
_sip._tcp SRV 0 5 5060 sip
sip A 192.0.2.10
caa CAA 0 issue "ca.example; x=1"
caa CAA 128 iodef mailto:a@b.example
naptr NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .
naptr2 NAPTR 100 10 u E2U+sip "!^\\+441632(.*)$!sip:\\1@e.com!" .
hinfo HINFO "a b" c
loc LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
sshfp SSHFP 1 1 AABBCCDD00112233445566778899AABBCCDD0011 ; x
sshfp2 SSHFP 1 1 AABBCCDD0011 2233445566778899AABBCCDD0011
_443._tcp TLSA 3 1 1 ( AABB
 CCDD0011223344556677889900112233445566778899AABBCCDDEEFF0011 )
ds DS 1 8 2 ( AABBCCDD00112233445566778899AABBCCDD0011
  AABBCCDD0011223344556677 )
	NS ns.other.
un TYPE65280 \# 3 01 0203
un2 TYPE1 \# 4 C0000201
un3 A \# 4 C0000202
svc HTTPS 1 . alpn="h2,h3" ipv4hint=192.0.2.1
svc2 SVCB 0 svc.example.
svc3 SVCB 1 svc ( port=443 key667="hello" )
rp RP a.b txt
afs AFSDB 1 ns
uri URI 10 1 "http://a/"
ptr PTR www
dn DNAME other.example.
null MX 0 .
sub NS ns.sub
ns.sub A 192.0.2.11
$ORIGIN deep.example.org.
a A 192.0.2.12
$ORIGIN deeper
a A 192.0.2.13
 TXT @
@ A 192.0.2.14
b.example.org. A 192.0.2.15
outside.example. A 192.0.2.16
 TXT "also outside"
$ORIGIN .
c.example.org A 192.0.2.17
$TTL 2h
d.example.org A 192.0.2.18
d.example.org 5 A 192.0.2.19
END
cat >nottl <<'END'
@	IN SOA ns root 1 2 3 4 77
	NS	ns
ns	A	192.0.2.1
a 5 A	192.0.2.1
b A	192.0.2.1
END
cat >ttlrun <<'END'
@ 100	IN SOA ns root 1 2 3 4 77
	NS	ns
ns	A	192.0.2.1
a 5 A	192.0.2.1
  6 A	192.0.2.2
  A	192.0.2.3
  TXT x
b A	192.0.2.1
a 9 A	192.0.2.4
  8 MX 1 b
$GENERATE 1-2 g$ 11 A 192.0.2.$
  12 A 192.0.2.5
c A 192.0.2.1
END
cat >gen <<'END'
$TTL 300
@ SOA ns root 1 2 3 4 5
 NS ns
ns A 192.0.2.1
$GENERATE 1-5 host$ A 192.0.2.$
	TXT "ns has this one"
$GENERATE 10-20/5 s$ 60 IN A 192.0.2.$
$GENERATE 0-3 o${10} IN 61 A 192.0.2.${-0}
$GENERATE 0-3 w${10,5} A 192.0.2.1
$GENERATE 0-20/4 x${-3,4,x} A 192.0.2.1
$GENERATE 250-260 X${0,3,X} A 192.0.2.1
$GENERATE 7-9 oc${0,3,o} A 192.0.2.1
$GENERATE 14-18 ${0,7,n}.nib PTR h$
$GENERATE 14-18 ${0,0,N}.nib2 PTR h$
$GENERATE 254-258 ${0,5,N}.nib3 PTR h$
$GENERATE 1-2 $$x$ A 192.0.2.$
$GENERATE 1-2 \$y$ A 192.0.2.$
$GENERATE 1-2 mx$ MX "10 mail$"
$GENERATE 1-2 t$ TXT "\"a $ b\" c$"
$GENERATE 1-2 @ NS ns$.other.
$GENERATE 1-2 out$.other. A 192.0.2.1
$GENERATE 1-2 c$ CNAME host$
$GENERATE 0-0 zero A 192.0.2.1
$GENERATE 1-3 n${-5,4,d} A 192.0.2.1
$GENERATE 5-6 aaaa$ AAAA 2001:db8::${0,4,x}
$GENERATE 1-2 two$-${5} A 192.0.2.1
END
printf '$TTL 300\r\n@ SOA ns root (\r\n 1 2 3\r\n 4 5 )\r\n NS ns\r\nns A 192.0.2.1 ; c\r\nt TXT "a" (\r\n "b" )\r\n' >crlf
printf '$TTL 300\n( @ SOA ns root 1 2 3 4 5 )\n\tNS ns \n\t( NS \n ns2 \n)\nns (\n A 192.0.2.1)\n(ns2 A 192.0.2.1)\n\n   \n ; x\n TXT "no newline"' >paren
cat >plain <<'END'
$TTL 300
@ SOA ns root 1 2 3 4 5
 NS ns
 TXT x
ns A 192.0.2.1
b 7 A 192.0.2.1
b 8 TXT a
END
must dnssec-keygen -q -a ECDSAP256SHA256 -f KSK example.org
must dnssec-keygen -q -a ECDSAP256SHA256 example.org
must dnssec-signzone -q -S -o example.org -f nsec plain
must dnssec-signzone -q -S -3 aabb -o example.org -f nsec3 plain
for z in syntax nottl ttlrun gen crlf paren nsec nsec3; do
	must named-compilezone -i none -k ignore -q -s full -o "$z.plain" example.org $z
	records=$(($(grep -vc '^;' "$z.plain") - 1))
	head -n 1 "$z.plain" >"$z.soa"
	check "$z: as it was written" save $z $z
	check "$z: as named writes it" save $z "$z.plain"
	is "$z: named and we read the same" "$(ctl "diff --records --zone example.org $N/$z" | grep -v 'outside the zone')" \
		"no changes"
	check "$z: nothing but its SOA" save $z "$z.soa"
	is "$z: of $records records" "$(ctl "diff --records --zone example.org $N/$z@$(version $z 1) @$(version $z 3)" |
		tail -n 1)" "+0 -$records"
done
cd / || exit 1
finish
