#!/bin/sh
# SPDX-License-Identifier: MIT
# link.sh HOOKED OUTPUT CASES HARDWARE ARCHIVE...: one relocatable object of which only px_* and
# pn_case_* can be seen. Accesses of cases and hardware are no transitions: see hooks.c. HOOKED is
# "true" if the compiler's hooks are ours; with "false" they are a sanitizer's, and keep their names.
set -e
hooked=$1
out=$2
cases=$3
hardware=$4
shift 4
[ "$hooked" = false ] || {
	for n in 1 2 4 8 16; do
		for what in read unaligned_read volatile_read write unaligned_write volatile_write; do
			echo "__tsan_$what$n px_quiet_$what$n"
		done
	done
	for what in read_range write_range memcpy memmove memset; do
		echo "__tsan_$what px_quiet_$what"
	done
} >"$out.names"
"$LD" -r --whole-archive "$cases" "$hardware" -o "$out.quiet"
[ "$hooked" = false ] || "$OBJCOPY" --redefine-syms="$out.names" "$out.quiet"
"$LD" -r "$out.quiet" --whole-archive "$@" -o "$out.all"
"$OBJCOPY" --wildcard --keep-global-symbol='px_explore' --keep-global-symbol='px_result_free' \
	--keep-global-symbol='px_alloc' --keep-global-symbol='px_thread' \
	--keep-global-symbol='px_handler' --keep-global-symbol='px_send' \
	--keep-global-symbol='px_sleep' --keep-global-symbol='px_migrate' \
	--keep-global-symbol='px_device_*' --keep-global-symbol='px_doing' \
	--keep-global-symbol='px_fail' --keep-global-symbol='px_kill' \
	--keep-global-symbol='px_load*' --keep-global-symbol='px_store' \
	--keep-global-symbol='px_rmw' --keep-global-symbol='px_cas128' \
	--keep-global-symbol='px_fence' --keep-global-symbol='px_relax' \
	--keep-global-symbol='px_lock' --keep-global-symbol='px_irq' \
	--keep-global-symbol='pn_case_*' \
	"$out.all" "$out"
rm -f "$out.all" "$out.quiet" "$out.names"
