#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# At the start it takes a while until a node knows which files its zones include: a file that was broken while
# the node was stopped is judged all the same.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

ZONES=2000
for h in ns1 ns2; do host_new $h; chroot_make $h; done
chroot_fill ns1
C=$T/ns1$TREE
mkdir "$C/var/named/z" "$C/aaa"
echo 'www IN A 192.0.2.1' >"$C/aaa/hosts"
zone_text z.test 1000 >"$T/zone"
for ((i = 0; i < ZONES; i++)); do
	echo "zone \"z$i.test\" { type primary; file \"z/$i\"; };"
	ln "$T/zone" "$C/var/named/z/$i" 2>/dev/null || cp "$T/zone" "$C/var/named/z/$i"
done >>"$C/etc/named.conf"
rm -f "$C/var/named/z/$((ZONES - 1))"
zone_text z$((ZONES - 1)).test 1000 '$INCLUDE /aaa/hosts' >"$C/var/named/z/$((ZONES - 1))"
node_conf ns1 'server "named" { user = "bind" timeout = 300 }'
node_conf ns2
for h in ns1 ns2; do node_start $h; done
settle ns1 ns2
check "ns1 knows its zones" wait_for 120 sh_on ns1 "zonefsctl zones | grep -q '^$ZONES zones'"
check "what they include is judged" eval 'sh_on ns1 "echo \"www IN A 192.0.2.2\" >aaa/hosts; zonefsctl wait --timeout 120" && grep -q 2.2 "$T/ns2$TREE/aaa/hosts"'

held() { on ns1 zonefsctl held | grep -q '^aaa/hosts '; }
for i in 1 2 3; do
	node_stop ns1
	echo "www IN AAAA 192.0.2.$i" >"$C/aaa/hosts"
	node_start ns1
	check "broken while it was stopped, held when it is there again ($i)" wait_for 120 held
	unlike "... and never told" "$(cat "$T/ns2$TREE/aaa/hosts")" AAAA
	sh_on ns1 'zonefsctl discard aaa/hosts' >/dev/null
	settle ns1 ns2
done
finish
