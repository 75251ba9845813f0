# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The program that runs on the emulated processors without an operating system: APIC virtualization of
# either vendor by the rules, and with garbage in everything that can be programmed.

# shellcheck disable=SC2054 # the commas are the arguments
BARE_FLAGS=(-m64 -std=gnu17 -O2 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes
	-Wmissing-prototypes -Wcast-qual -ffreestanding -nostdlib -static -fno-pic -no-pie
	-mno-red-zone -fno-stack-protector -fno-asynchronous-unwind-tables -mgeneral-regs-only
	-fcf-protection=none -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments
	-Wl,-z,max-page-size=4096)
BARE_LEAST=EPYC-Milan,+svm,+npt,+x2apic,+avic,+x2avic
BARE_CPU=${BARE_CPU:-$BARE_LEAST,+vmcb-clean,+vgif,+x2avic-ext,+avic-extlvt}
BARE_PASSED=33

# The vendor: svm or vmx.
bare_path()
{
	echo "$CACHE/bare-$1-$(hash_of "$BOOT"/bare/*.* "$BOOT/bare/$1"/* "$BOOT/lib/bare.sh").elf"
}

# Multiboot needs a 32-bit file; it contains 64-bit code.
bare_compile()
{
	gcc "${BARE_FLAGS[@]}" -I"$BOOT/bare/$1" -I"$BOOT/bare" -Wl,-T,"$BOOT/bare/bare.ld" \
		"$BOOT"/bare/{,"$1"/}*.S "$BOOT"/bare/{,"$1"/}*.c -o "$2.64" &&
		objcopy -O elf32-i386 "$2.64" "$2"
}

bare_there()
{
	local out
	out=$(bare_path "$1")
	[ -r "$out" ] && { touch -c "$out" || true; }
}

bare_build()
{
	local out
	! bare_there "$1" || return 0
	out=$(bare_path "$1")
	logged "$CACHE/bare.log" "bare program built" bare_compile "$1" "$out.new"
	rm -f "$out.new.64"
	mv "$out.new" "$out"
}

# Messages of the sanitizers about errors; they do not always end the program.
BARE_FINDINGS='runtime error|Sanitizer'

# AMD: the emulator, a folder, words for the program. The status says whether it passed.
bare_svm()
{
	local qemu=$1 out=$2 status=0
	shift 2
	timeout --foreground -k 5 "${BARE_TIMEOUT:-300}" "$qemu" -L "$CACHE/firmware" -nodefaults -display none \
		-no-reboot -M q35,kernel-irqchip=split -accel tcg,thread=multi -smp 2 -m 256 \
		-cpu "$BARE_CPU" \
		-device amd-iommu,intremap=on,xtsup=on,ga=on,gappi=on,poison=on \
		-device amd-fch-smbus,addr=14.0 -device isa-debug-exit,iobase=0xf4 \
		-serial "file:$out/said" -kernel "$(bare_path svm)" -append "$*" \
		</dev/null >"$out/err" 2>&1 || status=$?
	[ $status -eq $BARE_PASSED ] || return $((status ? status : 1))
}

# Intel: the same. Bochs has no exit status; the program's last line has the result.
bare_vmx()
{
	local bochs=$1 out=$2
	shift 2
	mkdir "$out/medium"
	cp "$BOCHS_FIRMWARE/mboot.c32" "$BOCHS_FIRMWARE/libcom32.c32" "$out/medium"
	cp "$(bare_path vmx)" "$out/medium/bare.elf"
	bochs_iso "$out/medium" 'kernel mboot.c32' "append bare.elf $*"
	bochs_rc 2 256 "$out" 'error: action=ignore' "$(bochs_serial 1 "file:$out/said")"
	timeout --foreground -k 5 "${BARE_TIMEOUT:-300}" "$bochs" -q -f "$out/bochsrc" \
		</dev/null >"$out/err" 2>&1 || true
	tr -d '\r' <"$out/said" | grep -qx "bare: end 16"
}

# vendor, "directed" or "fuzz", the emulator, words for the program: count=N, seed=N. What the program
# says; 1 when it found something, when a sanitizer did, or when it did not come to its end.
bare_run()
{
	local vendor=$1 kind=$2 emulator=$3 out status=0
	shift 3
	out=$(mktemp -d "${SCRATCH:-/tmp}/bare.XXXXXX")
	: >"$out/said"
	"bare_$vendor" "$emulator" "$out" "$kind" "$@" || status=$?
	tr -d '\r' <"$out/said" | grep -v '^bare: end ' || true
	if [ $status -ne 0 ]; then
		say "bare $kind: the emulator ended with status $status"
		grep -v "warning: TCG doesn't support" "$out/err" | tail -n 40 >&2 || true
	fi
	if grep -qE "$BARE_FINDINGS" "$out/err"; then
		say "bare $kind: findings of the sanitizers"
		grep -E -A 12 "$BARE_FINDINGS" "$out/err" | head -n 100 >&2 || true
		status=finding
	fi
	rm -rf "$out"
	[ "$status" = 0 ]
}
