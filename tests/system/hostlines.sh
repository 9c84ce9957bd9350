#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Lines of a host's own, in an include that stays local: two hosts share a named.conf and differ in
# server-id, listen-on and allow-transfer; what each host's checker judges has that host's lines in it.
. "$(dirname "$0")/lib.sh"
command -v named >/dev/null || skip_all "needs named"
world_enter "$@"
HOOK=bind

for h in ns1 ns2; do host_new $h; done
for h in ns1 ns2; do
	chroot_make $h
	other=$(ip_of $([ $h = ns1 ] && echo ns2 || echo ns1))
	cat >"$T/$h$TREE/etc/named.host.conf" <<-END
		server-id "$h";
		listen-on { 127.0.0.1; $(ip_of $h); };
		allow-transfer { $other; };
	END
done
chroot_fill ns1
zone_stanza a.test >>"$T/ns1$TREE/etc/named.conf"
zone_text a.test 1000 >"$T/ns1$TREE/var/named/a.test.zone"
for h in ns1 ns2; do node_conf $h 'server "named" { user = "bind" }'; done
for h in ns1 ns2; do node_start $h; done
check "ns2 has the configuration" wait_for 60 test -e "$T/ns2$TREE/etc/named.conf"
settle ns1 ns2
for h in ns1 ns2; do named_start $h; done
for h in ns1 ns2; do check "$h serves" wait_for 60 serves $h a.test 1000; done

check "both have the same named.conf" cmp "$T/ns1$TREE/etc/named.conf" "$T/ns2$TREE/etc/named.conf"
for h in ns1 ns2; do
	is "$h says who it is" "$(dig +short @"$(ip_of $h)" id.server ch txt)" "\"$h\""
	like "$h transfers to the other" "$(on $([ $h = ns1 ] && echo ns2 || echo ns1) dig +noall +answer @"$(ip_of $h)" a.test axfr)" "SOA"
	unlike "and not to itself" "$(on $h dig +noall +answer @"$(ip_of $h)" a.test axfr)" "SOA"
done

# ---- they stay each host's own ----
lines=$(sh_on ns1 'cat etc/named.host.conf')
sh_on ns2 'sed -i "s/server-id .*/server-id \"second\";/" etc/named.host.conf'
sh_on ns2 'echo seen >etc/told; zonefsctl wait --timeout 60' >/dev/null 2>&1
check "what is saved after that comes" wait_for 60 test -e "$T/ns1$TREE/etc/told"
is "a host's lines do not" "$(sh_on ns1 'cat etc/named.host.conf')" "$lines"
on ns2 rndc -k $TREE/etc/rndc.key reconfig >/dev/null
check "that host has them" wait_for 60 eval '[ "$(dig +short @$(ip_of ns2) id.server ch txt)" = "\"second\"" ]'
check_not "no version of them is known" sh_on ns1 'zonefsctl history etc/named.host.conf | grep .'
check "the nodes are identical all the same" on ns1 zonefsctl verify

# ---- and are part of what is checked there ----
sh_on_lint() { sh_on "$1" 'zonefsctl lint etc/named.conf' 2>&1; }
zones_say() { on "$1" zonefsctl zones 2>&1 | grep -Eq -- "$2"; }
for h in ns1 ns2; do check "$h: its configuration is good" wait_for 60 sh_on $h 'zonefsctl lint etc/named.conf'; done
sh_on ns2 'echo "allow-transfer { nobody-knows; }" >>etc/named.host.conf'
check_not "ns2: its lines are bad" sh_on ns2 'zonefsctl lint etc/named.conf'
like "in the checker's words, with file and line" "$(sh_on_lint ns2)" '/etc/named\.host\.conf:[0-9]+: '
check "its map says so, too" wait_for 60 zones_say ns2 '/etc/named\.host\.conf:[0-9]+: '
check "ns1: its own are good" wait_for 60 sh_on ns1 'zonefsctl lint etc/named.conf'
sh_on ns2 'sed -i "/nobody-knows/d" etc/named.host.conf'
check "ns2: mended, they are" wait_for 60 sh_on ns2 'zonefsctl lint etc/named.conf'
check "and its map is" wait_for 60 zones_say ns2 '^a\.test: primary, '
# Good here, and not with the other host's lines.
sh_on ns2 'sed -i "s/allow-transfer .*/allow-transfer { friends; };/" etc/named.host.conf'
sh_on ns1 'echo "acl friends { 10.53.0.1; };" >>etc/named.conf; zonefsctl wait --timeout 60' >/dev/null 2>&1
check "ns2: with what the other one has saved they are good" wait_for 60 sh_on ns2 'zonefsctl lint etc/named.conf'
sh_on ns1 'sed -i "/^acl friends/d" etc/named.conf'
refuses() { on ns2 zonefsctl status | grep -Eq 'etc/named\.conf: waits: it does not pass the gate here: .*named\.host\.conf:[0-9]+:'; }
check "and without it bad: ns2 does not take it, in the words of its own checker" wait_for 60 refuses
check "... and has what it had" grep -q '^acl friends' "$T/ns2$TREE/etc/named.conf"
hears() { on ns1 zonefsctl log -n 5 | grep -Eq 'ns2: NOT installed: it does not pass the gate there: .*named\.host\.conf:[0-9]+:'; }
check "which ns1 hears" wait_for 60 hears
check "ns1 has nothing to say" wait_for 60 sh_on ns1 'zonefsctl lint etc/named.conf'

# ---- a release that asks them all first ----
# save HOST SERIAL
save() {
	zone_text a.test "$2" >"$T/$1/tmp/z"
	sh_on "$1" 'cat /tmp/z >var/named/a.test.zone'
}
held_is() { is "$1" "$(on ns1 zonefsctl held | sed -n 's/^\([a-z][^ ]*\)  .*/\1/p' | sort | xargs)" "$2"; }
sh_on ns1 'echo "acl friends { 10.53.0.1; };" >>etc/named.conf; zonefsctl wait --timeout 60' >/dev/null 2>&1
settle ns1 ns2

on ns1 zonefsctl hold -m 'friends no more' >/dev/null
sh_on ns1 'sed -i "/^acl friends/d" etc/named.conf'
save ns1 1001
out=$(on ns1 timeout 60 zonefsctl release --everywhere 2>&1)
is "a release everywhere that one node does not agree to fails" $? 1
like "it says who, in the words of its own checker" "$out" '^ns2: refuses: .*/etc/named\.host\.conf:[0-9]+:'
like "nothing is released" "$out" 'nothing is released, on no node: ns2 refuses: '
REFUSED=$out
held_is "all of it is held as before" "etc/named.conf var/named/a.test.zone"
check "the other host has what it had" grep -q '^acl friends' "$T/ns2$TREE/etc/named.conf"
is "the author serves what it did" "$(serial_on ns1 a.test)" 1000
sh_on ns1 'echo "acl friends { 10.53.0.1; };" >>etc/named.conf; echo "# all friends" >>etc/named.conf'
out=$(on ns1 timeout 60 zonefsctl release --everywhere 2>&1)
is "mended, it is released" $? 0
like "the other one has agreed" "$out" '^ns2: agreed$'
shown zonefsctl.8 'zonefsctl release --everywhere' "$REFUSED"$'\n'"$out"
like "as one change" "$out" '^2 paths: released, as one change; all nodes have agreed$'
for h in ns1 ns2; do check "$h serves it" wait_for 60 serves $h a.test 1001; done

link_down ns2
check "ns1 finds that the other one is lost" wait_for 60 eval "on ns1 zonefsctl peers | grep -Eq '^ns2 .* (silent|unreachable)'"
# waits NAME: begins a release, which asks who cannot be asked.
waits() {
	sh_on ns1 "exec timeout 90 zonefsctl release --everywhere >/tmp/$1 2>&1 & echo \$! >/tmp/pid; wait \$!" &
	RELEASE=$!
	check "a node that cannot be reached is waited for, in words ($1)" wait_for 60 \
		grep -q '^ns2: waited for: it cannot be reached$' "$T/ns1/tmp/$1"
}
on ns1 zonefsctl hold >/dev/null
save ns1 1002
waits first
like "another one does not begin meanwhile" "$(on ns1 timeout 60 zonefsctl release --everywhere 2>&1)" 'the nodes are being asked already'
sh_on ns1 'kill $(cat /tmp/pid)'
wait $RELEASE
given_up() { grep -q 'given up by whoever asked for it' "$T/ns1/zonefs.log"; }
check "given up by whoever asked" wait_for 60 given_up
held_is "it is held as before" var/named/a.test.zone
is "and not served" "$(serial_on ns1 a.test)" 1001
out=$(on ns1 timeout 60 zonefsctl release --everywhere --reachable 2>&1)
like "only those that can be reached are asked, if one says so" "$out" '^ns2: not asked: it cannot be reached$'
like "and it is released" "$out" '^1 path: released, as one change; the nodes that could be asked have agreed$'
check "ns1 serves it" wait_for 60 serves ns1 a.test 1002
on ns1 zonefsctl hold >/dev/null
save ns1 1003
waits second
save ns1 1004
check "what is saved meanwhile is another question" wait_for 60 grep -q '^what is to be released has changed' "$T/ns1/tmp/second"
link_up ns2
wait $RELEASE
is "when it is back, it is asked, and all is released" $? 0
like "it has agreed" "$(cat "$T/ns1/tmp/second")" '^ns2: agreed$'
for h in ns1 ns2; do check "$h serves what was saved last" wait_for 60 serves $h a.test 1004; done

# A zone that this host's lines forbid.
sh_on ns2 'sed -i "s/allow-transfer .*/allow-transfer { none; }; max-zone-ttl 60;/" etc/named.host.conf'
check "ns2 knows that they forbid what it has" wait_for 60 fails sh_on ns2 'zonefsctl lint var/named/a.test.zone'
save ns1 2000
zones_tell() { on ns1 zonefsctl status --zones | grep -Eq "$1"; }
check "a zone that the other host's lines forbid: status --zones says why it is not served there" wait_for 60 \
	zones_tell '^    ns2 +does NOT take this version; last proved .*: it does not pass the gate there: .*TTL'
check "... and that it is here" wait_for 60 zones_tell '^    ns1 +serves 2000'
finish
