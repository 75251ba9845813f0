#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# boot/run, boot/distro and postern vm refuse what cannot be booted with one line that says what to do, before
# anything is fetched, built or booted; a build ends within a second of TERM, with all its programs.
set -u
postern=$1
source=$2
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
export XDG_CACHE_HOME=$dir/cache
failed=0
checks=0

wrong()
{
	echo "wrong: $*"
	failed=$((failed + 1))
}

# status, pattern, command...
refused()
{
	local status=$1 pattern=$2 out got=0
	shift 2
	checks=$((checks + 1))
	out=$(timeout 20 "$@" 2>&1 </dev/null) || got=$?
	[ "$got" -eq "$status" ] || wrong "$*: exit status $got, not $status: $out"
	[ "$(wc -l <<<"$out")" -eq 1 ] || wrong "$*: not one line: $out"
	grep -qE "$pattern" <<<"$out" || wrong "$*: no '$pattern' in: $out"
	[ ! -e "$dir/cache/postern" ] || wrong "$*: something is in the cache: $(ls "$dir/cache/postern")"
}

# A tree that has what one of Linux has at its top.
tree()
{
	mkdir -p "$1/arch/x86" "$1/scripts/kconfig"
	touch "$1/Kbuild"
	printf 'VERSION = 7\nPATCHLEVEL = 3\n' >"$1/Makefile"
}

# file, the four bytes at 202h, xloadflags
image()
{
	python3 - "$@" <<-'END'
		import sys
		head = bytearray(0x400)
		head[0x202:0x206] = sys.argv[2].encode()
		head[0x20e:0x210] = (0x100).to_bytes(2, "little")
		head[0x236] = int(sys.argv[3])
		head[0x300:0x306] = b"6.6.30"
		open(sys.argv[1], "wb").write(head)
	END
}

tree "$dir/linux"
tree "$dir/built" && touch "$dir/built/.config"
image "$dir/arm64" ARMd 1
image "$dir/i386" HdrS 0
image "$dir/new" HdrS 1
run=$source/boot/run
for command in "$run --mode posting" "$postern vm"; do
	# shellcheck disable=SC2086 # words
	{
		refused 3 'is no folder' $command --tree "$dir/none"
		refused 3 'not a source tree of Linux' $command --tree "$source"
		refused 3 'built in place: make mrproper' $command --tree "$dir/built"
		refused 3 'cannot read' $command --bzimage "$dir/none"
		refused 3 'not a bzImage for 64-bit x86' $command --bzimage "$dir/arm64"
		refused 3 'not a bzImage for 64-bit x86' $command --bzimage "$dir/i386"
		refused 3 'cannot read' $command --drive "$dir/none"
		refused 3 'cannot read' $command --config "$dir/none"
		refused 3 'is no folder' $command --share "$dir/none"
		refused 2 '3 to 16' $command --smp 2
		refused 2 '3 to 16' $command --smp 17
		refused 2 'wants a number' $command --smp many
		refused 2 '512 MiB' $command --memory 64
		refused 3 'MiB free' $command --memory 99999999
		refused 2 'wants an argument' $command --append
		refused 2 "what is '--what'" $command --what
	}
done
refused 2 "no kernel 'banana'; there are: latest" "$run" --kernel banana
refused 2 'for QEMU; the mode vtd-pi is Bochs' "$run" --mode vtd-pi --device igb
refused 2 "no feature of --amd 'foo'" "$postern" vm --amd foo
refused 2 'x2avic needs avic' "$postern" vm --amd x2avic,ga
refused 2 'gappi needs ga' "$postern" vm --amd gappi
refused 2 'one of --amd and --intel' "$postern" vm --amd ga --intel pi
refused 3 'cannot read' "$postern" vm --disk "$dir/none"
refused 2 'one of --kernel' "$postern" vm --disk "$dir/new" --bzimage "$dir/new"
refused 2 'not for --disk' "$postern" vm --disk "$dir/new" --append quiet
refused 2 "no state of AVIC 'maybe'; there are: off on" "$source/boot/distro" --avic maybe
refused 2 "no card 'rtl8139'; there are: igb" "$source/boot/distro" --card rtl8139
refused 2 '64 at least' "$source/boot/distro" --mib 63
refused 2 'wants a number' "$source/boot/distro" --timeout never
refused 2 "what is 'now'" "$source/boot/distro" now

# wanted, word: of an archive that has 6.12 and 7.3.
kernel()
{
	local out
	checks=$((checks + 1))
	out=$(bash -c '. "$1/boot/lib/common.sh" && . "$1/boot/lib/apt.sh" && . "$1/boot/lib/kernels.sh"
		DOWNLOADS=$2
		archive_kernels() { printf "%s\n" "6.12 trixie" "7.3 sid"; }
		kernel_word "$3"' bash "$source" "$dir/none" "$2" 2>/dev/null)
	[ "$out" = "$1" ] || wrong "the kernel for $2 is '$out', not '$1'"
}

kernel 7.3 latest
kernel 6.12 6.12
kernel 6.12 6.6
kernel 7.3 6.18
kernel '' 7.4

# A build that takes for ever.
checks=$((checks + 1))
printf '%%:\n\t@touch %s/begun; sleep 1000.125\n' "$dir" >>"$dir/linux/Makefile"
TREE=$dir/linux "$source/boot/build" 7.3-tree >"$dir/out" 2>&1 &
build=$!
for _ in $(seq 300); do [ -e "$dir/begun" ] || sleep 0.1; done
kill -TERM $build
for _ in 1 2 3 4 5 6 7 8 9 10; do ! kill -0 $build 2>/dev/null || sleep 0.1; done
! kill -0 $build 2>/dev/null || wrong "a build goes on for a second after TERM: $(cat "$dir/out")"
wait $build
[ $? -eq 143 ] || wrong "its exit status is not 143: $(cat "$dir/out")"
! pgrep -f 'sleep 1000\.125' >/dev/null || { wrong "a program of it is left" && pkill -f 'sleep 1000\.125'; }
grep -q 'to be built: 7.3-tree; about' "$dir/out" || wrong "it does not say what it takes: $(cat "$dir/out")"
[ ! -e "$dir/linux/.config" ] || wrong "something was written into the tree"

echo "$((checks - failed)) checks passed, $failed failed"
[ $failed -eq 0 ]
