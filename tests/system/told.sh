#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The replicator dies when a change is durable and its hook has not been started, at the moment at which the run for
# an earlier change ends (base/crash.h): after the restart a run covers it.

[ -n "${WORLD:-}" ] || B=${B:-build}/crash
. "$(dirname "$0")/lib.sh"
world_enter "$@"

SEAM=/var/lib/zonefs/crash
FILE=$T/ns1$SEAM
host_new ns1
cat >"$T/ns1/etc/told" <<'END'
#!/bin/bash
cat >>/tmp/told
while [ ! -e /tmp/go ]; do sleep 0.02; done
printf 'proof\t%s\tIN\t\tserved\t1\t\twork/%s\t\n' one.test one
END
chmod 755 "$T/ns1/etc/told"
node_conf ns1 'hook "told" {
  run   = { "/etc/told" }
  user  = "bind"
  match = { "work/**" }
}'
node_start ns1 ZONEFS_CRASH=$SEAM
sh_on ns1 'mkdir work; zonefsctl wait' >/dev/null

told() { grep -q "$1" "$T/ns1/tmp/told"; }
threads() { ls "/proc/$(worker_pid ns1)/task" | wc -l; }
fewer_threads() { [ "$(threads)" -lt "$1" ]; }
another_replicator() { local p; p=$(replicator_pid ns1) && [ "$p" != "$REPLICATOR" ]; }

for i in 1 2 3; do
	touch "$T/ns1/tmp/go"
	wait_for 60 node_well ns1 || bail "$(on ns1 zonefsctl status)"
	must on ns1 zonefsctl wait --served --timeout 60
	rm "$T/ns1/tmp/go"
	: >"$T/ns1/tmp/told"
	chmod 666 "$T/ns1/tmp/told"
	REPLICATOR=$(replicator_pid ns1)
	sh_on ns1 "echo $i >work/one"
	wait_for 60 told 'changed.work/one' || bail "the hook is not run"
	touch "$FILE.looked"
	sh_on ns1 "echo $i >work/two"
	wait_for 60 test -e "$FILE.looked.here" || bail "the second change is not looked at"
	THREADS=$(threads)
	touch "$T/ns1/tmp/go" # its answer waits for the replicator, behind that of the look
	wait_for 60 fewer_threads "$THREADS" || bail "the run does not end"
	: >"$T/ns1/tmp/told"
	echo committed >"$FILE.new" && chmod 666 "$FILE.new" && mv "$FILE.new" "$FILE"
	rm "$FILE.looked"
	wait_for 60 another_replicator || bail "the replicator does not die"
	check "a change that was durable when it died is told after its restart ($i)" wait_for 60 told '^all\|work/two'
done

# What does not concern the name server, while the hook runs: what it proves holds for that, too.
touch "$T/ns1/tmp/go"
wait_for 60 node_well ns1 || bail "$(on ns1 zonefsctl status)"
must on ns1 zonefsctl wait --served --timeout 60
rm "$T/ns1/tmp/go"
: >"$T/ns1/tmp/told"
sh_on ns1 "echo again >work/one"
wait_for 60 told 'changed.work/one' || bail "the hook is not run"
sh_on ns1 'touch work/one; zonefsctl wait' >/dev/null
touch "$T/ns1/tmp/go"
must on ns1 zonefsctl wait --served --timeout 60
like "touched while the hook ran, it is what is served" "$(on ns1 zonefsctl status --zones)" '^ *ns1 +serves +1 '
finish
