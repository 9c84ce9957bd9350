#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The keeper: how zonefs starts and ends, what it refuses, and what happens when one of its processes
# dies or somebody is still inside.

. "$(dirname "$0")/lib.sh"
world_enter "$@"
host_new k1
D=$T/k1$TREE # the plain directory, as the world sees it
LOG=$T/k1/zonefs.log
CONF=$T/k1/etc/zonefs/zonefs.conf
mkdir -p "$D/etc" "$D/dev"
mknod -m 666 "$D/dev/null" c 1 3
echo plain >"$D/etc/file"
PEERS=(k1)
rm -rf "$T/k1/var/lib/zonefs"
node_conf k1 'stop-timeout = 15'
cp "$CONF" "$T/good.conf"

# with LINES: the good configuration and these lines; without: as it was.
with() { cat "$T/good.conf" - <<<"${1:-}" >"$CONF"; }
zonefs_on() { on k1 timeout 30 zonefs "$@" 2>&1; }
status_of() { zonefs_on "$@" >/dev/null; echo $?; }
worker_pid() { pid_on k1 zonefs-worker; }
logged() { grep -Eq -- "$1" "$LOG"; }
other_than() { local p; p=$($2) && [ "$p" != "$1" ]; }
zombie() { grep -q '^State:.Z' "/proc/$1/status"; }
dead() { gone "$1" || zombie "$1"; }
# The keeper's end, within a time; $STATUS is what it ended with.
ended() {
	STATUS=none
	wait_for 20 dead "$K" || return
	wait "${JOB[k1.zonefs]}" 2>/dev/null
	STATUS=$?
}
# inside DIRECTORY: a process that lives there; its number is in $INSIDE.
inside() {
	on k1 bash -c "cd $1 && exec tail -f /dev/null" </dev/null >/dev/null 2>&1 &
	must wait_for 60 pid_on k1 tail
	INSIDE=$(pid_on k1 tail)
}
read_inside() { cat "/proc/$INSIDE/cwd/file"; }
end_inside() { kill "$INSIDE" && wait_for 60 gone "$INSIDE"; }

# ---- the command line and --check

is "--version ends with 0" "$(status_of --version)" 0
is "--help ends with 0" "$(status_of --help)" 0
is "an unknown option is wrong usage" "$(status_of --nonsense)" 2
is "an argument is wrong usage" "$(status_of -f what)" 2
is "a missing file is an error" "$(status_of --check -c /nowhere)" 1

is "--check finds nothing wrong with a good configuration" "$(status_of --check)" 0
with 'nonsense = 1'
n=$(wc -l <"$CONF")
like "--check names the line of a mistake" "$(zonefs_on --check)" "zonefs.conf:$n: "
is "... and ends with 1" "$(status_of --check)" 1
like "a start is refused likewise" "$(zonefs_on)" "zonefs.conf:$n: "
sed -i 's/^user .*/user = "no-such-user"/' "$CONF"
sed -i '/nonsense/d' "$CONF"
like "a missing user is told with the command that makes it" "$(zonefs_on --check)" 'adduser --system'
with
chmod 644 "$T/k1/etc/zonefs/k1.key"
like "a key file that others may read is refused" "$(zonefs_on --check)" 'k1.key'
is "... also at the start" "$(status_of)" 1
chmod 600 "$T/k1/etc/zonefs/k1.key"
with "hook \"h\" { run = { \"$TREE/etc/file\" } user = \"bind\" match = { \"**\" } }"
like "a hook in the tree is refused" "$(zonefs_on --check)" 'lies in the tree'
with 'hook "h" { run = { "/tmp/hook" } user = "bind" match = { "**" } }'
like "a hook that others could replace is refused" "$(zonefs_on --check)" '/tmp is writable'
with
mkdir -m 755 "$T/k1/var/lib/zonefs"
like "a state directory of somebody else is refused" "$(zonefs_on --check)" '/var/lib/zonefs belongs to user 0'
must on k1 chown zonefs: /var/lib/zonefs
like "as is one that others may enter" "$(zonefs_on --check)" '/var/lib/zonefs may be entered by others'
is "... also at the start" "$(status_of)" 1
rmdir "$T/k1/var/lib/zonefs"

# ---- start

is "in the background: 0 once the mount is usable" "$(status_of)" 0
check "... and it is" on k1 cat $TREE/etc/file
K=$(keeper_pid k1)
is "the state directory was made for the replicator alone" \
	"$(on k1 stat -c '%U %a' /var/lib/zonefs)" "zonefs 700"
like "a second one is refused" "$(zonefs_on -f)" 'running here already'
check "... and the first goes on" on k1 cat $TREE/etc/file
kill -TERM "$K"
check "it ends on SIGTERM" wait_for 20 dead "$K"
check "... and the plain directory is back" fails mounted k1

# ---- where it logs

# A /dev of the host's own, with a listener where syslog(3) speaks: a line a message in /tmp/syslog.
must on k1 bash -c 'mkdir /tmp/dev && mount -t tmpfs -o mode=755 dev /tmp/dev &&
	cp -a /dev/{null,zero,random,urandom,fuse,tty} /tmp/dev/ && ln -s /proc/self/fd /tmp/dev/fd && mount --move /tmp/dev /dev'
on k1 /usr/bin/python3 -c 'import os, socket
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
os.chmod("/dev/log", 0o666)
with open("/tmp/syslog", "wb", buffering=0) as f:
	while True: f.write(log.recv(65536) + b"\n")' &
SYSLOG=$T/k1/tmp/syslog
must wait_for 60 test -e "$SYSLOG"
in_host() { awk '/^NSpid/ {print $NF}' "/proc/$1/status"; }
# told PRIORITY NAME PROCESS TEXT: facility daemon, 24, and a level.
told() { grep -aEq "^<$1>.* $2\[$(in_host "$3")\]: .*$4" "$SYSLOG"; }

with 'log-level = "debug"'
zonefs_on >"$T/first"
K=$(keeper_pid k1) W=$(worker_pid) R=$(replicator_pid k1)
like "from the background the mount is told on standard error" "$(cat "$T/first")" "$TREE is mounted"
is "... where nothing comes afterwards" "$(readlink /proc/{$K,$W,$R}/fd/2 | sort -u)" /dev/null
on k1 bash -c "echo logged >$TREE/etc/logged"
kill -HUP "$K"
check "... but in the system's log: of the keeper" wait_for 60 told 29 zonefs "$K" SIGHUP
check "... of the worker" wait_for 60 told 31 zonefs "$W" 'stage hint .*etc/logged'
check "... and of the replicator" wait_for 60 told 31 zonefs-replicator "$R" 'says hello'
kill -TERM "$K"
check "... to its end" wait_for 20 grep -aq 'is unmounted' "$SYSLOG"
wait_for 20 dead "$K"
# What is still on its way there comes before this.
on k1 /usr/bin/python3 -c 'import socket
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"drained", "/dev/log")'
must wait_for 60 grep -aq drained "$SYSLOG"
: >"$SYSLOG"
node_start k1
on k1 bash -c "echo more >$TREE/etc/logged"
kill -HUP "$(keeper_pid k1)"
check "in front, standard error has it all" wait_for 60 eval 'logged SIGHUP && logged "stage hint .*etc/logged" &&
	logged "zonefs-replicator: .*says hello"'
node_stop k1
is "... and the system's log nothing" "$(cat "$SYSLOG")" ""
with

inside $TREE
node_start k1
check "who was in the directory before the mount is named" logged 'plain directory.*tail \('
end_inside
check "a device in the tree works" on k1 bash -c "echo x >$TREE/dev/null"
node_stop k1
with 'dev = false'
node_start k1
is "with dev = false it does not" "$(on k1 bash -c "echo x >$TREE/dev/null" 2>&1 | grep -o 'Permission denied')" "Permission denied"
check "... but is there" on k1 test -c $TREE/dev/null
node_stop k1
with 'dev = true'
node_start k1
check "with dev = true it does" on k1 bash -c "echo x >$TREE/dev/null && [ ! -s $TREE/dev/null ]"

# ---- rights

must wait_for 60 replicator_pid k1
R=$(replicator_pid k1)
S=$(cat "/proc/$R/status")
like "the replicator runs as its own user" "$S" $'^Uid:\t64007\t64007\t64007\t64007$'
like "... and group, in no other" "$S" $'^Groups:\t64007 $'
is "... without capabilities, for ever" \
	"$(grep -c '^Cap[IPEBA].*0000000000000000$' <<<"$S") $(grep NoNewPrivs <<<"$S" | cut -f2)" "5 1"
is "... in a session of its own" "$(ps -o sid= -p "$R" | tr -d ' ')" "$R"
unlike "it has no descriptor of the tree or of the device" \
	"$(ls -l "/proc/$R/fd")" "$TREE|/dev/fuse"
unlike "nothing of root's environment" "$(tr '\0' '\n' <"/proc/$R/environ")" '^(HOME|B|WORLD)='
unlike "what runs as root links no network or database library" \
	"$(ldd "$BIN/zonefs")" 'zmq|sqlite|zstd|ldns'

# ---- quiet

K=$(keeper_pid k1)
switches() { cat "/proc/$K/task"/*/status | awk '/ctxt_switches/ {n += $2} END {print n}'; }
# Time goes by: the replicator looks at its clock once a second.
woken() { awk '/^voluntary/ {print $2}' "/proc/$R/status"; }
asleep() { ! grep -h '^State' "/proc/$K/task"/*/status | grep -qv 'S (sleeping)'; }
must wait_for 60 asleep
until_woken=$(($(woken) + 5))
before=$(switches)
check "time goes by" wait_for 30 eval '[ "$(woken)" -ge $until_woken ]'
is "an idle keeper does not wake up" "$(switches)" "$before"
kill -HUP "$K"
check "SIGHUP is a line in the log" wait_for 60 logged 'SIGHUP'
check "... and all goes on" on k1 cat $TREE/etc/file

# ---- deaths

W=$(worker_pid)
kill -9 "$R"
check "another replicator comes when one is killed" wait_for 60 other_than "$R" 'replicator_pid k1'
check "... and the log says how the first ended" logged "replicator .* signal 9"
is "... under the same mount" "$(worker_pid)" "$W"
check "... which goes on" on k1 bash -c "echo more >$TREE/etc/more && cat $TREE/etc/more"

inside $TREE/etc
R=$(replicator_pid k1)
kill -9 "$W"
check "when the worker is killed all is mounted afresh" wait_for 60 other_than "$W" worker_pid
check "... with what was in it" wait_for 60 on k1 cat $TREE/etc/more
check "... the log names who has to be restarted" wait_for 60 logged 'in the mount that died, .*tail \('
check_not "... who gets an error there" read_inside
end_inside
check "... and there is a replicator again" wait_for 60 other_than "$R" 'replicator_pid k1'
is "... one only" "$(pgrep -c -x zonefs-replicat)" 1

# ---- end

inside $TREE/etc
kill -TERM "$K"
check "on SIGTERM the plain directory is back" wait_for 60 fails mounted k1
check "... before those inside have left, or the time limit has come" fails dead "$K"
is "... while those inside are served" "$(read_inside)" plain
check "... and named in the log" wait_for 60 logged 'still inside, .*tail \('
like "... a second zonefs is refused meanwhile" "$(zonefs_on -f)" 'still ending'
check "... until the time limit" wait_for 60 dead "$K"
check_not "... then they get an error" read_inside
end_inside
ended
is "an end in order is told as 0" "$STATUS" 0

node_start k1
K=$(keeper_pid k1)
kill -9 "$K"
check "a keeper that is killed takes the others with it" wait_for 60 fails worker_pid
ended
check "... and leaves a dead mount" mounted k1
node_start k1
check "... which the next start clears away" logged 'cleared away the dead mount'
K=$(keeper_pid k1)
must on k1 umount $TREE
ended
is "unmounted by hand, it ends too" "$STATUS" 0

node_start k1
K=$(keeper_pid k1)
for i in 1 2 3 4 5; do
	W=$(worker_pid) && kill -9 "$W"
	[ "$i" -eq 5 ] || wait_for 60 other_than "$W" worker_pid
done
ended
is "after five deaths within a minute it gives up" "$STATUS" 1
check "... and says so" logged 'giving up'
is "... with the plain directory in place" "$(on k1 cat $TREE/etc/more)" more
unset "JOB[k1.zonefs]"

# ---- somebody else's mount

# The number of a mount that has gone is given again, the lowest first: lower ones are taken before.
number() { on "$1" sed -n "s,^[0-9]* [0-9]* \([0-9:]*\) / $TREE .* fuse.zonefs .*,\1,p" /proc/self/mountinfo; }
with
host_new k2
PEERS=(k2)
node_conf k2
node_start k1
K=$(keeper_pid k1) W=$(worker_pid) OLD=$(number k1)
kill -STOP "$K"
must on k1 umount -l $TREE
check "a mount that was taken away is not served on" wait_for 20 dead "$W"
for i in $(seq 64); do
	mkdir -p "$T/taken.$i"
	must mount -t tmpfs taken "$T/taken.$i"
	[ "$(mountpoint -d "$T/taken.$i")" != "$OLD" ] || break
done
must umount "$T/taken.$i"
node_start k2
note "its number was $OLD, the other's is $(number k2)"
W2=$(pid_on k2 zonefs-worker)
kill -CONT "$K"
check "its keeper ends" ended
is "... and leaves alone what is mounted elsewhere by then" "$(pid_on k2 zonefs-worker)" "$W2"
check "... which is served as before" on k2 touch $TREE/etc
check_not "... without a break" grep -q "mounting afresh" "$T/k2/zonefs.log"
unset "JOB[k1.zonefs]"
node_stop k2
while [ $((i -= 1)) -gt 0 ]; do must umount "$T/taken.$i"; done

# ---- without root's rights

TRIAL=$T/k1/tmp/trial
mkdir -p "$TRIAL/tree"
echo trial >"$TRIAL/tree/file"
sed -e 's,/var/named/chroot,/tmp/trial/tree,; s,/var/lib/zonefs,/tmp/trial/state,' \
	"$T/good.conf" >"$T/k1/etc/zonefs/trial.conf"
cat >"$TRIAL/run" <<'END'
zonefs -f -c /etc/zonefs/trial.conf 2>/tmp/trial/log &
for i in $(seq 500); do
	grep -q 'tree .* fuse.zonefs ' /proc/self/mountinfo && grep -q mounted /tmp/trial/log && break
	sleep 0.02
done
cat /tmp/trial/tree/file >/tmp/trial/tree/copy && cat /tmp/trial/tree/copy
kill $!
wait $!
END
is "in a user and mount namespace it works too" \
	"$(on k1 timeout 30 unshare -rm bash /tmp/trial/run 2>&1)" trial
finish
