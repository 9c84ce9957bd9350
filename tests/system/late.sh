#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A file that a zone's check has looked at is another one before the check is over: what it has found is
# about a zone that nobody has any more, so it is checked again.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

for h in ns1 ns2; do host_new $h; chroot_make $h; done
chroot_fill ns1
C=$T/ns1$TREE
zone_stanza a.test >>"$C/etc/named.conf"
zone_text a.test 1000 >"$C/var/named/a.test.zone"
mkdir "$C/var/named/inc"
cat >"$BIN/slow-checkzone" <<-'END'
	#!/bin/bash
	while [ -e /tmp/block ]; do sleep 0.05; done
	exec named-checkzone "$@"
END
chmod 755 "$BIN/slow-checkzone"
node_conf ns1 "server \"named\" { user = \"bind\" timeout = 300 checkzone = \"$BIN/slow-checkzone\" }"
node_conf ns2 'server "named" { user = "bind" }'
for h in ns1 ns2; do node_start $h; done
settle ns1 ns2
check "ns1 knows its zone" wait_for 90 sh_on ns1 'zonefsctl zones | grep -q "^1 zone"'

# checked_while FILE RECORD SERIAL: while a.test, which includes FILE, is being checked, FILE gets that record. (It is
# in no zone so far: nobody asks whether it is good.)
checked_while() {
	touch "$T/ns1/tmp/block"
	zone_text a.test "$3" '$INCLUDE inc/'"$1" >"$T/ns1/tmp/z"
	sh_on ns1 'cat /tmp/z >var/named/a.test.zone'
	check "a zone is being checked" wait_for 60 on ns1 pgrep -x slow-checkzone
	sh_on ns1 "echo '$2' >var/named/inc/$1"
	check "meanwhile what it includes is changed, and goes to the peer" wait_for 60 grep -qs "$2" "$T/ns2$TREE/var/named/inc/$1"
	rm "$T/ns1/tmp/block"
}
sh_on ns1 'echo "www IN AAAA 192.0.2.1" >var/named/inc/bad; echo "www IN A 192.0.2.1" >var/named/inc/good
	zonefsctl wait --timeout 60' >/dev/null

checked_while bad 'www IN AAAA 2001:db8::1' 1001
check "what was broken is mended: it goes" wait_for 60 cmp -s "$T/ns1/tmp/z" "$T/ns2$TREE/var/named/a.test.zone"
is "nothing is held" "$(on ns1 zonefsctl held)" "nothing is held"

checked_while good 'www IN AAAA 192.0.2.1' 1002
held() { on ns1 zonefsctl held | grep -q 'inc/good:1: '; }
check "what was good is broken: it is held" wait_for 60 held
is "... and the peer has not heard of it" "$(grep -c 1001 "$T/ns2$TREE/var/named/a.test.zone")" 1
unlike "... nor ever had" "$(on ns2 zonefsctl log -n 1000 --path var/named/a.test.zone)" 'does not pass|refused'
finish
