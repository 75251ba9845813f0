# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The machine: what the emulator is told in each mode, and one boot of it.

MODES=(baseline remapped posting gappi fallback vmx-baseline vmx-apicv vtd-pi ipiv)
MACHINE_DEVICES=()
MACHINE_IOMMU=''
MACHINE_ARGS=''
MACHINE_ACCEL=(-accel "tcg,thread=multi")
MACHINE_CPUS=3
MACHINE_MEMORY=1024
# With virtual GIF, as every processor with AVIC since Zen: without it KVM emulates CLGI, and AVIC does
# not know of it.
MACHINE_CPU=EPYC-Milan,+svm,+npt,+x2apic,+vgif,+avic,+x2avic,+x2avic-ext,+avic-extlvt,+vmcb-clean

# The word of boot/build for what a mode boots on.
mode_machine()
{
	case $1 in
	vmx-* | vtd-pi | ipiv) echo bochs ;;
	*) echo machine ;;
	esac
}

# mode, kernel: what the mode adds to the kernel's command line. Kernels before 6.17 have no option
# for KVM not to let devices post: there the whole kernel does without.
mode_kernel_args()
{
	case $1 in
	baseline) echo "kvm_amd.avic=0" ;;
	remapped) echo "kvm_amd.avic=1 amd_iommu_intr=legacy" ;;
	posting) echo "kvm_amd.avic=1" ;;
	gappi) echo "kvm_amd.avic=1 amd_iommu=gappi postern.need=GAPPI" ;;
	fallback) echo "kvm_amd.avic=1 amd_iommu=gappi" ;;
	vmx-baseline) echo "kvm_intel.enable_apicv=0" ;;
	vmx-apicv)
		case $2 in
		6.*) echo "kvm_intel.enable_ipiv=0 intremap=nopost" ;;
		*) echo "kvm_intel.enable_ipiv=0 kvm_intel.enable_device_posted_irqs=0" ;;
		esac
		;;
	vtd-pi) echo "kvm_intel.enable_ipiv=0" ;;
	ipiv) echo "kvm_intel.enable_ipiv=1" ;;
	*) fail "no such mode: $1 (there are: ${MODES[*]})" ;;
	esac
}

# What it adds to the IOMMU's properties, and what the plan changes of them. The baseline's IOMMU is
# the emulator's own.
mode_iommu()
{
	case $1 in
	baseline) echo "intremap=on,xtsup=on,ga=off" ;;
	fallback) echo "intremap=on,xtsup=on,ga=on,gappi=off,poison=on$MACHINE_IOMMU" ;;
	*) echo "intremap=on,xtsup=on,ga=on,gappi=on,poison=on$MACHINE_IOMMU" ;;
	esac
}

# A plan's words "iommu=NAME=VALUE" change a property of the IOMMU, "args=WORD" is added to the
# kernel's command line, both for the whole boot.
machine_plan()
{
	local words
	words=$(grep -v '^#' "$1" | tr -s ' \t' '\n' | grep -E '^(iommu|args)=' | sort -u) || true
	MACHINE_IOMMU=$(sed -n 's/^iommu=/,/p' <<<"$words" | tr -d '\n')
	MACHINE_ARGS=$(sed -n 's/^args=/ /p' <<<"$words" | tr -d '\n')
}

# mode, kernel: the command line that they have. CPUs but the first have no tick.
mode_append()
{
	echo "console=ttyS0 panic=-1 no_timer_check tsc=nowatchdog iommu=nopt" \
		"nohz_full=1-$((MACHINE_CPUS - 1)) $(mode_kernel_args "$1" "$2")$MACHINE_ARGS"
}

# words of boot/build: the emulators and the initramfs of the sources as they are now: boots that
# follow use these, also when somebody edits the sources meanwhile.
machine_find()
{
	local word
	[ $# -gt 0 ] || set -- machine
	MACHINE_INITRAMFS=$(initramfs_path)
	[ -r "$MACHINE_INITRAMFS" ] || fail "the initramfs's sources changed while it was built"
	for word; do
		case $word in
		machine) MACHINE_QEMU=$(qemu_program) && machine_is "$MACHINE_QEMU" ;;
		bochs) MACHINE_BOCHS=$(bochs_program) && machine_is "$MACHINE_BOCHS" ;;
		esac
	done
	touch -c "$MACHINE_INITRAMFS" || true
}

machine_is()
{
	[ -x "$1" ] || fail "the emulator's sources changed while it was built"
	touch -c "$1" || true
}

# mode, kernel, archive with the job, folder, a word more for the kernel's command line, where the
# two serial ports go, as QEMU names it: sets MACHINE. CPU 0 is the device's and the harness's, the
# others are the guests'.
machine_command()
{
	local mode=$1 version=$2 archive=$3 out=$4 args dir modules
	args="$(mode_append "$mode" "$version") $5"
	dir=$(linux_dir "$version")
	modules=$dir/modules.gz
	[ -r "$modules" ] || modules=/dev/null
	cat "$MACHINE_INITRAMFS" "$archive" "$modules" >"$out/initrd"
	if [ "$(mode_machine "$mode")" = bochs ]; then
		bochs_command "$dir/bzImage" "$out" "$args" "$6" "$7"
		return
	fi
	# shellcheck disable=SC2054 # the commas are the arguments
	MACHINE=("$MACHINE_QEMU" -L "$CACHE/firmware"
		-nodefaults -nographic -no-reboot -M "q35,kernel-irqchip=split"
		"${MACHINE_ACCEL[@]}" -cpu "$MACHINE_CPU" -smp "$MACHINE_CPUS" -m "$MACHINE_MEMORY"
		-device "amd-iommu,$(mode_iommu "$mode")"
		-device amd-fch-smbus,addr=14.0 -device edu "${MACHINE_DEVICES[@]}"
		-device postern-steps,addr=10 -device postern-bells,addr=11 -device edu,addr=12
		-kernel "$dir/bzImage" -initrd "$out/initrd" -append "$args"
		-serial "$6" -serial "$7")
}

# mode, kernel, archive, seconds, folder, name: one boot. $out/NAME.json has a line for the host,
# what the job says, and one for the end.
machine_boot()
{
	local out=$5 name=${6:-$1-$2} start=$SECONDS status=0
	machine_command "$1" "$2" "$3" "$out" quiet "file:$out/$name.log" "file:$out/$name.json"
	: >"$out/$name.log"
	: >"$out/$name.json"
	nice -n 15 timeout --foreground -k 5 "$4" "${MACHINE[@]}" </dev/null >"$out/$name.err" 2>&1 ||
		status=$?
	say "$1 on Linux $2: $((SECONDS - start)) s"
	if ! grep -q '"done"' "$out/$name.json"; then
		say "it ended with status $status"
		tail -n 15 "$out/$name.log" "$out/$name.err" >&2 || true
	fi
	mkdir -p "$CACHE/last"
	cp "$out/$name".* "$CACHE/last/"
}

# Of the emulators that were found.
machine_version()
{
	local names=()
	[ -z "${MACHINE_QEMU:-}" ] || names+=("$("$MACHINE_QEMU" --version |
		sed -n '1s/^QEMU emulator version/QEMU/p')")
	[ -z "${MACHINE_BOCHS:-}" ] || names+=("$(bochs_version)")
	[ ${#names[@]} -eq 0 ] || printf '%s, ' "${names[@]}"
	echo "Postern $(postern_version)"
}

machine_shell()
{
	machine_command "$1" "$2" "$3" "$4" postern.shell mon:stdio "file:$4/shell.json"
	"${MACHINE[@]}"
}
