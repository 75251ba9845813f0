#!/bin/bash
# SPDX-License-Identifier: MIT
# series.sh SOURCE: the tools of the kernel's series, on a series of two patches for a Linux of three
# files: words that they refuse, patches that do not apply, mistakes that a maintainer would send
# back, and mails that git takes.
set -u
source=$1
failed=0
for tool in dpkg-deb git patch perl xz python3; do
	command -v $tool >/dev/null || { echo "SKIPPED: NO ${tool^^}"; exit 77; }
done
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
export XDG_CACHE_HOME=$dir/cache HOME=$dir GIT_CONFIG_NOSYSTEM=1
unset SKIP_NOTE

mkdir -p "$dir/boot/linux/patches/7.3/without" "$dir/cache/postern/downloads"
cp -r "$source/boot/lib" "$source/boot/build" "$source/boot/run" "$source/boot/selftests" \
	"$source/boot/plans" "$dir/boot"
find "$source/boot/linux" -maxdepth 1 -type f -exec cp -t "$dir/boot/linux" {} +
boot=$dir/boot
series=$boot/linux/patches/7.3

# A source package with the files that the patches change, and a checkpatch that knows one rule.
linux=$dir/deb/tree/linux-source-7.3
mkdir -p "$linux/arch/x86/kvm/svm" "$linux/drivers/iommu/amd" "$linux/scripts" \
	"$dir/deb/root/usr/src" "$dir/deb/root/DEBIAN"
seq 1 20 | sed 's/^/line /' >"$linux/arch/x86/kvm/svm/avic.c"
seq 1 20 | sed 's/^/word /' >"$linux/drivers/iommu/amd/init.c"
cat >"$linux/scripts/checkpatch.pl" <<'END'
my $bad = 0;
@ARGV = grep { !/^--/ } @ARGV;
while (<>) {
	if (/^\+.*[ \t]$/) { print "trailing space\n"; $bad = 1; }
}
exit $bad;
END
tar -C "$dir/deb/tree" -cJf "$dir/deb/root/usr/src/linux-source-7.3.tar.xz" linux-source-7.3
printf 'Package: linux-source-7.3\nVersion: 7.3.99-1\nArchitecture: all\nMaintainer: nobody\nDescription: three files\n' \
	>"$dir/deb/root/DEBIAN/control"
dpkg-deb -b "$dir/deb/root" "$dir/cache/postern/downloads/linux-source-7.3_7.3.99-1_all.deb" >/dev/null

put() # name, header, diff
{
	printf '%s\n---\nSPDX-License-Identifier: GPL-2.0-only\n\n%s\n' "$2" "$3" >"$series/$1"
}

mail() # subject
{
	printf 'From: A Tester <tester@example.org>\nDate: Fri, 27 Nov 2026 12:00:00 +0000\nSubject: %s\n' "$1"
	printf '\nChange a line.\n\nThe tools are tried with it.\n\nSigned-off-by: A Tester <tester@example.org>\n'
}

avic='diff --git a/arch/x86/kvm/svm/avic.c b/arch/x86/kvm/svm/avic.c
--- a/arch/x86/kvm/svm/avic.c
+++ b/arch/x86/kvm/svm/avic.c
@@ -9,3 +9,3 @@
 line 9
-line 10
+line ten
 line 11'
init='diff --git a/drivers/iommu/amd/init.c b/drivers/iommu/amd/init.c
--- a/drivers/iommu/amd/init.c
+++ b/drivers/iommu/amd/init.c
@@ -4,2 +4,3 @@
 word 4
+word four and a half
 word 5'

good_series()
{
	rm -f "$series"/*.patch "$series"/without/*.patch
	printf 'From: A Tester <tester@example.org>\nSubject: [RFC PATCH 00/02] A test\n\nText.\n\nEVIDENCE\n\nEnd.\n' \
		>"$series/0000-cover-letter.patch"
	put 0001-one.patch "$(mail '[RFC PATCH 1/2] KVM: SVM: Count in words')" "$avic"
	put 0002-two.patch "$(mail '[RFC PATCH 2/2] iommu/amd: Count more closely')" "$init"
	put without/words.patch "$(printf 'Subject: KVM: SVM: count in digits\n\nGap: a\nRun: halt\nShows: lost')" \
		"$(sed 's/^-line 10$/-LINE/; s/^+line ten$/-line ten/; s/^-LINE$/+line 10/' <<<"$avic" |
			awk '/^\+line 10$/ { kept = $0; next } { print } /^-line ten$/ { print kept }')"
}

try() # what, exit status, what the output has (a pattern), command...
{
	local what=$1 want=$2 text=$3 said status=0
	shift 3
	said=$("$@" 2>&1) || status=$?
	[ $status -eq "$want" ] && [[ $said == *$text* ]] && return
	echo "$what: exit status $status instead of $want, or it does not say '$text':"
	echo "$said"
	failed=1
}

refuse() # text, command...
{
	try "$*" 2 "$@"
}

wrong() # what, text: boot/linux/check prints the text, and finds nothing else
{
	try "$1" 1 "$2*, 1 failed" "$boot/linux/check" --cheap
	good_series
}

good_series
refuse "no word '7.3-gapp'" "$boot/build" 7.3-gapp
refuse "no word '7.3-gappi-without-x'" "$boot/build" 7.3-gappi-without-x
refuse "7.3-gappi-without-words-debug" "$boot/build" nothing
refuse "no kernel '6.12-gappi'" "$boot/run" --kernel 6.12-gappi
refuse "no kernel '7.3-gappi-without-'" "$boot/run" --kernel 7.3-gappi-without-
refuse "no kernel '7.3-gappi-debug'" "$boot/selftests" --kernel 7.3-gappi-debug
refuse "what is 'x'" "$boot/linux/check" x
refuse "what is '--dear'" "$boot/linux/check" --dear
refuse "no cure 'x'" "$boot/linux/broken" x
refuse "what is '--jason'" "$boot/linux/broken" --jason
refuse "--timeout wants a number" "$boot/linux/broken" --timeout soon
refuse "which folder" "$boot/linux/export"
refuse "one folder" "$boot/linux/export" a b
refuse "what is '-o'" "$boot/linux/export" -o "$dir/x"
refuse "is not empty" "$boot/linux/export" "$series"
refuse "is not a folder" "$boot/linux/export" "$series/0001-one.patch"
refuse "wants an argument" "$boot/linux/export" "$dir/x" --evidence
refuse "cannot read" "$boot/linux/export" "$dir/x" --evidence "$dir/nowhere"
refuse "not JSON" "$boot/linux/export" "$dir/x" --evidence "$series/0001-one.patch"
echo '{"schema":"postern.other/1"}' >"$dir/other.json"
refuse "postern.other/1" "$boot/linux/export" "$dir/x" --evidence "$dir/other.json"
echo '{"schema":"postern.boot/1"}' >"$dir/half.json"
refuse "not a whole document" "$boot/linux/export" "$dir/x" --evidence "$dir/half.json"
[ ! -e "$dir/x" ] || { echo "a refused export writes a folder"; failed=1; }

# Mistakes, one at a time.
try "a good series" 0 "linux: 7 passed, 0 failed" "$boot/linux/check" --cheap
mv "$series/0002-two.patch" "$series/0003-two.patch"
wrong "a hole in the numbers" "0003-two.patch is number 2"
rm "$series/0000-cover-letter.patch"
wrong "no cover letter" "no cover letter"
sed -i '/^Text/,$d' "$series/0000-cover-letter.patch"
wrong "an empty cover letter" "says nothing"
sed -i 's/KVM: SVM: Count/KVM: selftests: Count/' "$series/0001-one.patch"
wrong "tests first" "tests are last"
sed -i 's/^Subject.*SVM: Count/Subject: [PATCH] avic: Count/' "$series/0001-one.patch"
wrong "another subject" "subject without its part of Linux"
sed -i 's/in words$/&./' "$series/0001-one.patch"
wrong "a full stop" "full stop"
sed -i 's/^Signed-off-by: A/&nother/' "$series/0002-two.patch"
wrong "not signed off" "not signed off"
sed -i '/^SPDX/d' "$series/0002-two.patch"
wrong "no licence" "no SPDX line"
sed -i 's/^Change a line/We change a line/' "$series/0002-two.patch"
wrong "a pronoun" "pronoun in the changelog"
sed -i '/^Change a line/d' "$series/0002-two.patch"
wrong "half a changelog" "no changelog"
sed -i 's,^+word four.*,+/* section 2.2.5 */,' "$series/0002-two.patch"
wrong "a number of a section" "number of a section"
sed -i 's,^+word four.*,& ,' "$series/0002-two.patch"
wrong "what checkpatch finds" "trailing space"
sed -i '/^Shows/d' "$series/without/words.patch"
wrong "a cure that says less" "no line Shows:"
sed -i 's/^Run: .*/Run: none/' "$series/without/words.patch"
wrong "a cure without a run or a reason" "neither Run: nor Reason:"
sed -i 's/^Run: .*/Run: halt hald/' "$series/without/words.patch"
wrong "a cure with a run that is not there" "no run 'hald'"
mv "$series/without/words.patch" "$series/without/many-words.patch"
wrong "a cure of two words" "more than a short word"
sed -i 's/^ line 9/ line nine/' "$series/without/words.patch"
wrong "a cure that does not apply" "words.patch applies"

# A version of Linux that the series is not for.
sed -i 's/^ word 5/ word five/' "$series/0002-two.patch"
for command in "$boot/linux/check --cheap" "$boot/linux/export $dir/x"; do
	# shellcheck disable=SC2086 # words
	try "a patch that does not apply: $command" 77 \
		"0002-two.patch does not apply to linux-source-7.3 7.3.99-1*SKIPPED: 0002-TWO.PATCH DOES" \
		$command
done
good_series

# Mails.
cat >"$dir/boot.json" <<'END'
{"schema": "postern.boot/1", "emulator": "QEMU 10", "wrong": [], "runs": [
 {"mode": "gappi", "kernel": "7.3.99-gappi", "run": "halt", "msis": 2000, "seen": 2000, "lost": 0,
  "vm_exits": {"intr": 1, "hlt": 1943}, "host_interrupts": {"device": 0}, "galog_entries": 0,
  "gappi_interrupts": 1511, "wakeups": 1511, "evidence": [], "skipped": null, "wrong": []}]}
END
cat >"$dir/broken.json" <<'END'
{"schema": "postern.broken/1", "emulator": "QEMU 10", "rows": [
 {"cure": "words", "gap": "d", "run": "detach", "mode": "gappi", "shows": "lost", "reason": "",
  "broken": "detach: 3 lost of 150", "cured": "detach: 150 seen of 150", "ok": true},
 {"cure": "digits", "gap": "e", "run": "none", "mode": "gappi", "shows": "lost", "ok": true,
  "reason": "the emulator has no such thing", "broken": null, "cured": null}]}
END
cat >"$dir/compare.json" <<'END'
{"schema": "postern.boot-compare/1", "emulator": "QEMU 10", "modes": [
 {"mode": "posting", "situations": [{"situation": "asleep", "instructions":
  {"path": {"median": 60000}, "other": {"median": 9000}}}]},
 {"mode": "gappi", "situations": [{"situation": "asleep", "instructions":
  {"path": {"median": 30000}, "other": {"median": 4000}}}]}]}
END
try "export" 0 "0002-iommu-amd" "$boot/linux/export" "$dir/mails" --evidence "$dir/boot.json" \
	--evidence "$dir/broken.json" --evidence "$dir/compare.json"
cover=$dir/mails/0000-cover-letter.patch
for text in 'Subject: [RFC PATCH 0/2] A test' 'From: A Tester' 'halt              2000' \
	'2 files changed' 'iommu/amd: Count more closely' 'broken: detach: 3 lost of 150' \
	'not shown: the emulator has no such thing' 'asleep                  60000        30000'; do
	grep -qF "$text" "$cover" || { echo "not in the cover letter: $text"; failed=1; }
done
awk 'length > 75 { exit 1 }' "$cover" || { echo "long lines in the cover letter"; failed=1; }
! grep -q SPDX "$dir"/mails/* || { echo "an SPDX line in a mail"; failed=1; }
as()
{
	git -c user.name=A -c user.email=a@example.org "$@"
}

cd "$linux" && git init -q && git add -A && as commit -qm linux && as am -q "$dir"/mails/000[12]-* ||
	failed=1
tree=$(sed -n 10p arch/x86/kvm/svm/avic.c && sed -n 5p drivers/iommu/amd/init.c &&
	git log --format=%an -1)
[ "$tree" = "$(printf 'line ten\nword four and a half\nA Tester')" ] || {
	echo "git am makes another tree: $tree"
	failed=1
}
exit $failed
