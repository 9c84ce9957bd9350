#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `zonefsctl wait` is exact; what is not complete is not told. What people do for a minute takes a minute here, too,
# while the rest goes on.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
# Less than an upload stalls, or a loop rests between two lines; far more than a program that is at work needs for its
# next write, whatever else this machine has to do.
SETTLE="settle = 3000"
for h in ns1 ns2; do node_conf $h "$SETTLE"; done
for h in ns1 ns2; do node_start $h; done
for h in ns1 ns2; do wait_for 20 node_well $h || bail "$h: $(on $h zonefsctl status)"; done
sh_on ns1 'mkdir -p etc'
settle ns1 ns2
DISK2=$T/ns2$TREE

# ---- what takes a minute

text() { echo "; version $1"; seq -f "record%g IN A 10.0.0.1" $2; echo "; end $1"; }
text 1 20000 >"$T/ns1/tmp/v1"
text 2 20000 >"$T/ns1/tmp/v2"
text 1 1000 >"$T/ns1/tmp/short"
sh_on ns1 'cp /tmp/v1 etc/slow; cp /tmp/short etc/lines; cp /tmp/short etc/held; zonefsctl wait'

# watch_begin NAME, watch_end NAME: what a watcher of etc/NAME on ns2 reports in between.
watch_begin() {
	on ns2 bash -c "echo \$\$ >/tmp/watch.$1; exec watch $TREE/etc/$1 1000" >"$T/report.$1" 2>&1 &
	JOB[watch.$1]=$!
	wait_for 60 grep -q watching "$T/report.$1" || bail "watch"
}
watch_end() {
	on ns2 kill -TERM "$(cat "$T/ns2/tmp/watch.$1")"
	wait "${JOB[watch.$1]}"
	SEEN=$(grep -v '^looks\|^watching\|^saw\|^names\|^modes' "$T/report.$1" | tr '\n' ';')
}
# The watcher may miss what is soon replaced; the log does not.
versions_of() { on ns2 zonefsctl log --json -n 1000 --path "etc/$1" | grep -c '"type":"version"'; }

for f in slow lines held; do watch_begin $f; done
sh_on ns1 '(head -c 100000 /tmp/v2; sleep 5; tail -c +100001 /tmp/v2) >etc/slow; zonefsctl wait etc/slow' &
JOB[slow]=$!
# Each pause is longer than `settle`: only that it was truncated tells that it is not whole.
sh_on ns1 '{ echo "; version 2"; for i in $(seq 15); do echo line $i; sleep 4; done; echo "; end 2"; } >etc/lines
	zonefsctl wait etc/lines' &
JOB[lines]=$!
# Opened without truncation, modified in place, and kept open: told when it pauses, not before.
cat >"$T/held.py" <<-'END'
	import sys, time
	path, paused = sys.argv[1], sys.argv[2]
	end = time.monotonic() + 60
	i = 0
	with open(path, "r+b", buffering=0) as f:
	    f.write(b"; version 9")
	    while time.monotonic() < end:
	        f.seek(12 + 5 * (i % 1000))
	        f.write(b"%05d" % i)
	        time.sleep(0.1)
	        i += 1
	    f.seek(-len("; end 1\n"), 2)
	    f.write(b"; end 9\n")
	    open(paused, "w").close()
	    sys.stdin.read()
END
mkfifo "$T/go"
on ns1 /usr/bin/python3 "$T/held.py" "$TREE/etc/held" /tmp/paused <"$T/go" &
JOB[held]=$!
exec {GO}>"$T/go"

# ---- meanwhile

# What lies on the peer's disk the moment that wait returns.
cat >"$T/ns1/loop" <<-END
	cd $TREE/etc
	for i in \$(seq 200); do
		case \$((i % 4)) in
		0) echo "value \$i" >f ;;
		1) echo "value \$i" >new && mv new f ;;
		2) rm -f f; echo "value \$i" >f ;;
		3) sed -i "s/.*/value \$i/" f ;;
		esac
		zonefsctl wait f >/dev/null || echo "\$i: wait failed"
		[ "\$(cat $DISK2/etc/f)" = "value \$i" ] || echo "\$i: the peer has \$(cat $DISK2/etc/f)"
	done
END
is "200 saves of one file, each waited for, each there" "$(on ns1 bash "$T/ns1/loop" 2>&1)" ""
cat >"$T/ns1/loop" <<-END
	cd $TREE/etc
	for i in \$(seq 100); do
		echo \$i >g.\$i
		rm -f g.\$((i - 1))
		zonefsctl wait >/dev/null || echo "\$i: wait failed"
		[ "\$(cat $DISK2/etc/g.\$i)" = \$i ] || echo "\$i is not there"
		[ ! -e $DISK2/etc/g.\$((i - 1)) ] || echo "\$((i - 1)) is still there"
	done
END
is "100 times everything is waited for" "$(on ns1 bash "$T/ns1/loop" 2>&1)" ""

# Still open for writing by somebody who truncated it: wait names the process.
sh_on ns1 'exec 3>etc/open; echo part >&3; touch /tmp/open; exec tail -f /dev/null' &
wait_for 60 test -e "$T/ns1/tmp/open"
must wait_for 60 pid_on ns1 tail
out=$(sh_on ns1 'zonefsctl wait --timeout 1 etc/open' 2>&1)
is "wait fails while somebody writes" $? 1
like "and names the process" "$out" "etc/open: still open for writing by tail \(pid [0-9]+\)"
like "and the path" "$out" '^zonefsctl: etc/open: this node has not told the change$'
check_not "nothing of it has arrived" test -e "$DISK2/etc/open"
kill "$(pid_on ns1 tail)"
check "it is told at the close" wait_for 60 test -e "$DISK2/etc/open"

# No local call waits for a peer: the link is cut, and saves take what they took before.
link_down ns2
check "saves go on while the peer is unreachable" timeout 30 nsenter -t "${HOST_PID[ns1]}" -m -n -p \
	bash -c "cd $TREE/etc; for i in \$(seq 500); do echo \$i >cut.\$i; done"
told() { on ns1 zonefsctl status --json | grep -q '"answers":true,"hints_waiting":0,"hints_unacknowledged":0'; }
must wait_for 60 told
# It lags, until its silence is noticed: then nobody waits for it.
out=$(on ns1 zonefsctl wait --timeout 1 2>&1; echo "status $?")
like "wait says that the peer has not got it" "$(xargs <<<"$out")" \
	'ns2: (it did not answer|it is not reachable any more) .*status 1$|ns2: cannot be reached: not waited for .*status 0$|ns2: cannot be reached: not waited for status 0$'
unlike "and not that it has" "$out" '^ns2: has it'
link_up ns2
check "until it can" wait_for 30 test -e "$DISK2/etc/cut.500"

# ---- and the minute's end

wait "${JOB[slow]}"
must wait_for 60 cmp "$T/ns1$TREE/etc/slow" "$DISK2/etc/slow"
watch_end slow
is "an upload that stalls arrives once, whole" "$SEEN" "absent 0;partial 0;backwards 0;errors 0;versions 1 2;"
is "and is one version" "$(versions_of slow)" 2
wait "${JOB[lines]}"
must wait_for 60 cmp "$T/ns1$TREE/etc/lines" "$DISK2/etc/lines"
watch_end lines
is "a loop that writes to one redirected file arrives once, whole" "$SEEN" "absent 0;partial 0;backwards 0;errors 0;versions 1 2;"
is "with each of its lines" "$(grep -c '^line' "$DISK2/etc/lines")" 15
is "and is one version, too" "$(versions_of lines)" 2

# Once it has arrived, and while it is still held open: is it the same, and what says `wait`?
wait_for 120 test -e "$T/ns1/tmp/paused"
check "a file modified in place and held open is told when it pauses" \
	wait_for 30 cmp "$T/ns1$TREE/etc/held" "$DISK2/etc/held"
out=$(sh_on ns1 'zonefsctl wait --timeout 1 etc/held' 2>&1)
is "wait fails, since it is still open" $? 1
like "and says who has it open" "$out" "etc/held: still open for writing by python3 \(pid [0-9]+\)"
exec {GO}>&-
wait "${JOB[held]}"
check "closed, it is waited for" sh_on ns1 'zonefsctl wait etc/held'
watch_end held
is "only the whole was told" "$SEEN" "absent 0;partial 0;backwards 0;errors 0;versions 1 9;"
is "once" "$(versions_of held)" 2

settle ns1 ns2
trees_same "" ns1 ns2
finish
