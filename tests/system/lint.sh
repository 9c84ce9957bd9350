#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The name server's own checkers over this node's tree: what they find, what they see, and what they do not.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
for h in ns1 ns2; do chroot_make $h; done
chroot_fill ns1
C=$T/ns1$TREE
Z=$C/var/named
zone_stanza a.test >>"$C/etc/named.conf"
zone_stanza b.test >>"$C/etc/named.conf"
zone_text a.test 1 >"$Z/a.test.zone"
zone_text b.test 1 'a_b IN A 10.0.0.1' >"$Z/b.test.zone"
chmod 640 "$Z"/*.zone
chown root:bind "$Z"/*.zone
for h in ns1 ns2; do node_conf $h 'server "named" { user = "bind" timeout = 20 }'; done
for h in ns1 ns2; do node_start $h; done

ready() { on ns1 zonefsctl zones | grep -q "^$1 zones"; }
lint() { OUT=$(on ns1 zonefsctl lint "$@" 2>&1); STATUS=$?; }
check "the zones are known" wait_for 60 ready 2
lint
is "a name that named refuses is found: check-names" $STATUS 1
like "in the checker's words, with file and line" "$OUT" '^  /var/named/b\.test\.zone:5: a_b\.b\.test: bad owner name \(check-names\)'
like "of all that was checked" "$OUT" '3 checked: 1 bad, 0 could not be checked'
shown zonefsctl.8 'zonefsctl lint' "$OUT"
sh_on ns1 'sed -i "s/^options {/options { check-names primary ignore;/" etc/named.conf'
well() { on ns1 zonefsctl lint; }
check "with other settings all is well" wait_for 60 well
lint
is "... and it says so" "$STATUS $OUT" "0 3 checked: all is well"

# save NAME TEXT...: as a.test's zone
save() { zone_text a.test 2 "$@" >"$T/ns1/tmp/z"; sh_on ns1 'cat /tmp/z >var/named/a.test.zone'; }
save 'terminator.movie .edu. IN A 10.0.0.1'
lint $TREE/var/named/a.test.zone
is "a mistake in a zone" $STATUS 1
like "one file alone" "$OUT" '1 checked: 1 bad'
like "file, line and reason" "$OUT" '/var/named/a\.test\.zone:5: '
save 'mail IN MX 10 out.example.'
lint $TREE/var/named/a.test.zone
is "what lies outside of the zone is not asked for: there is no network" $STATUS 0

# Includes.
sh_on ns1 'mkdir var/named/inc; echo "www IN A 10.0.0.1" >var/named/inc/www; ln -s /etc/rndc.key var/named/inc/link
	printf "%s\n" "\$INCLUDE inc/loop2" >var/named/inc/loop1; printf "%s\n" "\$INCLUDE inc/loop1" >var/named/inc/loop2
	echo "x IN A 10.0.0" >var/named/inc/bad'
SECRET=$(sed -n 's/.*secret "\(.*\)";/\1/p' "$C/etc/rndc.key")
save '$INCLUDE inc/www' '$INCLUDE "/var/named/inc/www"'
lint $TREE/var/named/a.test.zone
is "includes are found, relative and absolute" "$STATUS" 0
save '$INCLUDE inc/bad'
lint $TREE/var/named/a.test.zone
like "a mistake in one has its file and line" "$OUT" 'inc/bad:1: '
# refused SENTENCE FILE WORDS
refused() {
	save "\$INCLUDE $2"
	lint $TREE/var/named/a.test.zone
	is "$1: refused" $STATUS 1
	like "$1: says which and why" "$OUT" "var/named/a\.test\.zone:5: .*$3"
	unlike "$1: nothing of its content" "$OUT" "algorithm|hmac|${SECRET:0:8}|root:x|bad owner|unknown RR"
}
refused "a key" /etc/rndc.key 'is refused: it is a key'
refused "a key, by another way" ../../etc/rndc.key 'is refused: it is a key'
refused "a symbolic link to it" inc/link 'is refused: .*symbolic link'
refused "a file of the host" /../../../../etc/passwd 'file not found'
refused "a directory" inc 'file not found'
refused "one that is not there" inc/none 'file not found'
save '$INCLUDE inc/loop1'
lint $TREE/var/named/a.test.zone
like "a loop ends" "$OUT" 'var/named/inc/loop2:1: .*is refused: it leads back to itself'
sh_on ns1 'head -c 30000 /dev/urandom >var/named/inc/random; mkfifo var/named/inc/fifo'
save '$INCLUDE inc/random' '$INCLUDE inc/fifo'
lint $TREE/var/named/a.test.zone
is "noise and a FIFO are survived" $STATUS 1

# A file that is none.
sh_on ns1 'rm var/named/a.test.zone; mkdir var/named/a.test.zone'
lint
like "a directory in a zone's place" "$OUT" 'var/named/a\.test\.zone: Is a directory'
sh_on ns1 'rmdir var/named/a.test.zone; : >var/named/a.test.zone'
lint
like "an empty file" "$OUT" 'a\.test.*has 0 SOA records'
save
sh_on ns1 'printf "x IN TXT a\0b\n" >>var/named/a.test.zone'
lint $TREE/var/named/a.test.zone
case $STATUS in 0|1) ok "a NUL byte is survived" ;; *) not_ok "a NUL byte is survived" "$STATUS $OUT" ;; esac
save
lint $TREE/etc/rndc.key
is "a path that is part of the configuration" "$STATUS" 0
lint $TREE/etc/nothing
is "one that is nothing" "$STATUS" 1
like "... which is said" "$OUT" 'neither a static primary zone'
sh_on ns1 'cp -p etc/named.conf /tmp/good; echo "zone {" >>etc/named.conf'
lint $TREE/etc/named.conf
like "a mistake in the configuration" "$OUT" '^  /etc/named\.conf:[0-9]+: '
sh_on ns1 'cat /tmp/good >etc/named.conf'
check "mended" wait_for 60 well
is "as JSON" "$(on ns1 zonefsctl lint --json | /usr/bin/python3 -c 'import json, sys
for l in map(json.loads, sys.stdin):
	if l.get("type") == "checked": print(l["verdict"], l.get("zone"), l.get("path"))' | sort)" \
	"good None None
good a.test var/named/a.test.zone
good b.test var/named/b.test.zone"

# What a checker is, and what it sees.
cat >$BIN/spy <<-'END'
	#!/bin/bash
	[ "$1" = -v ] || {
		grep -E '^(Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs|Uid|Groups)' /proc/self/status
		echo "env $(env | grep -cvE '^(PATH|LANG|PWD|SHLVL|_)=')"
		echo "net $(grep -c : /proc/net/dev) $(grep -c 'lo:' /proc/net/dev)"
		grep -c fuse.zonefs /proc/self/mountinfo
		echo "limits $(ulimit -v) $(ulimit -f) $(ulimit -n) $(ulimit -c) $(ulimit -t)"
		for f in /proc/self/fd/*; do [ -e "$f" ] && echo "fd ${f##*/}"; done
		echo w >w 2>/dev/null && echo wrote
		echo "files $(find . -type f | sort | tr '\n' ' ')"
		exit 1
	}
END
chmod 755 $BIN/spy
node_stop ns1
node_conf ns1 "server \"named\" { user = \"bind\" checkzone = \"$BIN/spy\" }"
node_start ns1
check "again" wait_for 60 ready 2
SPY=$(on ns1 zonefsctl lint --json $TREE/var/named/a.test.zone | /usr/bin/python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["words"])')
for c in Prm Eff Bnd Amb; do like "its only capability is to change its root: Cap$c" "$SPY" "^Cap$c:	0000000000040000$"; done
like "none can come" "$SPY" '^NoNewPrivs:	1$'
like "it is nobody" "$SPY" "^Uid:	$(id -u nobody)	$(id -u nobody)	"
like "with nothing in its environment" "$SPY" '^env 0$'
like "without a network" "$SPY" '^net 1 1$'
like "without the mount" "$SPY" '^0$'
# Sanitizers need more memory than there is.
like "its memory, files, descriptors and time have limits" "$SPY" "^limits $([ -n "${SAN:-}" ] || echo 4194304).* 0 1024 0 [0-9]+$"
unlike "it can write nothing" "$SPY" '^wrote'
unlike "it has no descriptor of ours" "$SPY" '^fd ([3-9]|[1-9][0-9]|1[0-9]{2})$'
like "it sees the zone alone" "$SPY" '^files \./var/named/a\.test\.zone $'

# One that hangs, and one that is ended.
cat >$BIN/hang <<-'END'
	#!/bin/sh
	sleep 1001 & exec sleep 1000
END
chmod 755 $BIN/hang
node_stop ns1
node_conf ns1 "server \"named\" { user = \"bind\" checkzone = \"$BIN/hang\" timeout = 1 }"
node_start ns1
check "and again" wait_for 60 ready 2
# (Its limit is that of named-checkconf, too.)
hung() { lint; grep -q '3 checked: 0 bad, 2 could not be checked' <<<"$OUT"; }
wait_for 60 hung
like "one that hangs: could not be checked" "$OUT" '^a\.test \(var/named/a\.test\.zone\) could not be checked:'
like "... which is no verdict" "$OUT" '3 checked: 0 bad, 2 could not be checked'
left() { pgrep -f '^sleep 100[01]$'; }
check "nothing of it is left, nor of what it started" wait_for 60 fails left
node_stop ns1
node_conf ns1 "server \"named\" { user = \"bind\" checkzone = \"$BIN/hang\" timeout = 600 }"
node_start ns1
check "and again" wait_for 60 ready 2
on ns1 zonefsctl lint $TREE/var/named/a.test.zone >"$T/ended" 2>&1 &
check "one hangs" wait_for 60 left
end_it() { kill -KILL $(pgrep -f "^sleep 1000$"); grep -q . "$T/ended"; }
check "and is killed" wait_for 60 end_it
like "that is no verdict either" "$(cat "$T/ended")" '^a\.test \(var/named/a\.test\.zone\) could not be checked:'

# The configuration becomes another one meanwhile: it begins again by itself.
on ns1 zonefsctl lint $TREE/var/named/a.test.zone >"$T/again" 2>&1 &
check "one hangs" wait_for 60 left
sh_on ns1 'echo "zone \"c.test\" { type forward; forwarders { 10.53.0.9; }; };" >>etc/named.conf'
check "and the configuration is another one" wait_for 60 ready 3
end_all() { kill -KILL $(pgrep -f "^sleep 1000$"); grep -q "checked: " "$T/again"; }
check "and is killed" wait_for 60 end_all
like "it began again" "$(cat "$T/again")" '^The configuration has changed meanwhile: all of it again\.$'
like "and came to an end" "$(cat "$T/again")" '1 checked: 0 bad, 1 could not be checked'
sh_on ns1 'sed -i "/c\.test/d" etc/named.conf'
check "two zones again" wait_for 60 ready 2

# A save whose judgement takes long is saved anew, again and again: what nobody waits for is ended, and
# keeps nothing that follows from its turn.
cat >$BIN/hang <<-'END'
	#!/bin/bash
	i=$(sed -n 's/^hang\([0-9]*\) .*/\1/p' ".${!#}")
	[ -z "$i" ] || exec sleep "300$i"
END
node_stop ns1
node_start ns1
check "and again" wait_for 60 ready 2
hangs() { pgrep -f "^sleep 300$1$"; }
for i in 1 2 3 4 5 6; do
	zone_text a.test $((2000 + i)) "hang$i IN A 10.53.0.1" >"$T/ns1/tmp/z"
	sh_on ns1 'cat /tmp/z >var/named/a.test.zone'
	check "save $i is being judged" wait_for 60 hangs $i
	[ $i = 1 ] || check "that of the one before has been ended" wait_for 60 fails hangs $((i - 1))
done
like "held says so" "$(on ns1 zonefsctl held)" '^var/named/a\.test\.zone .*being judged$'
zone_text a.test 2007 >"$T/ns1/tmp/z"
sh_on ns1 'cat /tmp/z >var/named/a.test.zone'
check "the next one is judged" wait_for 60 eval 'on ns1 zonefsctl held | grep -q "nothing is held"'
check "and nothing of the others is left" wait_for 60 fails hangs '[0-9]'
finish
