# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The machine: the emulator's options in each mode, and one boot.

MODES=(baseline remapped posting gappi fallback posted-msi vtd-remapped
	vmx-baseline vmx-apicv vtd-pi ipiv)
MACHINE_DEVICES=()
MACHINE_IOMMU=''
MACHINE_ARGS=''
MACHINE_APPEND=''
MACHINE_MORE=()
MACHINE_UNDER=() # a program that runs the emulator
MACHINE_ACCEL=(-accel tcg) # thread=multi, unless -icount is given
MACHINE_CPUS=3
MACHINE_MEMORY=1024
# What the plan has instead.
PLAN_CPUS=''
PLAN_MEMORY=''
# With virtual GIF, as every processor with AVIC since Zen: without it KVM emulates CLGI, and AVIC does
# not know of it.
MACHINE_CPU=EPYC-Milan,+svm,+npt,+x2apic,+vgif,+vmcb-clean
MACHINE_AVIC=,+avic,+avic-extlvt,+x2avic,+x2avic-ext
# What such a processor has and TCG has not: QEMU would warn of each.
MACHINE_LACKS=pcid,invpcid,fxsr-opt,misalignsse,osvw,topoext,perfctr-core,clzero,ibpb,ibrs,amd-stibp,amd-ssbd
MACHINE_LACKS+=,nrip-save,xsavec,xsaves
MACHINE_CPU+=,-${MACHINE_LACKS//,/,-}

# Of the modes without guests: a processor of Intel's with what posted MSIs need, and the number of
# drives that have a vector for each CPU; one more has a single vector.
MACHINE_INTEL_CPU=Nehalem,+x2apic
MACHINE_DRIVES=6
MACHINE_DRIVE_BLOCKS=4096

# Has the mode no guests, but the host's own drives?
mode_bare()
{
	[[ $1 == posted-msi || $1 == vtd-remapped ]]
}

# The word of boot/build for the emulator of a mode.
mode_machine()
{
	case $1 in
	vmx-* | vtd-pi | ipiv) echo bochs ;;
	*) echo machine ;;
	esac
}

# mode, kernel: additions of the mode to the kernel's command line. Kernels before 6.16 have no option
# for KVM not to let devices post: there the whole kernel does without.
mode_kernel_args()
{
	case $1 in
	baseline) echo "kvm_amd.avic=0" ;;
	remapped) echo "kvm_amd.avic=1 amd_iommu_intr=legacy" ;;
	posting) echo "kvm_amd.avic=1" ;;
	gappi) echo "kvm_amd.avic=1 amd_iommu=gappi postern.need=GAPPI" ;;
	fallback) echo "kvm_amd.avic=1 amd_iommu=gappi" ;;
	posted-msi) echo "intel_iommu=on intremap=posted_msi" ;;
	vtd-remapped) echo "intel_iommu=on" ;;
	vmx-baseline) echo "kvm_intel.enable_apicv=0" ;;
	vmx-apicv)
		case ${2%%-*} in
		5.* | 6.[0-9] | 6.1[0-5]) echo "kvm_intel.enable_ipiv=0 intremap=nopost" ;;
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
	posted-msi | vtd-remapped) echo "intremap=on,eim=on,pi=on$MACHINE_IOMMU" ;;
	*) echo "intremap=on,xtsup=on,ga=on,gappi=on,poison=on$MACHINE_IOMMU" ;;
	esac
}

# A plan's words "iommu=NAME=VALUE" change a property of the IOMMU, "args=WORD" is added to the
# kernel's command line, "device=NAME" to the machine, in this order; "smp=N" and "memory=MIB" size it;
# all for the whole boot.
machine_plan()
{
	local words
	words=$(grep -v '^#' "$1" | tr -s ' \t' '\n' | grep -E '^(iommu|args|device|smp|memory)=' | awk '!seen[$0]++') ||
		true
	MACHINE_IOMMU=$(sed -n 's/^iommu=/,/p' <<<"$words" | tr -d '\n')
	MACHINE_ARGS=$(sed -n 's/^args=/ /p' <<<"$words" | tr -d '\n')
	PLAN_CPUS=$(sed -n 's/^smp=//p' <<<"$words")
	PLAN_MEMORY=$(sed -n 's/^memory=//p' <<<"$words")
	mapfile -t MACHINE_MORE < <(sed -n 's/^device=/-device\n/p' <<<"$words")
}

# plan, kernel: a plan with "from=M.N" is for kernels from that version on.
plan_is_for()
{
	local from
	from=$(sed -n 's/^from=//p' "$1")
	[ "$(printf '%s\n' "${from:-0}" "${2%%-*}" | sort -V | head -n 1)" = "${from:-0}" ]
}

# A drive's content: each block begins with its number, by which reads are checked.
drive_image()
{
	python3 -c 'import sys
for n in range(int(sys.argv[1])):
    sys.stdout.buffer.write(n.to_bytes(8, "little") + bytes(4088))' "$2" >"$1"
}

# The drives are one read-only file.
drive_options()
{
	local n single=''
	for ((n = 0; n <= MACHINE_DRIVES; n++)); do
		[ "$n" -lt "$MACHINE_DRIVES" ] || single=,msix_qsize=1
		MACHINE_VENDOR+=(-blockdev
			"driver=file,filename=$1,node-name=drive$n,read-only=on,locking=off"
			-device "nvme,drive=drive$n,serial=drive$n,addr=$(printf %x $((4 + n)))$single")
	done
}

machine_cpus()
{
	echo "${PLAN_CPUS:-$MACHINE_CPUS}"
}

# mode, folder: sets MACHINE_VENDOR to the vendor's devices, and its processor.
mode_devices()
{
	local cpus
	cpus=$(machine_cpus)
	if ! mode_bare "$1"; then
		MACHINE_VENDOR=(-cpu "$MACHINE_CPU$MACHINE_AVIC" -smp "$cpus"
			-device "amd-iommu,$(mode_iommu "$1")" -device "amd-fch-smbus,addr=14.0")
		return
	fi
	MACHINE_VENDOR=(-cpu "$MACHINE_INTEL_CPU" -smp "$((cpus > 4 ? cpus : 4))"
		-device "intel-iommu,$(mode_iommu "$1")")
	drive_image "$2/drive.img" "$MACHINE_DRIVE_BLOCKS"
	drive_options "$2/drive.img"
}

# Where there are guests, CPUs but the first have no tick.
mode_tick()
{
	mode_bare "$1" || echo "nohz_full=1-$(($(machine_cpus) - 1)) "
}

# mode, kernel: the command line that they have.
mode_append()
{
	echo "console=ttyS0 panic=-1 no_timer_check tsc=nowatchdog iommu=nopt" \
		"$(mode_tick "$1")$(mode_kernel_args "$1" "$2")$MACHINE_ARGS$MACHINE_APPEND"
}

# words of boot/build: the emulators and the initramfs of the sources as they are now: boots that
# follow use these, also if the sources are edited meanwhile.
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
	mode_devices "$mode" "$out"
	# shellcheck disable=SC2054 # the commas are the arguments
	MACHINE=("$MACHINE_QEMU" -L "$FIRMWARE"
		-nodefaults -nographic -no-reboot -M "q35,kernel-irqchip=split"
		"${MACHINE_ACCEL[@]}" -m "${PLAN_MEMORY:-$MACHINE_MEMORY}" "${MACHINE_VENDOR[@]}"
		-device edu -device postern-steps,addr=10 -device postern-bells,addr=11 -device edu,addr=12
		"${MACHINE_MORE[@]}" "${MACHINE_DEVICES[@]}"
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
	gently timeout --foreground -k 5 "$4" "${MACHINE_UNDER[@]}" "${MACHINE[@]}" </dev/null >"$out/$name.err" 2>&1 ||
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
	if [ "$(mode_machine "$1")" = bochs ]; then bochs_shell "$4"; else "${MACHINE[@]}"; fi
}
