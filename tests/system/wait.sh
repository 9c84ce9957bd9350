#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `zonefsctl wait` is exact; what is not complete is not told.
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
	SEEN=$(grep -v '^looks\|^watching\|^names\|^modes' "$report" | tr '\n' ';')
}
text() { echo "; version $1"; seq -f "record%g IN A 10.0.0.1" 20000; echo "; end $1"; }
text 1 >"$T/ns1/tmp/v1"
text 2 >"$T/ns1/tmp/v2"
sh_on ns1 'cp /tmp/v1 etc/slow; cp /tmp/v1 etc/lines; cp /tmp/v1 etc/held; zonefsctl wait'

watched etc/slow 'sh_on ns1 "(head -c 100000 /tmp/v2; sleep 5; tail -c +100001 /tmp/v2) >etc/slow; zonefsctl wait etc/slow"'
is "an upload that stalls arrives once, whole" "$SEEN" "absent 0;partial 0;backwards 0;errors 0;versions 1 2;"

watched etc/lines 'sh_on ns1 "{ echo \"; version 2\"; for i in \$(seq 25); do echo line \$i; sleep 0.2; done; echo \"; end 2\"; } >etc/lines
	zonefsctl wait etc/lines"'
is "a loop that writes to one redirected file arrives once, whole" "$SEEN" "absent 0;partial 0;backwards 0;errors 0;versions 1 2;"

# Opened without truncation, modified in place, and kept open: told when it pauses.
sh_on ns1 'exec 3<>etc/held; for i in 1 2 3 4 5; do printf "; version 9" >&3; sleep 0.2; done; touch /tmp/paused; sleep 30' &
holder=$!
wait_for 10 test -e "$T/ns1/tmp/paused"
check "a file modified in place and held open is told when it pauses" \
	wait_for 10 grep -q "version 9" "$DISK2/etc/held"
out=$(sh_on ns1 'zonefsctl wait --timeout 1 etc/held' 2>&1)
status=$?
if [ $status -ne 0 ]; then
	like "wait says who still has it open" "$out" "open.*[0-9]+"
else
	ok "wait on it does not hang"
fi
kill "$(pid_on ns1 sleep)" 2>/dev/null
wait $holder

# Still open for writing by somebody who truncated it: wait names the process.
sh_on ns1 'exec 3>etc/open; echo part >&3; touch /tmp/open; exec sleep 60' &
wait_for 10 test -e "$T/ns1/tmp/open"
out=$(sh_on ns1 'zonefsctl wait --timeout 1 etc/open' 2>&1)
is "wait fails while somebody writes" $? 1
like "and names the process" "$out" "sleep"
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
