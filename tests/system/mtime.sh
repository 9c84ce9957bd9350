#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The mtime that a name shows, where requests of the kernel overtake each other: RELEASE comes after close() has
# returned, and attributes are read while it is carried out. Each is stopped where it matters (base/crash.h).

[ -n "${WORLD:-}" ] || B=${B:-build}/crash
. "$(dirname "$0")/lib.sh"
world_enter "$@"

SEAM=/var/lib/zonefs/crash
FILE=$T/ns1$SEAM
host_new ns1
node_conf ns1
node_start ns1 ZONEFS_CRASH=$SEAM

stopped_at() { wait_for 60 test -e "$FILE.$1.here" || bail "$1 is not reached"; }
go_on() { rm "$FILE.$1"; wait_for 60 test ! -e "$FILE.$1.here" || bail "$1 is not left"; }
# A file whose mtime is ahead of the clock, so that every save has to raise it.
ahead() { sh_on ns1 "mkdir -p etc/m; rm -f etc/m/*; echo 1 >etc/m/f; touch -d '+20 seconds' etc/m/f"; }
shown() { sh_on ns1 'stat -c %.9Y etc/m/f'; }
beneath() { stat -c %.9Y "$T/ns1$TREE/etc/m/f"; }
later() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -n | tail -n 1)" = "$2" ] && [ "$1" != "$2" ]; }
told() { sh_on ns1 "getfattr --only-values -n user.zonefs.barrier . >/dev/null"; }

for how in '1<>etc/m/f' '>etc/m/f' '>>etc/m/f'; do
	ahead
	touch "$FILE.fs-release"
	FIRST=$(sh_on ns1 "echo one $how; stat -c %.9Y etc/m/f")
	stopped_at fs-release
	SECOND=$(sh_on ns1 "echo two $how; stat -c %.9Y etc/m/f")
	go_on fs-release
	check "the save after one whose close is still on its way shows a later time ($how)" later "$FIRST" "$SECOND"
	told
	is "... which stays, and is on the disk" "$(shown) $(beneath)" "$SECOND $SECOND"
done

# read_by SHELL: the attributes of the file that it asks for are read before a close raises the mtime on the disk, and
# answered after it.
raised() { later "$BEFORE" "$(beneath)"; }
read_by() {
	local writer reader
	ahead
	rm -f "$T/ns1/tmp/go" "$T/ns1/tmp/open"
	sh_on ns1 'exec 1>etc/m/f; echo 2; touch /tmp/open; while [ ! -e /tmp/go ]; do sleep 0.02; done' &
	writer=$!
	wait_for 60 test -e "$T/ns1/tmp/open" || bail "the file is not opened"
	sh_on ns1 'stat . etc etc/m' >/dev/null
	BEFORE=$(beneath)
	touch "$FILE.fs-shown"
	sh_on ns1 "$1" >/dev/null &
	reader=$!
	stopped_at fs-shown
	touch "$T/ns1/tmp/go"
	wait $writer
	wait_for 60 raised || bail "the close does not raise the mtime"
	go_on fs-shown
	wait $reader
	is "attributes that a close has overtaken are read again ($1)" "$(shown)" "$(beneath)"
}
read_by 'stat etc/m/f'
read_by 'ls -U etc/m'
finish
