# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2034 # for the tests
# What the tests of `postern explore --linux` share: words POSTERN SOURCE, a folder that goes, and checks that go on
# after a failure.
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

# words of find: true if the cache has it, its folder is in $dir/folder; if not, the reason is shown.
cached()
{
	"$explore/find" "$@" >"$dir/folder" 2>"$dir/why" || { cat "$dir/why" && false; }
}

# What follows needs what the cache does not have.
skip_rest()
{
	[ $failed -eq 0 ] || exit 1
	exit 77
}
