#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Partitions on the real thing: three hosts (LONG=1: five, for 10 minutes), people and nsupdate at work on
# all sides, links that are cut one way and both ways, slow and lossy. In the end all trees, modes, times and
# what is current are the same, and every save that `zonefsctl wait` confirmed is accounted for. SEED=n
# repeats the cuts and the work, as far as the world does.
. "$(dirname "$0")/lib.sh"
SEED=${SEED:-$RANDOM}
export SEED
world_enter "$@"
note "SEED=$SEED"
RANDOM=$SEED
[ -n "${LONG:-}" ] && N=5 || N=3

ALL=$(seq -f 'ns%g' $N)
for h in $ALL; do host_new "$h"; done
for h in $ALL; do
	chroot_make "$h"
	zone_text dyn.test 1 >"$T/$h$TREE/var/named/dynamic/dyn.zone"
	chown bind:bind "$T/$h$TREE/var/named/dynamic/dyn.zone"
done
chroot_fill ns1
echo 'zone "dyn.test" { type primary; file "dynamic/dyn.zone"; allow-update { 127.0.0.1; }; };' \
	>>"$T/ns1$TREE/etc/named.conf"
for h in $ALL; do node_conf "$h" "keep-versions = 10000"; done
for h in $ALL; do node_start "$h"; done
for h in $ALL; do wait_for 30 node_well "$h" || bail "$h: $(on "$h" zonefsctl status)"; done
sh_on ns1 'mkdir etc/w'
settle $ALL
for h in $ALL; do
	wait_for 20 test -e "$T/$h$TREE/etc/named.conf"
	named_start "$h"
done

# ---- the network: a hub of our own instead of the bridge
: >$T/rules
for h in $ALL; do
	must on "$h" lossy plain eth0
	must ip link set "$h" nomaster
	must ip link set "$h" promisc on
done
lossy hub $T/rules $ALL >"$T/hub.log" 2>&1 &
HUB=$!
rules() { printf '%s\n' "$@" >$T/rules.new && mv $T/rules.new $T/rules; }
for h in $ALL; do check "$h: all is well over the hub" wait_for 30 node_well "$h"; done

# ---- people, and nsupdate to zones that stay local
cat >$T/tests/updates <<'END'
i=0
until [ -e "$1/stop" ]; do
	i=$((i + 1))
	printf 'server 127.0.0.1\nzone dyn.test\nupdate add h%s.dyn.test 300 A 192.0.2.1\nsend\n' $i |
		nsupdate -t 20 || { echo "update $i failed" >>"$1/failed"; break; }
	echo $i >"$1/updates"
done
END
W=
for h in $ALL; do
	mkdir "$T/$h/tmp/work"
	on "$h" /usr/bin/python3 $T/tests/busy.py work "${HOST_NUMBER[$h]}" "$SEED" $TREE/etc/w /tmp/work &
	W="$W $!"
	on "$h" bash $T/tests/updates /tmp/work &
	U="${U:-} $!"
done
saves() { cat "$T"/ns?/tmp/work/saves 2>/dev/null | awk '{n += $1} END {print n + 0}'; }
saved() { [ "$(saves)" -ge "$1" ]; }

# ---- one trouble after the other, each for as many saves
one() { echo $((RANDOM % N + 1)); }
trouble() {
	local a b
	a=$(one)
	b=$((a % N + 1))
	case $1 in
	0) rules "$a $b 1000 0 0" ;;                           # one way
	1) rules "$a $b 1000 0 0" "$b $a 1000 0 0" ;;          # both ways
	2) rules "$a 0 1000 0 0" "0 $a 1000 0 0" ;;            # from everybody
	3) rules "0 $a 1000 0 0" ;;                            # hears nobody
	4) rules "0 0 100 20 60" ;;                            # slow, and loses one in ten
	5) rules "0 0 20 100 200" "$a $b 1000 0 0" ;;          # slower, and one way
	6) rules "0 0 0 0 0" ;;
	esac
}
[ -n "${LONG:-}" ] && ROUNDS=100000 END=$((SECONDS + 600)) || ROUNDS=5 END=$((SECONDS + 25))
first=$RANDOM
for ((i = 0; i < ROUNDS && SECONDS < END; i++)); do
	trouble $(((first + i) % 7))
	wait_for $((${LONG:+8} + 4)) saved $(($(saves) + 30 * N))
done
wait_for 120 saved $((30 * N + 1))
for h in $ALL; do touch "$T/$h/tmp/work/stop"; done
wait $W
is "the people have worked to the end" $? 0
wait $U
check_not "no update of a local zone was refused" eval 'cat "$T"/ns?/tmp/work/failed'
note "$(saves) saves, $(cat "$T"/ns?/tmp/work/updates | awk '{n += $1} END {print n}') updates, $i troubles"
check "much was saved" test "$(saves)" -gt $((30 * N))

# ---- whole again
rules "0 0 0 0 0"
for h in $ALL; do check "$h: all is well again" wait_for 120 node_well "$h"; done
settle $ALL
note "$(raised_on $ALL | wc -l) times were raised"
trees_same_but_raised "" $ALL
check "verify agrees" on ns1 zonefsctl verify
OUT=$(/usr/bin/python3 $T/tests/busy.py account $(printf "$T/%s/var/lib/zonefs/control " $ALL) -- "$T"/ns?/tmp/work/confirmed)
is "every confirmed save is accounted for, and what is current is the same everywhere" "$?" 0
note "$OUT"
for h in $ALL; do
	is "$h: what nsupdate was told is served" \
		"$(on "$h" dig +short @127.0.0.1 "h$(cat "$T/$h/tmp/work/updates").dyn.test" A)" 192.0.2.1
	named_stop "$h"
done
kill $HUB
wait $HUB 2>/dev/null
finish
