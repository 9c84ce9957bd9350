#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two nodes, every plain kind of change, in both directions, over IPv4 and over IPv6.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2

# changes FROM TO: each is waited for where it was made, and must then be there.
changes() {
	local a=$1 b=$2 w="$1 to $2, $3" t
	at() { sh_on "$a" "$1" || note "failed on $a: $1"; on "$a" zonefsctl wait --timeout 20 >/dev/null; }
	at 'mkdir -p etc/zones && echo one >etc/zones/a'
	is "$w: a new file" "$(sh_on "$b" 'cat etc/zones/a')" one
	at 'echo two >etc/zones/a'
	is "$w: rewritten, of the same size" "$(sh_on "$b" 'cat etc/zones/a')" two
	at 'echo three >>etc/zones/a'
	is "$w: appended to" "$(sh_on "$b" 'tail -n1 etc/zones/a')" three
	at 'chmod 600 etc/zones/a; chown bind:bind etc/zones/a'
	is "$w: mode and owner" "$(sh_on "$b" 'stat -c "%a %U %G" etc/zones/a')" "600 bind bind"
	at 'mv etc/zones/a etc/zones/b'
	is "$w: renamed" "$(sh_on "$b" 'ls etc/zones')" b
	at 'ln -s b etc/zones/link; mkdir etc/zones/empty'
	is "$w: a symbolic link" "$(sh_on "$b" 'readlink etc/zones/link')" b
	is "$w: an empty directory" "$(sh_on "$b" 'stat -c %F etc/zones/empty')" directory
	at 'head -c 3000000 /dev/urandom >etc/zones/big'
	is "$w: 3 MB" "$(sh_on "$b" 'sha256sum <etc/zones/big')" "$(sh_on "$a" 'sha256sum <etc/zones/big')"
	at 'rm etc/zones/b etc/zones/link'
	check_not "$w: removed" sh_on "$b" 'ls etc/zones/b'
	at 'rm -r etc/zones'
	check_not "$w: a directory with all that is in it" sh_on "$b" 'ls -d etc/zones'
	t=$(sh_on "$b" 'ls etc')
	is "$w: nothing is left" "$t" "keep"
}

mkdir -p "$T/ns1$TREE/etc"
echo kept >"$T/ns1$TREE/etc/keep"
for ADDRESS_OF in ip_of ip6_of; do
	nodes_start ns1 ns2
	changes ns1 ns2 "$ADDRESS_OF"
	changes ns2 ns1 "$ADDRESS_OF"

	# The same file in turns, and different files at the same time.
	for i in 1 3 5 7 9; do
		sh_on ns1 "echo $i >etc/turns; zonefsctl wait etc/turns"
		sh_on ns2 "cat etc/turns >>etc/all; echo $((i + 1)) >etc/turns; zonefsctl wait"
		sh_on ns1 "cat etc/turns >>etc/all; zonefsctl wait"
	done
	is "turns are never lost" "$(sh_on ns2 'tr "\n" " " <etc/all')" "1 2 3 4 5 6 7 8 9 10 "
	sh_on ns1 'for i in $(seq 200); do echo $i >etc/left.$i; done' &
	sh_on ns2 'for i in $(seq 200); do echo $i >etc/right.$i; done'
	wait $!
	settle ns1 ns2
	is "400 files, half on each" "$(sh_on ns1 'ls etc | grep -c "left\|right"')" 400
	trees_same "" ns1 ns2
	check "status says that all is well, when each has heard of it" wait_for 20 node_well ns1
	check "verify finds nothing" on ns2 zonefsctl verify
	sh_on ns2 'rm -f etc/left.* etc/right.* etc/turns etc/all'
	settle ns1 ns2
	node_stop ns1
	node_stop ns2
	is "unmounted, the plain files are there" "$(cat $T/ns2$TREE/etc/keep)" kept
	check_not "and nothing of zonefs's own" ls -d "$T/ns2$TREE/.zonefs"
done
finish
