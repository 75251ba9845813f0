#!/bin/sh
# SPDX-License-Identifier: MIT
# link.sh OUTPUT ARCHIVE...: one relocatable object of which only px_* and pn_case_* can be seen.
set -e
out=$1
shift
ld -r --whole-archive "$@" -o "$out.all"
objcopy --wildcard --keep-global-symbol='px_explore' --keep-global-symbol='px_result_free' \
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
rm -f "$out.all"
