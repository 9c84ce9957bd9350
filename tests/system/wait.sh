#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `zonefsctl wait` is exact; what is not complete is not told. What people do for a minute is done here for
# some times the node's `settle` (1 s); with LONG=1 for the whole minute.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
nodes_start ns1 ns2
sh_on ns1 'mkdir -p etc'
settle ns1 ns2

# What lies on the peer's disk the moment that wait returns.
DISK2=$T/ns2$TREE
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

# watched FILE: what the watcher on ns2 reports while the rest runs.
watched() {
	local report=$T/report job
	on ns2 watch "$TREE/$1" >"$report" 2>&1 &
	job=$!
	wait_for 10 grep -q watching "$report" || bail "watch"
	eval "$2"
	kill -TERM "$(pid_on ns2 watch)"
	wait $job
	SEEN=$(grep -v '^looks\|^watching\|^saw\|^names\|^modes' "$report" | tr '\n' ';')
}
text() { echo "; version $1"; seq -f "record%g IN A 10.0.0.1" 20000; echo "; end $1"; }
text 1 >"$T/ns1/tmp/v1"
text 2 >"$T/ns1/tmp/v2"
sh_on ns1 'cp /tmp/v1 etc/slow; cp /tmp/v1 etc/lines; cp /tmp/v1 etc/held; zonefsctl wait'

watched etc/slow 'sh_on ns1 "(head -c 100000 /tmp/v2; sleep 5; tail -c +100001 /tmp/v2) >etc/slow; zonefsctl wait etc/slow"'
is "an upload that stalls arrives once, whole" "$SEEN" "absent 0;partial 0;backwards 0;errors 0;versions 1 2;"

# Each pause is longer than `settle`: only that it was truncated tells that it is not whole.
LINES_N=$([ -n "${LONG:-}" ] && echo 50 || echo 6)
watched etc/lines 'sh_on ns1 "{ echo \"; version 2\"; for i in \$(seq $LINES_N); do echo line \$i; sleep 1.2; done; echo \"; end 2\"; } >etc/lines
	zonefsctl wait etc/lines"'
is "a loop that writes to one redirected file arrives once, whole" "$SEEN" "absent 0;partial 0;backwards 0;errors 0;versions 1 2;"
is "and with each of its lines" "$(grep -c '^line' "$DISK2/etc/lines")" "$LINES_N"

# Opened without truncation, modified in place, and kept open: told when it pauses, not before.
HELD_N=$([ -n "${LONG:-}" ] && echo 600 || echo 50)
cat >"$T/held.py" <<-'END'
	import sys, time
	path, writes, paused = sys.argv[1], int(sys.argv[2]), sys.argv[3]
	with open(path, "r+b", buffering=0) as f:
	    f.write(b"; version 9")
	    for i in range(writes):
	        f.seek(12 + 5 * i)
	        f.write(b"%05d" % i)
	        time.sleep(0.1)
	    f.seek(-len("; end 1\n"), 2)
	    f.write(b"; end 9\n")
	    open(paused, "w").close()
	    sys.stdin.read()
END
# Once it has arrived, and while it is still held open: is it the same, and what says `wait`?
hold() {
	local go job
	mkfifo "$T/go"
	on ns1 /usr/bin/python3 "$T/held.py" "$TREE/etc/held" "$HELD_N" /tmp/paused <"$T/go" &
	job=$!
	exec {go}>"$T/go"
	wait_for 120 test -e "$T/ns1/tmp/paused"
	wait_for 10 grep -q "; version 9" "$DISK2/etc/held"
	HELD_HERE=$(sh_on ns1 'sha256sum <etc/held')
	HELD_THERE=$(sha256sum <"$DISK2/etc/held")
	HELD_WAIT=$(sh_on ns1 'zonefsctl wait --timeout 1 etc/held' 2>&1)
	HELD_STATUS=$?
	exec {go}>&-
	wait $job
}
watched etc/held hold
is "a file modified in place and held open is told when it pauses, and only then" "$SEEN" \
	"absent 0;partial 0;backwards 0;errors 0;versions 1 9;"
is "as it is then" "$HELD_THERE" "$HELD_HERE"
is "wait fails, since it is still open" "$HELD_STATUS" 1
like "and says who has it open" "$HELD_WAIT" "etc/held: still open for writing by python3 \(pid [0-9]+\)"
check "closed, it is waited for" sh_on ns1 'zonefsctl wait etc/held'

# Still open for writing by somebody who truncated it: wait names the process.
sh_on ns1 'exec 3>etc/open; echo part >&3; touch /tmp/open; exec sleep 60' &
wait_for 10 test -e "$T/ns1/tmp/open"
out=$(sh_on ns1 'zonefsctl wait --timeout 1 etc/open' 2>&1)
is "wait fails while somebody writes" $? 1
like "and names the process" "$out" "etc/open: still open for writing by sleep \(pid [0-9]+\)"
check_not "nothing of it has arrived" test -e "$DISK2/etc/open"
kill "$(pid_on ns1 sleep)"
check "it is told at the close" wait_for 10 test -e "$DISK2/etc/open"

# No local call waits for a peer: the link is cut, and saves take what they took before.
link_down ns2
check "saves go on while the peer is unreachable" timeout 10 nsenter -t "${HOST_PID[ns1]}" -m -n -p \
	bash -c "cd $TREE/etc; for i in \$(seq 500); do echo \$i >cut.\$i; done"
out=$(on ns1 zonefsctl wait --timeout 1 2>&1)
is "wait says that it can't be" $? 1
like "and names the peer that lags" "$out" ns2
link_up ns2
wait_for 30 test -e "$DISK2/etc/cut.500"
settle ns1 ns2
trees_same "" ns1 ns2
finish
