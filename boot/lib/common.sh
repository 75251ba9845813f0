# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Places and names of files, and how a step reports that it cannot continue.

BOOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ROOT=$(dirname "$BOOT")
export ROOT
home=~ # also where HOME is not set
CACHE=${XDG_CACHE_HOME:-$home/.cache}/postern
JOBS=${JOBS:-$(nproc)}
# The scripts may lie where nothing else is written.
export PYTHONDONTWRITEBYTECODE=1
# Where "make install-vm" has put this, the emulator is there and is not built.
export INSTALLED=''
[ ! -e "$ROOT/installed" ] || INSTALLED=$ROOT/emulator

say()
{
	printf 'boot: %s\n' "$*" >&2
}

# Something that the world outside owes us is missing: not a failure of this project, and never a
# success either. The reason also goes to the file SKIP_NOTE, if that variable is set.
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

# A wrong word on the command line. The script has usage().
misused()
{
	[ $# -gt 0 ] || { usage >&2 && exit 2; }
	say "$* (see $(basename "$0") --help)"
	exit 2
}

# "$@" from an option on: it has an argument; it has one that is a number.
argument()
{
	[ -n "${2:-}" ] || misused "$1 wants an argument"
}

number()
{
	argument "$@"
	[[ $2 =~ ^[1-9][0-9]{0,8}$ ]] || misused "$1 wants a number, not '$2'"
}

# known WHAT WORD... -- ALLOWED...: exits 2 if a WORD is not allowed.
known()
{
	local what=$1 word words=()
	shift
	while [ "$1" != -- ]; do words+=("$1") && shift; done
	shift
	for word in "${words[@]}"; do
		[[ " $* " == *" $word "* ]] || { say "no $what '$word'; there are: $*" && exit 2; }
	done
}

# A folder for the files of this script, which is gone when the script ends, and the script ends
# when it is interrupted: the emulator ends normally on SIGINT, without a message.
scratch()
{
	SCRATCH=$(mktemp -d)
	trap 'rm -rf "$SCRATCH"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# Runs this script once more as a process group of its own, and ends that group when it is told to
# end: bash itself would wait for the program in its foreground. A script that another one calls is
# in its caller's group.
supervised()
{
	local group status=0
	[ -z "${POSTERN_GROUP:-}" ] || return 0
	export POSTERN_GROUP=1
	set -m
	"$0" "$@" <&0 &
	group=$!
	set +m
	trap 'kill -TERM -- "-$group" 2>/dev/null' TERM INT HUP
	wait "$group" || status=$?
	while kill -0 "$group" 2>/dev/null; do wait "$group" || status=$?; done
	exit "$status"
}

# In CI, where others may share the machine, builds and boots give way to them.
gently()
{
	if [ -n "${CI:-}" ]; then nice -n 15 "$@"; else "$@"; fi
}

# Shows on a terminal how far a step is: "n of m" of ninja's log, or the objects so far of those that
# the last build made. The caller ends it.
progress()
{
	local log=$1 what=$2 total=$3 at
	while sleep 2; do
		at=$(tail -c 4000 "$log" | grep -oE '^\[[0-9]+/[0-9]+\]' | tail -n 1 | tr -d '[]')
		[ -n "$at" ] || at=$(objects_in "$log")${total:+/$total}
		[ "$at" = 0 ] || printf '\rboot: %s: object %s ' "$what" "${at/\// of }" >&2
	done
}

objects_in()
{
	grep -cE '^  (CC|AS|LD|AR) ' "$1" || true
}

# Runs a long step with its output in a log; shows the end of the log when it fails. OBJECTS: as many
# objects as the step is known to make.
logged()
{
	local log=$1 what=$2 start=$SECONDS shown='' status=0
	shift 2
	: >"$log"
	if [ -t 2 ]; then
		progress "$log" "$what" "${OBJECTS:-}" &
		shown=$!
	fi
	"$@" >>"$log" 2>&1 || status=$?
	[ -z "$shown" ] || { kill "$shown" && printf '\r%60s\r' '' >&2; }
	if [ "$status" -ne 0 ]; then
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

# One build at a time in one cache, or in a folder of it: the caller holds the lock until it exits or
# lets go of it.
lock_cache()
{
	lock_folder "$CACHE"
}

lock_folder()
{
	local dir=$1
	mkdir -p "$dir"
	exec 9>"$dir/lock"
	flock -n 9 || { say "waiting for another build in $dir"; flock 9; }
}

unlock_cache()
{
	exec 9>&-
}

# A folder in the cache for the process's own use.
work_dir()
{
	mkdir -p "$CACHE"
	mktemp -d "$CACHE/work.$$.XXXXXX"
}

# Programs that are used are touched: those that were not used for a week are removed, and files of
# processes that have ended. Builds and downloads stay.
tidy_cache()
{
	local dir pid
	find "$CACHE" -maxdepth 1 -type f \( -name 'bare-*.elf' -o -name 'initramfs-*.gz' \) \
		-mtime +7 -delete
	[ ! -d "$CACHE/programs" ] || find "$CACHE/programs" -type f -mtime +7 -delete
	find "$CACHE" -maxdepth 1 -type d -name 'work.*' -mmin +60 | while read -r dir; do
		pid=${dir##*/work.}
		pid=${pid%%.*}
		[ -d "/proc/$pid" ] || rm -rf "$dir"
	done
}

# Copies @1 to @2 only if it differs, so that make and ninja see what changed and nothing else.
copy_if_changed()
{
	cmp -s "$1" "$2" || { mkdir -p "$(dirname "$2")" && cp "$1" "$2"; }
}
