#!/bin/sh
# SPDX-License-Identifier: MIT
# link.sh OUTPUT KEEP ARCHIVE...: one relocatable object of which only the symbols KEEP, a pattern, can be seen.
set -e
out=$1
keep=$2
shift 2
"$LD" -r --whole-archive "$@" -o "$out.all"
"$OBJCOPY" --wildcard --keep-global-symbol="$keep" "$out.all" "$out"
rm -f "$out.all"
