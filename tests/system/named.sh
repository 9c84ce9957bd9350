#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two real named in chroots that are mounts: every kind of change is served on both hosts.
. "$(dirname "$0")/lib.sh"
world_enter "$@"
HOOK=bind

host_new ns1
host_new ns2
for h in ns1 ns2; do
	chroot_make $h
	zone_text dyn.test 1 >"$T/$h$TREE/var/named/dynamic/dyn.zone"
	chown bind:bind "$T/$h$TREE/var/named/dynamic/dyn.zone"
done
chroot_fill ns1
echo 'zone "dyn.test" { type primary; file "dynamic/dyn.zone"; allow-update { 127.0.0.1; }; };' \
	>>"$T/ns1$TREE/etc/named.conf"
zone_stanza a.test >>"$T/ns1$TREE/etc/named.conf"
zone_text a.test 1000 >"$T/ns1$TREE/var/named/a.test.zone"
chown root:bind "$T/ns1$TREE/var/named/a.test.zone"
must chmod 664 "$T/ns1$TREE/var/named/a.test.zone"
echo 'alice:x:2001:2001::/nonexistent:/usr/sbin/nologin' >>"$T/ns1/etc/passwd"
# So that what sed makes before its rename is never told by itself.
for h in ns1 ns2; do node_conf $h "delete-delay = 1000"; done
for h in ns1 ns2; do node_start $h; done
check "ns2 has the configuration" wait_for 20 test -e "$T/ns2$TREE/etc/named.conf"
settle ns1 ns2
for h in ns1 ns2; do check "$h's own lines stay its own" grep -q "\"$h\"" "$T/$h$TREE/etc/named.host.conf"; done
check "and the key" wait_for 20 test -e "$T/ns2$TREE/etc/rndc.key"
check "... readable for named only" test "$(stat -c '%a %G' "$T/ns2$TREE/etc/rndc.key")" = "640 bind"
named_start ns1
named_start ns2
P1=$(pid_on ns1 named) P2=$(pid_on ns2 named)
for h in ns1 ns2; do
	wait_for 60 node_well $h || note "$(on $h zonefsctl status)"
	check "$h serves" wait_for 60 serves $h a.test 1000
done

# served SENTENCE HOST COMMAND ZONE SERIAL: what COMMAND does on HOST is served everywhere.
served() {
	local h
	sh_on "$2" "$3" || note "failed: $3"
	check "$1: wait says that all serve it" on "$2" zonefsctl wait --served --timeout 90
	for h in ns1 ns2; do
		is "$1: $h" "$(serial_on $h $4)" "$5"
	done
}
Z=var/named/a.test.zone
served "edited in place" ns1 "sed 's/ 1000 / 1001 /' $Z >/tmp/z; cat /tmp/z >$Z" a.test 1001
served "same size, same second, twice" ns1 "sed -i 's/ 1001 / 1002 /' $Z; sed -i 's/ 1002 / 1003 /' $Z" a.test 1003
served "on the other host" ns2 "sed -i 's/ 1003 / 1004 /' $Z" a.test 1004
served "with an old mtime" ns2 "sed 's/ 1004 / 1005 /' $Z >/tmp/z; touch -d 2001-01-01 /tmp/z; cp -p /tmp/z $Z; chmod 664 $Z" a.test 1005
served "vi on the second" ns2 "printf '%s\n' 'see 1005' 'keys :%s/ 1005 / 1006 /\r' 'keys :wq\r' | typist vi $Z" a.test 1006
served "moved over" ns1 "sed 's/ 1006 / 1007 /' $Z >var/named/new.tmp; chmod 664 var/named/new.tmp; mv var/named/new.tmp $Z" a.test 1007
zone_text b.test 5 >"$T/ns1/tmp/b"
zone_stanza b.test >"$T/ns1/tmp/b.conf"
served "a new zone: file, then configuration" ns1 \
	"install -m 644 /tmp/b var/named/b.test.zone; cat /tmp/b.conf >>etc/named.conf" b.test 5
served "moved away, and an older file in its place" ns1 "Z=var/named/b.test.zone; sed 's/ 5 / 6 /' \$Z >/tmp/z
	chmod 644 /tmp/z; touch -d 2001-01-01 /tmp/z; mv \$Z /tmp/away; cp -p /tmp/z \$Z" b.test 6
zone_text c.test 6 >"$T/ns2/tmp/c"
zone_stanza c.test >"$T/ns2/tmp/c.conf"
served "a new zone: configuration, then file" ns2 \
	"cat /tmp/c.conf >>etc/named.conf; zonefsctl wait; install -m 644 /tmp/c var/named/c.test.zone" c.test 6
served "renamed, with the configuration" ns1 \
	"mv var/named/c.test.zone var/named/c2.zone; sed -i s/c.test.zone/c2.zone/ etc/named.conf" c.test 6
sh_on ns2 'sed -i /b.test/d etc/named.conf; rm var/named/b.test.zone'
check "a zone is taken away: wait" on ns2 zonefsctl wait --served --timeout 90
for h in ns1 ns2; do is "it is gone on $h" "$(TRIES=30 rcode $h b.test soa)" REFUSED; done

# A mistake is told to whoever made it, and the next save mends it.
sh_on ns1 'cp -p etc/named.conf /tmp/good; echo "zone {" >>etc/named.conf'
check_not "a mistake in the configuration: wait fails" on ns1 zonefsctl wait --served --timeout 5
check_not "status fails too" on ns1 zonefsctl status
like "and has the checker's words" "$(on ns1 zonefsctl status; on ns1 zonefsctl log -n 20)" "named.conf:[0-9]+"
served "mended" ns1 'cat /tmp/good >etc/named.conf' a.test 1007

# The dynamic zone belongs to each host's named.
nsup() { printf 'server 127.0.0.1\nzone dyn.test\nupdate add %s 60 A 10.0.0.%s\nsend\n' "$2" "$3" | on "$1" nsupdate; }
check "nsupdate on ns1" nsup ns1 one.dyn.test 1
check "nsupdate on ns2" nsup ns2 two.dyn.test 2
is "answered" "$(TRIES=30 ask ns1 one.dyn.test a) $(TRIES=30 ask ns2 two.dyn.test a)" "10.0.0.1 10.0.0.2"
check "the journal is in the mount" sh_on ns1 'ls var/named/dynamic/dyn.zone.jnl'
check "for 50 more" bash -c "seq -f 'update add h%g.dyn.test 60 A 10.1.0.1' 50 | sed '1i server 127.0.0.1\nzone dyn.test' | sed '\$a send' |
	nsenter -t ${HOST_PID[ns1]} -m -n -p nsupdate"
must rndc_on ns1 sync dyn.test
check "named writes the zone down in the mount" wait_for 60 grep -q h50 "$T/ns1$TREE/var/named/dynamic/dyn.zone"
check_not "nothing of it goes to the other" grep -rq one "$T/ns2$TREE/var/named/dynamic/dyn.zone"

# What the log says of an edit, where it was made.
LOGIN=alice
sh_on ns1 'echo 2001 >/proc/self/loginuid' 2>/dev/null || LOGIN= # a kernel without logins
sh_on ns1 "${LOGIN:+echo 2001 >/proc/self/loginuid;} exec sed -i 's/ 1007 / 1008 /' $Z"
must on ns1 zonefsctl wait --served --timeout 90
for h in ns1 ns2; do is "edited by who has logged in: $h serves it" "$(serial_on $h a.test)" 1008; done
all_told() { [ "$(on ns1 zonefsctl log --path $Z -n 1 | wc -l)" -ge 4 ]; }
check "the log has a line for the edit, and three for what became of it" wait_for 60 all_told
LOG=$(on ns1 zonefsctl log --path $Z -n 1)
AFTER='after [0-9.]+ (ms|s)'
is "no more than that" "$(wc -l <<<"$LOG")" 4
like "the log: when, where, user, login and program, what" "$(sed -n 1p <<<"$LOG")" \
	"^[0-9-]{10} [0-9:.]+  ns1  ${LOGIN:+alice as }root \(sed\)  $Z: content.*  \[[0-9a-z.:-]+\]$"
like "the log: installed at ns2, after how long" "$LOG" "^    ns2: installed $AFTER$"
for h in ns1 ns2; do
	like "the log: $h's hook, and which serial it serves" "$LOG" "^    $h: hook bind ok $AFTER; serves a\.test 1008$"
done
LOG=$(on ns1 zonefsctl log --json --path $Z -n 1)
is "as JSON too" "$(/usr/bin/python3 -c 'import json, sys
v = json.loads(sys.stdin.readline())
print(v["node"], v["who"]["uid"], v["who"].get("login_uid"), v["who"]["user"], v["who"]["command"], v["path"], v["what"])
for o in sorted(v["outcomes"], key=lambda o: (o["node"], o.get("hook", ""))):
	print(o["node"], o.get("hook"), o["status"], 0 <= o["after_ms"] < 60000, o.get("served"))' <<<"$LOG")" \
	"ns1 0 $([ "$LOGIN" ] && echo 2001 alice || echo None root) sed $Z ['content']
ns1 bind 0 True ['a.test 1008']
ns2 None 0 True None
ns2 bind 0 True ['a.test 1008']"

# One named stops; the other answers, and goes on being told.
named_stop ns1
is "one stopped: the other answers" "$(serial_on ns2 a.test)" 1008
sh_on ns1 "sed -i 's/ 1008 / 1009 /' $Z"
check "an edit on the host whose named is down is served by the other" wait_for 20 serves ns2 a.test 1009
hook_fails() { on ns1 zonefsctl status | grep -q '^NOT well: .*hook bind fails on ns1'; }
check "status says that ns1 does not serve" wait_for 60 hook_fails
named_start ns1
check "back, it serves what it missed" wait_for 30 serves ns1 a.test 1009
check "and status is well again" wait_for 90 node_well ns1
is "the other named has run all the time" "$(pid_on ns2 named)" "$P2"
check "and in its mount" grep -q " / .* - fuse.zonefs " "/proc/$P2/mountinfo"
is "named runs as bind" "$(stat -c %U /proc/$P2)" bind
finish
