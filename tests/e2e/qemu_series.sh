#!/bin/bash
# SPDX-License-Identifier: MIT
# qemu_series.sh SOURCE: boot/export without QEMU's source: words that it refuses, and that each of our
# files belongs to one patch, from which on meson.build names it.
set -u
source=$1
failed=0
command -v git >/dev/null || { echo "SKIPPED: NO GIT"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
export XDG_CACHE_HOME=$dir/cache HOME=$dir GIT_CONFIG_NOSYSTEM=1
unset SKIP_NOTE

wrong()
{
	echo "wrong: $*"
	failed=1
}

refuse() # text, arguments
{
	local text=$1 said status
	shift
	said=$("$source/boot/export" "$@" 2>&1)
	status=$?
	[ $status -eq 2 ] || wrong "boot/export $*: status $status"
	[[ $said == *"$text"* ]] || wrong "boot/export $*: no '$text' in: $said"
}

touch "$dir/file"
mkdir -p "$dir/full" && touch "$dir/full/file"
refuse "what?"
refuse "which folder" qemu
refuse "no series 'bochs'" bochs "$dir/x"
refuse "one folder" qemu a b
refuse "what is '-o'" qemu -o "$dir/x"
refuse "is not a folder" qemu "$dir/file"
refuse "is not empty" qemu "$dir/full"

. "$source/boot/lib/common.sh"
. "$source/boot/lib/qemu.sh"
. "$source/boot/lib/series_git.sh"
. "$source/boot/lib/qemu_series.sh"

qemu_copy_ours "$dir/copy"
ours=$dir/copy/src
mkdir -p "$dir/repo/$QEMU_OURS"
before=0
for p in $(qemu_series_patches fixes) $(qemu_series_patches postern); do
	qemu_series_adds "$p" | (cd "$ours" && while read -r pattern; do
		found=$(find . -type f -path "./$pattern")
		echo "${found:-nothing is $pattern}"
	done) >"$dir/added"
	case $p in
	*/00*) [ ! -s "$dir/added" ] || wrong "$p adds a file" ;;
	esac
	cat "$dir/added" >>"$dir/all"
	qemu_series_add "$dir/repo" "$ours" "$p"
	lines=0
	[ ! -e "$dir/repo/$QEMU_OURS/meson.build" ] || lines=$(wc -l <"$dir/repo/$QEMU_OURS/meson.build")
	[ "$lines" -ge "$before" ] || wrong "$p: meson.build shrinks"
	[ "$lines" -eq "$before" ] || [ -s "$dir/added" ] || [ "$before" -eq 0 ] || wrong "$p: meson.build grows"
	before=$lines
done
grep 'nothing is' "$dir/all" && failed=1
(cd "$ours" && find . -type f ! -path "./$QEMU_OURS/meson.build") | LC_ALL=C sort >"$dir/want"
LC_ALL=C sort "$dir/all" | diff "$dir/want" - || wrong "files that are in no patch, or in two"
qemu_series_whole "$dir/repo" "$ours" || wrong "all patches do not make what boot/build copies"
for p in $(qemu_series_patches fixes); do
	! grep -iqE 'postern[_-]|avic' <(sed -n '/^---$/,$p' "$p") || wrong "$p: a fix needs Postern"
done
exit $failed
