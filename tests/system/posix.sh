#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The mount is a POSIX file system: it and a plain directory on the same file system answer the same
# to a table of cases (posix.cases), as root and as an ordinary user. What the mount does otherwise on
# purpose, the mtime floor, has checks of its own.
. "$(dirname "$0")/lib.sh"
ON_DISK=${ON_DISK-1}
world_enter "$@"
CASES_MIN=200

host_new k1
PLAIN=$T/k1/plain
mkdir "$PLAIN" "$T/k1$TREE/posix" "$T/k1$TREE/floor"
install -m 755 "$B/helpers/portlend" $BIN/zonefs-replicator
PEERS=(k1)
node_conf k1
node_start k1

OUT=$(on k1 timeout 120 posix_table "$LIB_DIR/posix.cases" "$PLAIN" "$TREE/posix" 2>&1)
is "the table comes to its end" "$?" 0
note "on $(stat -f -c %T "$PLAIN"):"
ROOT=0 USER=0 WHAT=
while read -r line; do
	case $line in
	\#*) WHAT+=$line$'\n'; continue ;;
	*' root '*) ROOT=$((ROOT + $(awk '{print $(NF - 1)}' <<<"$line"))) ;;
	*' user '*) USER=$((USER + $(awk '{print $(NF - 1)}' <<<"$line"))) ;;
	*) not_ok "a line that says something" "$line"; continue ;;
	esac
	set -- $line
	is "${*:1:$(($# - 3))}: ${*: -2:1} cases answer the same, as ${*: -3:1}${WHAT:+
$WHAT}" "${*: -1}" 0
	WHAT=
done <<<"$OUT"
note "$ROOT cases as root, $USER as another user"
check "as root, at least $CASES_MIN" [ "$ROOT" -ge "$CASES_MIN" ]
check "as another user too" [ "$USER" -eq "$ROOT" ]
is "nothing is left of it" "$(ls -A "$PLAIN" "$T/k1$TREE/posix" | grep -c case)" 0

# ---- the mtime floor: a name never shows an earlier time than it has shown

F=$TREE/floor
mtime() { on k1 stat -c %.9Y "$F/$1"; }
later() { awk -v a="$1" -v b="$2" 'BEGIN {exit !(b > a)}'; }
beneath_is_as_shown() { [ "$(stat -c %.9Y "$T/k1$F/f")" = "$(mtime f)" ]; }
# floor SENTENCE COMMANDS: about the file f, which exists
floor() {
	local before
	sh_on k1 'cd floor && rm -rf * && echo first >f && touch -d "1 minute" f'
	before=$(mtime f)
	sh_on k1 "cd floor && $2"
	check "$1" later "$before" "$(mtime f)"
	check "... beneath the mount likewise" wait_for 60 beneath_is_as_shown # the last close may be on its way
}
floor "a write within the same second makes the time later" 'echo second >f'
floor "... and so does a truncation" 'truncate -s 1 f'
floor "... and one at open" ': >f'
floor "... and a write in place" 'printf x | dd of=f conv=notrunc 2>/dev/null'
floor "an earlier time that was asked for is raised" 'touch -d 2001-01-01 f'
floor "a file with an old time that comes over it is raised" 'echo n >n; touch -d 2001-01-01 n; mv n f'
floor "a copy that keeps an old time too" 'echo n >n; touch -d 2001-01-01 n; cp -p n f'
floor "... and one that is made after a removal" 'echo n >n; touch -d 2001-01-01 n; rm f; mv n f'
sh_on k1 'cd floor && touch -d 2040-01-01 f'
is "a later time is exact" "$(on k1 stat -c %y "$F/f" | cut -c1-29)" "2040-01-01 00:00:00.000000000"
# A rename that the file system beneath refuses when all has been prepared.
sh_on k1 'cd floor && rm -rf * && echo o >o && echo f >f && touch -d "1 minute" f'
# The close of o has been dealt with.
must on k1 /usr/bin/python3 -c "import os; os.getxattr('$TREE', 'user.zonefs.barrier')"
BEFORE=$(mtime o)
if chattr +i "$T/k1$F/f" 2>/dev/null; then
	check_not "a rename over an immutable file fails" sh_on k1 'cd floor && mv -f o f'
	is "... and the file keeps its time" "$(mtime o)" "$BEFORE"
	is "... beneath the mount likewise" "$(stat -c %.9Y "$T/k1$F/o")" "$(mtime o)"
	chattr -i "$T/k1$F/f"
fi
# What a FUSE mount is not asked for, in zonefs(7): refused with the error on which programs do without.
is "a file without a name and cutting out of the middle of a file are not supported" "$(on k1 python3 -c '
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
try:
    os.open("'"$F"'", os.O_TMPFILE | os.O_RDWR)
except OSError as e:
    print(errno.errorcode[e.errno])
fd = os.open("'"$F"'/f", os.O_RDWR | os.O_CREAT)
for mode in 8, 32:
    print(libc.fallocate(fd, mode, 0, 4096), errno.errorcode[ctypes.get_errno()])
' | tr '\n' ' ')" "ENOTSUP -1 ENOTSUP -1 ENOTSUP "
is "after all this the tree is as it is beneath" \
	"$(sh_on k1 'find . | sort')" "$(cd "$T/k1$TREE" && find . -not -path './.zonefs*' | sort)"
finish
