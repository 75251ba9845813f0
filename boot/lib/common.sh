# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Where things are, how they are named, and how a step says that it cannot go on.

BOOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ROOT=$(dirname "$BOOT")
export ROOT
home=~ # also where HOME is not set
CACHE=${XDG_CACHE_HOME:-$home/.cache}/postern
JOBS=${JOBS:-$(nproc)}

say()
{
	printf 'boot: %s\n' "$*" >&2
}

# Something that the world outside owes us is missing: not a failure of this project, and never a
# success either. The reason also goes to the file SKIP_NOTE, if there is one to be told.
skip()
{
	local reason
	reason=$(printf '%s' "$*" | tr '[:lower:]' '[:upper:]')
	printf 'SKIPPED: %s\n' "$reason" >&2
	[ -z "${SKIP_NOTE:-}" ] || printf '%s' "$reason" >"$SKIP_NOTE"
	exit 77
}

fail()
{
	printf 'boot: error: %s\n' "$*" >&2
	exit 1
}

# Runs a long step with its output in a log; shows the end of the log when it fails.
logged()
{
	local log=$1 what=$2 start=$SECONDS
	shift 2
	if ! "$@" >"$log" 2>&1; then
		tail -n 25 "$log" >&2
		fail "$what failed; the log is $log"
	fi
	say "$what: $((SECONDS - start)) s"
}

# A hash over the contents of files, and nothing else: twelve digits name a cached build.
hash_of()
{
	cat "$@" | sha256sum | cut -c1-12
}

# One build at a time in one cache: the caller holds the lock until it exits.
lock_cache()
{
	mkdir -p "$CACHE"
	exec 9>"$CACHE/lock"
	flock -n 9 || { say "waiting for another build in $CACHE"; flock 9; }
}

# Copies @1 to @2 only if it differs, so that make and ninja see what changed and nothing else.
copy_if_changed()
{
	cmp -s "$1" "$2" || { mkdir -p "$(dirname "$2")" && cp "$1" "$2"; }
}
