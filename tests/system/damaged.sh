#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A store that its disk has not kept: objects and pages overwritten, cut off, gone. It is said, it is never
# served, and it comes back from the tree and from the peer, with nothing lost and nothing brought back.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

S=$T/ns1/var/lib/zonefs
back() {
	: >"$T/ns1/zonefs.log"
	node_start ns1
	wait_for 60 node_well ns1 || bail "ns1: $(on ns1 zonefsctl status)"
	settle ns1 ns2
}
logged() { grep -Eq -- "$1" "$T/ns1/zonefs.log"; }
# The object that holds a file: all of them are looked through.
object_of() {
	local o
	for o in "$S"/objects/??/*; do
		tail -c +2 "$o" | cmp -s - "$1" && { echo "$o"; return 0; }
	done
	return 1
}
garble() { # FILE OFFSET BYTES
	head -c "$3" /dev/urandom | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
# Each page of the database but the first.
pages() { /usr/bin/python3 -c 'import os, sys
f = open(sys.argv[1], "r+b")
for at in range(4096, os.fstat(f.fileno()).st_size, 4096): f.seek(at); f.write(os.urandom(100))' "$S/zonefs.db"; }
# One bit, wherever these bytes are: nothing of the database's structure is harmed.
flip() { /usr/bin/python3 -c 'import sys
f = open(sys.argv[1], "r+b")
data = f.read().replace(sys.argv[2].encode(), (sys.argv[2][:-1] + chr(ord(sys.argv[2][-1]) ^ 2)).encode())
f.seek(0), f.write(data)' "$S/zonefs.db" "$1"; }
told() { grep -Eq -- "$1" "$T/ns1/tmp/told"; }
well_again() { on ns1 zonefsctl check && node_well ns1; }

host_new ns1
host_new ns2
node_boots ns1
cat >$BIN/tell <<'END'
#!/bin/sh
echo "$1 $ZONEFS_ALERT: $ZONEFS_ALERT_WORDS" >>/tmp/told
END
chmod 755 $BIN/tell
node_conf ns1 "alert \"mail\" {
  run   = { \"$BIN/tell\" }
  user  = \"nobody\"
  after = 2
}"
node_conf ns2
for h in ns1 ns2; do node_start $h; done
for h in ns1 ns2; do wait_for 60 node_well $h || bail "$h: $(on $h zonefsctl status)"; done
sh_on ns1 'mkdir z; for i in 1 2 3 4 5; do yes "zone $i" | head -c 200000 >z/big$i; done; for i in $(seq 50); do echo "zone $i" >z/small$i; done
	echo old >z/gone; echo theirs >z/both'
settle ns1
sh_on ns1 'rm z/gone'
settle ns1 ns2
for i in 1 2 3 4 5; do
	cp "$T/ns1$TREE/z/big$i" $T/big$i
	declare O$i="$(object_of $T/big$i)"
	must test -n "$(eval echo \$O$i)"
done

# ---- contents
like "check: all is whole" "$(on ns1 zonefsctl check)" '^5[0-9] contents of the store have been read: all are whole$'
garble "$O1" 100000 10
truncate -s 100000 "$O2"
out=$(on ns1 zonefsctl check)
is "check fails where something is damaged" $? 1
like "and names it" "$out" '^z/big1: damaged \(content [0-9a-f]{32}\)$'
like "and what was cut off" "$out" '^z/big2: damaged'
shown zonefsctl.8 'zonefsctl check' "$out"
check "both are got again" wait_for 30 well_again
for i in 1 2; do check "the object of big$i is what it was" cmp <(tail -c +2 "$(eval echo \$O$i)") $T/big$i; done

node_stop ns1
truncate -s 5000 "$O3"
rm "$O4"
back
check "at the start: a cut off object is noticed" logged 'the content [0-9a-f]{32} of /z/big3 was damaged; it is got again'
check "and a missing one" logged 'the content [0-9a-f]{32} of /z/big4 is missing'
check "they come back" wait_for 30 eval 'cmp <(tail -c +2 "$O3") $T/big3 && cmp <(tail -c +2 "$O4") $T/big4'
check "an alert tells of it" wait_for 30 told '^begins damaged: [12] contents? of the store (was|were) damaged or missing'

# What is damaged is never installed: an older version that is to be there again, here and on the peer.
sh_on ns1 'echo other >z/big1'
settle ns1 ns2
garble "$O1" 100000 10
must sh_on ns1 "zonefsctl restore z/big1@\$(zonefsctl history z/big1 | head -n 1 | cut -d' ' -f1)"
check "a restored version is whole, though its object was not" wait_for 30 cmp "$T/ns1$TREE/z/big1" $T/big1
check "which was found as it was staged" logged 'the content [0-9a-f]{32} of /z/big1 was damaged'

# A damaged content is what a lost file would be put back from, and what a peer asks for.
node_stop ns1
garble "$O5" 50000 10
rm "$S/clean" "$T/ns1$TREE/z/big5" "$T/ns1$TREE/z/big4" "$O4"
P=$T/ns2/var/lib/zonefs/objects/${O4##*/objects/}
must cmp <(tail -c +2 "$P") $T/big4
garble "$P" 100000 10
node_boot ns1
back
check "nothing damaged is installed: the peer's is" cmp "$T/ns1$TREE/z/big5" $T/big5
check "which was said" logged 'the content [0-9a-f]{32} of /z/big5 was damaged'
check "what a peer has damaged comes whole" cmp "$T/ns1$TREE/z/big4" $T/big4
check "since the peer looked at it first" grep -Eq 'the content [0-9a-f]{32} of /z/big4 was damaged' "$T/ns2/zonefs.log"
trees_same "with damaged contents" ns1 ns2

# ---- the database
damage_database() { # WORDS COMMAND...: of a stopped node
	local what=$1
	shift
	node_stop ns1
	"$@"
	echo "ours" >"$T/ns1$TREE/z/ours of $what"
	sh_on ns2 "echo '$what' >z/meanwhile; rm -f z/small${#what}"
	back
	check "$what: it is put aside" logged 'zonefs.db is damaged: it is put aside as .*/damaged-[0-9TZ]*-zonefs.db; this node starts with an empty store'
	check "$what: the file is there" compgen -G "$S/damaged-*-zonefs.db"
	trees_same "$what" ns1 ns2
	check_not "$what: what only it had is not told" test -e "$T/ns2$TREE/z/ours of $what"
	is "$what: but kept in its history" "$(sh_on ns1 "zonefsctl show 'z/ours of $what@'\$(zonefsctl history 'z/ours of $what' | cut -d' ' -f1)")" ours
	is "$what: what changed meanwhile is as it should be" "$(sh_on ns1 "cat z/meanwhile; ls z/small${#what} 2>&1")" \
		"$what
ls: cannot access 'z/small${#what}': No such file or directory"
	check_not "$what: what was deleted before does not come back" test -e "$T/ns2$TREE/z/gone"
	sh_on ns1 "echo 'after $what' >z/after"
	settle ns1
	is "$what: and life goes on" "$(sh_on ns2 'cat z/after')" "after $what"
	rm -f "$S"/damaged-*
}
damage_database "bad pages" pages
damage_database "cut off" truncate -s 20000 "$S/zonefs.db"
damage_database "a flipped bit" flip z/small30
check "an alert tells of that, too" wait_for 30 told "^begins damaged: the store's database was damaged: it is put aside in /var/lib/zonefs,"
damage_database "a wrong header" garble "$S/zonefs.db" 0 100
damage_database "cut off to nothing" truncate -s 0 "$S/zonefs.db"

# ---- a bit of what nobody reads until it is needed
sh_on ns1 'echo "forty-one and one" >z/rarely'
settle ns1
sh_on ns1 'for i in 1 2 3 4 5 6; do yes $i | head -c 3500 >z/after$i; done' # on pages of their own
settle ns1
node_stop ns1
flip "forty-one and one"
back
check_not "a flipped bit of a small content: check fails" on ns1 zonefsctl check
check "it is said which page it is" wait_for 30 logged 'zonefs.db: page [0-9]* is damaged'
check "that process ends, and the next one puts it aside" wait_for 30 logged 'it is put aside as'
check "and is well" wait_for 60 node_well ns1
settle ns1 ns2
trees_same "after a flipped bit" ns1 ns2
is "and has it as it was" "$(sh_on ns1 "zonefsctl show z/rarely@\$(zonefsctl history z/rarely | head -n 1 | cut -d' ' -f1)")" "forty-one and one"
check "all of it" wait_for 30 well_again

# ---- while it is in use: more than what is kept in memory
sh_on ns1 'mkdir z/fill && for i in $(seq 800); do head -c 30000 /dev/urandom | base64 -w 0 >z/fill/$i; done'
settle ns1
node_stop ns1
back
R=$(replicator_pid ns1)
: >"$T/ns1/zonefs.log"
pages
use() { on ns1 zonefsctl history z/fill/1; on ns1 zonefsctl log -n 100000; on ns1 zonefsctl check; sh_on ns1 "echo $RANDOM >z/use"; [ "$(replicator_pid ns1)" != "$R" ]; }
check "in use: it ends when it reads a bad page" wait_for 60 use
check "the log says why" logged 'zonefs.db is damaged: this process ends'
check "the next one puts it aside" wait_for 30 logged 'it is put aside as'
check "and is well" wait_for 60 node_well ns1
settle ns1 ns2
trees_same "after damage in use" ns1 ns2
check "with what was saved then" cmp "$T/ns1$TREE/z/use" "$T/ns2$TREE/z/use"
finish
