#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An idle pair makes fewer than 50 system calls a second per node; and how the processes stand.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
nodes_start ns1 ns2
sh_on ns1 'mkdir -p etc; for i in $(seq 100); do echo $i >etc/f$i; done'
settle ns1 ns2
check "well before" wait_for 20 node_well ns1
# What is to be done about those files has been done: for five seconds nothing was written to the stores.
store_rests() { [ $(($(date +%s) - $(stat -c %Y "$T/$1/var/lib/zonefs/zonefs.db-wal"))) -gt 5 ]; }
for h in ns1 ns2; do check "$h is idle" wait_for 60 store_rests $h; done

# The three processes of a node, for ten seconds.
calls() {
	local k p=
	k=$(keeper_pid "$1")
	for q in $k $(pgrep -P "$k"); do p="$p -p $q"; done
	timeout -s INT 10 strace -c -f -o "$T/strace.$1" $p 2>/dev/null
	awk '$NF == "total" {print $4}' "$T/strace.$1"
}
if strace -o /dev/null true 2>/dev/null; then
	for h in ns1 ns2; do
		n=$(calls $h)
		check "$h: fewer than 50 system calls a second ($n in 10 s)" test "${n:-0}" -gt 0 -a "${n:-9999}" -lt 500
		[ "${n:-9999}" -lt 500 ] || note "$(cat "$T/strace.$h")"
	done
else
	ok "system calls of an idle node # SKIP strace may not trace here"
fi

# Who may what.
R=$(replicator_pid ns1)
U=$(awk -F: '$1 == "zonefs" {print $3}' "$T/ns1/etc/passwd")
is "the replicator runs as its own user" "$(awk '/^Uid/ {print $2, $3, $4}' /proc/$R/status)" "$U $U $U"
is "without capabilities" "$(awk '/^Cap(Inh|Prm|Eff|Amb)/ {print $2}' /proc/$R/status | sort -u)" 0000000000000000
is "and can't get any" "$(awk '/^NoNewPrivs/ {print $2}' /proc/$R/status)" 1
unlike "it has no descriptor in the tree" "$(ls -l /proc/$R/fd)" "$TREE"
K=$(keeper_pid ns1)
unlike "what runs as root links no network, database, compression or DNS library" \
	"$(ldd "/proc/$K/exe")" "zmq|sqlite|zstd|ldns|xxhash|jansson"
# Sockets that its processes have and that /proc/net lists.
network_sockets() {
	local p
	for p in $K $(worker_pid ns1); do
		find "/proc/$p/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n' | while read -r inode; do
			grep -hw "$inode" /proc/$p/net/{tcp,tcp6,udp,udp6,raw,raw6,packet,netlink} 2>/dev/null
		done
	done
}
is "and has no network socket" "$(network_sockets)" ""
like "the mount's type" "$(on ns1 cat /proc/self/mountinfo)" "$TREE .* - fuse.zonefs "
sh_on ns1 'mkdir -p dev; mknod dev/null c 1 3'
check "devices in the tree work" sh_on ns1 'echo x >dev/null && [ ! -s dev/null ] && [ -c dev/null ]'
check "a second instance on the same directory is kept out" fails on ns1 timeout 20 zonefs -f
check "zonefs --check finds the configuration good" on ns1 zonefs --check
echo 'colour = "red"' >>"$T/ns1/etc/zonefs/zonefs.conf"
n=$(wc -l <"$T/ns1/etc/zonefs/zonefs.conf")
like "and a mistake with its line" "$(on ns1 zonefs --check 2>&1)" "zonefs.conf:$n: "
check "a mistake in the configuration is an exit status" fails on ns1 zonefs --check
like "zonefsctl without a subcommand is a mistake of usage" "$(zonefsctl 2>&1; echo $?)" "^2$"
finish
