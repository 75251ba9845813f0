# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Places and names of files, and how a step reports that it cannot continue.

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
	usage >&2
	[ $# -eq 0 ] || say "$*"
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

# One build at a time in one cache: the caller holds the lock until it exits or lets go of it.
lock_cache()
{
	mkdir -p "$CACHE"
	exec 9>"$CACHE/lock"
	flock -n 9 || { say "waiting for another build in $CACHE"; flock 9; }
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
