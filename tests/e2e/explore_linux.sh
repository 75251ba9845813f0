#!/bin/bash
# SPDX-License-Identifier: MIT
# explore_linux.sh POSTERN SOURCE: `postern explore --linux`: what it refuses, the check for accesses
# that no hook sees, and, if the cache has the programs, each case of Linux 7.3.
set -u
# shellcheck source=tests/e2e/explore_linux_frame.sh
. "$(dirname "$0")/explore_linux_frame.sh"

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

mkdir "$dir/linked"
ln -s "$dir/old" "$dir/linked/tree"
# shellcheck disable=SC2016 # words of the inner shell
expect "a source that is a link" 1 "the series would change what it points to" \
	bash -c '. "$0/boot/lib/common.sh" && . "$0/boot/lib/linux_explore.sh" && explore_patch "$1" tree-gappi' \
	"$source" "$dir/linked"

cached --cached 7.3 || skip_rest
expect "all cases" 0 "159 of 159 as expected" "$postern" explore --linux 7.3
# The check compares all memory at each transition: with all cases it takes longer than the rest of the tests.
for case in preempted device-leaves inhibited sender msi-coalesce avic-block avic-ipi; do
	expect "every write is told in $case" 0 "1 of 1 as expected" \
		"$postern" explore --linux 7.3 $case --variant fixed --bound 1 --check-writes
done
expect "by traces" 0 "2 of 2 as expected" "$postern" explore --linux 7.3 preempted --method traces
if cached --cached 7.3-gappi; then
	expect "all cases with GAPPI" 0 "69 of 69 as expected" "$postern" explore --linux 7.3-gappi
	expect "every write is told" 0 "2 of 2 as expected" "$postern" explore --linux 7.3-gappi gappi-unload --check-writes
fi
if cached --cached 6.12; then
	expect "all cases of an older version" 0 "28 of 28 as expected" "$postern" explore --linux 6.12
fi
expect "source lines of Linux" 0 "posted_intr.c:" "$postern" explore --linux 7.3 block --variant broken
expect "what is not Linux's" 0 '"wake_up_process"' "$postern" explore --linux 7.3 block --json
expect "no case" 2 "did you mean 'migrates'" "$postern" explore --linux 7.3 migrate
exit $failed
