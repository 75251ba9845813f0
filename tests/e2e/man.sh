#!/bin/sh
# SPDX-License-Identifier: MIT
# man.sh SOURCE: the manual pages without a warning of mandoc and groff, those of the two that are installed.
cd "$1/man" || exit 1
failed=0
command -v mandoc groff >/dev/null || {
	echo "SKIPPED: neither mandoc nor groff is installed"
	exit 77
}
for page in *.[1-9]; do
	wrong=
	# Pages of others, and these before they are installed, need not be there.
	! command -v mandoc >/dev/null ||
		wrong=$(mandoc -T lint -W style "$page" 2>&1 | grep -v -e 'referenced manual not found' -e mandoc.db)
	! command -v groff >/dev/null || wrong=$wrong$(groff -ww -z -mandoc -Tutf8 "$page" 2>&1)
	[ -z "$wrong" ] || {
		printf '%s:\n%s\n' "$page" "$wrong"
		failed=1
	}
done
exit $failed
