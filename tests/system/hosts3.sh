#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Three nodes that all know each other: edits everywhere, one cut off, one frozen; nobody waits for it.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
host_new ns3
nodes_start ns1 ns2 ns3
ALL="ns1 ns2 ns3"
sh_on ns1 'mkdir -p etc/each etc/names'
settle $ALL

for h in $ALL; do
	sh_on $h "echo 'from $h' >etc/each/$h; zonefsctl wait etc/each/$h" >/dev/null
	is "what $h saves is everywhere when its wait ends" \
		"$(cat "$T"/ns?"$TREE/etc/each/$h" | sort -u) $(ls "$T"/ns?"$TREE/etc/each/$h" | wc -l)" "from $h 3"
done

# The same and different names on all three at once.
for h in $ALL; do
	sh_on $h "for i in \$(seq 60); do echo \"$h \$i\" >etc/names/$h.\$i; echo \"$h \$i\" >etc/names/same.\$((i % 10))
		[ \$((i % 6)) != 0 ] || mv etc/names/$h.\$i etc/names/$h.\$i.moved; [ \$((i % 7)) != 0 ] || rm -f etc/names/$h.\$i; done" &
	SAVING="${SAVING:-} $!"
done
wait $SAVING
settle $ALL
trees_same_but_raised "after all wrote at once" $ALL
is "and complete" "$(sh_on ns3 'ls etc/names/*.moved | wc -l; ls etc/names/same.* | wc -l' | xargs)" "30 10"
check "verify agrees" on ns2 zonefsctl verify
for h in $ALL; do wait_for 20 node_well $h; done
like "status counts the peers" "$(on ns1 zonefsctl status)" "all well: 2 peers identical"
is "peers has a line for each" "$(on ns3 zonefsctl peers | awk '{print $1, $NF}' | sort | xargs)" "ns1 reachable ns2 reachable"

lost() { grep -c 'peer ns3 is not reachable any more' "$T/$1/zonefs.log"; }
declare -A LOST
for h in ns1 ns2; do LOST[$h]=$(lost $h); done

# One cut off; the others go on, and it catches up, also with what it did itself.
link_down ns3
sh_on ns1 'echo one >etc/one; rm etc/each/ns2'
sh_on ns2 'mkdir etc/two; echo two >etc/two/f; mv etc/each/ns1 etc/each/moved'
sh_on ns3 'echo three >etc/three; chmod 600 etc/each/ns3'
for h in ns1 ns2; do on $h zonefsctl wait --timeout 60 >/dev/null 2>&1; done
is "two of three go on" "$(sh_on ns1 'cat etc/two/f etc/each/moved' | xargs) $(sh_on ns2 'cat etc/one')" "two from ns1 one"
for h in ns1 ns2; do
	check "$h finds that the third is lost" wait_for 20 eval "on $h zonefsctl peers | grep -Eq '^ns3 .* (silent|unreachable)'"
	sh_on $h "echo more >etc/more.$h; zonefsctl wait --timeout 60" >/dev/null 2>&1
done
is "two of three go on when they know it, too" "$(sh_on ns1 'cat etc/more.*' | xargs) $(sh_on ns2 'cat etc/more.*' | xargs)" "more more more more"
link_up ns3
check "the third catches up" wait_for 30 same_but_raised $ALL
for h in $ALL; do check "$h says that all is well" wait_for 30 node_well $h; done
is "and brings its own" "$(sh_on ns1 'cat etc/three; stat -c %a etc/each/ns3' | xargs)" "three 600"

# One of them frozen: its link stays up, and it does not answer.
FROZEN="$(replicator_pid ns3) $(worker_pid ns3)"
settle $ALL
kill -STOP $FROZEN
# What waited for it would wait for as long as it is frozen, or each time until it is given up: that is never over.
check "while a peer is frozen, every kind of system call goes on" timeout 90 nsenter -t "${HOST_PID[ns1]}" -m -n -p \
	bash -c "cd $TREE/etc; for i in \$(seq 50); do echo \$i >frozen.\$i; chmod 640 frozen.\$i; mv frozen.\$i f.\$i; ln f.\$i l.\$i
		rm l.\$i; ls >/dev/null; cat f.\$i >/dev/null; truncate -s 1 f.\$i; ln -s f s.\$i; done; mkdir d; rmdir d; sync -d f.50"
on ns1 zonefsctl wait --timeout 60 etc/f.50 >"$T/said" 2>&1
check "the other has it" wait_for 60 file_is "$T/ns2$TREE/etc/f.50" 5
like "and wait names who does not" "$(cat "$T/said")" "ns3"
check "so does status, soon" wait_for 30 fails node_well ns1
check "in words" wait_for 30 eval 'on ns1 zonefsctl status | head -1 | grep -q "NOT well.*ns3"'
for h in ns1 ns2; do must wait_for 30 eval "[ \$(lost $h) -ge $((LOST[$h] + 2)) ]"; done
kill -CONT $FROZEN
check "thawed, it gets everything" wait_for 60 same_but_raised $ALL
for h in $ALL; do check "$h is well" wait_for 60 node_well $h; done
# Cut off, and frozen: that is twice, without any to and fro when it comes back.
for h in ns1 ns2; do
	is "$h has lost it twice" $(($(lost $h) - LOST[$h])) 2
done
finish
