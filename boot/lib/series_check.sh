# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What a maintainer would send back, found before it is sent: the shape of the series, what
# checkpatch, the compiler and sparse say of it.

# Prints errors in the names and numbers of the patches.
shape_of_series()
{
	local p n=0 tests='' name
	if [ ! -r "$SERIES_PATCHES/0000-cover-letter.patch" ]; then
		echo "there is no cover letter"
	elif [ "$(changelog_of "$SERIES_PATCHES/0000-cover-letter.patch" | grep -vxc EVIDENCE)" -lt 3 ]; then
		echo "the cover letter says nothing"
	fi
	for p in "$@"; do
		n=$((n + 1))
		name=$(basename "$p")
		[[ $name = $(printf '%04d' $n)-* ]] || echo "$name is number $n"
		[[ $(series_header "$p" Subject) != "KVM: selftests: "* ]] || tests=$name
		[ -z "$tests" ] || [ "$tests" = "$name" ] || echo "$name comes after $tests: tests are last"
	done
}

# The text of a patch's changelog, without its trailers.
changelog_of()
{
	local msg
	msg=$(mktemp)
	git mailinfo "$msg" /dev/null <"$1" >/dev/null
	grep -vE '^([A-Z][A-Za-z-]+-by|Fixes|Link|Closes|Cc|SPDX-License-Identifier):' "$msg" || true
	rm -f "$msg"
}

# Prints errors of one patch of the series.
shape_of_patch()
{
	local p=$1 subject author
	subject=$(series_header "$p" Subject)
	author="$(series_header "$p" Author) <$(series_header "$p" Email)>"
	[[ $subject =~ ^(iommu/amd|KVM:\ SVM|KVM:\ x86|KVM:\ selftests|x86/[a-z]+|Documentation):\ [A-Z] ]] ||
		echo "subject without its part of Linux, or in small letters: $subject"
	[ ${#subject} -le 75 ] || echo "subject longer than 75 characters: $subject"
	[[ $subject != *. ]] || echo "subject with a full stop: $subject"
	grep -qxF "Signed-off-by: $author" "$p" || echo "not signed off by $author"
	grep -qx 'SPDX-License-Identifier: GPL-2.0-only' "$p" || echo "no SPDX line of GPL-2.0-only"
	[ "$(changelog_of "$p" | grep -c .)" -ge 2 ] || echo "no changelog"
	changelog_of "$p" | grep -nE "(^|[^A-Za-z/])(I|we|We|our|Our|us)([^A-Za-z/]|$)" | sed 's/^/pronoun in the changelog, line /' || true
	grep -niE '^\+.*\b(section|chapter) [0-9]' "$p" |
		sed 's/^/number of a section in what it adds, line /' || true
}

# Prints errors of a patch that takes a cure back.
shape_of_broken()
{
	local p=$1 key
	[[ $(basename "$p" .patch) =~ ^[a-z0-9]+$ ]] || echo "its name is more than a short word"
	for key in Gap Run Shows; do
		grep -qE "^$key: [^ ]" "$p" || echo "no line $key:"
	done
	[ "$(broken_says "$p" Run)" != none ] || [ -n "$(broken_says "$p" Reason)" ] ||
		echo "neither Run: nor Reason:"
	runs_of_broken "$p"
	grep -qx 'SPDX-License-Identifier: GPL-2.0-only' "$p" || echo "no SPDX line of GPL-2.0-only"
}

# A line of its header: Gap, Run, Shows, Mode, Reason.
broken_says()
{
	sed -nE "/^diff |^--- /q; s/^$2: +//p" "$1" | head -n 1
}

# The plan that has a run, of those for broken kernels and the mode's.
plan_with()
{
	grep -lE "(^|[[:space:]])name=$2([[:space:]]|$)" "$BOOT/plans/gappi-broken" "$BOOT/plans/$1" \
		"$BOOT/plans/$1+"* 2>/dev/null | head -n 1
}

# mode, names: the lines of runs, each after what its plan does to the host before it; or all lines
# of a plan that is not one of a mode. 1, and a word, if there is no such run.
plan_of()
{
	local mode=$1 name from
	shift
	for name in "$@"; do
		from=$(plan_with "$mode" "$name") || true
		if [ -n "$from" ]; then
			awk -v name="$name" '
			/^do=/ { act = $0 }
			{
				for (i = 1; i <= NF; i++)
					if ($i == "name=" name) {
						if (act)
							print act
						print
						exit
					}
			}' "$from"
		elif [ -r "$BOOT/plans/$name" ]; then
			grep -v '^#' "$BOOT/plans/$name"
		else
			echo "no run '$name' in plans/gappi-broken or plans/$mode"
			return 1
		fi
	done
}

# Prints errors in the runs that it names.
runs_of_broken()
{
	local runs mode said
	runs=$(broken_says "$1" Run)
	mode=$(broken_says "$1" Mode)
	[ "$runs" != none ] || return 0
	# shellcheck disable=SC2086 # words
	said=$(plan_of "${mode:-gappi}" $runs) || tail -n 1 <<<"$said"
}

# It needs the kernel that looks for faults of its own.
broken_debug()
{
	[[ $(broken_says "$1" Shows) != *lockdep* ]] || echo -debug
}

# mail: the complaints of checkpatch.
checkpatch_of()
{
	(cd "$(dirname "$1")" && perl "$SERIES_TREE/src/scripts/checkpatch.pl" --root="$SERIES_TREE/src" \
		--strict --no-summary --terse --show-types "$(basename "$1")")
}

# The C files that a patch changes and that the kernel, not a program, is made of.
series_objects()
{
	series_files "$@" | grep '\.c$' | grep -v '^tools/' | sed 's/\.c$/.o/' || true
}

# configuration, file.o...: warnings of W=1 and of sparse about the files themselves, without line
# numbers, which patches move.
series_lint()
{
	local config=$1 object check="sparse -D__typeof_unqual__=__typeof__" # as Debian 12's sparse wants
	shift
	for object in "$@"; do
		rm -f "$SERIES_TREE/src/objects-$config/$object"
		series_make "$SERIES_TREE" "$config" W=1 C=1 CHECK="$check" "$object" 2>&1 || true
	done | sed -nE '/: (warning|error):|sparse is not available/ { s/:[0-9]+(:[0-9]+)?:/:/; s,^\.\./,,; p }' |
		LC_ALL=C sort -u
}
