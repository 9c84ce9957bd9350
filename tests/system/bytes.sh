#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# After a power cut a file has other bytes than were saved, and neither its inode nor its size and times say so: it
# is put back, and told to nobody. Blocks of the disk are changed while it is not mounted.
. "$(dirname "$0")/lib.sh"
world_enter "$@"
[ -e /dev/loop-control ] && command -v mkfs.ext4 >/dev/null || skip_all "needs loop devices and mkfs.ext4"

host_new ns1
host_new ns2
truncate -s 32M "$T/disk"
must mkfs.ext4 -q -F "$T/disk"
disk_mount() { must on ns1 mount -o loop "$T/disk" $TREE; }
disk_unmount() {
	must on ns1 umount $TREE
	must wait_for 60 eval '[ -z "$(losetup -j "$T/disk")" ]'
}
text() { yes "$1" | head -c 20000; } # FILE: more than one block, and found by its words
cat >"$T/change.py" <<'END'
import sys
with open(sys.argv[1], "r+b") as disk:
    content = disk.read()
    for words in sys.argv[2:]:
        old = (words + "\n").encode() * 20
        at = content.find(old)
        assert at >= 0, words
        while at >= 0:
            disk.seek(at)
            disk.write(b"?" * len(old))
            at = content.find(old, at + len(old))
END

disk_mount
node_boots ns1
nodes_start ns1 ns2
sh_on ns1 'mkdir etc'
settle ns1 # ns2 has it, too
sh_on ns1 "$(declare -f text); text 'of this node' >etc/saved; text 'nothing happens to it' >etc/sound"
sh_on ns2 "$(declare -f text); text 'of the other node' >etc/installed"
settle ns1 ns2
TOLD=$(on ns2 zonefsctl log --json -n 1000 | grep -c '"type":"version"')
node_kill ns1
BEFORE=$(on ns1 bash -c "cd $TREE/etc && stat -c '%i %s %.9Y %.9Z' saved installed")
disk_unmount
must /usr/bin/python3 "$T/change.py" "$T/disk" 'of this node' 'of the other node'
disk_mount
is "the bytes are others" "$(on ns1 bash -c "cd $TREE/etc && head -c 3 saved && head -c 3 installed")" "??????"
is "and inodes, sizes and times as they were" "$(on ns1 bash -c "cd $TREE/etc && stat -c '%i %s %.9Y %.9Z' saved installed")" "$BEFORE"
node_boot ns1
: >"$T/ns1/zonefs.log"
node_start ns1
wait_for 60 node_well ns1 || bail "ns1: $(on ns1 zonefsctl status)"
settle ns1 ns2
for f in saved installed sound; do
	words='of this node'
	[ $f != installed ] || words='of the other node'
	[ $f != sound ] || words='nothing happens to it'
	for h in ns1 ns2; do check "$h: $f is as it was saved" cmp <(sh_on $h "cat etc/$f") <(text "$words"); done
done
for f in saved installed; do
	like "the log says so of what was $f" "$(cat "$T/ns1/zonefs.log")" \
		"/etc/$f had other bytes under unchanged times after an unclean stop.*it is put back; what was there is in its history"
	v=$(on ns1 zonefsctl history $TREE/etc/$f | grep 'unclean stop' | cut -d' ' -f1)
	like "... where it can be read" "$(on ns1 zonefsctl show "$TREE/etc/$f@$v" | head -c 3)" '^\?\?\?$'
done
like "status counts them" "$(on ns1 zonefsctl status | head -n 1)" '; 2 paths put back after an unclean stop'
is "nothing of it was told but what is in the history" \
	"$(on ns2 zonefsctl log --json -n 1000 | grep '"type":"version"' | grep -vc 'unclean stop')" "$TOLD"
finish
