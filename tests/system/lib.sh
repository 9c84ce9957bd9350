# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The ground of all system tests: TAP, and hosts to run them on. Sourced by the tests and the demo.
#
# A test runs itself again in a world of its own (process, mount, network namespaces), of which nothing
# is left when the test ends, however it ends: every process dies with the world's first one; mounts,
# networks and files (a tmpfs on /mnt; with ON_DISK=1, before world_enter, a directory of this machine's
# disk) go with the last. In it each host is namespaces once more, with
# an /etc, /var, /run and /tmp of its own and an Ethernet to a common bridge: so each host can mount at
# /var/named/chroot, has its own /etc/zonefs, its own 127.0.0.1 and its own process numbers.
#
#   world_enter "$@"        first thing in a test: goes on in the world, or skips the test
#   host_new ns1            addresses 10.53.0.1 and fd53::1; ns2: ...2; and so on
#   on ns1 COMMAND...       runs it there
#   node_conf ns1           writes its zonefs.conf: all hosts made so far are its peers
#   node_start ns1 · node_stop ns1 · named_start ns1 · named_stop ns1
#   wait_for SECONDS COMMAND...            until it succeeds
#   check "a sentence" COMMAND...          one test
#   finish                                 last thing
#
# These may run in the trap at a test's end, where a bare `return` gives the status from before the trap:
# say `return 0`.
#
# What a host has on its disk is below $T/HOST, seen from everywhere; $T/HOST/var/named/chroot is what
# lies beneath its mount.

set -u

LIB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$LIB_DIR/../.." && pwd)
B=${B:-$TOP/build}
case $B in /*) ;; *) B=$TOP/$B ;; esac
T=/mnt # what is there otherwise is not seen in the world
case $TOP/ in $T/*) T=/srv ;; esac
TREE=/var/named/chroot
BIN=$T/bin
HOSTS=()
TESTS=0
FAILED=0
declare -A HOST_PID HOST_NUMBER JOB

# ---- TAP

ok() { TESTS=$((TESTS + 1)); echo "ok $TESTS - $1"; }
not_ok() {
	TESTS=$((TESTS + 1)); FAILED=$((FAILED + 1))
	echo "not ok $TESTS - $1"
	shift
	[ $# -eq 0 ] || printf '%s\n' "$*" | sed 's/^/#   /'
}
note() { printf '%s\n' "$*" | sed 's/^/# /'; }
skip_all() { echo "1..0 # SKIP $*"; exit 77; }

# check SENTENCE COMMAND...: its output is shown if it fails.
check() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "$*" "$out"; fi
}
check_not() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then not_ok "$name" "$*: should have failed" "$out"; else ok "$name"; fi
}
# is SENTENCE GOT WANTED
is() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got:    $2" "wanted: $3"; fi; }
# like SENTENCE TEXT REGEX (extended; some line)
like() { if printf '%s\n' "$2" | grep -Eq -- "$3"; then ok "$1"; else not_ok "$1" "no match for $3 in:" "$2"; fi; }
unlike() { if printf '%s\n' "$2" | grep -Eq -- "$3"; then not_ok "$1" "matches $3:" "$2"; else ok "$1"; fi; }

# form: of a program's words what is the same in all runs. Lines of what two files hold (a diff's) are left out, and
# so is what is asked at a terminal.
form() {
	sed -E '/^[-+ @]([^-+ ]|$)/d
		s/Do it\? \[y\/N\]( y)? ?//
		/^[[:space:]]*$/d
		s/[[:space:]]+/ /g
		s/[^ '"'"']{40}/KEY/g
		s/20[0-9]{2}-[0-9]{2}-[0-9]{2}[ T][0-9:]+(\.[0-9]+)?/TIME/g
		s/(\/?(var|etc|zones|z)(\/[^] :@,)]+)+\/?|zones\/)/PATH/g
		s/\b[a-z]+( as [a-z]+)? \([a-z]+(, pts\/[0-9]+)?\)/WHO/g
		s/(@|version |--take |\[)[0-9a-z]{6}\b/\1VERSION/g
		s/^( ?)[0-9a-z]{6} TIME/\1VERSION TIME/
		s/\b[0-9a-f]{16,32}\b/HEX/g
		s/\b([a-z]+\.)+(test|org|net)\b/ZONE/g
		s/ in (inside|outside)\b//
		s/\bns[0-9]\b/NODE/g
		s/\b[0-9.]+ (bytes?|B|[KMGT]iB)\b/SIZE/g
		s/\b[0-9.]+ (ms|s|min|h|d)\b/SPAN/g
		s/tcp:\/\/[0-9.:]+/ADDRESS/g
		s/ by [a-z]+( \(pts\/[0-9]+\))?(: [^;]*;)?/ by WHO/g
		s/\bhook [a-z]+/hook HOOK/g
		s/\b(created|content|target|mode|mode [0-7]+)(, (content|mode|mode [0-7]+|owner))*\b/WHAT/g
		s/(PATH):[0-9]+: .*/\1:N: WORDS/
		s/[0-9]+/N/g
		s/\b(path|zone|change|removal|deletion|difference|content|version)s\b/\1/g
		s/\bare\b/is/g'
}
# examples PAGE COMMAND: what the page shows after "# COMMAND", each time it does, with a line "//" after each.
examples() {
	local page=$TOP/man/$1
	[ -e "$page" ] || page=$TOP/$1
	COMMAND="# $2" awk '
		shows && (/^# / || /^\.Ed$/ || /^```/) { shows = 0; print "//" }
		shows
		$0 == ENVIRON["COMMAND"] { shows = 1 }' "$page"
}
# shown PAGE COMMAND OUTPUT: what the page shows is of the form of what is said: each line of it, or of one of its
# examples of this command, is of the form of one of OUTPUT's. pages.py asks for one of these for each.
# shown_soon PAGE COMMAND PROGRAM...: what PROGRAM says is, after a while.
shown() {
	if is_shown "$@"; then
		ok "$1 shows what is said: $2"
	else
		not_ok "$1 shows what is said: $2" "shown, and not said:" "${UNSAID:-nothing is shown}" "said:" "$(form <<<"$3")"
	fi
}
shown_soon() {
	wait_for 60 says_shown "$@"
	shown "$1" "$2" "$SAID"
}
says_shown() {
	SAID=$("${@:3}" 2>&1)
	is_shown "$1" "$2" "$SAID"
}
is_shown() {
	local real line none=1 missing=""
	real=$(form <<<"$3")
	UNSAID=""
	while IFS= read -r line; do
		if [ "$line" != // ]; then
			none=
			grep -Fqx -- "$line" <<<"$real" || missing+="$line"$'\n'
		elif [ -z "$none$missing" ]; then
			return 0
		else
			UNSAID+="$missing//"$'\n'
			none=1 missing=
		fi
	done < <(examples "$1" "$2" | form)
	return 1
}

# For what the tests stand on.
must() {
	local out
	out=$("$@" 2>&1) && return 0
	note "could not: $*" "$out"
	bail "$1"
}
bail() { echo "Bail out! $*"; FAILED=$((FAILED + 1)); finish; }

show_logs() {
	local h f
	for h in "${HOSTS[@]}"; do
		for f in zonefs named; do
			[ -s "$T/$h/$f.log" ] || continue
			note "---- the end of $h's $f.log:"
			tail -n "${LOG_LINES:-40}" "$T/$h/$f.log" | sed 's/^/# /'
		done
	done
}

# Sanitizers end the program: each of their reports is a failure, whichever program's, whatever became of what it
# said. (What hooks run has none of this environment: into the log.)
check_logs() {
	local found
	found=$(grep -lE '(ERROR|WARNING): (Address|Leak|Undefined|Thread)Sanitizer|runtime error:' \
		"$T"/*/*.log "$T"/sanitizer/* 2>/dev/null)
	[ -z "$found" ] && return 0
	not_ok "no sanitizer has anything to say" "$(grep -hE -A25 'Sanitizer|runtime error:' $found | head -60)"
}

finish() {
	local h
	trap - EXIT
	for h in "${HOSTS[@]}"; do
		[ -z "${JOB[$h.zonefs]:-}" ] || node_stop "$h"
	done
	check_logs
	[ "$FAILED" -eq 0 ] || show_logs
	echo "1..$TESTS"
	[ "$FAILED" -eq 0 ]
	exit
}

# ---- waiting

# wait_for SECONDS COMMAND...: quietly, until it succeeds; fails when the time is up. PATIENCE: seconds for all
# of them (mutations: what is waited for there does not come).
wait_for() {
	local begun end now
	begun=$(now_ms) end=$((begun + ${PATIENCE:-$1} * 1000))
	shift
	until "$@" >/dev/null 2>&1; do
		now=$(now_ms)
		[ "$now" -lt "$end" ] || return 1
		sleep $((now - begun < 1000 ? 20 : 150))e-3
	done
}
now_ms() { local t=${EPOCHREALTIME/[.,]/}; echo $((t / 1000)); }
fails() { ! "$@"; }
file_is() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }

# ---- the world

world_enter() {
	[ -z "${WORLD:-}" ] || { world_make; return 0; }
	[ "$(id -u)" -eq 0 ] || skip_all "needs root: namespaces, mounts, named"
	[ -e /dev/fuse ] || skip_all "no /dev/fuse here"
	unshare --mount --net --pid --fork true 2>/dev/null || skip_all "no namespaces here"
	export B WORLD=1
	set -- unshare --mount --net --pid --ipc --uts --fork --kill-child --mount-proc \
		--propagation private bash "$0" "$@"
	[ -n "${ON_DISK:-}" ] || exec "$@"
	# Hosts' disks on this machine's own (DISK), which is more than a namespace: removed at the end.
	DISK=$(mktemp -d /var/tmp/zonefs.XXXXXX) || exit 2
	case $(stat -f -c %T "$DISK") in overlayfs) rmdir "$DISK"; exec "$@" ;; esac
	trap 'rm -rf --one-file-system "$DISK"' EXIT
	trap 'kill -KILL $! 2>/dev/null; wait $!; exit 143' INT TERM HUP
	export DISK
	"$@" &
	wait $!
	exit
}

world_make() {
	trap 'note "ended early"; FAILED=$((FAILED + 1)); finish' EXIT
	# Told to end, it does so at once: with the world's first process everything in it is gone.
	trap 'trap - EXIT; echo "Bail out! ended by a signal"; exit 143' INT TERM HUP
	if [ -n "${DISK:-}" ]; then
		chmod 755 "$DISK"
		must mount --bind "$DISK" $T
	else
		must mount -t tmpfs -o mode=755 zonefs-test $T
	fi
	must mkdir $T/bin $T/bin/hooks
	install -m 755 "$B/zonefs" "$B/zonefs-replicator" "$B/zonefsctl" "$B/zonefs-prestart" \
		$BIN/ 2>/dev/null
	install -m 755 "$B/hooks/bind" $BIN/hooks/ 2>/dev/null
	# Sanitizers keep what is freed: what bounds memory in a test looks at this.
	! grep -q __asan_init $BIN/zonefs || export SAN=${SAN:-address}
	mkdir $BIN/helpers
	install -m 755 "$LIB_DIR/typist" "$B"/helpers/* $BIN/helpers/ 2>/dev/null
	# Hosts have a /tmp, /var, /run and /etc of their own: a checkout there would be out of their sight.
	must cp -r "$LIB_DIR" $T/tests
	must cp "$LIB_DIR/../tsan.supp" $T/tests/
	must install -d -m 1777 $T/sanitizer
	export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}log_path=$T/sanitizer/asan"
	export UBSAN_OPTIONS="${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}log_path=$T/sanitizer/ubsan"
	export TSAN_OPTIONS="suppressions=$T/tests/tsan.supp history_size=7 log_path=$T/sanitizer/tsan"
	LIB_DIR=$T/tests
	export PATH=$BIN:$BIN/helpers:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	export LC_ALL=C.UTF-8 HOME=/root TERM=vt100
	unset EDITOR VISUAL VIMINIT EXINIT MAKEFLAGS MAKELEVEL MFLAGS
	must ip link set lo up
	must ip link add br0 type bridge
	must ip link set br0 up
	must ip addr add 10.53.0.254/24 dev br0
	must ip addr add fd53::fe/64 dev br0 nodad
}

# ---- hosts

# An /etc with a user zonefs in it, and the rest of a disk that is this host's alone.
host_disk() {
	local d=$T/$1
	mkdir -p "$d" "$d"/var/{cache,log,tmp,spool} "$d"/var/lib/zonefs "$d/run/named" "$d/tmp" "$d$TREE"
	cp -a /etc "$d/etc"
	rm -rf "$d/etc/zonefs"
	mkdir "$d/etc/zonefs"
	getent passwd zonefs >/dev/null || {
		echo 'zonefs:x:64007:64007::/nonexistent:/usr/sbin/nologin' >>"$d/etc/passwd"
		echo 'zonefs:x:64007:' >>"$d/etc/group"
	}
	chmod 1777 "$d/tmp" "$d/var/tmp"
	chmod 700 "$d/var/lib/zonefs"
	chown "$(awk -F: '$1 == "zonefs" {print $3 ":" $4}' "$d/etc/passwd")" "$d/var/lib/zonefs"
	chown bind:bind "$d/run/named"
	ln -s /run "$d/var/run"
}

# The first process of a host: waits for orphans, does nothing.
HOST_INIT='
	for d in etc var run tmp; do mount --bind '$T'/$1/$d /$d || exit 1; done
	hostname $1
	: >'$T'/$1/up
	mkfifo '$T'/$1/never
	exec 9<>'$T'/$1/never
	while :; do read -r -u 9; done'

host_new() {
	local h=$1 n pid
	n=$((${#HOSTS[@]} + 1))
	host_disk "$h"
	unshare --mount --net --pid --uts --ipc --fork --kill-child --mount-proc --propagation private \
		bash -c "$HOST_INIT" init "$h" &
	JOB[$h.init]=$!
	wait_for 60 test -e "$T/$h/up" || bail "host $h does not come up"
	pid=$(pgrep -P "${JOB[$h.init]}")
	HOST_PID[$h]=$pid
	HOST_NUMBER[$h]=$n
	HOSTS+=("$h")
	must ip link add "$h" type veth peer name eth0 netns "$pid"
	must ip link set "$h" master br0 up
	must on "$h" ip link set lo up
	must on "$h" ip link set eth0 up
	must on "$h" ip addr add "10.53.0.$n/24" dev eth0
	must on "$h" ip addr add "fd53::$n/64" dev eth0 nodad
}

on() {
	local h=$1
	shift
	nsenter -t "${HOST_PID[$h]}" -m -n -p -u -i -- "$@"
}
# A piece of shell there, in the tree.
sh_on() { on "$1" bash -c "cd $TREE && $2"; }
ip_of() { echo "10.53.0.${HOST_NUMBER[$1]}"; }
ip6_of() { echo "fd53::${HOST_NUMBER[$1]}"; }
link_down() { ip link set "$1" down; }
link_up() { ip link set "$1" up; }
# link_slow HOST RATE: what it sends; link_fast HOST: as ever. slow_links: or the test is skipped.
link_slow() { on "$1" tc qdisc replace dev eth0 root tbf rate "$2" burst 32k latency 300ms; }
link_fast() { on "$1" tc qdisc del dev eth0 root; }
slow_links() {
	link_slow "$1" 100mbit 2>/dev/null || skip_all "this kernel can't make a link slow (tbf)"
	link_fast "$1"
}

# Process number, in the world, of a host's process by its name (of several, the oldest).
pid_on() {
	local ns p
	ns=$(readlink "/proc/${HOST_PID[$1]}/ns/pid")
	for p in $(pgrep -x "${2:0:15}"); do
		[ "$(readlink "/proc/$p/ns/pid")" = "$ns" ] && { echo "$p"; return 0; }
	done
	return 1
}
gone() { ! kill -0 "$1" 2>/dev/null; }

# ---- zonefs

ADDRESS_OF=ip_of # or ip6_of
HOOK=            # "bind": nodes run the hook for BIND

node_address() {
	local a
	a=$($ADDRESS_OF "$1")
	case $a in *:*) a="[$a]" ;; esac
	echo "tcp://$a:7740"
}
node_key() {
	sed -n "s/^public *= *'\(.*\)'.*/\1/p" "$T/$1/etc/zonefs/$1.key"
}
keys_make() {
	local h f
	for h in "${HOSTS[@]}"; do
		f=$T/$h/etc/zonefs/$h.key
		[ -e "$f" ] || must zonefsctl keygen "$f"
	done
}

# node_conf HOST [LINES]: with every other host as a peer, and further lines.
node_conf() {
	local h=$1 p
	keys_make
	{
		echo "node     = \"$h\""
		echo "mount    = \"$TREE\""
		echo "state    = \"/var/lib/zonefs\""
		echo "listen   = \"$(node_address "$h")\""
		echo "key-file = \"/etc/zonefs/$h.key\""
		echo "user     = \"zonefs\""
		echo "brake-share = ${BRAKE_SHARE:-0}" # tests empty their trees; brake.sh has its own
		for p in "${PEERS[@]:-${HOSTS[@]}}"; do
			[ "$p" != "$h" ] || continue
			echo "peer \"$p\" {"
			echo "  address = \"$(node_address "$p")\""
			echo "  key     = '$(node_key "$p")'"
			echo "}"
		done
		if [ "$HOOK" = bind ]; then
			echo "hook \"bind\" {"
			echo "  run   = { \"$BIN/hooks/bind\" }"
			echo "  user  = \"bind\""
			echo "  match = { \"etc/**\", \"var/named/**\" }"
			[ -z "${HOOK_MORE:-}" ] || echo "  $HOOK_MORE"
			echo "}"
		fi
		[ $# -lt 2 ] || printf '%s\n' "$2"
	} >"$T/$h/etc/zonefs/zonefs.conf"
}

mounted() { on "$1" grep -q " $TREE .* - fuse.zonefs " /proc/self/mountinfo; }
# It answers, and it is no plain directory (whose dead mount has just been cleared away).
node_usable() { on "$1" bash -c "ls $TREE && [ \"\$(stat -f -c %t $TREE)\" = 65735546 ]"; }

# node_launch HOST [VARIABLE=VALUE...]: and nobody waits. WALKED=1: without CAP_DAC_READ_SEARCH, as containers
# leave it out, so that inodes cannot be opened by handle and are walked to over their names.
WALK=(setpriv --bounding-set=-dac_read_search --inh-caps=-dac_read_search)
node_launch() {
	local h=$1
	shift
	on "$h" env "$@" ${WALKED:+"${WALK[@]}"} "$BIN/zonefs" -f >>"$T/$h/zonefs.log" 2>&1 &
	JOB[$h.zonefs]=$!
}
# node_start HOST [VARIABLE=VALUE...]
node_start() {
	node_launch "$@"
	wait_for 20 node_usable "$1" || bail "zonefs does not mount on $1"
	[ -z "${WALKED:-}" ] || must grep -q 'paths are walked instead' "$T/$1/zonefs.log"
}
node_stop() {
	local h=$1 p
	p=$(keeper_pid "$h") && kill -TERM "$p"
	wait_for 30 gone "${JOB[$h.zonefs]}" || {
		note "zonefs on $h does not end: killed"
		kill -KILL "${p:-${JOB[$h.zonefs]}}"
	}
	wait "${JOB[$h.zonefs]}" 2>/dev/null
	unset "JOB[$h.zonefs]"
}
# All of it at once, as by the power's end; its mount goes, too.
node_kill() {
	local p
	for p in $(keeper_pid "$1") $(worker_pid "$1") $(replicator_pid "$1"); do kill -KILL "$p" 2>/dev/null; done
	wait "${JOB[$1.zonefs]}" 2>/dev/null
	unset "JOB[$1.zonefs]"
	must wait_for 20 fails worker_pid "$1"
	must wait_for 20 fails replicator_pid "$1"
	while mounted "$1"; do must on "$1" umount -l $TREE; done
}
# From now on node_boot HOST is another kernel, as that host's programs see it.
node_boots() {
	node_boot "$1"
	must on "$1" mount --bind /etc/boot /proc/sys/kernel/random/boot_id
}
BOOTS=0
node_boot() {
	BOOTS=$((BOOTS + 1))
	printf '%08d-0000-4000-8000-000000000000\n' $BOOTS >"$T/$1/etc/boot"
}
keeper_pid() { pid_on "$1" zonefs; }
worker_pid() { pid_on "$1" zonefs-worker; }
replicator_pid() { pid_on "$1" zonefs-replicator; }
# Several hosts, all at once, until they know each other.
nodes_start() {
	local h
	for h; do node_conf "$h"; done
	for h; do node_start "$h"; done
	for h; do wait_for 20 node_well "$h" || bail "$h: $(on "$h" zonefsctl status)"; done
}
node_well() { on "$1" zonefsctl status; }
nodes_well() { for h; do node_well "$h" || return 1; done; }

# settled_at HOST HOSTS...: what it has, the others have; one of them that it cannot reach just now is waited for
# as well.
settled_at() {
	local out h
	out=$(on "$1" zonefsctl wait --timeout 60 2>&1) || { echo "$out"; return 1; }
	for h in "${@:2}"; do ! grep "^$h: cannot be reached" <<<"$out" || return 1; done
}
# Everything that a node has, everywhere.
settle() {
	local h i
	for i in 1 2; do for h; do must wait_for 120 settled_at "$h" "$@"; done; done
}

# taken_in NODE PATH CONTENT: that save is a version. What another node saves at PATH after that is the later
# one of the two, in its time and in its version: so it has the same time everywhere (else a node that has
# shown a later time shows one later still).
taken_in() {
	[ "$(on "$1" zonefsctl show "$2@$(on "$1" zonefsctl history "$2" | tail -n 1 | cut -d' ' -f1)")" = "$3" ]
}

# Names, kinds, modes, owners, files' mtimes (but where TIMES= says not to) and contents of a host's tree,
# less what is local.
TIMES=%T@
tree_of() {
	on "$1" bash -c "cd $TREE && find . -mindepth 1 \
		\\( -path ./dev -o -path ./run -o -path ./tmp -o -path ./var/run -o -path ./var/tmp \
		-o -path ./var/log -o -path ./var/named/dynamic -o -path ./var/named/data \
		-o -path ./var/named/slaves -o -path ./var/named/core -o -path ./etc/named.host.conf -o -name .git -o -name '*.jnl' \
		-o -name 'managed-keys.bind*' -o -name '*.mkeys' -o -name session.key -o -name '*~' -o -name '.*.sw?' \\) -prune -o \
		\\( -type d -printf '%p d %m %u %g\\n' \\) -o \
		\\( -type l -printf '%p l %l\\n' \\) -o \
		\\( -type f -printf '%p f %m %u %g $TIMES %s\\n' -exec sha256sum {} + \\) | sort"
}
same_trees() {
	local a b h
	a=$(tree_of "$1")
	shift
	for h; do
		b=$(tree_of "$h")
		[ "$a" = "$b" ] || { diff <(echo "$a") <(echo "$b"); return 1; }
	done
}
trees_same() { check "${*:2}: the trees are identical${1:+ $1}" same_trees "${@:2}"; }

# The files whose mtime one of these hosts had to raise, as it says.
raised_on() {
	local h
	for h; do on "$h" zonefsctl status --json; done | /usr/bin/python3 -c 'import json, sys
for l in map(json.loads, sys.stdin):
    if l.get("trouble") == "raised": print(l["path"])' | sort -u
}
# As same_trees, but for the times of what raised_on names. For what is written on two hosts at once: whoever
# has shown a later time than the winner's shows one later still.
same_but_raised() {
	local a b h raised
	raised=$(raised_on "$@")
	a=$(tree_of "$1" | less_times "$raised")
	shift
	for h; do
		b=$(tree_of "$h" | less_times "$raised")
		[ "$a" = "$b" ] || { diff <(echo "$a") <(echo "$b"); return 1; }
	done
}
less_times() {
	/usr/bin/python3 -c 'import sys
raised = tuple("./%s f " % p for p in sys.argv[1].split("\n"))
for l in sys.stdin:
    if l.startswith(raised):
        head, time, size = l.rsplit(" ", 2)
        l = head + " " + size
    sys.stdout.write(l)' "$1"
}
trees_same_but_raised() { check "${*:2}: the trees are identical${1:+ $1}" same_but_raised "${@:2}"; }

# ---- named

# A chroot as Red Hat lays it out, in the plain directory: before the node starts.
chroot_make() {
	local h=$1 p d=$T/$1$TREE
	mkdir -p "$d"/{etc,dev,run/named,tmp,var/tmp,var/named/{data,dynamic,slaves}}
	mknod -m 666 "$d/dev/null" c 1 3
	mknod -m 666 "$d/dev/random" c 1 8
	chown -R bind:bind "$d"/run/named "$d"/var/named/{data,dynamic,slaves}
	chown root:bind "$d" "$d/etc" "$d/var/named"
	chmod 0770 "$d"/var/named "$d"/var/named/{data,dynamic,slaves}
	chmod 1777 "$d"/{tmp,var/tmp}
	cat >"$d/etc/named.host.conf" <<-END
		server-id "$h";
		listen-on { 127.0.0.1; $(ip_of "$h"); };
		listen-on-v6 { $(ip6_of "$h"); };
		allow-transfer { $(for p in "${HOSTS[@]}"; do [ "$p" = "$h" ] || echo "$(ip_of "$p");"; done) 127.0.0.1; };
	END
}
# What all hosts share. chroot_fill HOST
chroot_fill() {
	local d=$T/$1$TREE
	printf 'key "rndc-key" {\n\talgorithm hmac-sha256;\n\tsecret "%s";\n};\n' \
		"$(head -c 32 /dev/urandom | base64)" >"$d/etc/rndc.key"
	chown root:bind "$d/etc/rndc.key"
	chmod 640 "$d/etc/rndc.key"
	cat >"$d/etc/named.conf" <<-END
		include "/etc/rndc.key";
		controls { inet 127.0.0.1 port 953 allow { 127.0.0.1; } keys { "rndc-key"; }; };
		options {
			directory "/var/named";
			pid-file "/run/named/named.pid";
			session-keyfile "/run/named/session.key";
			recursion no;
			dnssec-validation no;
			notify no;
			include "/etc/named.host.conf";
		};
	END
	chown root:bind "$d/etc/named.conf"
	chmod 640 "$d/etc/named.conf"
}
# zone_text NAME SERIAL [RECORDS]
zone_text() {
	printf '$TTL 300\n@ IN SOA ns1.%s. hostmaster.%s. ( %s 3600 600 86400 300 )\n' "$1" "$1" "$2"
	printf '@ IN NS ns1.%s.\nns1 IN A 10.53.0.1\n' "$1"
	printf '%s\n' "${@:3}"
}
zone_stanza() { printf 'zone "%s" { type primary; file "%s.zone"; };\n' "$1" "$1"; }

named_start() {
	local h=$1
	on "$h" named -g -t $TREE -u bind -c /etc/named.conf >>"$T/$h/named.log" 2>&1 &
	JOB[$h.named]=$!
	wait_for 20 named_ready "$h" || bail "named does not start on $h"
}
named_answers() { on "$1" dig +time=1 +tries=1 +short @127.0.0.1 version.bind ch txt | grep -q .; }
named_ready() { named_answers "$1" && rndc_on "$1" status; }
named_stop() {
	local p
	p=$(pid_on "$1" named) && kill -TERM "$p"
	wait_for 20 gone "${JOB[$1.named]}"
	wait "${JOB[$1.named]}" 2>/dev/null
}
# From the world, over the wire.
# The first answer counts; TRIES: how many seconds of silence before it are borne.
ask() { dig +time=1 +tries="${TRIES:-1}" +short "@$(ip_of "$1")" "${@:2}"; }
rcode() { dig +time=1 +tries="${TRIES:-1}" "@$(ip_of "$1")" "${@:2}" | sed -n 's/.*status: \([A-Z]*\).*/\1/p'; }
serial_on() { TRIES=${TRIES:-30} ask "$1" "$2" soa | awk '{print $3}'; }
serves() { [ "$(TRIES=1 serial_on "$1" "$2")" = "$3" ]; }
rndc_on() { on "$1" rndc -k "$TREE/etc/rndc.key" "${@:2}"; }

# last_steps HOST STEPS: the last of these that its zonefs-health has noted as done. (A step is noted after what it
# does can be seen.)
last_steps() {
	[ "$(sed -n 's/.*zonefs-health: \(withdraw\|withdrawn\|remove-address\): succeeded.*/\1/p' "$T/$1/health.log" |
		tail -n 3 | xargs)" = "$2" ]
}
