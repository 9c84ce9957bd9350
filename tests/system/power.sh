#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Power cuts: one host's state and tree lie on a file system that is shut down at a labelled point
# (base/crash.h), with all that was not synced dropped: by ext4's own means, so that what is left is what a
# disk would have. Then it is mounted again, its journal replayed, and zonefs started under another kernel.
# What a wait has confirmed is there, nothing damaged was told, and the nodes end identical.
#
#   LONG=1         every label of the crash matrix; else a few
#   LABELS="..."   these

[ -n "${WORLD:-}" ] || B=${B:-build}/crash
. "$(dirname "$0")/lib.sh"
world_enter "$@"
[ -e /dev/loop-control ] && command -v mkfs.ext4 >/dev/null || skip_all "needs loop devices and mkfs.ext4"

if [ -z "${LABELS:-}" ]; then
	LABELS="committed broadcasted installed fs-saved fs-moved-in"
	[ -z "${LONG:-}" ] || LABELS="looked commit committed broadcast broadcasted ack ask answer-page page page-taken op
		op-taken stage-asked staged install-asked installed removed object object-named
		fs-saved fs-hints fs-acknowledged fs-stage fs-staged fs-install fs-moved-in fs-invalidate
		fs-invalidated fs-attributes fs-attributes-set fs-removed"
fi
IMAGE=$T/disk VAR=$T/ns1/var SEAM=/tmp/seam/crash
FILE=$T/ns1$SEAM
ROUND=0 SEEN=0
declare -A SAVED CONFIRMED

# ---- the disk

disk_mount() { # in the world and on the host: the same file system
	must mount -o loop,commit=300 $IMAGE "$VAR"
	[ -z "${HOST_PID[ns1]:-}" ] ||
		must nsenter -t "${HOST_PID[ns1]}" -m mount "$(findmnt -no SOURCE "$VAR")" /var
}
# HOW 1: its journal gets to the disk, and data may not; 2: neither does.
disk_cut() {
	must /usr/bin/python3 -c 'import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack("I", int(sys.argv[2])))' "$VAR" "$1"
}
# Names below it can't be looked up any more: it goes as a whole, and is free when nobody holds it.
disk_unmount() {
	must nsenter -t "${HOST_PID[ns1]}" -m /usr/bin/python3 -c 'import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for path in sys.argv[1:]:
	if libc.umount2(path.encode(), 2) < 0 and ctypes.get_errno() != 22: sys.exit(path + ": " + os.strerror(ctypes.get_errno()))' /var "$VAR"
	must umount -l "$VAR"
	must wait_for 20 eval '[ -z "$(losetup -j $IMAGE)" ]'
}
boot() { printf '%08d-0000-4000-8000-000000000000\n' "$ROUND" >"$T/ns1/tmp/boot"; }
power_cut() {
	local p
	disk_cut $((ROUND % 2 + 1))
	for p in "$(keeper_pid ns1)" "$(worker_pid ns1)" "$(replicator_pid ns1)"; do
		[ -z "$p" ] || kill -KILL "$p" 2>/dev/null
	done
	wait "${JOB[ns1.zonefs]}" 2>/dev/null
	must wait_for 10 fails pid_on ns1 zonefs-worker
	disk_unmount
	boot
}

# ---- what is done, and what is looked at

save() { # HOST PATH TEXT
	SAVED[$2]=$3
	nsenter -t "${HOST_PID[$1]}" -m timeout 5 sh -c "printf '%s' '$3' >$TREE/work/$2" 2>/dev/null
}
confirm() { # HOST PATH
	timeout 10 nsenter -t "${HOST_PID[$1]}" -m -n -p zonefsctl wait --timeout 3 "$TREE/work/$2" >/dev/null 2>&1 &&
		CONFIRMED[$2]=${SAVED[$2]}
}
load() {
	local r=$ROUND h
	save ns1 "$r-confirmed" "confirmed in round $r" && confirm ns1 "$r-confirmed"
	printf '%s\n' "$1" >"$FILE.new" && chmod 666 "$FILE.new" && mv "$FILE.new" "$FILE"
	SEEN=$((SEEN + 1))
	save ns1 seen "seen $SEEN"
	save ns2 "$r-theirs" "of ns2 in round $r"
	save ns1 "$r-again" "first $r"
	save ns1 "$r-plain" "not synced in round $r"
	save ns1 "$r-big" "$(yes "big $r" | head -c 100000)"
	save ns2 "$r-gone" "to be removed"
	save ns2 "$r-their-big" "$(yes "theirs $r" | head -c 100000)"
	confirm ns2 "$r-gone"
	timeout 5 nsenter -t "${HOST_PID[ns2]}" -m sh -c "rm $TREE/work/$r-gone; chmod 600 $TREE/work/old" 2>/dev/null
	unset "SAVED[$r-gone]" "CONFIRMED[$r-gone]"
	[ ! -e "$FILE" ] || kill -KILL "$(replicator_pid ns1)" 2>/dev/null # what follows is caught up with
	save ns2 "$r-apart" "apart in round $r"
	timeout 5 nsenter -t "${HOST_PID[ns2]}" -m chmod 644 $TREE/work/old
	save ns1 "$r-last" "last in round $r"
}
taken() { [ ! -e "$FILE" ]; }
both_well() { node_well ns1 && node_well ns2; }

# Each path is whole, as somebody saved it, on ns2, and what was confirmed is there.
whole() {
	local p got
	for p in "${!SAVED[@]}"; do
		if [ ! -e "$T/ns2$TREE/work/$p" ]; then
			[ -z "${CONFIRMED[$p]+x}" ] && continue
			echo "$p was confirmed and is not there"
			return 1
		fi
		got=$(cat "$T/ns2$TREE/work/$p")
		[ "$got" = "${SAVED[$p]}" ] && continue
		[ -z "$got" ] && [ -z "${CONFIRMED[$p]+x}" ] && continue # told_whole looks at it
		[ "$p" = seen ] && [[ $got =~ ^seen\ [0-9]+$ ]] && continue
		echo "$p: is \"${got:0:60}\" (${#got} bytes), was saved as \"${SAVED[$p]:0:60}\""
		return 1
	done
}
# What was cut off before any version was made of it is a new, empty file; nothing known is emptied.
told_whole() {
	on ns2 zonefsctl log --json -n 100000 | /usr/bin/python3 -c 'import json, sys
known = set()
for v in map(json.loads, sys.stdin):
	if v.get("type") != "version" or v.get("kind") != "file": continue
	if v.get("size") == 0 and v["path"] in known: sys.exit(v["path"] + " was told as emptied")
	known.add(v["path"])'
}

cut_at() {
	ROUND=$((ROUND + 1))
	load "$1"
	wait_for 20 taken || { not_ok "$1: is reached"; rm -f "$FILE"; return; }
	power_cut
	save ns2 "$ROUND-meanwhile" "meanwhile in round $ROUND"
	disk_mount
	node_start ns1 ZONEFS_CRASH=$SEAM
	if ! wait_for 60 both_well; then
		not_ok "$1: both nodes are well again" "$(on ns1 zonefsctl status 2>&1; on ns2 zonefsctl status 2>&1)"
		return
	fi
	on ns1 zonefsctl wait --timeout 60 >/dev/null && on ns2 zonefsctl wait --timeout 60 >/dev/null
	check "$1: the trees are identical" same_trees ns1 ns2
	check "$1: what was confirmed is there, and all is whole" whole
	check "$1: nothing damaged was told" told_whole
}

host_new ns2
truncate -s 96M $IMAGE
must mkfs.ext4 -q -F $IMAGE
mkdir -p "$VAR"
must mount -o loop,commit=300 $IMAGE "$VAR"
host_new ns1
touch "$T/ns1/tmp/boot"
must mkdir -m 777 "$T/ns1/tmp/seam"
boot
must on ns1 mount --bind /tmp/boot /proc/sys/kernel/random/boot_id
for h in ns1 ns2; do mkdir -p "$T/$h$TREE/work"; node_conf $h; done
node_start ns1 ZONEFS_CRASH=$SEAM
node_start ns2
wait_for 20 both_well || bail "the nodes do not meet"
must sh_on ns1 "echo old >work/old"
settle ns1 ns2
for label in $LABELS; do cut_at "$label"; done
node_stop ns1
disk_unmount
unset 'JOB[ns1.zonefs]'
finish
