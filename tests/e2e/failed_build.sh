#!/bin/sh
# SPDX-License-Identifier: MIT
# A build that fails makes `make build` fail, and shows why.
source=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
printf '#!/bin/sh\necho the reason\nexit 1\n' >"$dir/ninja"
chmod +x "$dir/ninja"
touch "$dir/build.ninja"
out=$(PATH=$dir:$PATH make -s -C "$source" build PACKAGES= BUILD="$dir" 2>&1) && {
	echo "make build succeeds although ninja fails"
	exit 1
}
case $out in
*"the reason"*) ;;
*)
	echo "make build does not show why: $out"
	exit 1
	;;
esac
