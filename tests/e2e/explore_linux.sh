#!/bin/bash
# SPDX-License-Identifier: MIT
# explore_linux.sh POSTERN SOURCE: `postern explore --linux`: what it refuses, the check for accesses
# that no hook sees, and, if the cache has the programs, each case of Linux 7.3.
set -u
postern=$1
source=$2
explore=$source/boot/linux/explore
export POSTERN_SOURCE=$source
failed=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# what, expected status, text that standard error or output must have, command...
expect()
{
	local what=$1 status=$2 text=$3 got
	shift 3
	"$@" >"$dir/out" 2>&1
	got=$?
	if [ $got -ne "$status" ] || { [ -n "$text" ] && ! grep -qF -- "$text" "$dir/out"; }; then
		echo "$what: exit status $got, expected $status with \"$text\":"
		cat "$dir/out"
		failed=1
	fi
}

mkdir -p "$dir/empty" "$dir/old/arch/x86"
expect "no folder" 3 "no such folder" env XDG_CACHE_HOME="$dir/c" "$postern" explore --linux "$dir/none"
expect "no Linux" 3 "is not a source tree of Linux" \
	env XDG_CACHE_HOME="$dir/c" "$postern" explore --linux "$dir/empty"
touch "$dir/old/Kbuild"
echo 'VERSION = 2' >"$dir/old/Makefile"
expect "another version" 3 "has no arch/x86/kvm/vmx/posted_intr.c" \
	env XDG_CACHE_HOME="$dir/c" "$postern" explore --linux "$dir/old"

cat >"$dir/hooked.c" <<'END'
void f(long *p) { asm volatile("call pn_asm_lock\n.byte 0xf0\nincq %0" : "+m"(*p)); }
END
cat >"$dir/unhooked.c" <<'END'
void g(long *p) { asm volatile("lock incq %0" : "+m"(*p)); }
void h(long *p) { long v = 0; asm volatile("xchgq %0, %1" : "+r"(v), "+m"(*p)); }
END
gcc -O2 -c "$dir/hooked.c" -o "$dir/hooked.o" && gcc -O2 -c "$dir/unhooked.c" -o "$dir/unhooked.o" || exit 1
expect "a locked instruction with its hook" 0 "" "$explore/check-hooks" "$dir/hooked.o"
expect "one without" 1 "g lock incq" "$explore/check-hooks" "$dir/unhooked.o"
expect "an exchange without" 1 "h xchg" "$explore/check-hooks" "$dir/unhooked.o"

if ! "$explore/find" --cached 7.3 >"$dir/folder" 2>"$dir/why"; then
	cat "$dir/why"
	[ $failed -eq 0 ] || exit 1
	exit 77
fi
expect "all cases" 0 "159 of 159 as expected" "$postern" explore --linux 7.3
# The check compares all memory at each transition: with all cases it takes longer than the rest of the tests.
for case in preempted device-leaves inhibited sender msi-coalesce avic-block avic-ipi; do
	expect "every write is told in $case" 0 "1 of 1 as expected" \
		"$postern" explore --linux 7.3 $case --variant fixed --bound 1 --check-writes
done
expect "by traces" 0 "2 of 2 as expected" "$postern" explore --linux 7.3 preempted --method traces
if "$explore/find" --cached 7.3-gappi >"$dir/folder" 2>"$dir/why"; then
	expect "all cases with GAPPI" 0 "69 of 69 as expected" "$postern" explore --linux 7.3-gappi
	expect "every write is told" 0 "2 of 2 as expected" "$postern" explore --linux 7.3-gappi gappi-unload --check-writes
else
	cat "$dir/why"
fi
if "$explore/find" --cached 6.12 >"$dir/folder" 2>"$dir/why"; then
	expect "all cases of an older version" 0 "28 of 28 as expected" "$postern" explore --linux 6.12
else
	cat "$dir/why"
fi
expect "source lines of Linux" 0 "posted_intr.c:" "$postern" explore --linux 7.3 block --variant broken
expect "what is not Linux's" 0 '"wake_up_process"' "$postern" explore --linux 7.3 block --json
expect "no case" 2 "did you mean 'migrates'" "$postern" explore --linux 7.3 migrate
exit $failed
